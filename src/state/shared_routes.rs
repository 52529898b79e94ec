//! Routes that several members of a balancer have: the sessions of all of them go to the first, or to another one where that cannot
//! take them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;

use super::member::LiveMember;

/// The most routes that have a line of the log each.
const EACH: usize = 16;

/// The most members that a line names.
const NAMED: usize = 3;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct SharedRoutes(BTreeMap<String, Vec<Arc<str>>>);

impl SharedRoutes {
    /// Those of these members. One that is about to end by what its source says does not count: the one that takes its place often
    /// has its route.
    pub(super) fn of(members: &[Arc<LiveMember>]) -> Self {
        let mut all: BTreeMap<&str, Vec<&Arc<str>>> = BTreeMap::new();
        for member in members {
            let config = &member.config;
            if !config.route.is_empty() && !config.origin.standing.drains() {
                all.entry(&config.route).or_default().push(&member.url);
            }
        }
        let shared = all.into_iter().filter(|(_, urls)| urls.len() > 1);
        let shared = shared.map(|(route, urls)| {
            let urls = urls.into_iter().map(Arc::clone).collect();
            (route.to_owned(), urls)
        });
        Self(shared.collect())
    }

    /// Whether several members have this route.
    pub(super) fn contains(&self, route: &str) -> bool {
        self.0.contains_key(route)
    }

    /// Logs those that were not there before. `check`, a start and a reload also warn of those that the file alone makes.
    pub(super) fn tell(&self, balancer: &str, before: &Self) {
        let new = self.0.iter().filter(|(route, _)| !before.contains(route));
        let new: Vec<_> = new.collect();
        for (route, urls) in new.iter().take(EACH) {
            let named: Vec<&str> = urls.iter().map(|it| &**it).take(NAMED).collect();
            let (members, first) = (urls.len(), named.join(", "));
            warn!(
                balancer,
                route,
                members,
                first,
                "several members have one route: the sessions of all of them go to the first, give each Tomcat a jvmRoute of its own"
            );
        }
        let routes = new.len().saturating_sub(EACH);
        if routes > 0 {
            warn!(balancer, routes, "further routes have several members");
        }
    }
}
