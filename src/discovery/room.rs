//! How many members a balancer has room for: decided here, whoever names them.

use std::collections::HashSet;

use ajpgate_config::MemberUrl;
use ajpgate_config::defaults::MOST_MEMBERS;

/// The room of one balancer: [`MOST_MEMBERS`] places for members that take requests, and as many for those that have
/// vanished and drain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    /// See [`MemberUrl::place`].
    taken: HashSet<String>,
    draining: usize,
}

impl Room {
    /// Takes a place. Returns whether there was one: the first have it.
    pub(crate) fn take(&mut self, url: &MemberUrl) -> bool {
        let place = url.place();
        let has_room = self.taken.contains(&place) || !self.is_full();
        if has_room {
            self.taken.insert(place);
        }
        has_room
    }

    /// Whether there is no place for one more.
    pub(crate) fn is_full(&self) -> bool {
        self.taken.len() >= MOST_MEMBERS
    }

    /// Takes places for members that drain. Returns how many of them find none.
    pub(crate) fn drain(&mut self, count: usize) -> usize {
        let surplus = count.saturating_sub(MOST_MEMBERS.saturating_sub(self.draining));
        self.draining = self.draining.saturating_add(count - surplus);
        surplus
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ajpgate_config::parse_member;

    use super::*;

    fn url(text: &str) -> MemberUrl {
        let keys = format!("url: \"{text}\"");
        parse_member(&keys, Path::new("member")).unwrap().url
    }

    #[test]
    fn one_place_is_taken_once_and_the_first_have_them() {
        let mut room = Room::default();
        for number in 1..MOST_MEMBERS {
            assert!(room.take(&url(&format!("ajp://h:{number}"))));
        }
        assert!(room.take(&url("ajp://last")));
        assert!(room.is_full());
        assert!(!room.take(&url("ajp://other")));
        assert!(room.take(&url("ajp://last:8009")), "the same place");
    }

    #[test]
    fn as_many_drain() {
        let mut room = Room::default();
        assert_eq!(room.drain(1_000), 0);
        assert_eq!(room.drain(100), 76);
        assert_eq!(room.drain(1), 1);
        assert!(!room.is_full());
    }
}
