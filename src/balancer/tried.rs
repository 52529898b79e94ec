//! The members on which a request was tried.

use super::MemberId;

/// A set of members. Empty and small sets allocate nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// Ids below 64, one bit each.
    low: u64,
    /// The other ids, which exist only in large balancers or after many additions.
    high: Vec<MemberId>,
}

impl Tried {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            low: 0,
            high: Vec::new(),
        }
    }

    /// Adds a member.
    pub fn insert(&mut self, member: MemberId) {
        match bit(member) {
            Some(bit) => self.low |= bit,
            None if self.high.contains(&member) => {}
            None => self.high.push(member),
        }
    }

    /// Whether the member is in the set.
    #[must_use]
    pub fn contains(&self, member: MemberId) -> bool {
        bit(member).map_or_else(|| self.high.contains(&member), |bit| self.low & bit != 0)
    }

    /// The number of members in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.low.count_ones() as usize + self.high.len()
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<MemberId> for Tried {
    fn from_iter<I: IntoIterator<Item = MemberId>>(members: I) -> Self {
        let mut tried = Self::new();
        for member in members {
            tried.insert(member);
        }
        tried
    }
}

fn bit(member: MemberId) -> Option<u64> {
    1_u64.checked_shl(member.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_exactly_the_inserted_members() {
        let ids = [0, 1, 63, 64, 65, 1_000_000, u32::MAX];
        let mut tried = Tried::new();
        for (count, id) in ids.into_iter().enumerate() {
            assert_eq!(tried.len(), count);
            assert!(!tried.contains(MemberId::new(id)));
            tried.insert(MemberId::new(id));
            tried.insert(MemberId::new(id));
            assert!(tried.contains(MemberId::new(id)));
        }
        assert_eq!(tried.len(), ids.len());
        assert!(!tried.contains(MemberId::new(2)));
        assert!(!tried.contains(MemberId::new(66)));
    }

    #[test]
    fn a_new_set_is_empty() {
        assert!(Tried::new().is_empty());
        assert_eq!(Tried::new(), Tried::default());
    }
}
