//! What the log says of drains: a line for each member, or one for many whose drains begin or end at the same time.

use std::sync::Arc;

use tracing::{info, warn};

/// The most members with a line each.
const EACH: usize = 16;

/// What has happened to the draining members of a balancer since the last look.
#[derive(Debug, Default)]
pub(super) struct DrainLog {
    begun: Vec<Seen>,
    ended: Vec<Seen>,
    given_up: Vec<Seen>,
}

/// A member, and what was left of it.
#[derive(Debug)]
struct Seen {
    url: Arc<str>,
    sessions: u64,
    requests: u64,
}

impl DrainLog {
    /// A drain begins, with so many sessions.
    pub(super) fn begins(&mut self, url: &Arc<str>, sessions: u64) {
        self.begun.push(Seen::new(url, sessions, 0));
    }

    /// A drain has ended: nothing is left.
    pub(super) fn ends(&mut self, url: &Arc<str>) {
        self.ended.push(Seen::new(url, 0, 0));
    }

    /// `drain_timeout` is over, with so many sessions and requests.
    pub(super) fn gives_up(&mut self, url: &Arc<str>, sessions: u64, requests: u64) {
        self.given_up.push(Seen::new(url, sessions, requests));
    }

    pub(super) fn tell(self, balancer: &str) {
        match few(&self.begun) {
            Ok(begun) => begun.for_each(|it| {
                info!(balancer, member = %it.url, sessions = it.sessions, "member drains: no new session goes there");
            }),
            Err((members, sessions)) => {
                info!(
                    balancer,
                    members, sessions, "members drain: no new session goes there"
                );
            }
        }
        match few(&self.ended) {
            Ok(ended) => ended.for_each(|it| {
                info!(balancer, member = %it.url, "member has drained: no session is left, it can be stopped");
            }),
            Err((members, _)) => {
                info!(
                    balancer,
                    members, "members have drained: no session is left, they can be stopped"
                );
            }
        }
        match few(&self.given_up) {
            Ok(given_up) => given_up.for_each(|it| {
                warn!(
                    balancer, member = %it.url, sessions = it.sessions, requests = it.requests,
                    "drain_timeout is over: the sessions that are left go to other members, it can be stopped once its \
                     requests are done"
                );
            }),
            Err((members, sessions)) => {
                warn!(
                    balancer,
                    members,
                    sessions,
                    "drain_timeout is over: the sessions that are left go to other members, they can be stopped once \
                     their requests are done"
                );
            }
        }
    }
}

impl Seen {
    fn new(url: &Arc<str>, sessions: u64, requests: u64) -> Self {
        Self {
            url: Arc::clone(url),
            sessions,
            requests,
        }
    }
}

/// Those that get a line each; else how many they are, and how many sessions they have together.
fn few(seen: &[Seen]) -> Result<impl Iterator<Item = &Seen>, (usize, u64)> {
    match seen.len() <= EACH {
        true => Ok(seen.iter()),
        false => {
            let sessions = seen.iter().map(|it| it.sessions);
            Err((seen.len(), sessions.fold(0, u64::saturating_add)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_members_are_told_as_one() {
        let seen = |count: usize| -> Vec<Seen> {
            let members = (0..count).map(|at| Seen::new(&format!("ajp://h:{at}").into(), 2, 1));
            members.collect()
        };
        assert_eq!(few(&seen(16)).ok().map(Iterator::count), Some(16));
        assert_eq!(few(&seen(17)).err(), Some((17, 34)));
    }
}
