//! Several gateways as one.

use std::fmt;

use super::{MemberTls, Secret};

/// `cluster`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// Where the engine is: a Valkey or Redis.
    pub url: EngineUrl,
    /// The name that gateways share which share the rest.
    pub name: String,
    /// TLS settings beside `rediss://`.
    pub tls: Option<MemberTls>,
}

/// The URL of a Valkey or Redis. Its text is without user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineUrl {
    /// Whether TLS is spoken: `rediss://`.
    pub secure: bool,
    /// User of the engine's access list; `None`: the default user.
    pub user: Option<String>,
    /// Password; `None`: none is asked for.
    pub password: Option<Secret>,
    /// Host name or address, an IPv6 address without brackets.
    pub host: String,
    /// Port; 6379 when the text has none.
    pub port: u16,
    /// Number of the database.
    pub database: u16,
}

impl fmt::Display for EngineUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, database, .. } = self;
        let scheme = if self.secure { "rediss" } else { "redis" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{port}/{database}", self.host),
            false => write!(f, "{scheme}://{}:{port}/{database}", self.host),
        }
    }
}
