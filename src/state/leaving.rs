//! Members that were removed while requests of theirs were under way.

use std::sync::{Mutex, PoisonError};

use ajpgate_config::place_of;

use super::snapshot::Snapshot;
use crate::backend::Backend;

/// One of them, as far as its requests are not done.
#[derive(Debug)]
struct Leaving {
    balancer: String,
    place: String,
    backend: Backend,
}

impl Leaving {
    fn requests(&self) -> usize {
        self.backend.connections().busy
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct LeavingMembers(Mutex<Vec<Leaving>>);

impl LeavingMembers {
    /// Notes the members of a snapshot whose backends are no longer needed, and forgets those whose requests are done.
    pub(super) fn note(&self, before: &Snapshot, retired: &[Backend]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|leaving| leaving.requests() > 0);
        for balancer in before.balancers.iter().filter(|_| !retired.is_empty()) {
            for member in &balancer.members {
                let is_retired = retired.iter().any(|backend| backend.is(&member.backend));
                if is_retired && member.backend.connections().busy > 0 {
                    all.push(Leaving {
                        balancer: balancer.name().to_owned(),
                        place: member.config.url.place(),
                        backend: member.backend.clone(),
                    });
                }
            }
        }
    }

    /// How many requests of removed members with this url are under way.
    pub(crate) fn requests(&self, balancer: &str, url: &str) -> usize {
        let place = place_of(url);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let these = all
            .iter()
            .filter(|it| it.balancer == balancer && it.place == place);
        these.map(Leaving::requests).sum()
    }
}
