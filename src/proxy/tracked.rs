//! The body of an answer together with what ends when it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, warn};

use super::answer_body::AnswerBody;
use super::record::OpenRequest;
use super::verdict::{End, Rules, verdict};
use crate::backend::{FailureKind, Moved, ResponseBody};
use crate::clock;
use crate::state::Attempt;

/// Bytes after which a long transfer tells the decisions how far it is.
const TELL_EVERY: u64 = 64 * 1024;

/// The body of an answer on its way to the client. Read to its end, or dropped, it settles the attempt and counts the
/// request; dropped, it logs the request.
#[derive(Debug)]
pub(crate) struct Tracked {
    body: AnswerBody,
    ending: Ending,
}

/// What ends when the answer has ended.
#[derive(Debug)]
struct Ending {
    attempt: Option<Attempt>,
    /// Of the answer.
    status: StatusCode,
    request: Box<OpenRequest>,
    told_at: u64,
    /// The last byte of the body has been read.
    whole: bool,
}

impl Tracked {
    pub(crate) const fn new(
        body: AnswerBody,
        attempt: Option<Attempt>,
        status: StatusCode,
        request: Box<OpenRequest>,
    ) -> Self {
        Self {
            body,
            ending: Ending {
                attempt,
                status,
                request,
                told_at: 0,
                whole: false,
            },
        }
    }

    /// The head of the answer has so many bytes, and `sent` knows the value of each of its fields.
    pub(crate) fn head_written<'h>(
        &mut self,
        bytes: usize,
        sent: impl Fn(&str) -> Option<&'h [u8]>,
    ) {
        let record = &mut self.ending.request.record;
        record.head_sent = bytes as u64;
        record.sent_fields(sent);
    }

    /// The last byte of the body has been read: the member is free, whether or not the client has that byte.
    pub(crate) fn read_to_end(&mut self) {
        self.ending.whole = true;
        self.settle();
        self.body = AnswerBody::Given(ResponseBody::empty());
    }

    /// The client has all of the answer; its connection goes on if `keep_alive`.
    pub(crate) fn delivered(mut self, keep_alive: bool) {
        let record = &mut self.ending.request.record;
        record.complete = true;
        record.keep_alive = keep_alive;
    }

    /// Whether another protocol begins behind the head.
    pub(crate) const fn is_upgrade(&self) -> bool {
        self.body.is_tunnel()
    }

    /// Speaks the other protocol with the client to its end. The request lasts as long as that.
    pub(crate) async fn run_upgraded(mut self, client: impl AsyncRead + AsyncWrite) {
        let Some(mut tunnel) = self.body.given().take_tunnel() else {
            return;
        };
        let shared = Arc::clone(&self.ending.request.record.shared);
        let moving = tunnel.run(client, |moved| self.ending.moved(moved));
        tokio::select! {
            () = moving => {}
            () = shared.closing.tunnels_end() => {}
        }
        self.ending.moved(tunnel.moved());
        self.ending.whole = true;
        let record = &mut self.ending.request.record;
        record.complete = true;
        record.keep_alive = false;
    }

    /// Ends the attempt and counts the request, once.
    fn settle(&mut self) {
        let Self { body, ending } = self;
        let body = body.given();
        if body.has_surplus() {
            ending.warn_of_surplus();
        }
        let now = clock::now().into_std();
        ending.request.record.ended = Some(now);
        if let Some(mut attempt) = ending.attempt.take() {
            // Nothing of a tunnel: that has been told.
            attempt.moved(body.moved());
            let end = match ending.whole {
                true => End::Complete(ending.status),
                false => End::CutShort(ending.status, None),
            };
            attempt.outcome = verdict(end, Rules::of(attempt.balancer())).outcome;
            attempt.settle(now);
        }
        ending.request.record.count();
    }
}

impl Ending {
    /// So much of another protocol has moved so far.
    fn moved(&mut self, moved: Moved) {
        self.request.record.sent = moved.bodies.from_backend;
        if let Some(attempt) = &mut self.attempt {
            attempt.goes_on(clock::now().into_std());
            attempt.moved(moved);
        }
    }

    /// The answer broke off: the client must not take it for complete.
    fn fail(&mut self, failure: Option<FailureKind>) {
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
        member.metrics.now().errors.increment(cause);
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
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        attempt.goes_on(clock::now().into_std());
        if record.sent.saturating_sub(self.told_at) >= TELL_EVERY {
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
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                this.ending.sent(length, this.body.given());
            }
            Poll::Ready(Some(Err(_))) => this.ending.fail(this.body.given().take_failure()),
            Poll::Ready(None) => this.ending.whole = true,
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
        self.ending.whole |= self.body.is_end_stream();
        if self.ending.attempt.is_some() {
            self.settle();
        }
        if !self.ending.request.record.complete {
            debug!("answer not complete");
        }
    }
}
