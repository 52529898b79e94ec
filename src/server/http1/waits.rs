//! What a client owes, and until when. One timer serves all of a connection's waits, because only the earliest of
//! them can end.
//!
//! | Wait | Runs | When it is over |
//! |---|---|---|
//! | request | between two requests; before the first it is at most the time for a head | close |
//! | rest of head | from the first byte of a head to its last, however steadily it comes | 408 |
//! | body | while a body is wanted and nothing comes | the body fails: 408 |
//! | slow body | while a body is wanted and `limits.min_body_rate` is set | the body fails: 408 |
//! | half-closed | while a client that has closed its side takes nothing of its answer | the client has gone |
//! | rest of body | after the answer, while the rest of a body is read so that the connection can go on | close |
//! | linger | after the end of the last answer, while a client is still sending | close |
//! | writing | while the client takes nothing | the client has gone |
//!
//! No time runs while a request is being answered and neither side of the connection waits for the client.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::timer::LazyTimer;

/// What is waited for on the side that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Request,
    RestOfHead,
    Body,
    SlowBody,
    HalfClosed,
    RestOfBody,
    Linger,
}

/// Which wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    Reading(Reading),
    Writing,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Waits {
    timer: LazyTimer,
    reading: Option<(Reading, Instant)>,
    writing: Option<Instant>,
}

impl Waits {
    /// Waits for the first request so long.
    pub(super) fn new(first: Duration) -> Self {
        let first = Instant::now() + first;
        Self {
            timer: LazyTimer::new(first),
            reading: Some((Reading::Request, first)),
            writing: None,
        }
    }

    /// Begins a wait of the side that is read, unless the same wait runs already.
    pub(super) fn read(&mut self, wait: Reading, time: Duration) {
        if self.reading.is_none_or(|(running, _)| running != wait) {
            self.reading = Some((wait, clock::now() + time));
        }
    }

    /// Nothing is waited for on the side that is read.
    pub(super) const fn read_nothing(&mut self) {
        self.reading = None;
    }

    /// The client takes nothing; it may do so for `time`.
    pub(super) fn write(&mut self, time: Duration) {
        self.writing.get_or_insert_with(|| clock::now() + time);
    }

    /// The client took something.
    pub(super) fn wrote(&mut self) {
        self.writing = None;
        if let Some((Reading::HalfClosed, _)) = self.reading {
            self.reading = None;
        }
    }

    /// Ready when a wait is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        let reading = self.reading.map(|(_, until)| until);
        let Some(deadline) = [reading, self.writing].into_iter().flatten().min() else {
            return Poll::Pending;
        };
        ready!(self.timer.poll_until(cx, deadline));
        Poll::Ready(
            match self.reading.take_if(|(_, until)| *until <= deadline) {
                Some((wait, _)) => Late::Reading(wait),
                None => {
                    self.writing = None;
                    Late::Writing
                }
            },
        )
    }
}
