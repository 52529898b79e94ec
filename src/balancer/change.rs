//! New settings of a member.

use std::time::Duration;

use ajpgate_config::{LoadFactor, Status};

/// New settings of a member; `None` means no change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// `route`; empty: none.
    pub route: Option<String>,
    /// `redirect`; empty: none.
    pub redirect: Option<String>,
    /// `domain`; empty: none.
    pub domain: Option<String>,
    /// `loadfactor`. A new one restarts the shares of all members.
    pub factor: Option<LoadFactor>,
    /// `lbset`, 0 to [`LBSET_MAX`](super::LBSET_MAX).
    pub set: Option<u8>,
    /// `retry`. It counts at once for a wait under way.
    pub retry: Option<Duration>,
    /// `status`
    pub status: StatusChange,
}

/// New status flags; `None` means no change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusChange {
    /// `disabled` (httpd's `D`)
    pub disabled: Option<bool>,
    /// `stopped` (`S`)
    pub stopped: Option<bool>,
    /// `drain` (`N`)
    pub drain: Option<bool>,
    /// `hot_standby` (`H`)
    pub hot_standby: Option<bool>,
    /// `hot_spare` (`R`)
    pub hot_spare: Option<bool>,
    /// `ignore_errors` (`I`). Setting it ends an error of the member.
    pub ignore_errors: Option<bool>,
}

impl StatusChange {
    /// The flags after the change.
    #[must_use]
    pub fn over(self, status: Status) -> Status {
        Status {
            disabled: self.disabled.unwrap_or(status.disabled),
            stopped: self.stopped.unwrap_or(status.stopped),
            drain: self.drain.unwrap_or(status.drain),
            hot_standby: self.hot_standby.unwrap_or(status.hot_standby),
            hot_spare: self.hot_spare.unwrap_or(status.hot_spare),
            ignore_errors: self.ignore_errors.unwrap_or(status.ignore_errors),
        }
    }
}

impl From<Status> for StatusChange {
    /// Sets every flag to its value in `status`.
    fn from(status: Status) -> Self {
        Self {
            disabled: Some(status.disabled),
            stopped: Some(status.stopped),
            drain: Some(status.drain),
            hot_standby: Some(status.hot_standby),
            hot_spare: Some(status.hot_spare),
            ignore_errors: Some(status.ignore_errors),
        }
    }
}
