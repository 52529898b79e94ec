//! How fast the body of a request comes, for `limits.min_body_rate`.

use std::num::NonZeroU64;
use std::time::Duration;

use tokio::time::Instant;

use crate::framing::BodyRate;

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
