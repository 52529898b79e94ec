//! Which members have a route: a session's request finds its member without a look at all of them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use super::id::MemberId;
use super::member::Member;

/// The places of the members of each route, in the order of the members. No member has the empty route.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Routes {
    by_route: HashMap<Arc<str>, Vec<usize>, Hasher>,
    /// The place of each member, sorted by id.
    by_id: Vec<(MemberId, usize)>,
    /// Whether a member has a domain.
    domains: bool,
}

/// Without a random seed: the routes are an operator's, so nobody fills the map with what has one hash.
type Hasher = BuildHasherDefault<DefaultHasher>;

impl Routes {
    pub(super) fn of(members: &[Member]) -> Self {
        let mut routes = Self::default();
        for (index, member) in members.iter().enumerate() {
            routes.add(member, index);
        }
        routes.by_id.sort_unstable();
        routes
    }

    /// Adds the last member. Its id is the largest.
    pub(super) fn add(&mut self, member: &Member, place: usize) {
        self.by_id.push((member.id, place));
        self.domains |= !member.domain.is_empty();
        if !member.route.is_empty() {
            let places = self.by_route.entry(Arc::clone(&member.route));
            places.or_default().push(place);
        }
    }

    /// The place of a member.
    pub(super) fn place(&self, id: MemberId) -> Option<usize> {
        let found = self.by_id.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        let (_, place) = self.by_id.get(found)?;
        Some(*place)
    }

    /// Whether a member has a domain.
    pub(super) const fn have_domains(&self) -> bool {
        self.domains
    }

    /// The places of the members with this route.
    pub(super) fn places(&self, route: &str) -> &[usize] {
        self.by_route
            .get(route)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}
