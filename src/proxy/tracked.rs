//! The body of an answer together with what ends when it ends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use tracing::{debug, warn};

use super::record::OpenRequest;
use super::verdict::{End, Rules, verdict};
use crate::backend::{FailureKind, Moved, ResponseBody, Tunnel};
use crate::connection_state::Answering;
use crate::state::Attempt;

/// Bytes after which a long transfer tells the decisions how far it is.
const TELL_EVERY: u64 = 64 * 1024;

/// A body that hyper sends. Dropped, it settles the attempt, counts and logs the request, and lets the
/// connection take the next one, in this order.
#[derive(Debug)]
pub(crate) struct Tracked {
    body: ResponseBody,
    /// `None` for the empty body of a 101: what ends with that request is kept by the tunnel.
    ending: Option<Ending>,
}

/// What ends when the answer has ended.
#[derive(Debug)]
struct Ending {
    attempt: Option<Attempt>,
    /// Of the answer.
    status: StatusCode,
    request: Box<OpenRequest>,
    told_at: u64,
    _answering: Answering,
}

impl Tracked {
    pub(crate) const fn new(
        body: ResponseBody,
        attempt: Option<Attempt>,
        status: StatusCode,
        request: Box<OpenRequest>,
        answering: Answering,
    ) -> Self {
        Self {
            body,
            ending: Some(Ending {
                attempt,
                status,
                request,
                told_at: 0,
                _answering: answering,
            }),
        }
    }

    /// No body, and nothing that ends with it.
    pub(crate) const fn nothing() -> Self {
        Self {
            body: ResponseBody::empty(),
            ending: None,
        }
    }

    /// The other protocol behind a 101.
    pub(crate) fn take_tunnel(&mut self) -> Option<Box<Tunnel>> {
        self.body.take_tunnel()
    }

    /// So much of another protocol has moved so far.
    pub(crate) fn moved(&mut self, moved: Moved) {
        if let Some(ending) = &mut self.ending {
            ending.request.record.sent = moved.bodies.from_backend;
            if let Some(attempt) = &mut ending.attempt {
                attempt.moved(moved);
            }
        }
    }
}

impl Ending {
    /// The answer broke off: the client must not take it for complete.
    fn fail(&mut self, failure: Option<FailureKind>) {
        self.request.record.connection.abort();
        let Some(failure) = failure else {
            return;
        };
        let Some(attempt) = &self.attempt else {
            return;
        };
        let (balancer, member) = (attempt.balancer(), &attempt.member);
        let end = End::CutShort(self.status, Some(&failure));
        let Some(cause) = verdict(end, Rules::of(balancer)).error else {
            debug!(
                balancer = balancer.name(), member = %member.url, error = %failure,
                "answer given up after its head"
            );
            return;
        };
        member.metrics.errors.increment(cause);
        if let Some(left_out) = member.warnings.broken_off.due(cause) {
            warn!(
                balancer = balancer.name(), member = %member.url, error = %failure,
                left_out = left_out.field(), "answer broken off after its head"
            );
        }
    }

    /// The member sent more body than the head of its answer had announced. The client got what was announced.
    fn warn_of_surplus(&self) {
        if let Some(attempt) = &self.attempt
            && let Some(left_out) = attempt.member.warnings.surplus.due(())
        {
            warn!(
                balancer = attempt.balancer().name(), member = %attempt.member.url,
                left_out = left_out.field(),
                "the member sent more body than it had announced: the rest was cut off"
            );
        }
    }

    /// So many bytes of body go to the client.
    fn sent(&mut self, length: u64, body: &mut ResponseBody) {
        let record = &mut self.request.record;
        record.sent = record.sent.saturating_add(length);
        if record.sent.saturating_sub(self.told_at) >= TELL_EVERY
            && let Some(attempt) = &mut self.attempt
        {
            self.told_at = record.sent;
            attempt.moved(body.moved());
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
        let Some(ending) = &mut this.ending else {
            return polled;
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                ending.sent(length, &mut this.body);
            }
            Poll::Ready(Some(Err(_))) => ending.fail(this.body.take_failure()),
            Poll::Ready(None) => ending.request.record.complete = true,
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
        if self.body.has_surplus()
            && let Some(ending) = &self.ending
        {
            ending.warn_of_surplus();
        }
        let Some(Ending {
            attempt,
            status,
            request,
            ..
        }) = &mut self.ending
        else {
            return;
        };
        request.record.complete |= self.body.is_end_stream();
        if !request.record.complete {
            debug!("answer not complete");
        }
        let now = Instant::now();
        request.record.ended = Some(now);
        if let Some(mut attempt) = attempt.take() {
            // Nothing of a tunnel: that has been told.
            attempt.moved(self.body.moved());
            let end = match request.record.complete {
                true => End::Complete(*status),
                false => End::CutShort(*status, None),
            };
            attempt.outcome = verdict(end, Rules::of(attempt.balancer())).outcome;
            attempt.settle(now);
        }
    }
}
