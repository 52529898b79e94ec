//! A session that was counted when the head of an answer came, while the answer lasts.

use std::time::{Duration, Instant};

use crate::sessions::Key;

/// A session is counted once more at the end of an answer that took this long.
const LONG: Duration = Duration::from_secs(1);

/// See the [module](self).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeenSession {
    key: Key,
    /// When it was counted.
    at: Instant,
    /// How long it is not counted again while the answer lasts.
    pause: Duration,
}

impl SeenSession {
    /// It was counted at this time.
    pub(super) fn new(key: Key, session_timeout: Duration, at: Instant) -> Self {
        Self {
            key,
            at,
            // It is counted again long before it would end.
            pause: session_timeout / 4,
        }
    }

    /// The session, if it is to be counted again while its answer lasts.
    pub(super) fn due(&mut self, now: Instant) -> Option<Key> {
        let due = now.saturating_duration_since(self.at) >= self.pause;
        due.then(|| {
            self.at = now;
            self.key
        })
    }

    /// The session, if it is to be counted again because its answer has ended.
    pub(super) fn due_at_end(self, now: Instant) -> Option<Key> {
        (now.saturating_duration_since(self.at) >= LONG).then_some(self.key)
    }
}
