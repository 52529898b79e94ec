//! `lbmethod: leastlatency`: the better of two random members, by the time to their answers.
//!
//! ```text
//! cost = latency × (requests under way + 1) / loadfactor
//! ```
//!
//! The latency is a peak EWMA, as in Finagle and linkerd: a slower answer counts at once, faster answers count gradually,
//! and without new answers the value decays, so that a member that was slow is tried again. Two members are drawn and the
//! one with the lower cost is taken. The lowest of all would get every request until its answers arrive. If the costs are
//! equal, the first in the configuration is taken.
//!
//! A member without a known latency has cost 0. While it has a request under way its cost is higher than any known one, so
//! that a single request measures it. All arithmetic uses integers: the same calls give the same choices on every machine.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use super::member::Member;
use super::random::Random;
use super::{Balancer, MemberId};

/// The half-life of a latency. It corresponds to linkerd's default decay of 10 s.
const HALF_LIFE: Duration = Duration::from_secs(7);

/// Upper limit of a latency, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

/// A peak EWMA, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latency {
    nanos: u64,
    /// The time of `nanos`; `None` without an answer so far.
    at: Option<Instant>,
}

impl Latency {
    /// Records the time to an answer.
    fn observe(&mut self, took: Duration, now: Instant) {
        let took = u64::try_from(took.as_nanos()).map_or(LONGEST, |nanos| nanos.min(LONGEST));
        let old = self.nanos;
        self.nanos = match old.cmp(&took) {
            Ordering::Less | Ordering::Equal => took,
            Ordering::Greater => took + scaled(old - took, self.kept(now)),
        };
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
    }

    /// The expected time to an answer, in nanoseconds; 0 when it is not known, or no longer.
    pub(super) fn nanos(&self, now: Instant) -> u64 {
        scaled(self.nanos, self.kept(now))
    }

    /// The remaining part of the last value, as a fraction of 2³².
    fn kept(&self, now: Instant) -> u64 {
        let age = self.at.map(|at| now.saturating_duration_since(at));
        age.map_or(0, half_lives)
    }
}

fn scaled(nanos: u64, parts: u64) -> u64 {
    u64::try_from((u128::from(nanos) * u128::from(parts)) >> 32).unwrap_or(u64::MAX)
}

/// 2 to the power of −`age` / [`HALF_LIFE`], as a fraction of 2³².
///
/// Whole half-lives are shifts. In between, the cubic 1 − x ln 2 + x² ln² 2 / 2 − 0.04708 x³ is exact at both ends and has
/// an error of at most 0.4 %.
fn half_lives(age: Duration) -> u64 {
    const ONE: u128 = 1 << 32;
    const LINEAR: u128 = 2_977_044_472;
    const SQUARE: u128 = 1_031_764_991;
    const CUBE: u128 = 202_204_167;
    let life = HALF_LIFE.as_nanos();
    let whole = age.as_nanos() / life;
    let part = (age.as_nanos() % life) * ONE / life;
    let slope = LINEAR - ((part * (SQUARE - ((part * CUBE) >> 32))) >> 32);
    let kept = ONE - ((part * slope) >> 32);
    u32::try_from(whole)
        .ok()
        .and_then(|whole| kept.checked_shr(whole))
        .and_then(|kept| u64::try_from(kept).ok())
        .unwrap_or(0)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_halves_in_each_half_life() {
        let mut latency = Latency::default();
        let start = Instant::now();
        assert_eq!(latency.nanos(start), 0);
        latency.observe(Duration::from_millis(64), start);
        for (lives, milliseconds) in (0..).zip([64_u64, 32, 16, 8, 4, 2, 1]) {
            let nanos = latency.nanos(start + HALF_LIFE * lives);
            assert_eq!(nanos, milliseconds * 1_000_000);
        }
        assert_eq!(latency.nanos(start + HALF_LIFE * 100), 0);
        assert_eq!(latency.nanos(start + Duration::MAX / 4), 0);
    }

    #[test]
    fn between_half_lives_the_error_is_below_half_a_percent() {
        for step in 0..=1_000_u32 {
            let part = half_lives(HALF_LIFE * step / 1_000) as f64 / 4_294_967_296.0;
            let exact = (-f64::from(step) / 1_000.0).exp2();
            assert!((part / exact - 1.0).abs() < 0.004, "{step}: {part} {exact}");
        }
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_fast_answers_gradually() {
        let mut latency = Latency::default();
        let start = Instant::now();
        latency.observe(Duration::from_millis(10), start);
        latency.observe(Duration::from_millis(500), start);
        assert_eq!(latency.nanos(start), 500_000_000);
        latency.observe(Duration::from_millis(10), start);
        assert_eq!(latency.nanos(start), 500_000_000);
        let later = start + HALF_LIFE;
        latency.observe(Duration::from_millis(10), later);
        assert_eq!(latency.nanos(later), 255_000_000);
        // The same for repeated observations.
        let mut often = Latency::default();
        often.observe(Duration::from_millis(500), start);
        for step in 1..=70_000 {
            often.observe(Duration::from_millis(10), start + HALF_LIFE * step / 70_000);
        }
        let nanos = often.nanos(later);
        assert!(nanos.abs_diff(255_000_000) < 2_000_000, "{nanos}");
    }

    #[test]
    fn absurd_latencies_are_bounded() {
        let mut latency = Latency::default();
        let start = Instant::now();
        latency.observe(Duration::MAX, start);
        assert_eq!(latency.nanos(start), LONGEST);
        latency.observe(Duration::ZERO, start + HALF_LIFE);
        assert_eq!(latency.nanos(start), LONGEST / 2);
    }
}
