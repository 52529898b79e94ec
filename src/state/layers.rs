//! What lies over the file: what was discovered, and over that what was changed by hand.

use std::collections::HashSet;
use std::sync::Arc;

use ajpgate_config::{Balancer, Config, Member, MemberSource, place_of};

use super::discovered::{Before, Discovered, Which};
use super::live::LiveBalancer;
use super::member::LiveMember;
use super::overrides::Overrides;
use crate::discovery::Room;

/// What lies over the file: what was discovered, and over that what was changed by hand.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layers {
    pub(super) discovered: Discovered,
    pub(super) overrides: Overrides,
}

impl Layers {
    pub(super) fn over(&self, file: &Config) -> Config {
        self.overrides.over(&self.discovered.over(file))
    }

    /// Takes up another file in place of the one before: see [`Discovered::follow`].
    pub(super) fn follow(&mut self, before: &Before<'_>, file: &Config) {
        let room = |balancer: &Balancer| self.overrides.room(balancer);
        self.discovered.follow(before, file, room);
    }

    /// Looks into the files of the sources of `which`, so that what runs begins with the members that they name. Blocks.
    pub(super) fn look_into_files(&mut self, file: &Config, which: Which) {
        let room = |balancer: &Balancer| self.overrides.room(balancer);
        self.discovered.look_into_files(file, which, room);
    }

    /// Notes routes of members that learn theirs from now on: a member that ran with a route that was written down for it keeps that
    /// one, as its sessions have it. `ran` are the balancers as they ran. Returns the file with these layers over it.
    pub(super) fn keep_routes(&mut self, file: &Config, ran: &[Arc<LiveBalancer>]) -> Config {
        let wanted = self.over(file);
        let mut kept = false;
        for ran in ran.iter().filter(|it| !it.stands_alone()) {
            let of_now = wanted.balancer(ran.name());
            let members = of_now.into_iter().flat_map(|it| &it.members);
            let learn = |it: &&Member| it.origin.learns_route && it.route.is_empty();
            for member in members.filter(learn) {
                let place = member.url.place();
                if let Some(route) = ran.member_at(&place).and_then(|it| written_route(it)) {
                    self.overrides.learn(ran.name(), &place, route);
                    kept = true;
                }
            }
        }
        match kept {
            true => self.over(file),
            false => wanted,
        }
    }

    /// Notes the routes that members were seen to have: url and route.
    pub(super) fn learn(&mut self, balancer: &str, learned: &[(Arc<str>, Arc<str>)]) {
        for (url, route) in learned {
            if self.discovered.knows(balancer, &place_of(url)) {
                self.overrides.learn(balancer, url, route);
            }
        }
    }

    /// Notes which changed members of a balancer are gone, once each of its sources has named members. Returns whether there are
    /// more than are kept.
    pub(super) fn note_gone(&mut self, file: &Config, balancer: &str) -> bool {
        let Some(of_file) = file.balancer(balancer) else {
            return false;
        };
        if !self.discovered.is_complete(of_file) {
            return false;
        }
        let named = of_file.members.iter().map(|it| it.url.place());
        let there: HashSet<String> = named.chain(self.discovered.places(balancer)).collect();
        self.overrides.note_gone(balancer, &there)
    }

    /// The room that a balancer of the file has beside all members but those of a source.
    pub(super) fn room(&self, file: &Config, balancer: &str, source: &str) -> Room {
        let of_file = file.balancer(balancer);
        let room = of_file
            .map(|it| self.overrides.room(it))
            .unwrap_or_default();
        self.discovered.room_of(balancer, source, room)
    }
}

/// The route of a member where a person has written it for this member: others are guesses of a source.
fn written_route(member: &LiveMember) -> Option<&str> {
    use MemberSource::{Config, File, Hand};
    let Member { origin, route, .. } = &*member.config;
    let is_written = matches!(origin.source, Config | Hand | File) && !route.is_empty();
    is_written.then_some(route)
}

/// The configuration with the members that its lists name now, as a gateway starts with it. Blocks.
pub(crate) fn with_lists(file: &Config) -> Config {
    let mut layers = Layers::default();
    layers.look_into_files(file, Which::All);
    layers.over(file)
}
