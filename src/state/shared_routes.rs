//! Routes that several members of a balancer have: the sessions of all of them go to the first, or to another one where that cannot
//! take them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ajpgate_config::MemberSource;
use tracing::warn;

use super::member::LiveMember;

/// The most routes that have a line of the log each.
const EACH: usize = 16;

/// The most members that a line names.
const NAMED: usize = 3;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct SharedRoutes(BTreeMap<String, Members>);

/// The members with one route.
#[derive(Debug, Default)]
struct Members {
    urls: Vec<Arc<str>>,
    /// Whether `members` of the file names all of them: then `check`, a start and a reload have warned.
    of_file: bool,
}

impl SharedRoutes {
    /// Those of these members. One that is about to end by what its source says does not count: the one that takes its place often
    /// has its route.
    pub(super) fn of(members: &[Arc<LiveMember>]) -> Self {
        let mut all: BTreeMap<&str, Vec<&LiveMember>> = BTreeMap::new();
        for member in members {
            let config = &member.config;
            if !config.route.is_empty() && !config.origin.standing.drains() {
                all.entry(&config.route).or_default().push(member);
            }
        }
        let shared = all.into_iter().filter(|(_, members)| members.len() > 1);
        let shared = shared.map(|(route, members)| {
            let mut sources = members.iter().map(|it| it.config.origin.source);
            let of_file = sources.all(|source| source == MemberSource::Config);
            let urls = members.iter().map(|it| Arc::clone(&it.url)).collect();
            (route.to_owned(), Members { urls, of_file })
        });
        Self(shared.collect())
    }

    /// Whether several members have this route.
    pub(super) fn contains(&self, route: &str) -> bool {
        self.0.contains_key(route)
    }

    /// Logs those that were not told before.
    pub(super) fn tell(&self, balancer: &str, before: &Self) {
        let is_told = |(route, members): &(&String, &Members)| {
            let before = before.0.get(*route);
            members.of_file || before.is_some_and(|before| !before.of_file)
        };
        let new: Vec<_> = self.0.iter().filter(|it| !is_told(it)).collect();
        for (route, members) in new.iter().take(EACH) {
            let named: Vec<&str> = members.urls.iter().map(|it| &**it).take(NAMED).collect();
            let (members, first) = (members.urls.len(), named.join(", "));
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
