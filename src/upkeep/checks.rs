//! Health checks: asks each member now and then, and tells its balancer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{HealthCheck, HealthMethod};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::backend::{Ask, FailureKind, Question, Reply};
use crate::health::{Schedule, Unexpected, verdict};
use crate::state::{LiveBalancer, LiveMember, Shared};
use crate::telemetry::metrics::CheckResult;

/// A check may take as long as the interval, and this long when that is shorter: a busy machine is not a sick one.
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);

/// Why a check has failed.
#[derive(Debug, thiserror::Error)]
enum Sick {
    #[error("{0}")]
    Failure(#[from] FailureKind),
    #[error("{0}")]
    Unexpected(#[from] Unexpected),
}

/// Starts a task for each member.
pub(super) fn start(shared: &Arc<Shared>, balancer: &Arc<LiveBalancer>, ended: &CancellationToken) {
    let Some(check) = &balancer.config.health_check else {
        return;
    };
    let now = Instant::now();
    let count = u32::try_from(balancer.members.len()).unwrap_or(u32::MAX);
    for (place, member) in (0..).zip(&balancer.members) {
        tokio::spawn(check_now_and_then(
            Arc::clone(shared),
            (Arc::clone(balancer), Arc::clone(member)),
            check.clone(),
            Schedule::new(check, place, count, now),
            ended.clone(),
        ));
    }
}

async fn check_now_and_then(
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
        let snapshot = shared.snapshot.load_full();
        let Some(current) = snapshot.current(&balancer, member.id) else {
            return;
        };
        (balancer, member) = (Arc::clone(current.0), Arc::clone(current.1));
        // A stopped member is nobody's business.
        if balancer.core().is_checked(member.id) {
            let asked = ask(&member, &check);
            let well = tokio::select! {
                () = ended.cancelled() => return,
                well = asked => well,
            };
            let result = match &well {
                Ok(()) => CheckResult::Pass,
                Err(_) => CheckResult::Fail,
            };
            member.metrics.checks.increment(result);
            let reason = well.as_ref().err().map(ToString::to_string);
            debug!(
                balancer = balancer.name(), member = %member.url, passed = well.is_ok(),
                reason = reason.as_deref(), "health check"
            );
            balancer.checked(&member, well.is_ok(), reason.as_deref(), Instant::now());
        }
        next = schedule.next(Instant::now());
    }
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
