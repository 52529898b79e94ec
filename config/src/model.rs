//! A validated configuration with every default filled in.
//!
//! Values of these types come from [`crate::parse()`] only, so the rest of the program need not check them
//! again. The words are mod_proxy's where mod_proxy has one (`docs/migrating.md` has a table).

mod access;
mod answers;
mod balancer;
mod change;
mod cluster;
mod discover;
mod files;
mod headers;
mod identity;
mod include;
mod listener_tls;
mod mapping;
mod member;
mod origin;
mod redirect;
mod sticky;

pub use access::*;
pub use answers::*;
pub use balancer::*;
pub use change::*;
pub use cluster::*;
pub use discover::*;
pub use files::*;
pub use headers::*;
pub use identity::*;
pub use include::*;
pub use listener_tls::*;
pub use mapping::*;
pub use member::*;
pub use origin::*;
pub use redirect::*;
pub use sticky::*;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::log_format::LogFormat;

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
    /// Changes to the header fields of every answer, in order, before those of a mapping.
    pub response_headers: Vec<HeaderRule>,
    /// Bodies of errors.
    pub error_pages: ErrorPages,
    /// Which errors of backends they stand in for.
    pub error_override: ErrorOverride,
    /// The files that some of these stand in.
    pub include: Include,
    /// Peers whose `X-Forwarded-*`, `Forwarded` and PROXY headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds on what a client may send.
    pub limits: Limits,
    /// The access log.
    pub access_log: AccessLog,
    /// The program's own log.
    pub log: Log,
    /// Traces; `None`: none are made.
    pub traces: Option<Tracing>,
    /// The admin listener; `None` for `admin: off`.
    pub admin: Option<Admin>,
    /// What several gateways share, and where; `None`: the gateway is alone.
    pub cluster: Option<Cluster>,
    /// Whether a change of the file reloads it.
    pub watch: bool,
    /// How long requests in flight may take after SIGTERM.
    pub shutdown_timeout: Duration,
    /// How long `/readyz` says 503 after SIGTERM before the listeners close.
    pub shutdown_delay: Duration,
    /// `runtime.threads`: how many threads serve clients; 0 is one for each core.
    pub threads: usize,
}

impl Config {
    /// The balancer of this name.
    #[must_use]
    pub fn balancer(&self, name: &str) -> Option<&Balancer> {
        self.balancers.iter().find(|balancer| balancer.name == name)
    }
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
    /// Most header fields of a request; `None`: no limit.
    pub max_headers: Option<usize>,
    /// Longest request target, in bytes; `None`: no limit.
    pub max_uri: Option<usize>,
    /// Least bytes of a request's body per second; `None`: no limit.
    pub min_body_rate: Option<NonZeroU64>,
    /// Most connections of one client address; `None`: no limit.
    pub max_connections_per_ip: Option<usize>,
    /// Most requests at a time on a connection of HTTP/2, from 1 to 10,000.
    pub max_streams: u32,
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

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
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
    /// Failures only.
    Error,
    /// Also warnings: what an operator should look at.
    Warn,
    /// Also events, such as a reload.
    Info,
    /// Also each decision.
    Debug,
    /// Also everything else.
    Trace,
}

/// `tracing`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tracing {
    /// Where spans are sent: an http or https url with its path.
    pub otlp: String,
    /// Which part of the traces that begin here is recorded.
    pub sample: Part,
}

/// A part of a whole, in millionths: 0 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part(u32);

impl Part {
    /// Millionths of the whole.
    pub const WHOLE: u32 = 1_000_000;

    /// The whole.
    pub const ALL: Self = Self(Self::WHOLE);

    /// So many millionths; `None` for more than the whole.
    #[must_use]
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        match millionths {
            0..=Self::WHOLE => Some(Self(millionths)),
            _ => None,
        }
    }

    /// The part in millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }
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
    /// TLS, when the listener speaks it.
    pub tls: Option<ListenerTls>,
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
