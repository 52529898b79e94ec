//! When a certificate is ordered. Without clock, network and files: the caller says what time it is.

use std::cmp::Reverse;
use std::time::Duration;

use crate::tls::Valid;

/// The longest time between two looks. The clock may be set meanwhile, and another process may have got a certificate.
pub(super) const LOOK: Duration = Duration::from_secs(60);

/// Pauses behind attempts that did not reach the authority; the last one repeats.
const UNREACHED: [u64; 5] = [15, 30, 60, 300, 600];

/// Pauses behind attempts that the authority has refused, in seconds. Let's Encrypt allows a name five failed validations an
/// hour, so only four retries come in the first one.
const REFUSED: [u64; 7] = [30, 60, 300, 1200, 3600, 10_800, 21_600];

/// The pause that an authority may ask for at most (Retry-After).
const LONGEST_ASKED: Duration = Duration::from_secs(86_400);

/// The shortest pause behind a success, whatever the certificate says.
const SUCCESS: Duration = Duration::from_secs(5);

/// Why an attempt has failed, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The authority cannot be reached, is slow, or has an error of its own.
    Unreached,
    /// It has refused, or has answered something that is no answer; or this machine cannot keep what it gives, and further
    /// certificates would only use up what the authority allows.
    Refused,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Order,
    /// Look again after this time.
    Wait(Duration),
}

/// Whose turn it is among names that are due: the smallest is first. A name that fails again and again, perhaps after three
/// minutes each time, must not keep the others waiting; among the rest it is the one that has been due for longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    failures: usize,
    overdue: Reverse<Duration>,
}

/// The plan for one name. Times are those of a clock that is never set, since a fixed moment, but for those in Unix seconds.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Failed attempts since the last success.
    failures: usize,
    /// No attempt before.
    resume: Duration,
}

impl Plan {
    /// What to do at `now`, which is `unix` in Unix seconds, with the certificate that there is.
    pub(super) fn step(&self, held: Option<Valid>, now: Duration, unix: i64) -> Step {
        let renewal = held.map_or(Duration::ZERO, |valid| until(renewal(valid), unix));
        let wait = renewal.max(self.resume.saturating_sub(now));
        match wait.is_zero() {
            true => Step::Order,
            false => Step::Wait(wait.min(LOOK)),
        }
    }

    /// The turn of a name that is due at `now`.
    pub(super) fn turn(&self, held: Option<Valid>, now: Duration, unix: i64) -> Turn {
        let waited = now.saturating_sub(self.resume);
        let old = held.map(|valid| until(i128::from(unix), renewal(valid)));
        Turn {
            failures: self.failures,
            overdue: Reverse(old.map_or(waited, |old| old.min(waited))),
        }
    }

    /// An attempt has failed. `asked` is the pause that the authority wants, and `random` any number: several gateways that
    /// were refused at the same moment come back at different ones.
    pub(super) fn failed(
        &mut self,
        failure: Failure,
        asked: Option<Duration>,
        now: Duration,
        random: u64,
    ) {
        let pauses = match failure {
            Failure::Unreached => &UNREACHED[..],
            Failure::Refused => &REFUSED,
        };
        let pause = pauses.get(self.failures).or(pauses.last());
        let pause = Duration::from_secs(pause.copied().unwrap_or_default());
        // A fifth less at most.
        let less = pause / 5 * u32::try_from(random % 1000).unwrap_or(0) / 1000;
        let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
        self.failures = self.failures.saturating_add(1);
        self.resume = now + pause.saturating_sub(less).max(asked);
    }

    /// Another process is about to get one.
    pub(super) fn later(&mut self, pause: Duration, now: Duration) {
        self.resume = now + pause;
    }

    /// A certificate has come. Where the clock is wrong it may look old at once, so half of its lifetime passes before the
    /// next order in any case.
    pub(super) fn succeeded(&mut self, got: Valid, now: Duration) {
        self.failures = 0;
        self.resume = now + (lifetime(got) / 2).max(SUCCESS);
    }
}

/// When two thirds of the lifetime are over, in Unix seconds.
fn renewal(valid: Valid) -> i128 {
    i128::from(valid.from) + i128::from(seconds(lifetime(valid))) * 2 / 3
}

/// How long it is until a time, both in Unix seconds; 0 where it has passed.
fn until(time: i128, now: impl Into<i128>) -> Duration {
    Duration::from_secs(u64::try_from(time - now.into()).unwrap_or(0))
}

fn lifetime(valid: Valid) -> Duration {
    let seconds = valid.until.saturating_sub(valid.from);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const NINETY: Valid = Valid {
        from: 1_000_000_000,
        until: 1_000_000_000 + 90 * DAY,
    };

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_a_certificate_the_order_is_due_at_once() {
        assert_eq!(Plan::default().step(None, at(0), 0), Step::Order);
    }

    #[test]
    fn a_kept_certificate_is_renewed_at_two_thirds_of_its_lifetime() {
        let plan = Plan::default();
        let due = NINETY.from + 60 * DAY;
        assert_eq!(
            plan.step(Some(NINETY), at(0), NINETY.from),
            Step::Wait(LOOK)
        );
        assert_eq!(plan.step(Some(NINETY), at(0), due - 10), Step::Wait(at(10)));
        assert_eq!(plan.step(Some(NINETY), at(0), due), Step::Order);
        assert_eq!(
            plan.step(Some(NINETY), at(0), NINETY.until + DAY),
            Step::Order
        );
    }

    #[test]
    fn the_clock_may_jump_without_an_order_too_many() {
        // Set back: the certificate is of the future, and a new one would be too.
        let mut plan = Plan::default();
        assert_eq!(plan.step(Some(NINETY), at(0), 0), Step::Wait(LOOK));
        // Set forward by ten years: each certificate looks old.
        let wrong = NINETY.from + 3650 * DAY;
        assert_eq!(plan.step(Some(NINETY), at(0), wrong), Step::Order);
        plan.succeeded(NINETY, at(100));
        let half = at(100) + lifetime(NINETY) / 2;
        assert_eq!(plan.step(Some(NINETY), at(101), wrong), Step::Wait(LOOK));
        assert_eq!(plan.step(Some(NINETY), half, wrong), Step::Order);
        // Certificates without a lifetime do not come in a row.
        let none = Valid { from: 5, until: 1 };
        plan.succeeded(none, at(100));
        assert_eq!(plan.step(Some(none), at(101), wrong), Step::Wait(at(4)));
    }

    #[test]
    fn the_first_retry_comes_within_a_minute_and_later_ones_more_and_more_slowly() {
        for (failure, first_hour, last) in
            [(Failure::Unreached, 11, 600), (Failure::Refused, 5, 21_600)]
        {
            for random in [0, 999] {
                let (mut plan, mut now, mut attempts) = (Plan::default(), at(0), Vec::new());
                for _ in 0..30 {
                    assert_eq!(plan.step(None, now, 0), Step::Order);
                    attempts.push(now);
                    plan.failed(failure, None, now, random);
                    while let Step::Wait(wait) = plan.step(None, now, 0) {
                        assert!(wait <= LOOK);
                        now += wait;
                    }
                }
                assert!(attempts[1] <= at(60), "{attempts:?}");
                let early = attempts.iter().filter(|it| **it < at(3600)).count();
                assert!(early <= first_hour, "{failure:?}: {early}");
                let pause = attempts[29] - attempts[28];
                assert!(pause <= at(last) && pause >= at(last / 5 * 4), "{pause:?}");
            }
        }
    }

    #[test]
    fn a_pause_that_the_authority_asks_for_is_kept_up_to_a_day() {
        let mut plan = Plan::default();
        plan.failed(Failure::Refused, Some(at(7200)), at(1), 0);
        assert_eq!(plan.step(None, at(7200), 0), Step::Wait(at(1)));
        assert_eq!(plan.step(None, at(7201), 0), Step::Order);
        plan.failed(Failure::Refused, Some(Duration::MAX), at(0), 0);
        assert_eq!(plan.step(None, LONGEST_ASKED, 0), Step::Order);
    }

    #[test]
    fn the_name_with_the_fewest_failures_is_first_then_the_one_that_is_due_for_longest() {
        let renewal = NINETY.from + 60 * DAY;
        let (now, unix) = (at(10_000), renewal + 500);
        let failed = |times| {
            let mut plan = Plan::default();
            (0..times).for_each(|_| plan.failed(Failure::Refused, None, at(0), 0));
            plan.turn(None, now, unix)
        };
        let mut later = Plan::default();
        later.later(at(5), at(9_000));
        let turns = [
            Plan::default().turn(None, now, unix),
            later.turn(None, now, unix),
            // Due for 500 s.
            Plan::default().turn(Some(NINETY), now, unix),
            failed(1),
            failed(2),
        ];
        assert!(turns.is_sorted_by(|a, b| a < b), "{turns:?}");
    }

    #[test]
    fn a_certificate_that_another_process_has_got_ends_the_retries() {
        let mut plan = Plan::default();
        plan.failed(Failure::Unreached, None, at(0), 0);
        assert_eq!(
            plan.step(Some(NINETY), at(3600), NINETY.from),
            Step::Wait(LOOK)
        );
    }

    #[test]
    fn no_time_is_too_large() {
        let mut plan = Plan::default();
        let all = [i64::MIN, -1, 0, 1, i64::MAX];
        for (from, until) in all.iter().flat_map(|from| all.map(|until| (*from, until))) {
            let valid = Valid { from, until };
            for unix in all {
                plan.step(Some(valid), Duration::MAX, unix);
                plan.turn(Some(valid), Duration::MAX, unix);
            }
            plan.succeeded(valid, at(0));
        }
    }
}
