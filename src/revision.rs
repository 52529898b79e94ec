//! A number that rises with each change of something that many tasks depend on, and whom it wakes.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Context;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Revision {
    number: AtomicU64,
    /// Cancelled by the next change.
    next: Mutex<CancellationToken>,
    /// Wakes those who wait too, once and for all.
    end: CancellationToken,
}

impl Revision {
    /// Its number is 1. Once `end` is cancelled, nobody waits for a change any more.
    pub(crate) fn new(end: &CancellationToken) -> Self {
        Self {
            number: AtomicU64::new(1),
            next: Mutex::new(end.child_token()),
            end: end.clone(),
        }
    }

    /// Whoever has seen this number knows of all changes before it.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Something has changed: the number rises, and those who wait for that are woken.
    pub(crate) fn rise(&self) {
        let next = self.end.child_token();
        let mut now = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *now, next);
        self.number.fetch_add(1, Ordering::Release);
        drop(now);
        before.cancel();
    }

    /// The number, and a future that is ready once it has risen further.
    pub(crate) fn watch(&self) -> (u64, WaitForCancellationFutureOwned) {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        (self.number(), next.clone().cancelled_owned())
    }

    /// Has the task woken by the next change: `next` is from [`watch`](Self::watch), and `polled` the number at which it was
    /// polled last, 0 at first. While the number is the same, this costs no more than a look at it.
    pub(crate) fn wake(
        &self,
        cx: &mut Context<'_>,
        mut next: Pin<&mut WaitForCancellationFutureOwned>,
        polled: &mut u64,
    ) {
        while *polled != self.number() {
            let (number, later) = self.watch();
            next.set(later);
            *polled = number;
            // If it is ready the number has risen, and this goes round again, or nobody is to wait any more.
            let _ = next.as_mut().poll(cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    #[test]
    fn each_change_wakes_those_who_wait_and_so_does_the_end() {
        let end = CancellationToken::new();
        let revision = Revision::new(&end);
        let mut cx = Context::from_waker(Waker::noop());
        for change in [|it: &Revision| it.rise(), |it: &Revision| it.end.cancel()] {
            let (number, next) = revision.watch();
            let mut next = pin!(next);
            assert!(next.as_mut().poll(&mut cx).is_pending());
            change(&revision);
            assert!(next.as_mut().poll(&mut cx).is_ready());
            assert_eq!(revision.number(), 2, "it was {number}");
        }
        // Nobody waits any more, and nobody turns in a circle.
        revision.rise();
        let (mut next, mut polled) = (pin!(revision.watch().1), 0);
        revision.wake(&mut cx, next.as_mut(), &mut polled);
        assert_eq!(polled, 3);
    }
}
