//! How far a returning member is on the way to its full share.

use std::time::{Duration, Instant};

use ajpgate_config::LoadFactor;

/// The first share is the full share divided by this number.
const FIRST_SHARE: u32 = 10;

/// The state of a returning member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ramp {
    since: Instant,
    /// The sum that it has earned for being chosen, in hundredths of a load factor.
    pub(super) earned: i64,
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
