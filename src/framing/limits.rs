//! Bounds of a request that hold whatever version of HTTP it comes in. Pure: whoever reads the request asks.

use std::num::NonZeroU64;
use std::time::Duration;

use super::Refused;

/// Bounds of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadLimits {
    /// Most bytes in all.
    pub(crate) max_bytes: usize,
    /// Most header fields.
    pub(crate) max_fields: usize,
    /// Longest target in bytes: path and query, and what stands before them in a URL.
    pub(crate) max_target: usize,
}

impl HeadLimits {
    /// Checks a target of so many bytes.
    pub(crate) const fn target(&self, length: usize) -> Result<(), Refused> {
        match length > self.max_target {
            true => Err(Refused::TargetTooLong),
            false => Ok(()),
        }
    }

    /// Checks the number of fields.
    pub(crate) const fn fields(&self, count: usize) -> Result<(), Refused> {
        match count > self.max_fields {
            true => Err(Refused::TooManyFields),
            false => Ok(()),
        }
    }
}

/// How long a client may be waited for before its rate counts.
const GRACE: Duration = Duration::from_secs(5);

/// How fast a body comes: its bytes, and the time that they were waited for. Time in which nobody wanted more of it does not
/// count, for then the client could not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyRate {
    /// Least bytes per second.
    least: NonZeroU64,
    received: u64,
    waited: Duration,
}

impl BodyRate {
    /// A body of which nothing has come.
    pub(crate) const fn new(least: NonZeroU64) -> Self {
        Self {
            least,
            received: 0,
            waited: Duration::ZERO,
        }
    }

    /// So many bytes have come.
    pub(crate) const fn receive(&mut self, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
    }

    /// The client has been waited for.
    pub(crate) const fn wait(&mut self, time: Duration) {
        self.waited = self.waited.saturating_add(time);
    }

    /// How much longer it may be waited for before the body is too slow: the rate is an average over all of the waiting, and
    /// counts once that is longer than 5 seconds.
    pub(crate) fn left(&self) -> Duration {
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
