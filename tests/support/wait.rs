//! Waiting for an event, with a deadline.

use std::thread;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// Longer than any step of a test takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for a future; panics after [`DEADLINE`].
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match timeout(DEADLINE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// Repeats `check` until it returns `true`; panics after [`DEADLINE`].
pub(crate) async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let yes = until(DEADLINE, async || check().await.then_some(())).await;
    assert!(yes.is_some(), "{what}: not within {DEADLINE:?}");
}

/// Repeats `look` until it returns a value; `None` when that takes longer than `within`.
pub(crate) async fn until<T>(
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let mut ticks = interval(BETWEEN_LOOKS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let found = async {
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    timeout(within, found).await.ok()
}

/// Lets time pass, for tests of slow peers and of intervals. To wait for an event, use [`until`].
pub(crate) async fn pause(time: Duration) {
    sleep(time).await;
}

/// [`until`] for code that cannot await, such as `drop`.
pub(crate) fn until_blocking<T>(
    within: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Option<T> {
    let looks = within.as_millis() / BETWEEN_LOOKS.as_millis();
    for _ in 0..looks {
        if let Some(found) = look() {
            return Some(found);
        }
        thread::park_timeout(BETWEEN_LOOKS);
    }
    None
}
