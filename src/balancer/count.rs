//! How a choice by a session's route is counted, with every method: all usable members take part, including standbys, spares
//! and draining ones (`mod_proxy_balancer.c: proxy_balancer_pre_request()`). So free requests make up for sticky ones.
//!
//! Each such request gives these members their weight. While none of them is in error, they stay the same, and it is only
//! counted how often: the members are visited when somebody looks at their lbstatus, or when one of them changes.

use super::member::Member;
use super::pending::{Pending, with_pending};
use super::recovery::Health;
use super::{Balancer, method};

impl Balancer {
    /// Counts a choice by a session's route.
    pub(super) fn count_sticky(&mut self, chosen: usize) {
        let all = match self.pending.all {
            Some(all) => {
                self.pending.choices = self.pending.choices.saturating_add(1);
                all
            }
            None => {
                let all = method::hand_out_to_usable(&mut self.members);
                self.pending.all = self.is_calm().then_some(all);
                all
            }
        };
        method::take(&mut self.members, chosen, all);
    }

    /// Adds the pending weights to the members: before each look at lbstatus, and before each change of a member's state,
    /// weight or settings.
    pub(super) fn add_pending(&mut self) {
        let Pending { choices, .. } = std::mem::take(&mut self.pending);
        if choices > 0 {
            for member in &mut self.members {
                member.lbstatus = with_pending(member, choices);
            }
        }
    }

    /// The lbstatus of a member, with its pending weights.
    pub(super) fn lbstatus(&self, member: &Member) -> i64 {
        with_pending(member, self.pending.choices)
    }

    /// Whether neither time nor a request that does not fail makes a member usable or unusable, or changes its weight.
    fn is_calm(&self) -> bool {
        let stays =
            |member: &Member| member.recovery.health() == Health::Ok || !member.is_allowed();
        !self.ramping && self.members.iter().all(stays)
    }

    pub(super) fn check_pending(&self) {
        let usable = self.members.iter().filter(|member| member.is_usable());
        let weights: i64 = usable.map(|member| i64::from(member.weight)).sum();
        let is_right = match self.pending.all {
            Some(all) => self.is_calm() && all == weights,
            None => self.pending.choices == 0,
        };
        assert!(
            is_right,
            "a member has changed that has pending weights: {:?}",
            self.pending
        );
    }
}
