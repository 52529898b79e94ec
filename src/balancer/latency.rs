//! `lbmethod: leastlatency`: the better of two random members, by the time that they take to answer.
//!
//! ```text
//! cost = latency × (requests under way + 1) / loadfactor
//! ```
//!
//! The latency is a peak EWMA, as in Finagle and linkerd: a slower answer counts at once, faster ones little by little,
//! and what is known fades while nothing new is heard, so that a member that was slow is asked again. Two members are
//! drawn and the cheaper one is taken: always taking the cheapest of all would send everybody to the same one until
//! its answers come. Of two that cost the same the first in the configuration is taken.
//!
//! A member of which nothing is known costs nothing, until it has a request under way: then it costs more than any that
//! is known, so that one request finds out. All arithmetic is in integers: the same calls give the same choices on
//! every machine.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use super::member::Member;
use super::random::Random;
use super::{Balancer, MemberId};

/// After this time what was known of a member counts half. linkerd's default decay of 10 s, in halves.
const HALF_LIFE: Duration = Duration::from_secs(7);

/// Longer answers count as this long.
const LONGEST: u64 = 3_600_000_000_000;

/// A peak EWMA, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latency {
    nanos: u64,
    /// When `nanos` was right; `None`: never.
    at: Option<Instant>,
}

impl Latency {
    /// An answer took this long.
    fn observe(&mut self, took: Duration, now: Instant) {
        let took = u64::try_from(took.as_nanos()).map_or(LONGEST, |nanos| nanos.min(LONGEST));
        let old = self.nanos;
        self.nanos = match old.cmp(&took) {
            Ordering::Less | Ordering::Equal => took,
            Ordering::Greater => took + scaled(old - took, self.kept(now)),
        };
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
    }

    /// What is to be expected, in nanoseconds; 0 when nothing is known (any more).
    pub(super) fn nanos(&self, now: Instant) -> u64 {
        scaled(self.nanos, self.kept(now))
    }

    /// How much of what was known still counts, in parts of 2³².
    fn kept(&self, now: Instant) -> u64 {
        let age = self.at.map(|at| now.saturating_duration_since(at));
        age.map_or(0, half_lives)
    }
}

fn scaled(nanos: u64, parts: u64) -> u64 {
    u64::try_from((u128::from(nanos) * u128::from(parts)) >> 32).unwrap_or(u64::MAX)
}

/// 2 to the power of −`age` / [`HALF_LIFE`], in parts of 2³².
///
/// Whole half-lives are shifts; between two of them stands the cubic 1 − x ln 2 + x² ln² 2 / 2 − 0.04708 x³, which is
/// exact at both ends and nowhere off by more than 0.4 %.
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
    /// A member has taken this long to answer: from the request's first byte to the head of the answer.
    ///
    /// To be called as well when the wait for that was given up (`timeout`), with the time waited; not for a failure
    /// that came fast, like a refused connection. Kept whatever the method is; nothing comes of it when the member is
    /// gone.
    pub fn answered(&mut self, member: MemberId, took: Duration, now: Instant) {
        if let Some(member) = self.member_mut(member) {
            member.latency.observe(took, now);
        }
    }
}

/// The cheaper of two of `among`.
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

/// How the costs of two members compare.
fn cost(a: &Member, b: &Member, now: Instant) -> Ordering {
    let (one, other) = (expectation(a, now), expectation(b, now));
    let by = |member: &Member| u128::from(member.factor.hundredths());
    one.0.cmp(&other.0).then_with(|| {
        one.1
            .saturating_mul(by(b))
            .cmp(&other.1.saturating_mul(by(a)))
    })
}

/// Whether one request is finding out already, and what the next one would cost at weight 1.
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
    fn what_is_known_halves_in_each_half_life() {
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
    fn between_them_it_is_right_to_half_a_percent() {
        for step in 0..=1_000_u32 {
            let part = half_lives(HALF_LIFE * step / 1_000) as f64 / 4_294_967_296.0;
            let exact = (-f64::from(step) / 1_000.0).exp2();
            assert!((part / exact - 1.0).abs() < 0.004, "{step}: {part} {exact}");
        }
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_fast_ones_little_by_little() {
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
        // However often it is told.
        let mut often = Latency::default();
        often.observe(Duration::from_millis(500), start);
        for step in 1..=70_000 {
            often.observe(Duration::from_millis(10), start + HALF_LIFE * step / 70_000);
        }
        let nanos = often.nanos(later);
        assert!(nanos.abs_diff(255_000_000) < 2_000_000, "{nanos}");
    }

    #[test]
    fn nonsense_is_bounded() {
        let mut latency = Latency::default();
        let start = Instant::now();
        latency.observe(Duration::MAX, start);
        assert_eq!(latency.nanos(start), LONGEST);
        latency.observe(Duration::ZERO, start + HALF_LIFE);
        assert_eq!(latency.nanos(start), LONGEST / 2);
    }
}
