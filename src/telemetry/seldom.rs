//! Log lines that would otherwise come with every request.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How long one line stands for all like it.
const PAUSE: Duration = Duration::from_secs(60);

/// Lets one event a minute through, so that a mistake that concerns every request is named and does not fill
/// the disk.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    /// Whether it is time to say it again; if so, that is remembered.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_a_minute_is_let_through() {
        let seldom = Seldom::default();
        let start = Instant::now();
        let due: Vec<u64> = (0..200)
            .filter(|&second| seldom.is_due(start + Duration::from_secs(second)))
            .collect();
        assert_eq!(due, [0, 60, 120, 180]);
        assert!(
            !seldom.is_due(start),
            "a clock that is late changes nothing"
        );
    }
}
