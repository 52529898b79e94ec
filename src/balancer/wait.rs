//! Waiting for a usable member (`timeout` of a balancer).
//!
//! Source: `mod_proxy_balancer.c: find_best_worker()`, which asks a hundred times at even distances. Here nobody asks
//! in vain. Whoever got [`NoMember`] asks for its [`Hope`] under the same lock, and then waits for whatever comes first:
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
//! [`Balancer::epoch`] changes with everything but time that may bring a member back. Its owner compares it before it
//! gives up the lock and tells the waiting when it is another one: nobody sleeps through a change that came between
//! his pick and his wait, if he remembers the epoch of his pick.

use std::time::{Duration, Instant};

use super::choose::takes_new_requests;
use super::{Balancer, Health, NoMember, Want};

/// Whether waiting could get a request a member that it did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hope {
    /// No: it has tried everybody, or its session may not leave a member that is out (`nofailover`; httpd does not
    /// wait then either).
    Never,
    /// Once the epoch changes; nobody knows when: an operator, a health check, the end of a probe or a report decides.
    Change,
    /// At this time, when a wait after a failure is over, or once the epoch changes, whichever comes first.
    At(Instant),
}

impl Balancer {
    /// A number that changes whenever something has happened that may let a request have a member that it could not
    /// have before: a member changed its [`Condition`](super::Condition), an operator did something, or a member
    /// that had no free slot reported one. Time alone does not change it.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What there is to hope for after [`Balancer::pick`] gave this reason for this request at this time.
    #[must_use]
    pub fn hope(&self, reason: NoMember, want: Want<'_>, now: Instant) -> Hope {
        match reason {
            NoMember::RouteForced | NoMember::Tried => return Hope::Never,
            NoMember::Empty | NoMember::InError | NoMember::NoSlots | NoMember::OutOfService => {}
        }
        let waits = self.members.iter().filter_map(|member| {
            let mine =
                self.settings.sticky && want.route.is_some_and(|route| member.has_route(route));
            let wanted = takes_new_requests(member) || (member.is_allowed() && mine);
            let time_helps = wanted
                && !member.check_failed
                && member.recovery.health() == Health::Error
                && !want.tried.contains(member.id);
            member.retry_in(now).filter(|_| time_helps)
        });
        // A wait is over strictly after its end.
        let end = waits
            .min()
            .map(|wait| wait.saturating_add(Duration::from_nanos(1)));
        end.and_then(|end| now.checked_add(end))
            .map_or(Hope::Change, Hope::At)
    }

    /// Something happened that the waiting may want to know.
    pub(super) fn changed(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }
}
