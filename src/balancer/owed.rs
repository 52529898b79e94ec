//! What members are owed for choices by a session's route.

use super::member::Member;

/// Choices that have been charged to the chosen member and have not given the members their weight yet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed {
    /// The weight of all usable members together, while these stay the same; `None`: that is not known.
    pub(super) all: Option<i64>,
    pub(super) choices: i64,
}

/// The lbstatus of a member when it has got its weight for so many choices.
pub(super) fn paid(member: &Member, choices: i64) -> i64 {
    let weight = match member.is_usable() {
        true => i64::from(member.weight),
        false => 0,
    };
    member
        .lbstatus
        .saturating_add(weight.saturating_mul(choices))
}
