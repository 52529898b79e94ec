//! A balancer as plain data, for the manager and the metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{LoadFactor, Status};

use super::member::Member;
use super::{Balancer, Health, MemberId, Settings, Streak};

/// A balancer at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The settings of the balancer.
    pub settings: Settings,
    /// The members, in the order that breaks ties.
    pub members: Vec<MemberView>,
}

/// A member at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberView {
    /// Its number in this balancer.
    pub id: MemberId,
    /// `route`; may be empty.
    pub route: Arc<str>,
    /// `redirect`; may be empty.
    pub redirect: String,
    /// `domain`; may be empty.
    pub domain: String,
    /// `loadfactor`
    pub factor: LoadFactor,
    /// The weight now, in hundredths: less than `loadfactor` during `slow_start`.
    pub weight: u32,
    /// `lbset`
    pub set: u8,
    /// The flags that the operator has set.
    pub status: Status,
    /// `retry`
    pub retry: Duration,
    /// Its health, as requests have shown it.
    pub health: Health,
    /// Whether health checks keep it out.
    pub check_failed: bool,
    /// The number of checks in a row that count for the next decision.
    pub streak: Streak,
    /// Whether it is usable in httpd's sense: not disabled, stopped, in error, being probed or kept out by checks.
    pub usable: bool,
    /// Number of requests under way.
    pub busy: u64,
    /// Number of picks, sticky or not, including retries. Never decreases.
    pub elected: u64,
    /// httpd's `Load`: its claim to the next request, in hundredths of a load factor.
    pub lbstatus: i64,
    /// Bytes of bodies sent to it. Never decreases: a reset restarts only the method's count.
    pub to_backend: u64,
    /// Bytes of bodies received from it. Never decreases.
    pub from_backend: u64,
    /// The expected time to its answer, a peak EWMA: what `leastlatency` compares.
    pub latency: Duration,
    /// The free slots with which `heartbeat` draws it; 0 without a recent report.
    pub slots: u64,
    /// The number of live sessions at the last count.
    pub sessions: u64,
    /// Number of requests that failed by its fault. Never decreases.
    pub errors: u64,
    /// The time until it may be tried, zero when it may be now; `None` unless it failed.
    pub retry_in: Option<Duration>,
}

impl Balancer {
    /// The state of the balancer and all members at this time.
    #[must_use]
    pub fn view(&self, now: Instant) -> View {
        let members = self.members.iter().map(|member| self.show(member, now));
        View {
            settings: self.settings.clone(),
            members: members.collect(),
        }
    }

    /// The state of one member; `None` when it was removed.
    #[must_use]
    pub fn member(&self, id: MemberId, now: Instant) -> Option<MemberView> {
        let member = self.members.iter().find(|member| member.id == id)?;
        Some(self.show(member, now))
    }

    fn show(&self, member: &Member, now: Instant) -> MemberView {
        MemberView {
            id: member.id,
            route: Arc::clone(&member.route),
            redirect: member.redirect.clone(),
            domain: member.domain.clone(),
            factor: member.factor,
            weight: member.weight_at(self.settings.slow_start, now),
            set: member.set,
            status: member.status,
            retry: member.retry,
            health: member.recovery.health(),
            check_failed: member.check_failed,
            streak: member.streak,
            usable: member.is_usable(),
            busy: member.busy,
            elected: member.elected,
            lbstatus: self.lbstatus(member),
            to_backend: member.traffic.to_backend,
            from_backend: member.traffic.from_backend,
            latency: Duration::from_nanos(member.latency.nanos(now)),
            slots: member.slots(now),
            sessions: member.sessions.counted,
            errors: member.errors,
            retry_in: member.retry_in(now),
        }
    }
}
