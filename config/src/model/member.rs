//! Members: the backends.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::origin::Origin;

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
    /// The file that the secret was read from; `None` when the configuration has the secret itself, or there is none.
    pub(crate) secret_file: Option<PathBuf>,
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
    /// Where it comes from.
    pub origin: Origin,
}

/// Scheme, host, port and path of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MemberUrl {
    /// The protocol.
    pub scheme: Scheme,
    /// Host name in small letters or address, an IPv6 address without brackets and in its shortest form.
    pub host: String,
    /// Port; the scheme's default when the text has none.
    pub port: u16,
    /// Path, without a slash at the end: empty or `/app`.
    pub path: String,
    /// The text of the file without a slash at the end: the name in variables, metrics and the manager.
    pub text: String,
}

impl MemberUrl {
    /// The same protocol and path at an address.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            scheme: self.scheme,
            host: address.ip().to_string(),
            port: address.port(),
            text: format!("{}://{address}{}", self.scheme.name(), self.path),
            path: self.path.clone(),
        }
    }

    /// The place that it names, as a url with all its parts: `ajp://HOST` and `ajp://host:8009` name the same. A member is
    /// known by it, however its url is written.
    #[must_use]
    pub fn place(&self) -> String {
        let (scheme, host) = (self.scheme.name(), &self.host);
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.clone(),
        };
        format!("{scheme}://{host}:{}{}", self.port, self.path)
    }

    /// Whether both name the same place: `ajp://host` and `ajp://host:8009` do.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port, &self.path)
            == (other.scheme, &other.host, other.port, &other.path)
    }
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

/// `status`: the operator's flags of a member, in httpd's meaning (`proxy_util.c: proxy_wstat_tbl`).
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

impl Status {
    /// Whether the member gets no request at all, also none of its sessions.
    #[must_use]
    pub const fn takes_nothing(self) -> bool {
        self.disabled || self.stopped
    }
}

/// `tls` of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberTls {
    /// Root certificates in PEM that the server's is verified with; `None`: the system's.
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

impl MemberTls {
    /// TLS with which nothing is verified, so that no file is read for it: for who only asks what becomes of a request.
    #[must_use]
    pub const fn without_files() -> Self {
        Self {
            ca: None,
            server_name: None,
            certificate: None,
            private_key: None,
            verify: false,
        }
    }
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
