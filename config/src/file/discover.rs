//! Sources of members.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::Scalar;
use crate::value::{FileName, Period};

/// A source that names members while the gateway runs.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "discover", default, deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["file"] }]))]
pub(crate) struct Discover {
    /// Files with lists of members, from the folder of the configuration file on; `*` stands for any letters of a name. They
    /// are read again when they change.
    pub(crate) file: Scalar<FileName>,
    /// Time from one question to the next.
    #[schemars(extend("default" = "5s"))]
    pub(crate) interval: Scalar<Period<100>>,
}
