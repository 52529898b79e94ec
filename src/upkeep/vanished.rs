//! Members that no source names any more: they go once nobody needs them.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::MemberUrl;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::pause::pause;
use crate::backend::{ConnectError, FailureKind, Question};
use crate::state::{Edit, EditError, LiveBalancer, LiveMember, Shared};

/// The time from one look at these members to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many of them are connected to at a time.
const AT_A_TIME: usize = 64;

/// The most members that are removed at a time with a line of the log for each.
const EACH: usize = 16;

/// Removes members that no source names: when their requests are done and their sessions have ended, or `drain_timeout` is
/// over, or they cannot be connected to. A refused connection says so at once; whatever else failed has to fail at two looks
/// in a row, as a lost packet or a name server that is busy is soon over.
pub(super) async fn look_after(shared: Arc<Shared>, ended: CancellationToken) {
    let mut doubted = Doubted::new();
    while pause(INTERVAL, &ended).await {
        let balancers = shared.snapshot.load_full().balancers.clone();
        let before = std::mem::take(&mut doubted);
        for balancer in &balancers {
            let gone = gone(balancer, &before, &mut doubted).await;
            if gone.is_empty() {
                continue;
            }
            let name = balancer.name().to_owned();
            let forget = move |edit: &mut Edit<'_>| {
                let now = Instant::now();
                let gone = still_gone(edit.snapshot().balancer(&name), gone, now);
                let urls = gone.iter().map(|(member, _)| member.config.url.clone());
                let urls: Vec<MemberUrl> = urls.collect();
                edit.forget_vanished(&name, &urls, now)?;
                tell(&name, &gone);
                Ok(())
            };
            match shared.edit_aside(forget).await {
                Ok(()) | Err(EditError::Replaced) => {}
                Err(error) => {
                    let balancer = balancer.name();
                    warn!(balancer, %error, "members that vanished cannot be removed");
                }
            }
        }
    }
}

/// The members that could not be connected to at the last look, though nobody refused it: balancer and url.
type Doubted = HashSet<(String, Arc<str>)>;

/// What a look at a member shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Needed,
    /// It may be gone.
    Doubted,
    /// It can go, for this reason.
    Gone(&'static str),
}

/// Why a member can go that nobody needs.
const UNNEEDED: &str = "it has no request and no session, or drain_timeout is over";

/// A member that can go, and why.
type Gone = (Arc<LiveMember>, &'static str);

/// Those of these members that can still go. To connect to some of them has taken its time: a member that was enabled meanwhile has
/// its sessions again, and a source may name one again.
fn still_gone(newest: Option<&Arc<LiveBalancer>>, gone: Vec<Gone>, now: Instant) -> Vec<Gone> {
    let Some(newest) = newest else {
        return Vec::new();
    };
    let unneeded = newest.unneeded(now);
    let has_vanished = |it: &&Arc<LiveMember>| it.config.origin.standing.has_vanished();
    let vanished = newest.members.iter().filter(has_vanished);
    let vanished: HashSet<_> = vanished.map(|it| it.id).collect();
    let gone = gone.into_iter().filter(|(member, why)| {
        vanished.contains(&member.id) && is_still(why, unneeded.contains(&member.id))
    });
    gone.collect()
}

/// Whether this reason to remove a member still holds.
fn is_still(why: &str, is_unneeded: bool) -> bool {
    is_unneeded || why != UNNEEDED
}

/// The members of a balancer that nobody needs any more. `before` are those that were doubted at the last look; `doubted`
/// gets those of this one.
async fn gone(balancer: &Arc<LiveBalancer>, before: &Doubted, doubted: &mut Doubted) -> Vec<Gone> {
    let vanished: Vec<Arc<LiveMember>> = balancer
        .members
        .iter()
        .filter(|member| member.config.origin.standing.has_vanished())
        .cloned()
        .collect();
    let unneeded = match vanished.is_empty() {
        true => HashSet::new(),
        false => balancer.unneeded(Instant::now()),
    };
    let looks = vanished.into_iter().map(|member| {
        let place = (balancer.name().to_owned(), Arc::clone(&member.url));
        let was_doubted = before.contains(&place);
        let is_unneeded = unneeded.contains(&member.id);
        async move {
            let look = match is_unneeded {
                true => Look::Gone(UNNEEDED),
                false => look(&member, was_doubted).await,
            };
            (place, member, look)
        }
    });
    let looks = futures_util::stream::iter(looks).buffer_unordered(AT_A_TIME);
    let looks: Vec<_> = looks.collect().await;
    let mut gone = Vec::new();
    for (place, member, look) in looks {
        match look {
            Look::Needed => {}
            Look::Doubted => {
                doubted.insert(place);
            }
            Look::Gone(why) => gone.push((member, why)),
        }
    }
    gone
}

/// Logs who is removed: a line for each, or one for many.
fn tell(balancer: &str, gone: &[Gone]) {
    if gone.len() <= EACH {
        for (member, why) in gone {
            info!(balancer, member = %member.url, why, "a member that vanished is removed");
        }
        return;
    }
    let mut reasons = BTreeMap::new();
    for (_, why) in gone {
        *reasons.entry(*why).or_insert(0_usize) += 1;
    }
    for (why, members) in reasons {
        info!(balancer, members, why, "members that vanished are removed");
    }
}

async fn look(member: &LiveMember, was_doubted: bool) -> Look {
    let limit = member.config.connectiontimeout;
    match member.backend.check(Question::Tcp, limit).await {
        Ok(_) => Look::Needed,
        Err(failure) => unconnected(&failure, was_doubted),
    }
}

/// What follows for a member that could not be connected to.
fn unconnected(failure: &FailureKind, was_doubted: bool) -> Look {
    match failure {
        // This process may open no more files, which says nothing of the member.
        FailureKind::Connect(ConnectError::NoDescriptor(_)) => Look::Needed,
        FailureKind::Connect(ConnectError::Io(error))
            if error.kind() == io::ErrorKind::ConnectionRefused =>
        {
            Look::Gone("it refuses connections")
        }
        _ if was_doubted => Look::Gone("it could not be connected to twice"),
        _ => Look::Doubted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_needed_again_by_the_time_it_would_go_stays() {
        assert!(is_still(UNNEEDED, true));
        assert!(!is_still(UNNEEDED, false));
        // Nobody can reach it, whoever needs it.
        assert!(is_still("it refuses connections", false));
    }

    #[test]
    fn a_refused_connection_ends_a_member_at_once_and_a_timeout_at_the_second_look() {
        let failed = |error| FailureKind::Connect(error);
        let io = |kind| failed(ConnectError::Io(io::Error::from(kind)));
        let refused = io(io::ErrorKind::ConnectionRefused);
        assert!(matches!(unconnected(&refused, false), Look::Gone(_)));
        for other in [
            failed(ConnectError::Timeout),
            failed(ConnectError::ResolveTimeout),
            io(io::ErrorKind::HostUnreachable),
        ] {
            assert_eq!(unconnected(&other, false), Look::Doubted);
            assert!(matches!(unconnected(&other, true), Look::Gone(_)));
        }
        let ours = failed(ConnectError::NoDescriptor(io::Error::from(
            io::ErrorKind::Other,
        )));
        assert_eq!(unconnected(&ours, true), Look::Needed);
    }
}
