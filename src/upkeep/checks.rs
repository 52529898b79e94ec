//! Health checks: each member is checked once in an interval, and its balancer gets the result.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{HealthCheck, HealthMethod};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use crate::backend::{Ask, ConnectError, FailureKind, Question, Reply};
use crate::balancer::MemberId;
use crate::health::{Schedule, Unexpected, verdict};
use crate::state::{LiveBalancer, LiveMember, Shared};
use crate::telemetry::metrics::CheckResult;

/// The shortest time limit of a check. With longer intervals the limit is the interval.
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);

/// Why a check has failed.
#[derive(Debug, thiserror::Error)]
enum Sick {
    #[error("{0}")]
    Failure(#[from] FailureKind),
    #[error("{0}")]
    Unexpected(#[from] Unexpected),
}

/// The running health checks: one task for each checked member.
///
/// A task ends when its member is removed or the `health_check` of its balancer changes, and only then: a check keeps its
/// times, however often something else is changed.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<OfBalancer>);

/// The checks of one balancer.
#[derive(Debug)]
struct OfBalancer {
    balancer: Arc<LiveBalancer>,
    check: HealthCheck,
    /// Ends the task of a member.
    members: HashMap<MemberId, DropGuard>,
}

impl Checks {
    /// Ends the tasks that the snapshot no longer wants, and starts those that are missing. All of them end with `ended`.
    pub(super) fn follow(&mut self, shared: &Arc<Shared>, ended: &CancellationToken) {
        let snapshot = shared.snapshot.load_full();
        let mut before = std::mem::take(&mut self.0);
        for balancer in &snapshot.balancers {
            let Some(check) = &balancer.config.health_check else {
                continue;
            };
            let same = |it: &OfBalancer| it.balancer.is(balancer) && it.check == *check;
            let known = before.iter().position(same);
            let known = known.map(|place| before.swap_remove(place).members);
            self.0.push(OfBalancer {
                balancer: Arc::clone(balancer),
                check: check.clone(),
                members: members(shared, balancer, check, known.unwrap_or_default(), ended),
            });
        }
    }
}

/// The tasks of a balancer: those of `known` whose members it still has, and new ones.
fn members(
    shared: &Arc<Shared>,
    balancer: &Arc<LiveBalancer>,
    check: &HealthCheck,
    mut known: HashMap<MemberId, DropGuard>,
    ended: &CancellationToken,
) -> HashMap<MemberId, DropGuard> {
    let now = Instant::now();
    let count = u32::try_from(balancer.members.len()).unwrap_or(u32::MAX);
    let start = |place, member| {
        let ended = ended.child_token();
        tokio::spawn(check_regularly(
            Arc::clone(shared),
            (Arc::clone(balancer), Arc::clone(member)),
            check.clone(),
            Schedule::new(check, place, count, now),
            ended.clone(),
        ));
        ended.drop_guard()
    };
    let members = (0..).zip(&balancer.members);
    members
        .map(|(place, member)| {
            let known = known.remove(&member.id);
            (member.id, known.unwrap_or_else(|| start(place, member)))
        })
        .collect()
}

async fn check_regularly(
    shared: Arc<Shared>,
    (mut balancer, mut member): (Arc<LiveBalancer>, Arc<LiveMember>),
    check: HealthCheck,
    schedule: Schedule,
    ended: CancellationToken,
) {
    let mut next = schedule.first();
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep_until(next.into()) => {}
        }
        let Some(found) = newest(&shared, &balancer, &member) else {
            return;
        };
        (balancer, member) = found;
        // A stopped member is not checked.
        if balancer.core().is_checked(member.id) {
            let asked = ask(&member, &check);
            let result = tokio::select! {
                () = ended.cancelled() => return,
                result = asked => result,
            };
            let Some((balancer, now)) = newest(&shared, &balancer, &member) else {
                return;
            };
            // A check over connections that a change has replaced does not count, nor one that could not be made.
            if now.backend.is(&member.backend) && !is_own_failure(&result) {
                count(&balancer, &now, result);
            }
        }
        next = schedule.next(Instant::now());
    }
}

/// The newest versions of a balancer and its member; `None` when the member is gone.
fn newest(
    shared: &Shared,
    balancer: &LiveBalancer,
    member: &LiveMember,
) -> Option<(Arc<LiveBalancer>, Arc<LiveMember>)> {
    let snapshot = shared.snapshot.load();
    let (balancer, member) = snapshot.current(balancer, member.id)?;
    Some((Arc::clone(balancer), Arc::clone(member)))
}

/// Whether the check failed because this process may open no more files, which says nothing of the member.
const fn is_own_failure(result: &Result<(), Sick>) -> bool {
    matches!(
        result,
        Err(Sick::Failure(FailureKind::Connect(
            ConnectError::NoDescriptor(_)
        )))
    )
}

/// Counts the result of a check, and passes it to the balancer.
fn count(balancer: &LiveBalancer, member: &LiveMember, result: Result<(), Sick>) {
    let passed = result.is_ok();
    member.metrics.now().checks.increment(match passed {
        true => CheckResult::Pass,
        false => CheckResult::Fail,
    });
    let reason = result.err().map(|sick| sick.to_string());
    let reason = reason.as_deref();
    debug!(balancer = balancer.name(), member = %member.url, passed, reason, "health check");
    balancer.checked(member, passed, reason, Instant::now());
}

async fn ask(member: &LiveMember, check: &HealthCheck) -> Result<(), Sick> {
    let request = |method, uri| {
        Question::Request(Ask {
            method,
            uri,
            authority: &member.authority,
        })
    };
    let question = match check.method {
        HealthMethod::Cping => Question::Cping,
        HealthMethod::Tcp => Question::Tcp,
        HealthMethod::Options => request("OPTIONS", "*"),
        HealthMethod::Head => request("HEAD", &check.uri),
        HealthMethod::Get => request("GET", &check.uri),
    };
    let limit = check
        .interval
        .max(SHORTEST_LIMIT)
        .min(member.config.timeout);
    match member.backend.check(question, limit).await? {
        Reply::Alive => Ok(()),
        Reply::Answer { status, body } => Ok(verdict(check, status, &body)?),
    }
}
