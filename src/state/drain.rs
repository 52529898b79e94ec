//! How far the drain of a member is.

use std::time::Instant;

use ajpgate_config::Status;

/// What a drain has come to.
#[derive(Debug, Default)]
pub(super) struct Drain {
    /// When it was seen to drain first; `None` while it does not.
    pub(super) since: Option<Instant>,
    /// Whether its end has been told.
    pub(super) told: bool,
    /// Whether the member was disabled because `drain_timeout` was over.
    pub(super) gave_up: bool,
}

/// What still belongs to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// Live sessions.
    pub(crate) sessions: u64,
    /// Requests under way.
    pub(crate) requests: u64,
    /// Whether all of its sessions must have been heard of by now. A gateway that has just started does not know
    /// whose sessions are alive from before.
    pub(crate) complete: bool,
}

impl Left {
    /// Whether the member can be stopped without anybody noticing.
    pub(crate) const fn is_nothing(self) -> bool {
        self.complete && self.sessions == 0 && self.requests == 0
    }

    /// Whether a drain is over: nothing is left, or nothing is under way and the rest was given up when
    /// `drain_timeout` was over.
    pub(crate) const fn has_drained(self, status: Status) -> bool {
        status.drain && (self.is_nothing() || (status.disabled && self.requests == 0))
    }
}
