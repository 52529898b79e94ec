//! How many frames that carry nothing of a message a client may send. No socket, no clock.
//!
//! `h2` answers or ignores such frames in bounded memory for as long as they come. A client that sends nothing else keeps a
//! core busy, so there is a budget for them, which time fills up again:
//!
//! | Frames | Cost | Budget | Comes back |
//! |---|---|---|---|
//! | RST_STREAM: a request given up costs its member a connection (CVE-2023-44487) | 1 | [`RESETS`] | [`RESETS_PER_SECOND`] |
//! | PRIORITY, WINDOW_UPDATE, empty DATA, CONTINUATION, types that nobody knows | 1 | [`OTHERS`] | [`OTHERS_PER_SECOND`]; and 1 for each [`PAID_BY`] bytes written |
//! | PING | 2: its answer is as large | | |
//! | SETTINGS | 10: a connection needs few | | |
//!
//! The bytes that are written pay for the WINDOW_UPDATE frames with which a client takes its answers. A client that lets the
//! gateway send a few bytes at a time pays more than it earns.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::{Frame, kind};

/// RST_STREAM frames at once. A browser gives up all the pictures of a page when its user goes on.
const RESETS: u32 = 200;
const RESETS_PER_SECOND: u32 = 50;

/// Cost of other frames at once.
const OTHERS: u32 = 2_000;
const OTHERS_PER_SECOND: u32 = 200;

/// Bytes written that pay for one frame.
const PAID_BY: usize = 32;

/// What a client has sent too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flood {
    #[error("too many requests were given up (RST_STREAM)")]
    Resets,
    #[error("too many frames that carry nothing")]
    Others,
    #[error("too many updates of the dynamic table's size before a header block")]
    SizeUpdates,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Budget {
    resets: Bucket,
    others: Bucket,
    /// Bytes written that have not paid for a frame yet.
    written: usize,
}

impl Budget {
    /// That of a connection which begins at `now`.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            resets: Bucket::new(RESETS, RESETS_PER_SECOND, now),
            others: Bucket::new(OTHERS, OTHERS_PER_SECOND, now),
            written: 0,
        }
    }

    /// Counts a frame of the client.
    ///
    /// # Errors
    /// When there were too many.
    pub(super) fn count(&mut self, frame: Frame, now: Instant) -> Result<(), Flood> {
        let cost = match frame.kind {
            kind::RST_STREAM => return self.resets.take(1, now).ok_or(Flood::Resets),
            kind::HEADERS => return Ok(()),
            kind::DATA if frame.length > 0 || frame.ends_stream() => return Ok(()),
            kind::SETTINGS => 10,
            kind::PING => 2,
            _ => 1,
        };
        self.others.take(cost, now).ok_or(Flood::Others)
    }

    /// So many bytes were written to the client.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written = self.written.saturating_add(bytes);
        self.others.put(self.written / PAID_BY);
        self.written %= PAID_BY;
    }
}

/// A number that is used up, and that time brings back.
#[derive(Debug)]
struct Bucket {
    left: u32,
    max: u32,
    /// How long it takes until there is one more.
    interval: Duration,
    /// Up to when time has brought back what it does.
    at: Instant,
}

impl Bucket {
    const fn new(max: u32, per_second: u32, now: Instant) -> Self {
        Self {
            left: max,
            max,
            interval: Duration::from_micros(1_000_000 / per_second as u64),
            at: now,
        }
    }

    /// Takes so many; `None` when there are fewer.
    fn take(&mut self, count: u32, now: Instant) -> Option<()> {
        if self.left < count {
            let passed = now.saturating_duration_since(self.at);
            let more = passed.as_micros() / self.interval.as_micros().max(1);
            let more = u32::try_from(more).unwrap_or(u32::MAX).min(self.max);
            self.at = match more == self.max {
                true => now,
                false => self.at + self.interval * more,
            };
            self.left = self.left.saturating_add(more).min(self.max);
        }
        self.left = self.left.checked_sub(count)?;
        Some(())
    }

    fn put(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(count).min(self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn frame(kind: u8, length: usize) -> Frame {
        Frame {
            kind,
            flags: 0,
            stream: 1,
            length,
        }
    }

    /// How many such frames at once are too many; `None`: ten thousand are not.
    fn most(frame: Frame) -> Option<usize> {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        (0..10_000).find(|_| budget.count(frame, now).is_err())
    }

    #[test]
    fn each_kind_of_frame_has_its_cost() {
        for (kind, length, expected) in [
            (kind::RST_STREAM, 4, Some(200)),
            (kind::PING, 8, Some(1_000)),
            (kind::SETTINGS, 0, Some(200)),
            (kind::CONTINUATION, 9, Some(2_000)),
            (kind::DATA, 0, Some(2_000)),
            (2, 5, Some(2_000)),
            (8, 4, Some(2_000)),
            (99, 0, Some(2_000)),
            // Streams and windows bound these.
            (kind::DATA, 1, None),
            (kind::HEADERS, 1, None),
        ] {
            assert_eq!(most(frame(kind, length)), expected, "{kind}");
        }
    }

    #[test]
    fn time_brings_resets_back() {
        let mut now = Instant::now();
        let mut budget = Budget::new(now);
        let reset = frame(kind::RST_STREAM, 4);
        for _ in 0..200 {
            budget.count(reset, now).unwrap();
        }
        assert_eq!(budget.count(reset, now), Err(Flood::Resets));
        now += SECOND;
        for _ in 0..50 {
            budget.count(reset, now).unwrap();
        }
        assert_eq!(budget.count(reset, now), Err(Flood::Resets));
        now += 100 * SECOND;
        assert!((0..200).all(|_| budget.count(reset, now).is_ok()));
        assert_eq!(budget.count(reset, now), Err(Flood::Resets));
    }

    #[test]
    fn what_is_written_pays_for_the_frames_that_ask_for_more() {
        let now = Instant::now();
        // Two frames for each piece of an answer: of 100 bytes, of one.
        for (piece, goes_on) in [(100, true), (1, false)] {
            let mut budget = Budget::new(now);
            let all = (0..10_000).all(|_| {
                budget.wrote(9 + piece);
                let update = frame(8, 4);
                budget.count(update, now).is_ok() && budget.count(update, now).is_ok()
            });
            assert_eq!(all, goes_on, "{piece}");
        }
    }
}
