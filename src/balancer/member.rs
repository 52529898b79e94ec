//! One member: its settings, its health, its counters, and when it is usable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{LoadFactor, Status};

use super::checks::Streak;
use super::condition::Condition;
use super::latency::Latency;
use super::load::Load;
use super::ramp::Ramp;
use super::recovery::{Health, Recovery};
use super::{MemberId, MemberSpec};

#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    /// Shared with picks.
    pub(super) route: Arc<str>,
    pub(super) redirect: String,
    pub(super) domain: String,
    pub(super) factor: LoadFactor,
    pub(super) set: u8,
    pub(super) status: Status,
    pub(super) retry: Duration,
    pub(super) recovery: Recovery,
    /// Present while `slow_start` limits its share.
    pub(super) ramp: Option<Ramp>,
    /// Its weight at the last pick, in hundredths: its factor, or less during `slow_start`.
    pub(super) weight: u32,
    /// httpd's `HC_FAIL`: set and cleared by health checks only, never by time.
    pub(super) check_failed: bool,
    pub(super) streak: Streak,
    /// Its claim to the next request, in hundredths of a load factor.
    pub(super) lbstatus: i64,
    /// Whether it gets its weight for pending free choices.
    pub(super) eligible: bool,
    /// Number of open tickets.
    pub(super) busy: u64,
    /// Number of picks.
    pub(super) elected: u64,
    /// Number of requests that failed by its fault.
    pub(super) errors: u64,
    pub(super) traffic: Traffic,
    /// The time that it takes to answer.
    pub(super) latency: Latency,
    /// Its last load report.
    pub(super) load: Option<Load>,
    pub(super) sessions: Sessions,
}

/// The role of a member in its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Regular,
    /// A hot spare: replaces an unusable regular member, one for one.
    Spare,
    /// A hot standby: used only when no other member of the set is.
    Standby,
}

impl Member {
    pub(super) fn new(id: MemberId, spec: MemberSpec) -> Self {
        Self {
            id,
            route: spec.route.into(),
            redirect: spec.redirect,
            domain: spec.domain,
            factor: spec.factor,
            set: spec.set,
            status: spec.status,
            retry: spec.retry,
            recovery: Recovery::new(),
            ramp: None,
            weight: spec.factor.hundredths(),
            check_failed: false,
            streak: Streak::default(),
            lbstatus: 0,
            eligible: false,
            busy: 0,
            elected: 0,
            errors: 0,
            traffic: Traffic::default(),
            latency: Latency::default(),
            load: None,
            sessions: Sessions::default(),
        }
    }

    /// The number of free slots in its last report; 0 when that is too old.
    pub(super) fn slots(&self, now: Instant) -> u64 {
        u64::from(self.load.map_or(0, |load| load.slots(now)))
    }

    /// Whether it has this route. A member without a route has none, not the empty one.
    pub(super) fn has_route(&self, route: &str) -> bool {
        !self.route.is_empty() && *self.route == *route
    }

    /// A spare that is also a standby counts as a spare.
    pub(super) fn role(&self) -> Role {
        match self.status {
            Status {
                hot_spare: true, ..
            } => Role::Spare,
            Status {
                hot_standby: true, ..
            } => Role::Standby,
            _ => Role::Regular,
        }
    }

    /// Whether it is neither disabled nor stopped.
    pub(super) fn is_allowed(&self) -> bool {
        !self.status.disabled && !self.status.stopped
    }

    /// Whether the operator's flags let it have requests without a session.
    pub(super) fn takes_new_requests(&self) -> bool {
        self.is_allowed() && !self.status.drain
    }

    /// `PROXY_WORKER_IS_USABLE`. Draining, spare, standby and ignore-errors are not part of it.
    pub(super) fn is_usable(&self) -> bool {
        self.is_allowed()
            && !self.check_failed
            && match self.recovery.health() {
                Health::Ok | Health::Recovering | Health::Forced => true,
                Health::Error | Health::Probing => false,
            }
    }

    /// Whether it is usable for a pick at this time, which ends a wait that is over.
    pub(super) fn is_usable_at(&self, now: Instant) -> bool {
        self.is_allowed() && !self.check_failed && self.recovery.is_usable_at(self.retry, now)
    }

    /// The time until it may be tried; `None` unless it failed.
    pub(super) fn retry_in(&self, now: Instant) -> Option<Duration> {
        self.recovery.retry_in(self.retry, now)
    }

    /// Whether it is in error and its wait is over at this time. A stopped member is never tried again.
    pub(super) fn may_be_tried_again(&self, now: Instant) -> bool {
        !self.status.stopped && self.recovery.has_waited(self.retry, now)
    }

    /// The time after which the end of its wait makes it usable; `None` if it is usable, or kept out by something else.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        let waits = self.is_allowed() && !self.check_failed;
        waits.then(|| self.recovery.waits_until(self.retry))?
    }

    /// Whether a free choice that ends with this set visits it, and ends its wait.
    pub(super) fn is_visited(&self, last: u8) -> bool {
        self.set <= last && !self.status.drain
    }

    /// Whether it is usable and does not have to be probed first.
    pub(super) fn is_in_service(&self) -> bool {
        self.is_usable() && self.recovery.health() != Health::Recovering
    }

    /// Ends `slow_start` if it is over, and updates the weight to this time.
    pub(super) fn weigh(&mut self, slow_start: Duration, now: Instant) {
        self.ramp = self.ramp.filter(|ramp| !ramp.is_over(slow_start, now));
        self.weight = match &self.ramp {
            Some(ramp) => ramp.weight(self.factor, slow_start, now),
            None => self.factor.hundredths(),
        };
    }

    /// Its weight at this time, in hundredths.
    pub(super) fn weight_at(&self, slow_start: Duration, now: Instant) -> u32 {
        match &self.ramp {
            Some(ramp) if !ramp.is_over(slow_start, now) => {
                ramp.weight(self.factor, slow_start, now)
            }
            _ => self.factor.hundredths(),
        }
    }

    pub(super) fn condition(&self) -> Condition {
        Condition {
            health: self.recovery.health(),
            check_failed: self.check_failed,
        }
    }

    pub(super) fn check_invariants(&self) {
        self.recovery.check_invariants();
        assert!((1..=self.factor.hundredths()).contains(&self.weight));
        let health = self.recovery.health();
        assert!(
            !self.status.ignore_errors || health == Health::Ok,
            "in error although it ignores errors: {self:?}"
        );
        assert!(
            health != Health::Probing || self.busy > 0,
            "a probe without a request: {self:?}"
        );
    }
}

/// The live sessions of a member, as far as known.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// The number at the last count.
    pub(super) counted: u64,
    /// Free choices since the last count: each may have begun a session.
    pub(super) promised: u64,
}

impl Sessions {
    pub(super) fn expected(&self) -> u64 {
        self.counted.saturating_add(self.promised)
    }
}

/// Bytes of bodies, in both directions.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Bytes since the member was added.
    pub(super) to_backend: u64,
    pub(super) from_backend: u64,
    /// Bytes at the last reset, which the method no longer counts.
    settled_to: u64,
    settled_from: u64,
}

impl Traffic {
    pub(super) fn add(&mut self, to_backend: u64, from_backend: u64) {
        self.to_backend = self.to_backend.saturating_add(to_backend);
        self.from_backend = self.from_backend.saturating_add(from_backend);
    }

    /// Starts the method's count from zero. The totals are kept.
    pub(super) fn reset(&mut self) {
        self.settled_to = self.to_backend;
        self.settled_from = self.from_backend;
    }

    /// Traffic divided by the factor in hundredths, by two integer divisions
    /// (`mod_lbmethod_bytraffic.c: is_best_bytraffic()`).
    pub(super) fn per_share(&self, factor: LoadFactor) -> u64 {
        let share = u64::from(factor.hundredths()).max(1);
        let to = self.to_backend.saturating_sub(self.settled_to) / share;
        let from = self.from_backend.saturating_sub(self.settled_from) / share;
        to.saturating_add(from)
    }
}
