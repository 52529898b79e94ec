//! Balancers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::discover::Discover;
use super::member::Member;
use super::sticky::{Sticky, StickyRule};

/// One entry of `balancers`: members that share load and sessions.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Balancer {
    /// The name after `balancer://`.
    pub name: String,
    /// How a request without a usable session route is scheduled.
    pub lbmethod: LbMethod,
    /// `stickysession` and `stickysessionsep` as they are written.
    pub sticky_rule: StickyRule,
    /// How a session is found in a request; `None`: no stickiness. It follows from `sticky_rule` and `members`.
    pub sticky: Option<Sticky>,
    /// Fail a request whose route is a member's rather than send it to another member.
    pub nofailover: bool,
    /// When all members are in error, try them again at once (`force_recovery()` of mod_proxy_balancer.c).
    pub forcerecovery: bool,
    /// Further tries after the first; `None`: members − 1.
    pub maxattempts: Option<u32>,
    /// Statuses of a backend that put the member in error.
    pub failonstatus: Vec<u16>,
    /// Whether a silent backend puts the member in error.
    pub failontimeout: bool,
    /// How long a request waits for a usable member; zero: not at all.
    pub timeout: Duration,
    /// How long a recovered member takes to get its full share; zero: at once.
    pub slow_start: Duration,
    /// Bound on a drain; zero: none.
    pub drain_timeout: Duration,
    /// How long after its last request a session counts as alive.
    pub session_timeout: Duration,
    /// Where the load of `lbmethod: heartbeat` comes from.
    pub heartbeat: Option<Heartbeat>,
    /// A cookie of the gateway's own, for backends that set no route.
    pub sticky_cookie: Option<StickyCookie>,
    /// Active health checks.
    pub health_check: Option<HealthCheck>,
    /// The members in the order of the file; no two with the same URL. At least one where nothing is discovered.
    pub members: Vec<Member>,
    /// Sources of further members.
    pub discover: Vec<Discover>,
}

impl Balancer {
    /// Whether requests are searched for a session: by `stickysession`, or by `sticky_cookie`.
    #[must_use]
    pub const fn is_sticky(&self) -> bool {
        self.sticky.is_some() || self.sticky_cookie.is_some()
    }

    /// How a session is found in a request, by `sticky_rule` and the protocols of the members that there are now or may come.
    #[must_use]
    pub fn sticky_by_rule(&self) -> Option<Sticky> {
        self.sticky_rule.of_members(&self.members, &self.discover)
    }

    /// Sets `sticky` by the rule. `sticky_cookie` never overwrites the session cookie of the backends: with its name, the
    /// balancer is not sticky by the rule.
    pub fn settle_stickiness(&mut self) {
        let cookie = self.sticky_cookie.as_ref().map(|cookie| &cookie.name);
        let sticky = self.sticky_by_rule();
        self.sticky = sticky.filter(|sticky| Some(&sticky.cookie) != cookie);
    }

    /// The session cookie by which the balancer is not sticky because its `sticky_cookie` has the same name.
    #[must_use]
    pub fn taken_session_cookie(&self) -> Option<String> {
        let lost = self.sticky_by_rule().filter(|_| self.sticky.is_none());
        lost.map(|sticky| sticky.cookie)
    }

    /// Why the `redirect` of one of the members leads nowhere; `None` when it does not, or there is none.
    #[must_use]
    pub fn useless_redirect(&self, member: &Member) -> Option<String> {
        let (name, redirect) = (&self.name, &member.redirect);
        let mut routes = self.members.iter().map(|member| &member.route);
        if redirect.is_empty() {
            None
        } else if *redirect == member.route {
            Some(format!("redirect: {redirect:?} is the member's own route"))
        } else if !routes.any(|route| route == redirect) {
            Some(format!(
                "redirect: no member of {name:?} has the route {redirect:?}"
            ))
        } else {
            None
        }
    }
}

/// `lbmethod`, in the meaning of httpd's `mod_lbmethod_*` where httpd has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LbMethod {
    /// Request counting (`mod_lbmethod_byrequests.c`).
    ByRequests,
    /// Weighted traffic counting (`mod_lbmethod_bytraffic.c`).
    ByTraffic,
    /// Pending request counting (`mod_lbmethod_bybusyness.c`).
    ByBusyness,
    /// Load that the backends report (`mod_lbmethod_heartbeat.c`).
    Heartbeat,
    /// Peak EWMA latency, the better of two random choices.
    LeastLatency,
    /// Fewest live sessions.
    Sessions,
}

impl LbMethod {
    /// Every method, in the order of the manual.
    pub const ALL: [Self; 6] = [
        Self::ByRequests,
        Self::ByTraffic,
        Self::ByBusyness,
        Self::Heartbeat,
        Self::LeastLatency,
        Self::Sessions,
    ];

    /// The word in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByRequests => "byrequests",
            Self::ByTraffic => "bytraffic",
            Self::ByBusyness => "bybusyness",
            Self::Heartbeat => "heartbeat",
            Self::LeastLatency => "leastlatency",
            Self::Sessions => "sessions",
        }
    }
}

/// `heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// UDP address of the listener, multicast or unicast.
    pub listen: Option<SocketAddr>,
    /// A file in the format of httpd's `HeartbeatStorage`.
    pub storage: Option<PathBuf>,
}

/// `sticky_cookie`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StickyCookie {
    /// The cookie's name.
    pub name: String,
    /// Its `Path`.
    pub path: String,
    /// Its `Secure`: `None` follows the client's scheme (`auto`).
    pub secure: Option<bool>,
    /// Its `HttpOnly`.
    pub http_only: bool,
    /// Its `SameSite`.
    pub same_site: SameSite,
    /// Its `Max-Age`; zero: a session cookie.
    pub max_age: Duration,
}

/// `sticky_cookie.same_site`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// `SameSite=Strict`
    Strict,
    /// `SameSite=Lax`
    Lax,
    /// `SameSite=None`
    None,
}

/// `health_check`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthCheck {
    /// What is sent.
    pub method: HealthMethod,
    /// Time between two checks of a member.
    pub interval: Duration,
    /// Good checks in a row that bring a member back; at least 1.
    pub passes: u32,
    /// Bad checks in a row that take a member out; at least 1.
    pub fails: u32,
    /// Path and query for `head` and `get`.
    pub uri: String,
    /// Statuses that pass; empty: 200 to 399.
    pub expect_status: Vec<u16>,
    /// Text that the body must contain (`get`).
    pub expect_body: Option<String>,
    /// Whether a member must pass before its first traffic.
    pub mandatory: bool,
}

/// `health_check.method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthMethod {
    /// CPING/CPONG on a connection of its own; a TCP connect for a member that does not speak AJP13.
    Cping,
    /// A TCP connect.
    Tcp,
    /// `OPTIONS *`
    Options,
    /// `HEAD uri`
    Head,
    /// `GET uri`
    Get,
}
