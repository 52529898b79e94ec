//! The keys of the file.
//!
//! The parser, the suggestions for unknown keys and the JSON Schema all follow from these structs. Their defaults are texts
//! for the schema; the values are in [`crate::defaults`]. The structs stay inside the crate: [`crate::build`] turns them
//! into the model.

mod access;
mod answers;
mod balancer;
mod cluster;
mod discover;
mod gateway;
mod headers;
mod identity;
mod listener_tls;
mod mapping;
mod member;
mod redirect;

pub(crate) use access::Rate;
pub(crate) use answers::{Compress, ErrorOverride, ErrorPages};
pub(crate) use balancer::{Balancer, HealthCheck, Heartbeat, StatusCodes, StickyCookie};
pub(crate) use cluster::Cluster;
pub(crate) use discover::{Discover, Kubernetes};
pub(crate) use gateway::{
    AccessLog, Admin, Auth, Limits, Listener, Log, LogShape, Runtime, Tracing,
};
pub(crate) use headers::HeaderRule;
pub(crate) use identity::{Basic, CertificateUser, ForwardAuth, HeaderUser, Identity};
pub(crate) use listener_tls::{Acme, CertificatePair, ListenerTls};
pub(crate) use mapping::Mapping;
pub(crate) use member::{Member, MemberTls};
pub(crate) use redirect::{Redirect, Respond};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{Either, Field, Named, Scalar};
use crate::log_format::FormatText;
use crate::value::{BalancerName, FileName, Network, Off, Period, Switch};

/// Configuration of ajpgate, a gateway in front of Tomcat clusters.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "configuration", default, deny_unknown_fields)]
#[schemars(title = "ajpgate", extend("required" = ["listeners"]))]
pub(crate) struct File {
    /// Where clients connect; at least one.
    #[schemars(extend("minItems" = 1))]
    pub(crate) listeners: Field<Vec<Field<Listener>>>,
    /// Groups of backends that share load and sessions, by name.
    pub(crate) balancers: Field<Named<BalancerName, Balancer>>,
    /// Which request goes where: exclusions first, then `match` in the order of the file, then the longest path.
    pub(crate) proxy_pass: Field<Vec<Field<Mapping>>>,
    /// Changes to the header fields of every answer, in order; those of a mapping come behind them.
    #[schemars(extend("default" = []))]
    pub(crate) response_headers: Field<Vec<Field<HeaderRule>>>,
    /// Files that are the bodies of the gateway's own errors, by status; at most 64 KiB each.
    #[schemars(extend("default" = {}))]
    pub(crate) error_pages: Field<ErrorPages>,
    /// Which errors of backends the pages stand in for: true, or a list of statuses.
    #[schemars(extend("default" = false))]
    pub(crate) error_override: Field<ErrorOverride>,
    /// Files with more `balancers` and `proxy_pass`, from the folder of this file on; `*` stands for any letters of a name.
    #[schemars(extend("default" = []))]
    pub(crate) include: Field<Vec<Scalar<FileName>>>,
    /// Networks of peers whose X-Forwarded-*, Forwarded and PROXY headers are believed.
    #[schemars(extend("default" = []))]
    pub(crate) trusted_proxies: Field<Vec<Scalar<Network>>>,
    /// Bounds on what a client may send.
    pub(crate) limits: Field<Limits>,
    /// The access log; a format alone writes it to standard output.
    #[schemars(extend("default" = { "path": "stdout", "format": "combined" }))]
    pub(crate) access_log: Field<Either<FormatText, AccessLog>>,
    /// The program's own log.
    pub(crate) log: Field<Log>,
    /// Traces: what happens to requests, sent to a collector of OpenTelemetry.
    #[serde(rename = "tracing")]
    pub(crate) traces: Field<Tracing>,
    /// The admin listener: manager, API, metrics, health. `off` for none.
    pub(crate) admin: Field<Either<Off, Admin>>,
    /// Several gateways as one: what they share through Valkey or Redis.
    pub(crate) cluster: Field<Cluster>,
    /// Whether a change of the file reloads it.
    #[schemars(extend("default" = false))]
    pub(crate) watch: Scalar<Switch>,
    /// How long requests in flight may take after SIGTERM.
    #[schemars(extend("default" = "30s"))]
    pub(crate) shutdown_timeout: Scalar<Period<0>>,
    /// How long /readyz says 503 after SIGTERM before the listeners close.
    #[schemars(extend("default" = "0s"))]
    pub(crate) shutdown_delay: Scalar<Period<0>>,
    /// The threads of the program.
    pub(crate) runtime: Field<Runtime>,
}
