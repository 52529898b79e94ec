//! A timer for deadlines that move on with every request.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// A timer that is moved only when it would ring too late.
///
/// A deadline that moves into the future costs one comparison, and nothing in the runtime's list of timers: when the
/// timer rings before the deadline of the moment, it is set anew. It is kept with its connection, because making a timer
/// costs more than letting it ring in vain.
#[derive(Debug)]
pub(crate) struct LazyTimer(Pin<Box<Sleep>>);

impl LazyTimer {
    /// A timer that rings at `first`, unless it is asked for another deadline.
    pub(crate) fn new(first: Instant) -> Self {
        Self(Box::pin(tokio::time::sleep_until(first)))
    }

    /// Ready once `deadline` has passed. The task is woken then, and perhaps once before.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.0.deadline() > deadline {
            self.0.as_mut().reset(deadline);
        }
        while self.0.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_ready_at_the_deadline_wherever_it_stood_before() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut timer = LazyTimer::new(start + 10 * second);
        // Earlier than it stands, later, and in the past.
        for (deadline, ready) in [(2, 2), (30, 30), (20, 30)] {
            let deadline = start + deadline * second;
            poll_fn(|cx| timer.poll_until(cx, deadline)).await;
            assert_eq!(start.elapsed(), ready * second);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_on_is_not_ready() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut timer = LazyTimer::new(start + second);
        for passed in 0..10 {
            let deadline = start + (passed + 2) * second;
            let polled = poll_fn(|cx| Poll::Ready(timer.poll_until(cx, deadline))).await;
            assert!(polled.is_pending());
            tokio::time::advance(second).await;
        }
    }
}
