//! Changes of a running balancer by an operator.

use std::time::Duration;

use super::balancer::LbMethod;
use super::member::LoadFactor;
use super::sticky::StickyNames;

/// New settings of a member; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberChange {
    /// `route`; empty: none.
    pub route: Option<String>,
    /// `redirect`; empty: none.
    pub redirect: Option<String>,
    /// `loadfactor`
    pub loadfactor: Option<LoadFactor>,
    /// `lbset`, 0 to 99.
    pub lbset: Option<u8>,
    /// `status.disabled`
    pub disabled: Option<bool>,
    /// `status.stopped`
    pub stopped: Option<bool>,
    /// `status.drain`
    pub drain: Option<bool>,
    /// `status.hot_standby`
    pub hot_standby: Option<bool>,
    /// `status.hot_spare`
    pub hot_spare: Option<bool>,
    /// `status.ignore_errors`
    pub ignore_errors: Option<bool>,
    /// `status.error: false`: the member's failures are forgotten. It is done once and is no setting.
    pub clear_error: bool,
}

/// New settings of a balancer; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BalancerChange {
    /// `lbmethod`
    pub lbmethod: Option<LbMethod>,
    /// `stickysession`
    pub stickysession: Option<StickyNames>,
    /// `nofailover`
    pub nofailover: Option<bool>,
    /// `timeout`
    pub timeout: Option<Duration>,
    /// `maxattempts`; `Some(None)`: members − 1 again.
    pub maxattempts: Option<Option<u32>>,
}
