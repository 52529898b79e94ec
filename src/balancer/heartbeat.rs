//! `lbmethod: heartbeat`: a choice by the load that backends report.
//!
//! Source: `balancers/mod_lbmethod_heartbeat.c: find_best_hb(), read_heartbeats()`. As there, the probability
//! of a member is its share of all free slots, a report counts for ten seconds, and an idle member with free slots counts
//! as one that has just started. Unlike there:
//!
//! * Sets, spares, standbys and drain count. A member without a report or without a free slot is unusable for a request
//!   without a session, so that a spare replaces it.
//! * The intervals of the random number do not overlap at their ends.
//! * An idle member counts with at least one slot, also when a quarter of its slots is less.

use std::time::Instant;

use super::load::Load;
use super::member::Member;
use super::random::Random;
use super::{Balancer, MemberId};

impl Balancer {
    /// Records a load report: the number of requests that a member could take (`ready`), the number under way (`busy`),
    /// and the time of the report.
    ///
    /// Reports are kept with every method, so that `heartbeat` can be chosen at run time. A report older than the last one
    /// and a report of a removed member are ignored.
    pub fn heartbeat(&mut self, member: MemberId, ready: u32, busy: u32, at: Instant) {
        let Some(member) = self.member_mut(member) else {
            return;
        };
        if member.load.is_none_or(|last| last.at <= at) {
            let was_full = member.slots(at) == 0;
            member.load = Some(Load { ready, busy, at });
            if was_full && ready > 0 {
                self.changed();
            }
        }
    }
}

/// Draws a member of `among`, weighted with its slots.
pub(super) fn draw(
    members: &[Member],
    among: &[usize],
    random: &mut Random,
    now: Instant,
) -> Option<usize> {
    let slots = |index: usize| members.get(index).map_or(0, |member| member.slots(now));
    let all = among.iter().map(|&index| slots(index)).sum();
    let mut lot = random.below(all);
    among.iter().copied().find(|&index| {
        let mine = slots(index);
        let hit = lot < mine;
        lot = lot.saturating_sub(mine);
        hit
    })
}
