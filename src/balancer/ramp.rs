//! `slow_start`: a member that comes back gets its share little by little.
//!
//! For `slow_start` after it came back its weight is
//!
//! ```text
//! loadfactor × max(time since then, slow_start / 10) / slow_start        in whole hundredths, rounded down
//! ```
//!
//! and after that its load factor. It comes back when its probe is served, when its health checks pass again, when an
//! operator enables it or clears its error, and when it is added. It does not when forced recovery brought it back,
//! for then nobody else is there to carry the rest, nor at the start of the balancer or the end of a drain.
//!
//! `byrequests` counts with that weight. Other methods look at something that a member which was away has less of
//! (traffic, sessions, requests under way), and would send it everything until it has caught up. So with them it may be
//! chosen only as often as `byrequests` would choose it: each free choice that it could take part in earns it its
//! weight, and being chosen costs the weights of all who could. Sessions are never kept from their member.
//!
//! When it comes back the counters of all restart, as when it is enabled by hand; otherwise what it has missed would be
//! paid back at once. No part of this is in httpd or mod_jk.

use std::time::{Duration, Instant};

use ajpgate_config::LoadFactor;

use super::member::Member;

/// The first share is one in this many of the full one.
const FIRST_SHARE: u32 = 10;

/// A member on its way back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ramp {
    since: Instant,
    /// What it has earned towards being chosen, in hundredths of a load factor.
    earned: i64,
}

impl Ramp {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            since: now,
            earned: 0,
        }
    }

    pub(super) fn is_over(&self, slow_start: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= slow_start
    }

    /// The weight of a member with this factor, in hundredths; at least 1.
    pub(super) fn weight(&self, factor: LoadFactor, slow_start: Duration, now: Instant) -> u32 {
        let full = factor.hundredths();
        let elapsed = now.saturating_duration_since(self.since);
        let done = elapsed.max(slow_start / FIRST_SHARE).as_nanos();
        let share = (u128::from(full) * done).checked_div(slow_start.as_nanos());
        share
            .and_then(|share| u32::try_from(share).ok())
            .map_or(full, |share| share.clamp(1, full))
    }
}

/// Those of `eligible` who may be chosen now: all but the ones who have not earned it yet, unless there is nobody else.
///
/// Everybody on the way back earns by being asked.
pub(super) fn admitted<'a>(
    members: &mut [Member],
    eligible: &'a [usize],
    admitted: &'a mut Vec<usize>,
) -> &'a [usize] {
    let price = total(members, eligible);
    admitted.clear();
    for &index in eligible {
        let Some(member) = members.get_mut(index) else {
            continue;
        };
        let weight = i64::from(member.weight);
        let may = member.ramp.as_mut().is_none_or(|ramp| {
            ramp.earned = (ramp.earned + weight).min(price);
            ramp.earned == price
        });
        if may {
            admitted.push(index);
        }
    }
    if admitted.is_empty() {
        return eligible;
    }
    admitted
}

/// Pays for a choice among `eligible`.
pub(super) fn pay(members: &mut [Member], eligible: &[usize], chosen: usize) {
    let price = total(members, eligible);
    if let Some(ramp) = members
        .get_mut(chosen)
        .and_then(|member| member.ramp.as_mut())
    {
        ramp.earned = (ramp.earned - price).max(-price);
    }
}

fn total(members: &[Member], eligible: &[usize]) -> i64 {
    let weights = eligible.iter().filter_map(|&index| members.get(index));
    weights.map(|member| i64::from(member.weight)).sum()
}
