//! What may be changed of a running balancer: the keys of the file that an operator may send, and what they mean.
//!
//! They are read as the file is, so the same values are refused for the same reasons. Nothing is taken from the
//! environment: whoever sends a change over the network has no right to it.

use std::path::Path;
use std::time::Duration;

use schemars::{Schema, json_schema};
use serde::Deserialize;

use crate::document::{read_document, unread};
use crate::fault::Fault;
use crate::field::{Field, Kind, Scalar};
use crate::model::{LbMethod, LoadFactor, Sticky};
use crate::problem::Problems;
use crate::report::{Report, Source};
use crate::value::{Factor, Period, Route, SessionNames, StickyNames, Switch, Whole, Word};

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
}

/// New settings of a balancer; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BalancerChange {
    /// `lbmethod`
    pub lbmethod: Option<LbMethod>,
    /// `stickysession`
    pub stickysession: Option<NewSticky>,
    /// `nofailover`
    pub nofailover: Option<bool>,
    /// `timeout`
    pub timeout: Option<Duration>,
    /// `maxattempts`; `Some(None)`: members − 1 again.
    pub maxattempts: Option<Option<u32>>,
}

/// A new `stickysession`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewSticky {
    /// No stickiness.
    Off,
    /// The names of the session id.
    Names {
        /// The cookie's.
        cookie: String,
        /// The parameter's, in path and query.
        parameter: String,
    },
}

impl NewSticky {
    /// The names, with what stands between session id and route.
    #[must_use]
    pub fn with(self, separator: Option<char>) -> Option<Sticky> {
        match self {
            Self::Off => None,
            Self::Names { cookie, parameter } => Some(Sticky {
                cookie,
                parameter,
                separator,
            }),
        }
    }
}

/// Checks a change of a member: JSON or YAML with some of `loadfactor`, `lbset`, `route`, `redirect` and `status`,
/// which here is a map of its flags.
///
/// # Errors
///
/// All problems of the text; `file` is its name in them.
pub fn parse_member_change(text: &str, file: &Path) -> Result<MemberChange, Problems> {
    let member: MemberKeys = read(text, file)?;
    let status = member
        .status
        .given()
        .map(|(_, status)| status)
        .unwrap_or_default();
    Ok(MemberChange {
        route: member.route.optional(),
        redirect: member.redirect.optional(),
        loadfactor: member.loadfactor.optional(),
        lbset: member
            .lbset
            .optional()
            .map(|set| u8::try_from(set).unwrap_or(u8::MAX)),
        disabled: status.disabled.optional(),
        stopped: status.stopped.optional(),
        drain: status.drain.optional(),
        hot_standby: status.hot_standby.optional(),
        hot_spare: status.hot_spare.optional(),
        ignore_errors: status.ignore_errors.optional(),
    })
}

/// Checks a change of a balancer: JSON or YAML with some of `lbmethod`, `stickysession`, `nofailover`, `timeout` and
/// `maxattempts`, which may be `default` here.
///
/// # Errors
///
/// All problems of the text; `file` is its name in them.
pub fn parse_balancer_change(text: &str, file: &Path) -> Result<BalancerChange, Problems> {
    let balancer: BalancerKeys = read(text, file)?;
    let names = balancer.stickysession.optional();
    Ok(BalancerChange {
        lbmethod: balancer.lbmethod.optional(),
        stickysession: names.map(|names| match names {
            Some(SessionNames { cookie, parameter }) => NewSticky::Names { cookie, parameter },
            None => NewSticky::Off,
        }),
        nofailover: balancer.nofailover.optional(),
        timeout: balancer.timeout.optional(),
        maxattempts: balancer.maxattempts.optional(),
    })
}

fn read<T: for<'de> Deserialize<'de>>(text: &str, file: &Path) -> Result<T, Problems> {
    let report = Report::new(Source::new(file, text));
    let keys = read_document(text, &|_| None, &report).map(|(_, keys, _)| keys);
    let (source, _) = report.finish()?;
    keys.ok_or_else(|| unread(&source))
}

/// What may be changed of a member.
#[derive(Default, Deserialize)]
#[serde(rename = "member", default, deny_unknown_fields)]
struct MemberKeys {
    /// The jvmRoute of the Tomcat; "" for none.
    route: Scalar<Route>,
    /// The route to prefer when this member is out; "" for none.
    redirect: Scalar<Route>,
    /// Its weight, 1 to 100 with at most two decimals.
    loadfactor: Scalar<Factor>,
    /// Its tier; the lowest one with a usable member is used.
    lbset: Scalar<Whole<0, 99>>,
    /// What the operator wants of it.
    status: Field<StatusKeys>,
}

/// Flags of a member.
#[derive(Default, Deserialize)]
#[serde(rename = "member.status", default, deny_unknown_fields)]
struct StatusKeys {
    /// No request at all.
    disabled: Scalar<Switch>,
    /// No request at all, and no health checks.
    stopped: Scalar<Switch>,
    /// Only requests of sessions that it has.
    drain: Scalar<Switch>,
    /// Used when its set has no other usable member.
    hot_standby: Scalar<Switch>,
    /// Replaces an unusable member of its set.
    hot_spare: Scalar<Switch>,
    /// Never put in error by traffic.
    ignore_errors: Scalar<Switch>,
}

/// What may be changed of a balancer.
#[derive(Default, Deserialize)]
#[serde(rename = "balancer", default, deny_unknown_fields)]
struct BalancerKeys {
    /// How a request without a usable session route is scheduled.
    lbmethod: Scalar<Word<LbMethod>>,
    /// COOKIE|PARAMETER, or one name for both; "" for no stickiness.
    stickysession: Scalar<StickyNames>,
    /// Fail a request whose member is out rather than send it to another one.
    nofailover: Scalar<Switch>,
    /// How long a request waits for a usable member; 0s: not at all.
    timeout: Scalar<Period<0>>,
    /// Further tries after the first; `default`: one less than there are members.
    maxattempts: Scalar<Attempts>,
}

/// `maxattempts`, or `default`, which the file writes by leaving the key out.
enum Attempts {}

impl Kind for Attempts {
    type Value = Option<u32>;

    fn read(text: &str) -> Result<Option<u32>, Fault> {
        match text {
            "default" => Ok(None),
            _ => Whole::<0, 99>::read(text)
                .map(|number| u32::try_from(number).ok())
                .map_err(|fault| fault.hint("`default` is one less than there are members")),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [Whole::<0, 99>::schema(), { "enum": ["default"] }] })
    }
}
