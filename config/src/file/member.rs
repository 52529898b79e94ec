//! Members.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{Field, Scalar};
use crate::value::{
    Factor, FileName, Flag, MemberSecret, MemberTarget, Password, Period, Route, ServerName, Size,
    Switch, UpgradeTarget, UserName, Verify, Whole, Word,
};

/// A backend.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "member", default, deny_unknown_fields)]
pub(crate) struct Member {
    /// Where it is: ajp://, http://, https://, ftp:// or ftps://.
    pub(crate) url: Scalar<MemberTarget>,
    /// The jvmRoute of the Tomcat, which names it in session ids.
    pub(crate) route: Scalar<Route>,
    /// The route to prefer when this member is out.
    pub(crate) redirect: Scalar<Route>,
    /// Members that share replicated sessions.
    pub(crate) domain: Scalar<Route>,
    /// Its weight, 1 to 100 with at most two decimals.
    #[schemars(extend("default" = 1))]
    pub(crate) loadfactor: Scalar<Factor>,
    /// Its tier; the lowest one with a usable member is used.
    #[schemars(extend("default" = 0))]
    pub(crate) lbset: Scalar<Whole<0, 99>>,
    /// What the operator wants of it.
    #[schemars(extend("default" = []))]
    pub(crate) status: Field<Vec<Scalar<Word<Flag>>>>,
    /// The secret that the AJP connector asks for; empty for none.
    pub(crate) secret: Scalar<MemberSecret>,
    /// File that holds the secret.
    pub(crate) secret_file: Scalar<FileName>,
    /// Most connections to it.
    #[schemars(extend("default" = 200))]
    pub(crate) max: Scalar<Whole<1, 65_535>>,
    /// Connections that are kept open.
    #[schemars(extend("default" = 0))]
    pub(crate) min: Scalar<Whole<0, 65_535>>,
    /// An idle connection older than this is closed.
    #[schemars(extend("default" = "60s"))]
    pub(crate) ttl: Scalar<Period<0>>,
    /// How long a request waits for a connection of a full pool.
    #[schemars(extend("default" = "10s"))]
    pub(crate) acquire: Scalar<Period<0>>,
    /// Bound on resolving its name and on each TCP connect.
    #[schemars(extend("default" = "1s"))]
    pub(crate) connectiontimeout: Scalar<Period<1>>,
    /// Longest silence between two packets of the backend; 0 is no limit.
    #[schemars(extend("default" = "60s"))]
    pub(crate) timeout: Scalar<Period<0>>,
    /// CPING before a request on a kept connection, and how long to wait for the answer; absent: none.
    pub(crate) ping: Scalar<Period<1>>,
    /// How long a failed member is left alone.
    #[schemars(extend("default" = "60s"))]
    pub(crate) retry: Scalar<Period<0>>,
    /// AJP packet size, as in Tomcat's packetSize.
    #[schemars(extend("default" = 8192))]
    pub(crate) packet_size: Scalar<Size<8192, 65_536>>,
    /// The HTTP connector that WebSocket and other upgrades go to: AJP13 cannot carry them.
    pub(crate) upgrade_url: Scalar<UpgradeTarget>,
    /// TLS towards an https or ftps member.
    pub(crate) tls: Field<MemberTls>,
    /// FTP login name; absent: anonymous, or the client's.
    pub(crate) username: Scalar<UserName>,
    /// FTP password.
    pub(crate) password: Scalar<Password>,
    /// Whether FTP data connections are passive.
    #[schemars(extend("default" = true))]
    pub(crate) passive: Scalar<Switch>,
    /// Whether PUT and DELETE are allowed on an FTP member.
    #[schemars(extend("default" = false))]
    pub(crate) allow_write: Scalar<Switch>,
}

/// TLS towards a member.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "member.tls", default, deny_unknown_fields)]
pub(crate) struct MemberTls {
    /// PEM file: the root certificates that the server's is verified with; absent: the system's.
    pub(crate) ca: Scalar<FileName>,
    /// Name to verify and to ask for; absent: the url's host.
    pub(crate) server_name: Scalar<ServerName>,
    /// PEM file: the gateway's own certificate and chain.
    pub(crate) certificate: Scalar<FileName>,
    /// PEM file: the private key of `certificate`.
    pub(crate) private_key: Scalar<FileName>,
    /// Whether the server's certificate is verified.
    #[schemars(extend("default" = "full"))]
    pub(crate) verify: Scalar<Word<Verify>>,
}
