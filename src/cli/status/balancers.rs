//! The balancers of a gateway.

use serde::Deserialize;
use serde_json::Value;

use crate::cli::api::ApiError;
use crate::cli::member::Member;

/// The balancers as the API shows them. What is not needed here is not read.
#[derive(Debug, Deserialize)]
pub(super) struct Balancers {
    pub(super) balancers: Vec<Balancer>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Balancer {
    pub(super) name: String,
    pub(super) lbmethod: String,
    #[serde(default)]
    pub(super) stickysession: String,
    pub(super) usable: bool,
    pub(super) members: Vec<Member>,
}

impl Balancers {
    pub(super) fn of(value: Value) -> Result<Self, ApiError> {
        serde_json::from_value(value).map_err(|error| ApiError::shape(&error))
    }
}
