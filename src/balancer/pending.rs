//! Weights that members have still to get for choices by a session's route.

use super::member::Member;

/// Choices that are counted for the chosen member, and that have not given the members their weight yet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    /// The weight of all usable members together, while these stay the same; `None`: that is not known.
    pub(super) all: Option<i64>,
    pub(super) choices: i64,
}

/// The lbstatus of a member when it has got its weight for so many choices.
pub(super) fn with_pending(member: &Member, choices: i64) -> i64 {
    let weight = match member.is_usable() {
        true => i64::from(member.weight),
        false => 0,
    };
    member
        .lbstatus
        .saturating_add(weight.saturating_mul(choices))
}
