//! A load report of a member, for `lbmethod: heartbeat`.

use std::time::{Duration, Instant};

/// The time for which a report counts (`LBM_HEARTBEAT_MAX_LASTSEEN`).
pub const HEARTBEAT_LASTS: Duration = Duration::from_secs(10);

/// The free slots of an idle member are divided by this number.
const FRESH_NODE: u32 = 4;

/// A load report of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// Number of further requests that it could take.
    pub(super) ready: u32,
    /// Number of requests under way.
    pub(super) busy: u32,
    pub(super) at: Instant,
}

impl Load {
    /// The number of slots with which it is drawn.
    pub(super) fn slots(&self, now: Instant) -> u32 {
        if now.saturating_duration_since(self.at) >= HEARTBEAT_LASTS {
            return 0;
        }
        match self.busy {
            0 if self.ready > 0 => (self.ready / FRESH_NODE).max(1),
            _ => self.ready,
        }
    }
}
