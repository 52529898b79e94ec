//! One member: its settings, its health, its counters, and when it is usable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{LoadFactor, Status};

use super::checks::Streak;
use super::latency::Latency;
use super::load::Load;
use super::ramp::Ramp;
use super::recovery::{Health, Recovery};
use super::settle::Condition;
use super::{MemberId, MemberSpec};

#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    /// Shared with the picks that carry it.
    pub(super) route: Arc<str>,
    pub(super) redirect: String,
    pub(super) domain: String,
    pub(super) factor: LoadFactor,
    pub(super) set: u8,
    pub(super) status: Status,
    pub(super) retry: Duration,
    pub(super) recovery: Recovery,
    /// While it comes back (`slow_start`).
    pub(super) ramp: Option<Ramp>,
    /// Its share as of the last pick, in hundredths: its factor, or less while it comes back.
    pub(super) weight: u32,
    /// httpd's `HC_FAIL`: set and cleared by health checks only, never by time.
    pub(super) check_failed: bool,
    pub(super) streak: Streak,
    /// How urgently it must work to fulfil its share, in hundredths of a load factor.
    pub(super) lbstatus: i64,
    /// Open tickets.
    pub(super) busy: u64,
    /// Times it was picked.
    pub(super) elected: u64,
    /// Requests that failed by its fault.
    pub(super) errors: u64,
    pub(super) traffic: Traffic,
    /// How fast it answers.
    pub(super) latency: Latency,
    /// What it last said of itself.
    pub(super) load: Option<Load>,
    pub(super) sessions: Sessions,
}

/// How a member takes part in its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Regular,
    /// Replaces an unusable regular member, one for one.
    Spare,
    /// Takes over when nobody else is left.
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
            busy: 0,
            elected: 0,
            errors: 0,
            traffic: Traffic::default(),
            latency: Latency::default(),
            load: None,
            sessions: Sessions::default(),
        }
    }

    /// Requests that it says it could take; 0 when it has not said so for a while.
    pub(super) fn slots(&self, now: Instant) -> u64 {
        u64::from(self.load.map_or(0, |load| load.slots(now)))
    }

    /// A member without a route is nobody's session member.
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

    /// Whether the operator lets it have any request at all.
    pub(super) fn is_allowed(&self) -> bool {
        !self.status.disabled && !self.status.stopped
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

    /// The same after a pick at this time has come by, which ends a wait that is over.
    pub(super) fn is_usable_at(&self, now: Instant) -> bool {
        self.is_allowed() && !self.check_failed && self.recovery.is_usable_at(self.retry, now)
    }

    /// How long until it may be tried; `None` unless it failed.
    pub(super) fn retry_in(&self, now: Instant) -> Option<Duration> {
        self.recovery.retry_in(self.retry, now)
    }

    /// A pick came by. A stopped member is never tried again.
    pub(super) fn retry(&mut self, now: Instant) {
        if !self.status.stopped {
            self.recovery.retry(self.retry, now);
        }
    }

    /// Usable, and not on probation.
    pub(super) fn is_in_service(&self) -> bool {
        self.is_usable() && self.recovery.health() != Health::Recovering
    }

    /// Ends a ramp that is over, and takes the weight of this time.
    pub(super) fn weigh(&mut self, slow_start: Duration, now: Instant) {
        self.ramp = self.ramp.filter(|ramp| !ramp.is_over(slow_start, now));
        self.weight = match &self.ramp {
            Some(ramp) => ramp.weight(self.factor, slow_start, now),
            None => self.factor.hundredths(),
        };
    }

    /// Its share, in hundredths.
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

/// Sessions that it has, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Alive when they were counted last.
    pub(super) counted: u64,
    /// Free choices since then: each of them may have begun one.
    pub(super) promised: u64,
}

impl Sessions {
    pub(super) fn expected(&self) -> u64 {
        self.counted.saturating_add(self.promised)
    }
}

/// Bytes, in both directions.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Since the member was added.
    pub(super) to_backend: u64,
    pub(super) from_backend: u64,
    /// How much of that was there at the last reset: it no longer weighs.
    settled_to: u64,
    settled_from: u64,
}

impl Traffic {
    pub(super) fn add(&mut self, to_backend: u64, from_backend: u64) {
        self.to_backend = self.to_backend.saturating_add(to_backend);
        self.from_backend = self.from_backend.saturating_add(from_backend);
    }

    /// Starts counting anew, for the method only: the totals go on.
    pub(super) fn reset(&mut self) {
        self.settled_to = self.to_backend;
        self.settled_from = self.from_backend;
    }

    /// Traffic per share: two integer divisions, by the factor in hundredths
    /// (`mod_lbmethod_bytraffic.c: is_best_bytraffic()`).
    pub(super) fn per_share(&self, factor: LoadFactor) -> u64 {
        let share = u64::from(factor.hundredths()).max(1);
        let to = self.to_backend.saturating_sub(self.settled_to) / share;
        let from = self.from_backend.saturating_sub(self.settled_from) / share;
        to.saturating_add(from)
    }
}
