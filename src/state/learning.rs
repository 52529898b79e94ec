//! Routes that are learned from the sessions that members issue.
//!
//! The next request of such a session must find its member, so the decisions are told before the answer goes to the client.
//! What runs, and the state file, follow a moment later.
//!
//! In a cluster, gateways tell each other what they have learned. A member that appears here with a route that others know has it from
//! its first request on, and with it what was changed of it by hand.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ajpgate_config::is_route;
use tracing::{info, warn};

use super::live::LiveBalancer;
use super::member::LiveMember;
use crate::balancer::{Change, Command};
use crate::clock;
use crate::cluster::Routes;

/// The routes that the gateways of the cluster have learned, as they were heard last.
#[derive(Debug, Default)]
pub(crate) struct HeardRoutes(Mutex<Routes>);

impl HeardRoutes {
    /// These are the routes now.
    pub(crate) fn hear(&self, routes: Routes) {
        *self.routes() = routes;
    }

    /// The route of the member at a place.
    pub(super) fn of(&self, balancer: &str, place: &str) -> Option<String> {
        let key = (balancer.to_owned(), place.to_owned());
        let route = self.routes().get(&key).cloned();
        route.filter(|route| is_route(route))
    }

    /// Members have gone: what was heard of them may be what this gateway told itself.
    pub(super) fn forget(&self, balancer: &str, places: &HashSet<String>) {
        let is_gone = |(of, place): &(String, String)| of == balancer && places.contains(place);
        self.routes().retain(|member, _| !is_gone(member));
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveBalancer {
    /// Takes the route of a session that this member has issued as the member's, where the member learns its route. Returns
    /// the route of the first session that it was seen to issue.
    pub(crate) fn learn_route(&self, member: &LiveMember, issued: &str) -> Option<Arc<str>> {
        let learns = member.config.origin.learns_route && member.config.route.is_empty();
        if !learns || !is_route(issued) {
            return None;
        }
        let mut is_first = false;
        let route = member.taught.get_or_init(|| {
            is_first = true;
            issued.into()
        });
        if is_first {
            let (balancer, url) = (self.name(), &member.url);
            let change = Change {
                route: Some(issued.to_owned()),
                ..Change::default()
            };
            let now = clock::now().into_std();
            match self.apply(Command::Change(member.id, change), now) {
                Ok(_) => {
                    info!(balancer, member = %url, route = issued, "the route of a member was learned");
                }
                Err(reason) => {
                    warn!(balancer, member = %url, route = issued, %reason, "the route of a member cannot be learned");
                }
            }
        }
        Some(Arc::clone(route))
    }

    /// Takes up the routes that other gateways have learned, of members that have none yet.
    pub(crate) fn hear_routes(&self, heard: &Routes) {
        for member in self.waiting() {
            let key = (self.name().to_owned(), member.config.url.place());
            if let Some(route) = heard.get(&key) {
                self.learn_route(member, route);
            }
        }
    }

    /// What other gateways are told: the routes of members that learn theirs, by place.
    pub(crate) fn learned(&self) -> Vec<(String, String)> {
        let members = self
            .members
            .iter()
            .filter(|it| it.config.origin.learns_route);
        let route = |member: &Arc<LiveMember>| {
            let known = Some(member.config.route.as_str()).filter(|it| !it.is_empty());
            let route = known.or_else(|| member.taught.get().map(|it| &**it))?;
            Some((member.config.url.place(), route.to_owned()))
        };
        members.filter_map(route).collect()
    }

    /// Whether a member's route is to be learned.
    pub(crate) fn is_learning(&self) -> bool {
        self.waiting().next().is_some()
    }

    /// The members whose route is not known.
    fn waiting(&self) -> impl Iterator<Item = &Arc<LiveMember>> {
        let learn =
            |it: &&Arc<LiveMember>| it.config.origin.learns_route && it.config.route.is_empty();
        self.members
            .iter()
            .filter(learn)
            .filter(|it| it.taught.get().is_none())
    }

    /// The routes that were learned and are not part of what runs yet: url and route.
    pub(crate) fn taught(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let members = self
            .members
            .iter()
            .filter(|member| member.config.origin.learns_route && member.config.route.is_empty());
        let taught = members.filter_map(|it| Some((Arc::clone(&it.url), it.taught.get()?.clone())));
        taught.collect()
    }
}
