//! Waiting for a usable member (`timeout` of a balancer).
//!
//! Source: `mod_proxy_balancer.c: find_best_worker()`, which asks a hundred times at even distances. Here a request that
//! got [`NoMember`] asks for its [`Hope`] under the same lock, and waits for the event that comes first:
//!
//! ```text
//!              pick ──► NoMember ──► hope ──► Never ────────────────────────────► 503 at once
//!               ▲                     │
//!               │                     ├─► Change ──► until the epoch changes ──┐
//!               │                     └─► At(time) ─► until then, or it changes ┤
//!               └─────────────────────────────────────────────────────────────┘
//!                              at most for `timeout` in all, then 503
//! ```
//!
//! [`Balancer::epoch`] changes with every event, except the passing of time, that may bring a member back. Before its owner
//! releases the lock it compares the epoch and wakes waiting requests if it has changed. A request that remembers the epoch
//! of its pick misses no change between pick and wait.

use std::time::{Duration, Instant};

use super::{Balancer, Health, NoMember, Want};

/// Whether and until when a request that got no member should wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hope {
    /// Not at all: it has tried all members, or its session may not leave an unusable member (`nofailover`; httpd does not
    /// wait then either).
    Never,
    /// Until the epoch changes, at an unknown time: by an operator, a health check, the end of a probe or a load report.
    Change,
    /// Until this time, when the wait of a member in error is over, or until the epoch changes, whichever comes first.
    At(Instant),
}

impl Balancer {
    /// A number that changes when a waiting request may get a member: when a member's [`Condition`](super::Condition)
    /// changes, an operator makes a change, or a member without a free slot reports one. Time alone does not change it.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How long a request should wait for which [`Balancer::pick`] returned this reason at this time.
    #[must_use]
    pub fn hope(&self, reason: NoMember, want: Want<'_>, now: Instant) -> Hope {
        match reason {
            NoMember::RouteForced | NoMember::Tried => return Hope::Never,
            NoMember::Empty | NoMember::InError | NoMember::NoSlots | NoMember::OutOfService => {}
        }
        let waits = self.members.iter().filter_map(|member| {
            let mine =
                self.settings.sticky && want.route.is_some_and(|route| member.has_route(route));
            let wanted = member.takes_new_requests() || (member.is_allowed() && mine);
            let time_helps = wanted
                && !member.check_failed
                && member.recovery.health() == Health::Error
                && !want.tried.contains(member.id);
            member.retry_in(now).filter(|_| time_helps)
        });
        // A wait is over strictly after its end, hence the nanosecond.
        let end = waits
            .min()
            .map(|wait| wait.saturating_add(Duration::from_nanos(1)));
        end.and_then(|end| now.checked_add(end))
            .map_or(Hope::Change, Hope::At)
    }

    /// Records an event that may give a waiting request a member.
    pub(super) fn changed(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }
}
