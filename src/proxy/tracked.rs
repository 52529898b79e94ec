//! The body of an answer together with what ends when it ends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tracing::{debug, info};

use super::journey::Journey;
use crate::backend::ResponseBody;
use crate::balancer::Outcome;
use crate::link::Answering;
use crate::state::Attempt;

/// Bytes after which a long transfer tells the decisions how far it is.
const TELL_EVERY: u64 = 64 * 1024;

/// A body that hyper sends. Dropped, it settles the attempt, counts and logs the request, and lets the
/// connection take the next one, in this order.
#[derive(Debug)]
pub(crate) struct Tracked {
    body: ResponseBody,
    attempt: Option<Attempt>,
    journey: Box<Journey>,
    told_at: u64,
    _answering: Answering,
}

impl Tracked {
    pub(crate) const fn new(
        body: ResponseBody,
        attempt: Option<Attempt>,
        journey: Box<Journey>,
        answering: Answering,
    ) -> Self {
        Self {
            body,
            attempt,
            journey,
            told_at: 0,
            _answering: answering,
        }
    }

    /// The answer broke off: the client must not take it for complete.
    fn fail(&mut self) {
        self.journey.record.link.abort();
        let Some(failure) = self.body.take_failure() else {
            return;
        };
        info!(error = %failure, "answer broken off after its head");
        if let Some(attempt) = &self.attempt
            && let Some(kind) = failure.counts_as()
        {
            attempt.member.metrics.errors.increment(kind);
        }
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = crate::backend::Incomplete;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                this.journey.record.sent = this.journey.record.sent.saturating_add(length);
                if this.journey.record.sent.saturating_sub(this.told_at) >= TELL_EVERY
                    && let Some(attempt) = &mut this.attempt
                {
                    this.told_at = this.journey.record.sent;
                    attempt.moved(this.body.moved());
                }
            }
            Poll::Ready(Some(Err(_))) => this.fail(),
            Poll::Ready(None) => this.journey.record.complete = true,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.journey.record.complete |= self.body.is_end_stream();
        if !self.journey.record.complete {
            debug!("answer not complete");
        }
        let now = Instant::now();
        self.journey.record.ended = Some(now);
        if let Some(mut attempt) = self.attempt.take() {
            attempt.moved(self.body.moved());
            // A status that blames the member has set the outcome already; a client that goes away, or an
            // answer that breaks off, says nothing (`semantics` 7.4).
            if self.journey.record.complete && attempt.outcome == Outcome::Neutral {
                attempt.outcome = Outcome::Served;
            }
            attempt.settle(now);
        }
    }
}
