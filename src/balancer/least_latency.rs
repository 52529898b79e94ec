//! `lbmethod: leastlatency`: the better of two random members, by the time to their answers.
//!
//! ```text
//! cost = latency × (requests under way + 1) / loadfactor
//! ```
//!
//! Two members are drawn and the one with the lower cost is taken. The lowest of all would get every request until its
//! answers arrive. If the costs are equal, the first in the configuration is taken.
//!
//! A member without a known latency has cost 0. While it has a request under way its cost is higher than any known one, so
//! that a single request measures it.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use super::member::Member;
use super::random::Random;
use super::{Balancer, MemberId};

impl Balancer {
    /// Records the time from the first byte of a request to the head of its answer.
    ///
    /// Call it also with the time waited when `timeout` ended the wait, but not for a fast failure such as a refused
    /// connection. It is kept with every method, and ignored for a removed member.
    pub fn answered(&mut self, member: MemberId, took: Duration, now: Instant) {
        if let Some(member) = self.member_mut(member) {
            member.latency.observe(took, now);
        }
    }
}

/// Draws two members of `among` and returns the one with the lower cost.
pub(super) fn better_of_two(
    members: &[Member],
    among: &[usize],
    random: &mut Random,
    now: Instant,
) -> Option<usize> {
    let draw = |random: &mut Random, among: usize| {
        usize::try_from(random.below(among as u64)).unwrap_or(0)
    };
    if among.len() < 2 {
        return among.first().copied();
    }
    let one = draw(random, among.len());
    let other = draw(random, among.len() - 1);
    let other = other + usize::from(other >= one);
    let first = *among.get(one.min(other))?;
    let second = *among.get(one.max(other))?;
    match cost(members.get(second)?, members.get(first)?, now) {
        Ordering::Less => Some(second),
        Ordering::Equal | Ordering::Greater => Some(first),
    }
}

/// Compares the costs of two members.
fn cost(a: &Member, b: &Member, now: Instant) -> Ordering {
    let (one, other) = (expectation(a, now), expectation(b, now));
    let by = |member: &Member| u128::from(member.factor.hundredths());
    one.0.cmp(&other.0).then_with(|| {
        one.1
            .saturating_mul(by(b))
            .cmp(&other.1.saturating_mul(by(a)))
    })
}

/// Whether a request is measuring the member already, and the cost of the next request at weight 1.
fn expectation(member: &Member, now: Instant) -> (bool, u128) {
    let requests = u128::from(member.busy) + 1;
    match member.latency.nanos(now) {
        0 => (member.busy > 0, requests - 1),
        nanos => (false, u128::from(nanos).saturating_mul(requests)),
    }
}
