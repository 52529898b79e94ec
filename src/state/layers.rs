//! What lies over the file: what was discovered, and over that what was changed by hand.

use std::collections::HashSet;
use std::sync::Arc;

use ajpgate_config::{Config, place_of};

use super::discovered::Discovered;
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
        let mut balancers = file.balancers.iter();
        let Some(of_file) = balancers.find(|it| it.name == balancer) else {
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
        let mut balancers = file.balancers.iter();
        let of_file = balancers.find(|it| it.name == balancer);
        let room = of_file
            .map(|it| self.overrides.room(it))
            .unwrap_or_default();
        self.discovered.room_of(balancer, source, room)
    }
}
