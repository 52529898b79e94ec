//! The time at which an event is handled: one reading of the system's clock for each event of a client connection.

use std::cell::Cell;

use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
enum Reading {
    /// No event is being handled on this thread: each call reads the clock.
    Each,
    /// Nobody has asked yet what time it is.
    Due,
    At(Instant),
}

thread_local! {
    static READING: Cell<Reading> = const { Cell::new(Reading::Each) };
}

/// The current time; while [`for_one_event`] runs, the time of the event.
pub(crate) fn now() -> Instant {
    match READING.get() {
        Reading::At(now) => now,
        Reading::Each => Instant::now(),
        Reading::Due => {
            let now = Instant::now();
            READING.set(Reading::At(now));
            now
        }
    }
}

/// Handles an event: until `handle` returns, on this thread it is always the same time. It must not take long.
pub(crate) fn for_one_event<T>(handle: impl FnOnce() -> T) -> T {
    // Put back in any case: otherwise time would stand still.
    struct Before(Reading);
    impl Drop for Before {
        fn drop(&mut self) {
            READING.set(self.0);
        }
    }
    let _before = Before(READING.replace(Reading::Due));
    handle()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_stands_still_within_an_event_only() {
        let second = Duration::from_secs(1);
        let start = now();
        tokio::time::advance(second).await;
        assert_eq!(now(), start + second);
        let (first, last) = for_one_event(|| {
            let first = now();
            std::thread::sleep(Duration::from_millis(2));
            (first, now())
        });
        assert_eq!(first, last);
        tokio::time::advance(second).await;
        assert_eq!(now(), start + 2 * second);
    }

    #[test]
    fn an_event_that_panics_does_not_stop_the_time() {
        let panicked = std::panic::catch_unwind(|| {
            for_one_event(|| {
                now();
                panic!("as expected");
            });
        });
        assert!(panicked.is_err());
        let first = now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(now() > first);
    }
}
