//! The settings of a balancer and of its members, and their translation from the configuration.
//!
//! There is one translation. A start and every later change use it, so a balancer that was changed to a configuration
//! decides as one that started with it.

use std::time::Duration;

use ajpgate_config::{self as config, LbMethod, LoadFactor, Status};

use super::{Change, Checks, StatusChange};

/// The settings of a balancer that its decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How a request without a usable session route is scheduled.
    pub method: LbMethod,
    /// Whether the balancer looks for sessions (`stickysession`, or `sticky_cookie`).
    pub sticky: bool,
    /// Fail a request whose route is a member's rather than send it to another member.
    pub nofailover: bool,
    /// When all members are in error, try them again at once.
    pub forcerecovery: bool,
    /// How long a member that comes back takes to get its full share; zero: it gets it at once.
    pub slow_start: Duration,
    /// How health checks decide; `None`: no member is checked.
    pub checks: Option<Checks>,
}

impl From<&config::Balancer> for Settings {
    fn from(config: &config::Balancer) -> Self {
        Self {
            method: config.lbmethod,
            sticky: config.is_sticky(),
            nofailover: config.nofailover,
            forcerecovery: config.forcerecovery,
            slow_start: config.slow_start,
            checks: config.health_check.as_ref().map(|check| Checks {
                passes: check.passes,
                fails: check.fails,
                mandatory: check.mandatory,
            }),
        }
    }
}

/// The settings of a member that decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSpec {
    /// The route by which session ids name it; empty: it never is a session's member.
    pub route: String,
    /// The route to prefer when the member is unusable; may be empty.
    pub redirect: String,
    /// The name of the members that share replicated sessions (mod_jk's `domain`); may be empty.
    pub domain: String,
    /// Its weight.
    pub factor: LoadFactor,
    /// Its tier: the lowest set that has a usable member is taken.
    pub set: u8,
    /// The status flags that the operator has set.
    pub status: Status,
    /// How long it gets no request after a failure.
    pub retry: Duration,
}

impl From<&config::Member> for MemberSpec {
    fn from(config: &config::Member) -> Self {
        Self {
            route: config.route.clone(),
            redirect: config.redirect.clone(),
            domain: config.domain.clone(),
            factor: config.loadfactor,
            set: config.lbset,
            status: config.status,
            retry: config.retry,
        }
    }
}

impl MemberSpec {
    /// The change from these settings to `new` ones: exactly the settings that differ. What is the same in both stays as
    /// it is in the member, whatever it was changed to in between (`drain_timeout` disables a member, for example).
    #[must_use]
    pub fn change_to(&self, new: &Self) -> Change {
        // Without `..`, so that a new setting cannot be forgotten here.
        let Self {
            route,
            redirect,
            domain,
            factor,
            set,
            status,
            retry,
        } = new;
        Change {
            route: (self.route != *route).then(|| route.clone()),
            redirect: (self.redirect != *redirect).then(|| redirect.clone()),
            domain: (self.domain != *domain).then(|| domain.clone()),
            factor: (self.factor != *factor).then_some(*factor),
            set: (self.set != *set).then_some(*set),
            retry: (self.retry != *retry).then_some(*retry),
            status: status_change(self.status, *status),
        }
    }
}

/// The flags that differ.
fn status_change(old: Status, new: Status) -> StatusChange {
    let Status {
        disabled,
        stopped,
        drain,
        hot_standby,
        hot_spare,
        ignore_errors,
    } = new;
    let changed = |old: bool, new: bool| (old != new).then_some(new);
    StatusChange {
        disabled: changed(old.disabled, disabled),
        stopped: changed(old.stopped, stopped),
        drain: changed(old.drain, drain),
        hot_standby: changed(old.hot_standby, hot_standby),
        hot_spare: changed(old.hot_spare, hot_spare),
        ignore_errors: changed(old.ignore_errors, ignore_errors),
    }
}
