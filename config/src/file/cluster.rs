//! Several gateways as one.

use schemars::JsonSchema;
use serde::Deserialize;

use super::MemberTls;
use crate::field::{Field, Scalar};
use crate::value::{ClusterName, EngineUrl};

/// What gateways of one name share, and where.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "cluster", default, deny_unknown_fields)]
#[schemars(extend("required" = ["url", "name"]))]
pub(crate) struct Cluster {
    /// Valkey or Redis: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS.
    pub(crate) url: Scalar<EngineUrl>,
    /// Gateways of the same name share changes by hand and the count of live sessions.
    pub(crate) name: Scalar<ClusterName>,
    /// TLS towards the engine, beside rediss:// only.
    pub(crate) tls: Field<MemberTls>,
}
