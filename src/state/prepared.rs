//! Balancers and members of a configuration, with everything made that can fail.

use std::sync::Arc;

use ajpgate_config as config;

use crate::backend::Backend;
use crate::telemetry::metrics::{BalancerMetrics, MemberMetrics};

/// A balancer of the configuration, with everything that is needed to run it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) config: Arc<config::Balancer>,
    /// Whether it is the balancer of a backend's URL in place of a balancer.
    pub(super) alone: bool,
    pub(super) metrics: BalancerMetrics,
    /// In the order of the configuration.
    pub(super) members: Vec<PreparedMember>,
}

/// A member of such a balancer.
#[derive(Debug)]
pub(super) struct PreparedMember {
    pub(super) config: Arc<config::Member>,
    pub(super) metrics: MemberMetrics,
    /// The backend that it has already, or a new one.
    pub(super) backend: Backend,
}
