//! How fast the body of a request comes, for `limits.min_body_rate`.

use std::num::NonZeroU64;
use std::time::Duration;

use tokio::time::Instant;

/// A body that is being read, with the clock.
#[derive(Debug)]
pub(super) struct Pace {
    rate: BodyRate,
    /// Since when the client has been waited for.
    since: Option<Instant>,
}

impl Pace {
    /// A body of which nothing has come.
    pub(super) const fn new(least: NonZeroU64) -> Self {
        Self {
            rate: BodyRate::new(least),
            since: None,
        }
    }

    /// The client is waited for, and may be for so long from the beginning of this wait.
    pub(super) fn wait(&mut self) -> Duration {
        self.since.get_or_insert_with(Instant::now);
        self.rate.left()
    }

    /// The client is waited for, and may be until then.
    pub(super) fn until(&mut self) -> Instant {
        let left = self.wait();
        self.since.unwrap_or_else(Instant::now) + left
    }

    /// The wait is over: so many bytes have come, or nobody wants more for now.
    pub(super) fn end_wait(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.rate.wait(since.elapsed());
        }
        self.rate.receive(bytes as u64);
    }
}

/// How long a client may be waited for before its rate counts.
const GRACE: Duration = Duration::from_secs(5);

/// How fast a body comes: its bytes, and the time that they were waited for. Time in which nobody wanted more of it does not
/// count, for then the client could not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BodyRate {
    /// Least bytes per second.
    least: NonZeroU64,
    received: u64,
    waited: Duration,
}

impl BodyRate {
    /// A body of which nothing has come.
    const fn new(least: NonZeroU64) -> Self {
        Self {
            least,
            received: 0,
            waited: Duration::ZERO,
        }
    }

    /// So many bytes have come.
    const fn receive(&mut self, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
    }

    /// The client has been waited for.
    const fn wait(&mut self, time: Duration) {
        self.waited = self.waited.saturating_add(time);
    }

    /// How much longer it may be waited for before the body is too slow: the rate is an average over all of the waiting, and
    /// counts once that is longer than 5 seconds.
    fn left(&self) -> Duration {
        let least = self.least.get();
        let whole = Duration::from_secs(self.received / least);
        let rest = u128::from(self.received % least) * 1_000_000_000 / u128::from(least);
        let rest = Duration::from_nanos(u64::try_from(rest).unwrap_or_default());
        let allowed = whole.saturating_add(rest).max(GRACE);
        allowed.saturating_sub(self.waited)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_slow_body_has_five_seconds_and_then_as_long_as_its_bytes_are_worth() {
        let mut rate = BodyRate::new(NonZeroU64::new(1000).unwrap());
        assert_eq!(rate.left(), 5 * SECOND);
        rate.wait(4 * SECOND);
        rate.receive(4000);
        assert_eq!(rate.left(), SECOND);
        rate.receive(2500);
        assert_eq!(rate.left(), Duration::from_millis(2500));
        rate.wait(10 * SECOND);
        assert_eq!(rate.left(), Duration::ZERO);
        rate.receive(u64::MAX);
        assert!(rate.left() > Duration::from_secs(1 << 40));
    }

    proptest! {
        /// A client that is never slower than the rate is never too slow.
        #[test]
        fn a_client_of_that_rate_is_waited_for(
            least in 1..1_000_000_u64, pieces in prop::collection::vec(1..10_000_u64, 1..50),
        ) {
            let mut rate = BodyRate::new(NonZeroU64::new(least).unwrap());
            for milliseconds in pieces {
                rate.receive((least * milliseconds).div_ceil(1000));
                prop_assert!(rate.left() >= Duration::from_millis(milliseconds));
                rate.wait(Duration::from_millis(milliseconds));
            }
        }
    }
}
