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
    /// Its name in this balancer.
    pub id: MemberId,
    /// `route`; may be empty.
    pub route: Arc<str>,
    /// `redirect`; may be empty.
    pub redirect: String,
    /// `domain`; may be empty.
    pub domain: String,
    /// `loadfactor`
    pub factor: LoadFactor,
    /// What it gets of that now, in hundredths: less while it comes back (`slow_start`).
    pub weight: u32,
    /// `lbset`
    pub set: u8,
    /// What the operator wants of it.
    pub status: Status,
    /// `retry`
    pub retry: Duration,
    /// What traffic has shown.
    pub health: Health,
    /// Whether health checks keep it out.
    pub check_failed: bool,
    /// Checks in a row that count towards the next decision.
    pub streak: Streak,
    /// Usable in httpd's sense: neither disabled nor stopped, nor in error or on probation, nor kept out by checks.
    pub usable: bool,
    /// Requests under way.
    pub busy: u64,
    /// Times it was picked, sticky or not, retries included. Never falls.
    pub elected: u64,
    /// httpd's `Load`: how urgently it must work, in hundredths of a load factor.
    pub lbstatus: i64,
    /// Bytes of bodies sent to it. Never falls: a reset, which zeroes it in httpd, only makes the method forget it.
    pub to_backend: u64,
    /// Bytes of bodies received from it. Never falls.
    pub from_backend: u64,
    /// How long it takes to answer, as far as is known: a peak EWMA, which is what `leastlatency` decides on.
    pub latency: Duration,
    /// Free slots that it is drawn with by `heartbeat`; 0 when it has not reported lately.
    pub slots: u64,
    /// Live sessions when they were counted last.
    pub sessions: u64,
    /// Requests that failed by its fault. Never falls.
    pub errors: u64,
    /// How long until it may be tried, zero when it may be now; `None` unless it failed.
    pub retry_in: Option<Duration>,
}

impl Balancer {
    /// What there is to see.
    #[must_use]
    pub fn view(&self, now: Instant) -> View {
        let members = self.members.iter().map(|member| self.show(member, now));
        View {
            settings: self.settings.clone(),
            members: members.collect(),
        }
    }

    /// One member; `None` when it is gone.
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
            lbstatus: member.lbstatus,
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
