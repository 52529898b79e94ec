//! The eligible member with the highest lbstatus, found without a visit to all of them: the next one of `byrequests`.
//!
//! Each choice gives every eligible member its weight and takes from the chosen one what was handed out. Members of one
//! weight therefore keep their order among each other, but for the chosen one, which goes down. They stand in one heap, and
//! the best of all is the best of the first ones of the heaps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::member::Member;

/// The largest number of different weights. Beyond it, a visit to all members is not much dearer.
const MOST_WEIGHTS: usize = 16;

/// The eligible members, in a heap for each weight.
#[derive(Debug, Default)]
pub(super) struct Turns {
    heaps: Vec<(u32, BinaryHeap<Claim>)>,
    /// Whether the heaps hold the eligible members.
    filled: bool,
}

/// A member's claim to the next request. The highest lbstatus is the greatest, then the first in the order that breaks ties.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// Without pending weights; the member's own may be less by now.
    lbstatus: i64,
    rank: Reverse<usize>,
    index: usize,
}

impl Turns {
    /// Forgets the members.
    pub(super) fn clear(&mut self) {
        self.filled = false;
    }

    /// The member whose lbstatus is the highest when each has got its weight for this choice and the pending ones. `None` if the
    /// members have too many different weights.
    pub(super) fn next(
        &mut self,
        members: &[Member],
        eligible: &[usize],
        choices: i64,
    ) -> Option<usize> {
        if !self.filled {
            self.fill(members, eligible);
        }
        if self.heaps.len() > MOST_WEIGHTS {
            return None;
        }
        let mut best: Option<(i64, Reverse<usize>, usize)> = None;
        for (weight, heap) in &mut self.heaps {
            if let Some((rank, index, lbstatus)) = first(heap, members) {
                let pending = i64::from(*weight).saturating_mul(choices.saturating_add(1));
                best = best.max(Some((lbstatus.saturating_add(pending), rank, index)));
            }
        }
        best.map(|(_, _, index)| index)
    }

    /// Stops at the first weight that is one too many.
    fn fill(&mut self, members: &[Member], eligible: &[usize]) {
        self.filled = true;
        self.heaps.clear();
        for (rank, &index) in eligible.iter().enumerate() {
            if self.heaps.len() > MOST_WEIGHTS {
                return;
            }
            if let Some(member) = members.get(index) {
                self.add(
                    member.weight,
                    Claim {
                        lbstatus: member.lbstatus,
                        rank: Reverse(rank),
                        index,
                    },
                );
            }
        }
    }

    fn add(&mut self, weight: u32, claim: Claim) {
        match self.heaps.iter_mut().find(|(of, _)| *of == weight) {
            Some((_, heap)) => heap.push(claim),
            None => self.heaps.push((weight, BinaryHeap::from([claim]))),
        }
    }
}

/// The greatest claim of a heap. Claims that have gone down since they were added are put in their place first.
fn first(heap: &mut BinaryHeap<Claim>, members: &[Member]) -> Option<(Reverse<usize>, usize, i64)> {
    loop {
        let mut claim = heap.peek_mut()?;
        let lbstatus = members.get(claim.index)?.lbstatus;
        if claim.lbstatus == lbstatus {
            return Some((claim.rank, claim.index, lbstatus));
        }
        claim.lbstatus = lbstatus;
    }
}
