//! The deadlines of one exchange.

use std::time::Duration;

use tokio::time::Instant;

use super::super::error::FailureKind;
use super::progress::{AnswerPhase, State};
use crate::framing::Refused;

/// Longest time of a head, from its first byte to its last, however steadily it comes. As `limits.header_timeout`
/// for clients; never longer than the member's `timeout`.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a body waits for the member's 100. Members that do not know `Expect` never send one.
const CONTINUE_TIME: Duration = Duration::from_secs(1);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Times {
    /// Longest silence of the member.
    timeout: Duration,
    /// Since when the member owes something; set at the first pause after bytes have moved.
    silent_since: Option<Instant>,
    /// Until when the body waits for the member's 100.
    continue_until: Option<Instant>,
}

/// The next deadline of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    /// The exchange need not be looked at before this.
    At(Instant),
    /// The body has stopped waiting for 100: hyper must be polled again.
    BodyGoesOn,
    /// The member owes nothing.
    Never,
}

impl Times {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            silent_since: None,
            continue_until: None,
        }
    }

    /// Longest silence of the member.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The body begins to wait for the member's 100.
    pub(super) fn await_100(&mut self, now: Instant) {
        self.continue_until = Some(now + CONTINUE_TIME);
    }

    /// Bytes have moved, in either direction.
    pub(super) const fn moved(&mut self) {
        self.silent_since = None;
    }

    /// The next deadline after `now`.
    ///
    /// # Errors
    /// For a head that takes too long, and for a member that is silent.
    pub(super) fn next(
        &mut self,
        state: &mut State,
        now: Instant,
    ) -> Result<Deadline, FailureKind> {
        let head = match state.answer {
            AnswerPhase::Head { since } => since.map(|since| since + self.timeout.min(HEAD_TIME)),
            _ => None,
        };
        if state.waits_for_client() {
            self.silent_since = None;
        } else {
            self.silent_since.get_or_insert(now);
        }
        let silence = self.silent_since.map(|since| since + self.timeout);
        let go_on = self.continue_until.filter(|_| state.awaits_100());
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        if is_over(head) {
            return Err(Refused::HeadTooSlow.into());
        }
        if is_over(silence) {
            return Err(FailureKind::Silent);
        }
        if is_over(go_on) {
            state.stop_awaiting_100();
            return Ok(Deadline::BodyGoesOn);
        }
        let earliest = [head, silence, go_on].into_iter().flatten().min();
        Ok(earliest.map_or(Deadline::Never, Deadline::At))
    }
}

#[cfg(test)]
mod tests {
    use super::super::progress::{BodyPhase, Progress, Writing};
    use super::*;
    use crate::upload::Upload;

    const TIMEOUT: Duration = Duration::from_secs(60);

    #[test]
    fn silence_counts_from_the_first_look_after_bytes_have_moved() {
        let progress = Progress::new(Upload::default(), false, None);
        let (mut times, start) = (Times::new(TIMEOUT), Instant::now());
        let mut next = |moved, after| {
            if moved {
                times.moved();
            }
            times.next(&mut progress.state(), start + after)
        };
        let second = Duration::from_secs(1);
        let due = start + TIMEOUT;
        assert!(matches!(next(false, Duration::ZERO), Ok(Deadline::At(at)) if at == due));
        assert!(matches!(next(false, second), Ok(Deadline::At(at)) if at == due));
        assert!(matches!(next(true, second), Ok(Deadline::At(at)) if at == due + second));
        let late = next(false, TIMEOUT + second);
        assert!(matches!(late, Err(FailureKind::Silent)), "{late:?}");
    }

    #[test]
    fn the_member_owes_nothing_while_it_waits_for_the_client() {
        let progress = Progress::new(Upload::default(), false, None);
        let (mut times, now) = (Times::new(TIMEOUT), Instant::now());
        let mut state = progress.state();
        state.body = BodyPhase::ClientOwes;
        let next = times.next(&mut state, now);
        assert!(matches!(next, Ok(Deadline::Never)), "{next:?}");
        state.writing = Writing::Buffered;
        let next = times.next(&mut state, now);
        assert!(matches!(next, Ok(Deadline::At(_))), "{next:?}");
    }

    #[test]
    fn a_head_has_ten_seconds_and_never_more_than_the_timeout() {
        let progress = Progress::new(Upload::default(), false, None);
        let now = Instant::now();
        let mut state = progress.state();
        state.answer = AnswerPhase::Head { since: Some(now) };
        for (timeout, time) in [(TIMEOUT, HEAD_TIME), (HEAD_TIME / 2, HEAD_TIME / 2)] {
            let next = Times::new(timeout).next(&mut state, now);
            assert!(matches!(next, Ok(Deadline::At(at)) if at == now + time));
            let late = Times::new(timeout).next(&mut state, now + time);
            assert!(
                matches!(late, Err(FailureKind::Framing(Refused::HeadTooSlow))),
                "{late:?}"
            );
        }
    }

    #[test]
    fn a_body_waits_a_second_for_100() {
        let progress = Progress::new(Upload::default(), true, None);
        let (mut times, now) = (Times::new(TIMEOUT), Instant::now());
        times.await_100(now);
        let mut state = progress.state();
        let next = times.next(&mut state, now);
        assert!(matches!(next, Ok(Deadline::At(at)) if at == now + CONTINUE_TIME));
        assert!(state.awaits_100());
        let next = times.next(&mut state, now + CONTINUE_TIME);
        assert!(matches!(next, Ok(Deadline::BodyGoesOn)), "{next:?}");
        assert!(!state.awaits_100());
    }
}
