//! Which members have a route: a session's request finds its member without a look at all of them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use super::member::Member;

/// The places of the members of each route, in the order of the members. No member has the empty route.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Routes(HashMap<Arc<str>, Vec<usize>, Hasher>);

/// Without a random seed: the routes are an operator's, so nobody fills the map with what has one hash.
type Hasher = BuildHasherDefault<DefaultHasher>;

impl Routes {
    pub(super) fn of(members: &[Member]) -> Self {
        let mut routes = Self::default();
        for (index, member) in members.iter().enumerate() {
            if !member.route.is_empty() {
                let places = routes.0.entry(Arc::clone(&member.route)).or_default();
                places.push(index);
            }
        }
        routes
    }

    /// The places of the members with this route.
    pub(super) fn places(&self, route: &str) -> &[usize] {
        self.0.get(route).map(Vec::as_slice).unwrap_or_default()
    }
}
