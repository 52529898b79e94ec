//! Weights that members have still to get for choices, and how long the same members take part in a choice.

use std::time::Instant;

use super::member::Member;

/// Choices that are counted for the chosen member, and that have not given the members their weight yet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    /// The weight of all usable members together, while these stay the same; `None`: that is not known.
    pub(super) usable_weight: Option<i64>,
    /// The members that are eligible for a first free choice, while these stay the same.
    pub(super) eligible: Option<Eligible>,
    /// Choices by a session's route: all usable members get their weight.
    pub(super) sticky: i64,
    /// Free choices: the eligible members get their weight.
    pub(super) free: i64,
}

/// What is known of the eligible members, whose places are in [`super::state::Scratch::eligible`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Eligible {
    /// What one free choice hands out: their weight together, or 0 with methods that count no free choice.
    pub(super) handed_out: i64,
    /// When they were found.
    pub(super) found: Instant,
    /// The time after which a member that failed may be one of them.
    pub(super) until: Option<Instant>,
}

impl Eligible {
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now > until)
    }
}

impl Pending {
    /// The number of weights that an eligible member has still to get.
    pub(super) const fn of_eligible(&self) -> i64 {
        self.sticky.saturating_add(self.free)
    }

    /// The lbstatus of a member when it has got its weights.
    pub(super) fn lbstatus(&self, member: &Member) -> i64 {
        let choices = match member.is_usable() {
            true if member.eligible => self.of_eligible(),
            true => self.sticky,
            false => 0,
        };
        let weights = i64::from(member.weight).saturating_mul(choices);
        member.lbstatus.saturating_add(weights)
    }
}
