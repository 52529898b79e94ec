//! What a configuration means: validated, with every default filled in.
//!
//! Values of these types come from [`crate::parse`] only, so the rest of the program need not check them
//! again. The words are mod_proxy's where mod_proxy has one (see `semantics` in the README's table of keys).

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::log_format::LogFormat;
use crate::template::Template;

/// A whole configuration file.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// The balancers in the order of the file.
    pub balancers: Vec<Balancer>,
    /// `proxy_pass`, in the order of the file.
    pub mappings: Vec<Mapping>,
    /// Peers whose `X-Forwarded-*`, `Forwarded` and PROXY headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds on what a client may send.
    pub limits: Limits,
    /// The access log.
    pub access_log: AccessLog,
    /// The program's own log.
    pub log: Log,
    /// The admin listener; `None` for `admin: off`.
    pub admin: Option<Admin>,
    /// Whether a change of the file reloads it.
    pub watch: bool,
    /// How long requests in flight may take after SIGTERM.
    pub shutdown_timeout: Duration,
}

/// One `listeners` entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listener {
    /// Address and port; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Whether each connection starts with a PROXY header, version 1 or 2.
    pub proxy_protocol: bool,
    /// TLS, when the listener speaks it.
    pub tls: Option<ListenerTls>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
}

/// `listeners[].tls`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerTls {
    /// PEM chain, the server's certificate first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub private_key: PathBuf,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuth,
    /// PEM certificates that client certificates must descend from.
    pub client_ca: Option<PathBuf>,
}

/// `listeners[].tls.client_auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// No certificate is asked for.
    None,
    /// Asked for, and verified when shown.
    Optional,
    /// No connection without one.
    Required,
}

/// One entry of `balancers`: members that share load and sessions.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Balancer {
    /// The name after `balancer://`.
    pub name: String,
    /// How a request without a usable session route is scheduled.
    pub lbmethod: LbMethod,
    /// How a session is found in a request; `None`: no stickiness.
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
    /// The members in the order of the file; at least one, no two with the same URL.
    pub members: Vec<Member>,
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

/// `stickysession` and `stickysessionsep`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sticky {
    /// The cookie's name; compared with case.
    pub cookie: String,
    /// The name of the path or query parameter; compared with case.
    pub parameter: String,
    /// What stands between session id and route; `None`: the whole value is the route.
    pub separator: Option<char>,
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

/// One backend of a balancer: mod_proxy's worker.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Member {
    /// Where it is.
    pub url: MemberUrl,
    /// The jvmRoute that names it in session ids; may be empty.
    pub route: String,
    /// The route to prefer when it is out; may be empty.
    pub redirect: String,
    /// Members that share replicated sessions (mod_jk); may be empty.
    pub domain: String,
    /// Its weight.
    pub loadfactor: LoadFactor,
    /// Its tier, 0 to 99; the lowest with a usable member is used.
    pub lbset: u8,
    /// What the operator wants of it.
    pub status: Status,
    /// The secret that its connector asks for.
    pub secret: Option<Secret>,
    /// Most connections to it; at least 1.
    pub max: usize,
    /// Connections that are kept open; at most `max`.
    pub min: usize,
    /// An idle connection older than this is closed.
    pub ttl: Duration,
    /// How long a request waits for a connection of a full pool.
    pub acquire: Duration,
    /// Bound on resolving its name and on each TCP connect.
    pub connectiontimeout: Duration,
    /// Longest silence between two packets of the backend.
    pub timeout: Duration,
    /// CPING before a request on a kept connection, and how long to wait for CPONG; `None`: no CPING.
    pub ping: Option<Duration>,
    /// How long it is left alone after a failure.
    pub retry: Duration,
    /// AJP packet size in bytes, header included: 8192 to 65536.
    pub packet_size: usize,
    /// Where WebSocket and other upgrades go.
    pub upgrade_url: Option<MemberUrl>,
    /// TLS towards an `https` or `ftps` member.
    pub tls: Option<MemberTls>,
    /// Settings of an `ftp` or `ftps` member.
    pub ftp: Ftp,
}

/// Scheme, host, port and path of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MemberUrl {
    /// The protocol.
    pub scheme: Scheme,
    /// Host name or address, an IPv6 address without brackets.
    pub host: String,
    /// Port; the scheme's default when the text has none.
    pub port: u16,
    /// Path, without a slash at the end: empty or `/app`.
    pub path: String,
    /// The text of the file without a slash at the end: the name in variables, metrics and the manager.
    pub text: String,
}

impl fmt::Display for MemberUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Protocol of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// AJP13, port 8009.
    Ajp,
    /// HTTP/1.1, port 80.
    Http,
    /// HTTP/1.1 over TLS, port 443.
    Https,
    /// FTP, port 21.
    Ftp,
    /// FTP over TLS, port 990.
    Ftps,
}

impl Scheme {
    /// The word before `://`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ajp => "ajp",
            Self::Http => "http",
            Self::Https => "https",
            Self::Ftp => "ftp",
            Self::Ftps => "ftps",
        }
    }

    /// The port of a URL that names none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Ajp => 8009,
            Self::Http => 80,
            Self::Https => 443,
            Self::Ftp => 21,
            Self::Ftps => 990,
        }
    }
}

/// `loadfactor`: 1 to 100 with two decimals, kept as hundredths as httpd keeps it (100 to 10000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadFactor(u32);

impl LoadFactor {
    /// Weight 1.
    pub const ONE: Self = Self(100);

    /// From hundredths; `None` outside 100 to 10000.
    #[must_use]
    pub const fn from_hundredths(hundredths: u32) -> Option<Self> {
        if hundredths >= 100 && hundredths <= 10_000 {
            Some(Self(hundredths))
        } else {
            None
        }
    }

    /// The weight times 100.
    #[must_use]
    pub const fn hundredths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for LoadFactor {
    /// `1`, `2.5`, `33.33`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match part {
            0 => write!(f, "{whole}"),
            p if p % 10 == 0 => write!(f, "{whole}.{}", p / 10),
            p => write!(f, "{whole}.{p:02}"),
        }
    }
}

/// `status`: the operator's flags of a member, in httpd's meaning (`proxy_wstat_tbl` of proxy_util.c).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "six independent flags, named as in the file"
)]
pub struct Status {
    /// No request at all; health checks go on.
    pub disabled: bool,
    /// No request at all, never retried, no health checks.
    pub stopped: bool,
    /// Only requests of sessions that it has.
    pub drain: bool,
    /// Used when its set has no other usable member.
    pub hot_standby: bool,
    /// Replaces an unusable member of its set, one for one.
    pub hot_spare: bool,
    /// Never put in error by traffic.
    pub ignore_errors: bool,
}

/// `tls` of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberTls {
    /// PEM certificates that the server's must descend from; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Name to verify and to send as SNI; `None`: the URL's host.
    pub server_name: Option<String>,
    /// PEM chain of the gateway's own certificate.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub private_key: Option<PathBuf>,
    /// Whether the server's certificate is verified (`verify: full`).
    pub verify: bool,
}

/// FTP settings of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ftp {
    /// Login name; `None`: anonymous, or the client's.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Whether data connections are passive.
    pub passive: bool,
    /// Whether PUT and DELETE are allowed.
    pub allow_write: bool,
}

/// One entry of `proxy_pass`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Mapping {
    /// A path of whole segments: `/`, or `/shop` without a slash at the end.
    pub path: String,
    /// Host names in lower case, without port; empty: every host.
    pub hosts: Vec<String>,
    /// Where it goes; `None` for `exclude: true`.
    pub to: Option<Target>,
    /// Whether the client's Host is sent on.
    pub preserve_host: bool,
    /// Changes to the request's header fields, in order.
    pub request_headers: Vec<HeaderRule>,
    /// Changes to the response's header fields, in order.
    pub response_headers: Vec<HeaderRule>,
    /// AJP request attributes, in order.
    pub request_attributes: Vec<(String, Template)>,
}

/// `to`.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// `balancer://name/path`
    Balancer {
        /// Index in [`Config::balancers`].
        index: usize,
        /// The path behind the name, without a slash at the end: empty or `/shop`.
        path: String,
    },
    /// A backend's URL in place of a balancer; its path is in [`MemberUrl::path`].
    Member(Box<Member>),
}

/// An item of `request_headers` or `response_headers`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderRule {
    /// What is done.
    pub action: HeaderAction,
    /// Field name in lower case, a token of RFC 9110 section 5.6.2.
    pub name: String,
    /// The value; empty for `unset`.
    pub value: Template,
    /// Only when this variable is set.
    pub when: Option<Variable>,
}

/// What a header rule does, as mod_headers names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderAction {
    /// Replaces all fields of the name.
    Set,
    /// Adds one more field.
    Add,
    /// Appends to the field's value after `, `; adds it when there is none.
    Append,
    /// Removes all fields of the name.
    Unset,
}

/// A balancer variable (contract section 3; set as `mod_proxy_balancer.c` sets it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// `BALANCER_SESSION_STICKY`
    SessionSticky,
    /// `BALANCER_SESSION_ROUTE`
    SessionRoute,
    /// `BALANCER_NAME`
    Name,
    /// `BALANCER_WORKER_NAME`
    WorkerName,
    /// `BALANCER_WORKER_ROUTE`
    WorkerRoute,
    /// `BALANCER_ROUTE_CHANGED`
    RouteChanged,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 6] = [
        Self::SessionSticky,
        Self::SessionRoute,
        Self::Name,
        Self::WorkerName,
        Self::WorkerRoute,
        Self::RouteChanged,
    ];

    /// Its name in formats and conditions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionSticky => "BALANCER_SESSION_STICKY",
            Self::SessionRoute => "BALANCER_SESSION_ROUTE",
            Self::Name => "BALANCER_NAME",
            Self::WorkerName => "BALANCER_WORKER_NAME",
            Self::WorkerRoute => "BALANCER_WORKER_ROUTE",
            Self::RouteChanged => "BALANCER_ROUTE_CHANGED",
        }
    }

    /// The variable of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|variable| variable.name() == name)
    }
}

/// `limits`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// From the first byte of a head to its last.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// Most client connections; `None`: no limit.
    pub max_connections: Option<usize>,
    /// Largest body of a request, in bytes; `None`: no limit.
    pub max_body: Option<u64>,
}

/// `access_log`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessLog {
    /// Where lines go.
    pub sink: Sink,
    /// What they hold.
    pub format: LogFormat,
}

/// Where a log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file that is appended to.
    File(PathBuf),
}

/// `log`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: Level,
    /// Whether lines are JSON objects.
    pub json: bool,
}

/// `log.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Only what failed.
    Error,
    /// And what somebody should look at.
    Warn,
    /// And what happened.
    Info,
    /// And each decision.
    Debug,
    /// And everything else.
    Trace,
}

/// `admin`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admin {
    /// Address and port; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Networks that may ask; never empty.
    pub allow: Vec<IpNet>,
    /// Who may ask; always set when `bind` is not a loopback address.
    pub auth: Option<Auth>,
    /// Where changes made by hand are kept.
    pub state_file: Option<PathBuf>,
}

/// `admin.auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Basic authentication (RFC 7617).
    Basic {
        /// User name, without `:`.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token (RFC 6750).
    Token(Secret),
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
