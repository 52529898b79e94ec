//! A limit on warnings that would otherwise come with every request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets one warning of each cause through per interval, and counts those that it leaves out.
///
/// `C` names the cause. It must be a closed list (an enum without payload, or `()`), because a state is kept for each
/// cause that was seen.
#[derive(Debug)]
pub(crate) struct WarnLimit<C = ()> {
    interval: Duration,
    causes: Mutex<Vec<Cause<C>>>,
}

#[derive(Debug)]
struct Cause<C> {
    cause: C,
    /// When its last warning was let through.
    last: Instant,
    left_out: u64,
}

impl<C> WarnLimit<C> {
    const fn new(interval: Duration) -> Self {
        Self {
            interval,
            causes: Mutex::new(Vec::new()),
        }
    }

    /// For failures: one warning a second.
    pub(crate) const fn per_second() -> Self {
        Self::new(Duration::from_secs(1))
    }

    /// For mistakes in a configuration, which concern every request until somebody mends them: one warning a minute.
    pub(crate) const fn per_minute() -> Self {
        Self::new(Duration::from_secs(60))
    }
}

impl<C: PartialEq> WarnLimit<C> {
    /// Whether a warning may be logged now: `Some`, with the number of warnings of this cause that were left out since
    /// the last one. `None` counts it as left out.
    pub(crate) fn due(&self, cause: C) -> Option<LeftOut> {
        let now = Instant::now();
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = causes.iter_mut().find(|known| known.cause == cause) else {
            causes.push(Cause {
                cause,
                last: now,
                left_out: 0,
            });
            return Some(LeftOut(0));
        };
        if now.saturating_duration_since(known.last) < self.interval {
            known.left_out = known.left_out.saturating_add(1);
            return None;
        }
        known.last = now;
        Some(LeftOut(std::mem::take(&mut known.left_out)))
    }

    /// Whether warnings of this cause were left out, and the next one may be logged now: `Some`, with their number. To be
    /// called now and then where the log must end with the last state.
    pub(crate) fn overdue(&self, cause: &C) -> Option<LeftOut> {
        let now = Instant::now();
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = causes.iter_mut().find(|known| known.cause == *cause)?;
        let is_over = now.saturating_duration_since(known.last) >= self.interval;
        if known.left_out == 0 || !is_over {
            return None;
        }
        known.last = now;
        Some(LeftOut(std::mem::take(&mut known.left_out)))
    }
}

/// How many warnings were left out before one that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut(u64);

impl LeftOut {
    /// For a field `left_out` of the log line: there is none when nothing was left out.
    pub(crate) fn field(self) -> Option<u64> {
        (self.0 > 0).then_some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which warnings of a cause are let through, with the number of those left out before, when there are two
    /// of them every 100 ms for 3 seconds.
    async fn passed(limit: &WarnLimit<char>, cause: char) -> Vec<(u64, u64)> {
        let start = Instant::now();
        let mut passed = Vec::new();
        for _ in 0..30 {
            for _ in 0..2 {
                if let Some(LeftOut(left_out)) = limit.due(cause) {
                    passed.push((start.elapsed().as_secs(), left_out));
                }
            }
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        passed
    }

    #[tokio::test(start_paused = true)]
    async fn one_warning_of_a_cause_is_let_through_each_second() {
        let limit = WarnLimit::per_second();
        assert_eq!(passed(&limit, 'a').await, [(0, 0), (1, 19), (2, 19)]);
        // Another cause has its own count; after a pause the first one says what it had left out.
        assert_eq!(passed(&limit, 'b').await, [(0, 0), (1, 19), (2, 19)]);
        assert_eq!(limit.due('a'), Some(LeftOut(19)));
        assert_eq!(limit.due('a'), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_warning_of_a_mistake_is_let_through_each_minute() {
        let limit = WarnLimit::per_minute();
        let mut due = Vec::new();
        for second in 0..200 {
            if limit.due(()).is_some() {
                due.push(second);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(due, [0, 60, 120, 180]);
    }

    #[tokio::test(start_paused = true)]
    async fn warnings_that_were_left_out_are_overdue_when_the_interval_is_over() {
        let limit = WarnLimit::per_second();
        assert_eq!(limit.overdue(&()), None);
        limit.due(());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(limit.overdue(&()), None, "none was left out");
        limit.due(());
        limit.due(());
        assert_eq!(limit.overdue(&()), None, "too early");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(limit.overdue(&()), Some(LeftOut(1)));
        assert_eq!(limit.overdue(&()), None);
        assert_eq!(
            limit.due(()),
            None,
            "an overdue warning is one of the second"
        );
    }

    #[test]
    fn the_field_is_left_out_when_nothing_was() {
        assert_eq!(LeftOut(0).field(), None);
        assert_eq!(LeftOut(3).field(), Some(3));
    }
}
