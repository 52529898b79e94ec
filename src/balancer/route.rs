//! The member of a session's route.
//!
//! Source: `mod_proxy_balancer.c: find_route_worker()`. Set, drain, role and load have no effect.

use std::time::Instant;

use super::Tried;
use super::member::Member;
use super::routes::Routes;

/// The longest chain of redirects that is followed: each step is a stack frame.
const DEEPEST: usize = 256;

/// One lookup. Redirects lead from route to route; as in httpd, at most as many lookups are nested as there are members.
/// With shared routes this alone would take exponential time. A redirect that found no member is therefore not followed
/// again from the same or a greater depth, where it would find none either.
pub(super) struct Lookup<'a> {
    members: &'a [Member],
    routes: &'a Routes,
    tried: &'a Tried,
    now: Instant,
    /// Empty before the first redirect.
    dead_ends: &'a mut Vec<u32>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(
        members: &'a [Member],
        routes: &'a Routes,
        tried: &'a Tried,
        now: Instant,
        dead_ends: &'a mut Vec<u32>,
    ) -> Self {
        dead_ends.clear();
        Self {
            members,
            routes,
            tried,
            now,
            dead_ends,
        }
    }

    /// The first usable member of the route in the order of the configuration, hot standbys last. For an unusable member,
    /// its redirect comes before the next member of the same route.
    pub(super) fn find(mut self, route: &str) -> Option<usize> {
        self.find_at(route, 1)
    }

    fn find_at(&mut self, route: &str, depth: u32) -> Option<usize> {
        let (members, places) = (self.members, self.routes.places(route));
        for standbys in [false, true] {
            for &index in places {
                let Some(member) = members.get(index) else {
                    continue;
                };
                if member.status.hot_standby != standbys {
                    continue;
                }
                if member.is_usable_at(self.now) && !self.tried.contains(member.id) {
                    return Some(index);
                }
                if let Some(found) = self.follow(index, member, depth) {
                    return Some(found);
                }
            }
        }
        None
    }

    fn follow(&mut self, index: usize, member: &Member, depth: u32) -> Option<usize> {
        let deepest = self.members.len().min(DEEPEST);
        if member.redirect.is_empty() || depth as usize >= deepest {
            return None;
        }
        self.dead_ends.resize(self.members.len(), u32::MAX);
        if depth >= self.dead_ends.get(index).copied()? {
            return None;
        }
        let found = self.find_at(&member.redirect, depth + 1);
        if found.is_none()
            && let Some(dead_end) = self.dead_ends.get_mut(index)
        {
            *dead_end = depth;
        }
        found
    }
}
