//! Balancers and members of a configuration, with everything made that can fail.

use std::sync::Arc;

use ajpgate_config as config;
use tracing::warn;

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
    /// Members that no backend can be made for now.
    pub(super) unusable: Vec<Unusable>,
}

/// A member for which no backend can be made now: a file of its `tls` cannot be read, for example.
#[derive(Debug, Clone)]
pub(super) struct Unusable {
    pub(super) config: Arc<config::Member>,
    pub(super) reason: String,
    /// Whether it runs with the backend that it had before. Else it is left out.
    pub(super) runs: bool,
}

/// The most of them that have a line of the log each.
const EACH: usize = 16;

impl Unusable {
    /// Logs them, but for those that were told before.
    pub(super) fn tell(all: &[Self], balancer: &str, before: &[Self]) {
        let is_new = |it: &&Self| {
            let mut before = before.iter();
            !before.any(|before| (&before.reason, before.runs) == (&it.reason, it.runs))
        };
        let new: Vec<&Self> = all.iter().filter(is_new).collect();
        for it in new.iter().take(EACH) {
            let (member, reason) = (&it.config.url.text, &it.reason);
            match it.runs {
                true => warn!(
                    balancer,
                    member,
                    reason,
                    "the files of a member cannot be used any more: it goes on with what they held before"
                ),
                false => warn!(
                    balancer,
                    member, reason, "a member cannot be used: it is left out, the others count"
                ),
            }
        }
        let members = new.len().saturating_sub(EACH);
        if members > 0 {
            warn!(balancer, members, "further members cannot be used");
        }
    }
}

/// A member of such a balancer.
#[derive(Debug)]
pub(super) struct PreparedMember {
    pub(super) config: Arc<config::Member>,
    pub(super) metrics: MemberMetrics,
    /// The backend that it has already, or a new one.
    pub(super) backend: Backend,
}
