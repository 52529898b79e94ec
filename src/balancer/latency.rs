//! The time that a member takes to answer: a peak EWMA, as in Finagle and linkerd.
//!
//! A slower answer counts at once, faster answers count gradually, and without new answers the value decays, so that a
//! member that was slow is tried again. All arithmetic uses integers: the same calls give the same values on every machine.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

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
    pub(super) fn observe(&mut self, took: Duration, now: Instant) {
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
