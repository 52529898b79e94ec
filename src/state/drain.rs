//! How far the drain of a member is.

use std::time::Instant;

use ajpgate_config::Status;

use crate::balancer::StatusChange;

/// What a drain has come to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Drain {
    /// When it was seen to drain first; `None` while it does not.
    pub(super) since: Option<Instant>,
    /// Whether its end has been told.
    pub(super) told: bool,
    /// Whether the member is disabled because `drain_timeout` was over, until the drain ends or somebody enables it.
    pub(super) gave_up: bool,
}

impl Drain {
    /// What a change of configuration changes of the flags, where these are the ones that it wants. A member whose drain was
    /// given up stays disabled as long as it drains, also when another reason to disable it ends. Whoever ends the drain
    /// wants the member back; it is disabled then only where the configuration says so. The drain is over where it is not wanted.
    pub(super) fn follow(self, change: StatusChange, wanted: Status) -> StatusChange {
        let disabled = match (wanted.drain, self.gave_up) {
            (true, true) => change.disabled.filter(|disabled| *disabled),
            (false, true) => Some(wanted.disabled),
            (_, false) => change.disabled,
        };
        StatusChange { disabled, ..change }
    }
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

    /// Whether a drain is over: nothing is left; or nothing is under way, and the sessions that are left do not get to the
    /// member any more, because `drain_timeout` is over, its source says so or somebody has disabled or stopped it.
    pub(crate) const fn has_drained(self, status: Status) -> bool {
        status.drain && (self.is_nothing() || (status.takes_nothing() && self.requests == 0))
    }
}
