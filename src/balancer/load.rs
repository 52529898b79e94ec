//! `lbmethod: heartbeat`: the load that backends report themselves.
//!
//! Source: `balancers/mod_lbmethod_heartbeat.c: find_best_hb(), read_heartbeats()`. As there, a member is chosen with
//! the chance of its free slots among all free slots, a report counts for ten seconds, and a member that has many free
//! slots and nothing to do counts as one that has just started. Unlike there
//!
//! * sets, spares, standbys and drain count: a member without a report or without a free slot is as good as unusable
//!   for a request without a session, so that a spare replaces it;
//! * the intervals that the lot falls into do not overlap at their ends;
//! * an idle member counts with at least one slot: a quarter of three is not nothing.

use std::time::{Duration, Instant};

use super::member::Member;
use super::random::Random;
use super::{Balancer, MemberId};

/// How long a report counts (`LBM_HEARTBEAT_MAX_LASTSEEN`).
pub const HEARTBEAT_LASTS: Duration = Duration::from_secs(10);

/// By this is divided what an idle member reports as free.
const FRESH_NODE: u32 = 4;

/// What a member has said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// Requests that it could take now.
    pub(super) ready: u32,
    /// Requests that it is working on.
    pub(super) busy: u32,
    pub(super) at: Instant,
}

impl Load {
    /// What it is drawn with.
    pub(super) fn slots(&self, now: Instant) -> u32 {
        if now.saturating_duration_since(self.at) >= HEARTBEAT_LASTS {
            return 0;
        }
        match self.busy {
            0 if self.ready > 0 => (self.ready / FRESH_NODE).max(1),
            _ => self.ready,
        }
    }
}

impl Balancer {
    /// A member says how many requests it could take (`ready`), how many it has (`busy`), and when it said so.
    ///
    /// Kept whatever the method is, so that `heartbeat` can be chosen at run time. An older report than the last one is
    /// ignored; nothing comes of it when the member is gone.
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

/// Draws one of `among`.
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
