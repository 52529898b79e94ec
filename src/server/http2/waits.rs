//! What the client of one stream owes, and until when.
//!
//! | Wait | Runs | When it is over |
//! |---|---|---|
//! | body | while a body is wanted and nothing comes | the body fails: 408 |
//! | window | while the client takes nothing of the answer | the stream is reset |

use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::timer::LazyTimer;

/// Which wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    Body,
    Window,
}

/// See the [module](self). Most streams never wait, so the timer is made for the first wait.
#[derive(Debug, Default)]
pub(super) struct Waits {
    timer: Option<LazyTimer>,
    body: Option<Instant>,
    window: Option<Instant>,
}

impl Waits {
    /// Begins to wait for the body, unless that wait runs already.
    pub(super) fn for_body(&mut self, time: Duration) {
        self.body.get_or_insert_with(|| Instant::now() + time);
    }

    /// The body may come until then.
    pub(super) const fn for_body_until(&mut self, until: Instant) {
        self.body = Some(until);
    }

    /// The body is not waited for.
    pub(super) const fn not_for_body(&mut self) {
        self.body = None;
    }

    /// The client takes nothing; it may do so for `time`.
    pub(super) fn for_window(&mut self, time: Duration) {
        self.window.get_or_insert_with(|| Instant::now() + time);
    }

    /// The client took something, or need not.
    pub(super) const fn not_for_window(&mut self) {
        self.window = None;
    }

    /// Ready when a wait is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        let Some(deadline) = [self.body, self.window].into_iter().flatten().min() else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| LazyTimer::new(deadline));
        ready!(timer.poll_until(cx, deadline));
        Poll::Ready(match self.body.take_if(|until| *until <= deadline) {
            Some(_) => Late::Body,
            None => {
                self.window = None;
                Late::Window
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_wait_that_is_over_first_is_told() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut waits = Waits::default();
        assert!(poll_fn(|cx| Poll::Ready(waits.poll(cx))).await.is_pending());
        waits.for_body(5 * second);
        // A wait that runs is not begun again.
        waits.for_body(50 * second);
        waits.for_window(3 * second);
        assert_eq!(poll_fn(|cx| waits.poll(cx)).await, Late::Window);
        assert_eq!(start.elapsed(), 3 * second);
        assert_eq!(poll_fn(|cx| waits.poll(cx)).await, Late::Body);
        assert_eq!(start.elapsed(), 5 * second);
        waits.for_body(second);
        waits.not_for_body();
        assert!(poll_fn(|cx| Poll::Ready(waits.poll(cx))).await.is_pending());
    }
}
