//! What the client of one stream owes, and until when.
//!
//! | Wait | Runs | When it is over |
//! |---|---|---|
//! | body | while a body is wanted and nothing comes | the body fails: 408 |
//! | slow body | while a body is wanted and `limits.min_body_rate` is set | the body fails: 408 |
//! | window | while the client takes nothing of the answer | the stream is reset |
//!
//! `h2` hands on whole frames, and a large one may come slowly. So the bytes of a frame that is on its way count too.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::super::pace::Pace;
use super::bounds::Bounds;
use super::watch::Watch;
use crate::clock;
use crate::timer::LazyTimer;
use crate::upload::BodyFault;

/// Which wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    Body(BodyFault),
    Window,
}

/// See the [module](self). Most streams never wait, so the timer is made for the first wait.
#[derive(Debug)]
pub(super) struct Waits {
    watch: Watch,
    /// The number of the stream.
    stream: u32,
    idle: Duration,
    pace: Option<Box<Pace>>,
    /// Bytes of the frame on its way that have been counted.
    counted: usize,
    timer: Option<LazyTimer>,
    /// Since when the body is waited for, and when to look at that again.
    body: Option<(Instant, Instant)>,
    window: Option<Instant>,
}

impl Waits {
    /// The waits of this stream.
    pub(super) fn new(stream: u32, watch: Watch, bounds: &Bounds) -> Self {
        let pace = bounds.min_body_rate.map(|least| Box::new(Pace::new(least)));
        Self {
            watch,
            stream,
            idle: bounds.idle,
            pace,
            counted: 0,
            timer: None,
            body: None,
            window: None,
        }
    }

    /// Begins to wait for the body, unless that wait runs already.
    pub(super) fn for_body(&mut self) {
        if self.body.is_none() {
            let now = clock::now();
            let (until, _) = self.body_until(now);
            self.body = Some((now, until));
        }
    }

    /// The body is not waited for.
    pub(super) fn not_for_body(&mut self) {
        self.body = None;
        if let Some(pace) = &mut self.pace {
            pace.end_wait(0);
        }
    }

    /// So many bytes of the body have come.
    pub(super) fn received(&mut self, bytes: usize) {
        if let Some(pace) = &mut self.pace {
            let counted = self.counted.min(bytes);
            self.counted -= counted;
            pace.end_wait(bytes - counted);
        }
    }

    /// The client takes nothing.
    pub(super) fn for_window(&mut self) {
        self.window.get_or_insert_with(|| clock::now() + self.idle);
    }

    /// The client took something, or need not.
    pub(super) const fn not_for_window(&mut self) {
        self.window = None;
    }

    /// Until when a body may come that is waited for since then, and what it is afterwards.
    fn body_until(&mut self, since: Instant) -> (Instant, BodyFault) {
        let partial = self.watch.data_of(self.stream);
        let moved = partial.map_or(since, |(at, _)| at.max(since));
        let stalled = (moved + self.idle, BodyFault::Stalled);
        let Some(pace) = &mut self.pace else {
            return stalled;
        };
        let (_, bytes) = partial.unwrap_or((since, 0));
        if bytes > self.counted {
            pace.end_wait(bytes - self.counted);
            self.counted = bytes;
        }
        let slow = pace.until();
        match slow < stalled.0 {
            true => (slow, BodyFault::TooSlow),
            false => stalled,
        }
    }

    /// Ready when a wait is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        loop {
            let body = self.body.map(|(_, until)| until);
            let Some(deadline) = [body, self.window].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| LazyTimer::new(deadline));
            ready!(timer.poll_until(cx, deadline));
            let Some((since, _)) = self.body.take_if(|(_, until)| *until <= deadline) else {
                self.window = None;
                return Poll::Ready(Late::Window);
            };
            match self.body_until(since) {
                (until, _) if until > Instant::now() => self.body = Some((since, until)),
                (_, fault) => return Poll::Ready(Late::Body(fault)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::num::NonZeroU64;

    use super::super::watch::tests::data_on_its_way;
    use super::*;
    use crate::framing::HeadLimits;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(watch: &Watch, min_body_rate: Option<u64>) -> Waits {
        let bounds = Bounds {
            head_limits: HeadLimits {
                max_bytes: 0,
                max_fields: 0,
                max_target: 0,
            },
            min_body_rate: min_body_rate.and_then(NonZeroU64::new),
            max_streams: 1,
            head: SECOND,
            idle: 8 * SECOND,
        };
        Waits::new(1, watch.clone(), &bounds)
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_that_is_over_first_is_told() {
        let start = Instant::now();
        let mut waits = waits(&Watch::new(), None);
        assert!(poll_fn(|cx| Poll::Ready(waits.poll(cx))).await.is_pending());
        waits.for_window();
        tokio::time::advance(2 * SECOND).await;
        waits.for_body();
        // A wait that runs is not begun again.
        waits.for_window();
        assert_eq!(poll_fn(|cx| waits.poll(cx)).await, Late::Window);
        assert_eq!(start.elapsed(), 8 * SECOND);
        let stalled = Late::Body(BodyFault::Stalled);
        assert_eq!(poll_fn(|cx| waits.poll(cx)).await, stalled);
        assert_eq!(start.elapsed(), 10 * SECOND);
        waits.for_body();
        waits.not_for_body();
        assert!(poll_fn(|cx| Poll::Ready(waits.poll(cx))).await.is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_comes_slowly_is_waited_for() {
        let start = Instant::now();
        let watch = Watch::new();
        let mut waits = waits(&watch, None);
        waits.for_body();
        tokio::time::advance(6 * SECOND).await;
        data_on_its_way(&watch, 1, 10);
        let stalled = Late::Body(BodyFault::Stalled);
        assert_eq!(poll_fn(|cx| waits.poll(cx)).await, stalled);
        assert_eq!(start.elapsed(), 14 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_below_its_rate_is_too_slow_and_its_incomplete_frame_counts() {
        for (on_its_way, seconds) in [(0, 5), (700, 7)] {
            let start = Instant::now();
            let watch = Watch::new();
            let mut waits = waits(&watch, Some(100));
            waits.for_body();
            tokio::time::advance(SECOND).await;
            if on_its_way > 0 {
                data_on_its_way(&watch, 1, on_its_way);
            }
            let slow = Late::Body(BodyFault::TooSlow);
            assert_eq!(poll_fn(|cx| waits.poll(cx)).await, slow);
            assert_eq!(start.elapsed(), seconds * SECOND, "{on_its_way}");
        }
    }
}
