//! Balancers, their cookies and their health checks.

use schemars::JsonSchema;
use serde::Deserialize;

use super::discover::Discover;
use super::member::Member;
use crate::field::{Either, Field, Kind, Scalar};
use crate::model::{HealthMethod, LbMethod, SameSite};
use crate::value::{
    Bind, CookieName, CookiePath, FileName, FreeText, Period, RequestUri, Separator, SessionNames,
    StatusCode, Switch, Whole, Word,
};

/// One status, or a list of them.
pub(crate) type StatusCodes = Either<StatusCode, Vec<Scalar<StatusCode>>>;

/// Backends that share load and sessions.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "balancer", default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["members"] }, { "required": ["discover"] }]))]
pub(crate) struct Balancer {
    /// How a request without a usable session route is scheduled.
    #[schemars(extend("default" = "byrequests"))]
    pub(crate) lbmethod: Scalar<Word<LbMethod>>,
    /// COOKIE|PARAMETER, or one name for both; "" for no stickiness. By default JSESSIONID|jsessionid with an AJP
    /// member, else none.
    pub(crate) stickysession: Scalar<SessionNames>,
    /// Accepted and without effect: a path parameter always ends at `;`.
    #[schemars(extend("default" = true))]
    pub(crate) scolonpathdelim: Scalar<Switch>,
    /// The character between session id and route; "off" makes the whole value the route.
    #[schemars(extend("default" = "."))]
    pub(crate) stickysessionsep: Scalar<Separator>,
    /// Fail a request whose member is out rather than send it to another one.
    #[schemars(extend("default" = false))]
    pub(crate) nofailover: Scalar<Switch>,
    /// When all members are in error, try them again at once.
    #[schemars(extend("default" = true))]
    pub(crate) forcerecovery: Scalar<Switch>,
    /// Further tries after the first; by default one less than there are members.
    pub(crate) maxattempts: Scalar<Whole<0, 99>>,
    /// Statuses of a backend that put the member in error.
    #[schemars(extend("default" = []))]
    pub(crate) failonstatus: Field<StatusCodes>,
    /// Whether a backend that is silent past `timeout` is put in error.
    #[schemars(extend("default" = false))]
    pub(crate) failontimeout: Scalar<Switch>,
    /// How long a request waits for a usable member; 0s: not at all.
    #[schemars(extend("default" = "0s"))]
    pub(crate) timeout: Scalar<Period<0>>,
    /// How long a recovered member takes to get its full share; 0s: at once.
    #[schemars(extend("default" = "0s"))]
    pub(crate) slow_start: Scalar<Period<0>>,
    /// Bound on a drain; 0s: none.
    #[schemars(extend("default" = "0s"))]
    pub(crate) drain_timeout: Scalar<Period<0>>,
    /// How long after its last request a session counts as alive.
    #[schemars(extend("default" = "30m"))]
    pub(crate) session_timeout: Scalar<Period<0>>,
    /// Where the load of `lbmethod: heartbeat` comes from.
    pub(crate) heartbeat: Field<Heartbeat>,
    /// A cookie of the gateway's own, for backends that set no route.
    pub(crate) sticky_cookie: Field<StickyCookie>,
    /// Active health checks.
    pub(crate) health_check: Field<HealthCheck>,
    /// The backends; at least one, unless there is `discover`.
    #[schemars(extend(
        "items" = { "$ref": "#/$defs/member", "required": ["url"] }
    ))]
    pub(crate) members: Field<Vec<Field<Member>>>,
    /// Sources that name further members while the gateway runs.
    #[schemars(extend("default" = []))]
    pub(crate) discover: Field<Vec<Field<Discover>>>,
}

/// Where the load of `lbmethod: heartbeat` comes from.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "heartbeat", default, deny_unknown_fields)]
pub(crate) struct Heartbeat {
    /// UDP address that backends send to, multicast or not, like 239.0.0.1:27999.
    pub(crate) listen: Scalar<Bind>,
    /// A file in the format of httpd's HeartbeatStorage.
    pub(crate) storage: Scalar<FileName>,
}

/// A cookie of the gateway's own. It is looked at after `stickysession`, and set when neither named the member that
/// served.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "sticky_cookie", default, deny_unknown_fields)]
#[schemars(extend("required" = ["name"]))]
pub(crate) struct StickyCookie {
    /// The cookie's name.
    pub(crate) name: Scalar<CookieName>,
    /// The cookie's Path.
    #[schemars(extend("default" = "/"))]
    pub(crate) path: Scalar<CookiePath>,
    /// The cookie's Secure; `auto` follows the client's scheme.
    #[schemars(extend("default" = "auto"))]
    pub(crate) secure: Scalar<Secure>,
    /// The cookie's HttpOnly.
    #[schemars(extend("default" = true))]
    pub(crate) http_only: Scalar<Switch>,
    /// The cookie's SameSite.
    #[schemars(extend("default" = "lax"))]
    pub(crate) same_site: Scalar<Word<SameSite>>,
    /// The cookie's Max-Age; 0s is a session cookie.
    #[schemars(extend("default" = "0s"))]
    pub(crate) max_age: Scalar<Period<0>>,
}

/// `auto`, `true` or `false`.
pub(crate) enum Secure {}

impl Kind for Secure {
    type Value = Option<bool>;

    fn read(text: &str) -> Result<Option<bool>, crate::fault::Fault> {
        match text {
            "auto" => Ok(None),
            _ => Switch::read(text)
                .map(Some)
                .map_err(|fault| fault.hint("write auto, true or false")),
        }
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({ "enum": ["auto", true, false] })
    }
}

/// Active health checks.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "health_check", default, deny_unknown_fields)]
pub(crate) struct HealthCheck {
    /// What is sent; cping is a TCP connect for a member that does not speak AJP13.
    #[schemars(extend("default" = "cping"))]
    pub(crate) method: Scalar<Word<HealthMethod>>,
    /// Time between two checks of a member.
    #[schemars(extend("default" = "5s"))]
    pub(crate) interval: Scalar<Period<100>>,
    /// Good checks in a row that bring a member back.
    #[schemars(extend("default" = 1))]
    pub(crate) passes: Scalar<Whole<1, 1000>>,
    /// Bad checks in a row that take a member out.
    #[schemars(extend("default" = 2))]
    pub(crate) fails: Scalar<Whole<1, 1000>>,
    /// Path and query of `head` and `get`.
    #[schemars(extend("default" = "/"))]
    pub(crate) uri: Scalar<RequestUri>,
    /// What a good answer looks like.
    pub(crate) expect: Field<Expect>,
    /// Whether a member must pass before its first traffic.
    #[schemars(extend("default" = false))]
    pub(crate) mandatory: Scalar<Switch>,
}

/// What a good answer looks like.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "expect", default, deny_unknown_fields)]
pub(crate) struct Expect {
    /// Statuses that pass; by default 200 to 399.
    pub(crate) status: Field<StatusCodes>,
    /// Text that the body must contain (`get`).
    pub(crate) body: Scalar<FreeText>,
}
