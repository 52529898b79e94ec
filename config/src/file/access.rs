//! Which clients may use a mapping, and how often.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::Scalar;
use crate::model::RatePer;
use crate::value::{RequestRate, Whole, Word};

/// How many requests are answered.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "mapping.rate", default, deny_unknown_fields)]
#[schemars(extend("required" = ["requests"]))]
pub(crate) struct Rate {
    /// How many requests in which time: 20/s, 100/m or 1000/h; 0 is no limit.
    pub(crate) requests: Scalar<RequestRate>,
    /// How many may come at once; by default as many as `requests` names.
    pub(crate) burst: Scalar<Whole<1, 1_000_000>>,
    /// Whose requests are counted together: those of a client's address, of a user, or all of the mapping.
    #[schemars(extend("default" = "client"))]
    pub(crate) per: Scalar<Word<RatePer>>,
}
