//! The gateway's own side: listeners, limits, logs, admin.

use schemars::JsonSchema;
use serde::Deserialize;

use super::ListenerTls;
use crate::field::{Field, Kind, Scalar};
use crate::log_format::FormatText;
use crate::model::Level;
use crate::value::{
    Bind, CollectorUrl, FileName, Network, Part, Password, Period, Size, Switch, UserName, Whole,
    Word,
};

/// Where clients connect.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "listener", default, deny_unknown_fields)]
#[schemars(extend("required" = ["bind"]))]
pub(crate) struct Listener {
    /// Address and port, like 0.0.0.0:8080; port 0 takes a free one.
    pub(crate) bind: Scalar<Bind>,
    /// Whether each connection starts with a PROXY header (version 1 or 2).
    #[schemars(extend("default" = false))]
    pub(crate) proxy_protocol: Scalar<Switch>,
    /// Speak TLS.
    pub(crate) tls: Field<ListenerTls>,
    /// Whether HTTP/2 is offered; by default with `tls` only.
    pub(crate) http2: Scalar<Switch>,
}

/// Bounds on what a client may send.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "limits", default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Largest head of a request, at least 1KiB; 0 is the largest there can be, 16MiB.
    #[schemars(extend("default" = "64KiB"))]
    pub(crate) max_header_bytes: Scalar<Size<0, { crate::defaults::MOST_HEADER_BYTES }>>,
    /// From the first byte of a head to its last; 0 is no limit.
    #[schemars(extend("default" = "10s"))]
    pub(crate) header_timeout: Scalar<Period<0>>,
    /// How long a connection may wait for its next request, or take nothing of an answer; 0 is no limit.
    #[schemars(extend("default" = "75s"))]
    pub(crate) idle_timeout: Scalar<Period<0>>,
    /// Most client connections; 0 is no limit.
    #[schemars(extend("default" = 10000))]
    pub(crate) max_connections: Scalar<Whole<0, 10_000_000>>,
    /// Largest body of a request; 0 is no limit.
    #[schemars(extend("default" = 0))]
    pub(crate) max_body: Scalar<Size<0, { i64::MAX as u64 }>>,
    /// Most header fields of a request; 0 is no limit but `max_header_bytes`. Tomcat's own limit is 100.
    #[schemars(extend("default" = 100))]
    pub(crate) max_headers: Scalar<Whole<0, 10_000>>,
    /// Longest request target in bytes, path and query; 0 is no limit but 65,534.
    #[schemars(extend("default" = 0))]
    pub(crate) max_uri: Scalar<Size<0, 65_534>>,
    /// Least bytes per second of a request's body, on average and after 5 seconds of grace; 0 is no limit.
    #[schemars(extend("default" = 0))]
    pub(crate) min_body_rate: Scalar<Size<0, { u32::MAX as u64 }>>,
    /// Most connections of one client address; 0 is no limit.
    #[schemars(extend("default" = 0))]
    pub(crate) max_connections_per_ip: Scalar<Whole<0, 10_000_000>>,
    /// Most requests at a time on a connection of HTTP/2; 0 is the most there can be, 10000.
    #[schemars(extend("default" = 100))]
    pub(crate) max_streams: Scalar<Whole<0, { crate::defaults::MOST_STREAMS as u64 }>>,
}

/// The threads of the program.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "runtime", default, deny_unknown_fields)]
pub(crate) struct Runtime {
    /// How many threads serve clients; 0 is one for each core.
    #[schemars(extend("default" = 0))]
    pub(crate) threads: Scalar<Whole<0, 1024>>,
}

/// The access log.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "access_log", default, deny_unknown_fields)]
pub(crate) struct AccessLog {
    /// `stdout`, `stderr` or a file.
    #[schemars(extend("default" = "stdout"))]
    pub(crate) path: Scalar<FileName>,
    /// `combined`, `common`, `json`, `off`, or a LogFormat string of Apache httpd.
    #[schemars(extend("default" = "combined"))]
    pub(crate) format: Scalar<FormatText>,
}

/// The program's own log.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "log", default, deny_unknown_fields)]
pub(crate) struct Log {
    /// How much is logged.
    #[schemars(extend("default" = "info"))]
    pub(crate) level: Scalar<Word<Level>>,
    /// `text` or `json`.
    #[schemars(extend("default" = "text"))]
    pub(crate) format: Scalar<Word<LogShape>>,
}

/// Where traces go, and how many begin here.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "tracing", default, deny_unknown_fields)]
#[schemars(extend("required" = ["otlp"]))]
pub(crate) struct Tracing {
    /// The collector's url for OTLP over HTTP; without a path, /v1/traces.
    pub(crate) otlp: Scalar<CollectorUrl>,
    /// Which part of the traces that begin here is recorded, from 0 to 1; a trace that begins elsewhere says so itself.
    #[schemars(extend("default" = 1))]
    pub(crate) sample: Scalar<Part>,
}

/// `log.format`
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogShape {
    Text,
    Json,
}

impl crate::value::Keyword for LogShape {
    fn words() -> Vec<(&'static str, Self)> {
        vec![("text", Self::Text), ("json", Self::Json)]
    }
}

/// The admin listener.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "admin", default, deny_unknown_fields)]
pub(crate) struct Admin {
    /// Address and port; port 0 takes a free one.
    #[schemars(extend("default" = "127.0.0.1:9404"))]
    pub(crate) bind: Scalar<Bind>,
    /// Networks that may ask; by default loopback when bound to loopback, else everyone.
    #[schemars(extend("minItems" = 1))]
    pub(crate) allow: Field<Vec<Scalar<Network>>>,
    /// Who may ask; needed for any bind that is not loopback.
    pub(crate) auth: Field<Auth>,
    /// Speak TLS.
    pub(crate) tls: Field<ListenerTls>,
    /// File that keeps what was changed by hand over a restart.
    pub(crate) state_file: Scalar<FileName>,
}

/// Either `user` and `password`, or `token`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "auth", default, deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["user", "password"] }, { "required": ["token"] }]))]
pub(crate) struct Auth {
    /// User name for basic authentication.
    pub(crate) user: Scalar<UserName>,
    /// Password for basic authentication.
    pub(crate) password: Scalar<Password>,
    /// Bearer token.
    pub(crate) token: Scalar<BearerToken>,
}

/// A bearer token: what can stand in an Authorization header.
pub(crate) enum BearerToken {}

impl Kind for BearerToken {
    type Value = crate::model::Secret;

    fn read(text: &str) -> Result<Self::Value, crate::fault::Fault> {
        match text.chars().position(|c| !c.is_ascii_graphic()) {
            Some(at) => Err(crate::fault::Fault::new("is not a bearer token")
                .hint("a token is ASCII without blanks")
                .at(at)),
            None => Password::read(text),
        }
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[!-~]+$" })
    }
}
