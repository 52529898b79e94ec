//! One exchange on one connection: lends the connection to hyper, and takes it back when it can serve another request.
//!
//! As with AJP13 there is no task and no channel of our own: a poll for the next event moves both directions on. hyper
//! has the connection for this exchange only. Its buffers and its state end with the exchange, so that nothing of them
//! can reach the next request.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::HeaderMap;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::super::error::{Age, Exposure, FailureKind};
use super::super::exchange::{Event, Exchange};
use super::super::forward::Watched;
use super::super::head::{Head, Length, MAX_FIELDS, drop_hop_by_hop};
use super::super::pool::Lease;
use super::super::wire::{Moved, Traffic};
use super::answer::{Asked, MAX_HEAD};
use super::guard::Guard;
use super::progress::{BodyPhase, Progress, State, Writing};
use super::stream::HttpTransport;
use super::times::{Deadline, Times};
use super::tunnel::Tunnel;
use super::upload_body::UploadBody;
use crate::framing::Refused;
use crate::head::AnswerHead;

/// Room that hyper's buffers need beyond the largest head, in bytes.
const BUFFER_MARGIN: usize = 8 * 1024;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct HttpDriver {
    /// Until the answer is complete.
    lease: Option<Lease<HttpTransport>>,
    progress: Arc<Progress>,
    /// Until the answer is complete.
    http: Option<Http>,
    /// The body of the answer, once its head is there.
    incoming: Option<Incoming>,
    /// What was read ahead.
    ahead: Option<Result<Event, FailureKind>>,
    times: Times,
    age: Age,
    /// Bytes of the answer's body.
    received: u64,
    /// The other protocol, after a 101.
    tunnel: Option<Box<Tunnel>>,
}

/// hyper's two halves of a connection.
#[derive(Debug)]
struct Http {
    sender: SendRequest<UploadBody>,
    connection: Connection<TokioIo<Guard>, UploadBody>,
    /// It will not be polled again: closed, failed, or of another protocol now.
    ended: bool,
}

impl HttpDriver {
    /// Lends the connection to hyper.
    pub(super) async fn new(
        mut lease: Lease<HttpTransport>,
        progress: Arc<Progress>,
        timeout: Duration,
        asked: Asked,
    ) -> Result<Self, FailureKind> {
        let wire = lease
            .connection()
            .and_then(|connection| connection.transport.lend())
            .ok_or_else(not_connected)?;
        progress.begin(wire.traffic);
        let guard = Guard::new(wire, Arc::clone(&progress), asked);
        let (sender, connection) = Builder::new()
            .max_headers(MAX_FIELDS)
            .max_buf_size(MAX_HEAD + BUFFER_MARGIN)
            .handshake(TokioIo::new(guard))
            .await
            .map_err(not_http)?;
        Ok(Self {
            age: lease.age(),
            lease: Some(lease),
            progress,
            http: Some(Http {
                sender,
                connection,
                ended: false,
            }),
            incoming: None,
            ahead: None,
            times: Times::new(timeout),
            received: 0,
            tunnel: None,
        })
    }

    /// Whether the connection was made for this request.
    pub(super) const fn age(&self) -> Age {
        self.age
    }

    /// How much of the request the member can have acted on.
    pub(super) fn exposure(&self) -> Exposure {
        let state = self.progress.state();
        let may_have_sent = Writing::Failed {
            may_have_sent: true,
        };
        let Traffic {
            to_backend,
            from_backend,
        } = state.traffic.since(state.before);
        match (to_backend, from_backend) {
            (_, 1..) => Exposure::Answering,
            (1.., _) => Exposure::Sent,
            (0, 0) if state.writing == may_have_sent => Exposure::Sent,
            (0, 0) => Exposure::Nothing,
        }
    }

    /// Sends the request and waits for the head of the answer; its body stays here. Once the head is there no other
    /// attempt will be made.
    pub(super) async fn ask(
        &mut self,
        request: Request<UploadBody>,
        mut watched: Watched<'_>,
    ) -> Result<Response<()>, FailureKind> {
        if self.progress.state().awaits_100() {
            self.times.await_100(Instant::now());
        }
        let http = self.http.as_mut().ok_or_else(not_connected)?;
        let mut answer = std::pin::pin!(http.sender.send_request(request));
        let response = poll_fn(|cx| {
            loop {
                let ended = self.poll_http(cx);
                watched.look(self);
                // A poll without an answer would wake this task once more.
                if ended || self.progress.state().has_head() {
                    match answer.as_mut().poll(cx) {
                        Poll::Ready(Ok(response)) => return Poll::Ready(Ok(response)),
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(self.failure(error))),
                        Poll::Pending => {}
                    }
                }
                ready!(self.poll_times(cx))?;
            }
        })
        .await?;
        self.progress.forget_upload();
        let (head, incoming) = response.into_parts();
        self.incoming = Some(incoming);
        Ok(Response::from_parts(head, ()))
    }

    /// After a 101: takes the connection from hyper, with what has come of the other protocol.
    pub(super) async fn switch(
        &mut self,
        asked: &str,
        headers: &HeaderMap,
    ) -> Result<Head, FailureKind> {
        let names = std::mem::take(&mut self.progress.state().names);
        let mut fields = names.spell(headers);
        let protocol = fields.get("upgrade").map(<[u8]>::to_vec);
        let same = |got: &Vec<u8>| got.eq_ignore_ascii_case(asked.as_bytes());
        let Some(protocol) = protocol.filter(same) else {
            return Err(Refused::UnaskedUpgrade.into());
        };
        poll_fn(|cx| match self.poll_http(cx) {
            true => Poll::Ready(Ok(())),
            false => self.poll_times(cx),
        })
        .await?;
        let http = self.http.take().ok_or_else(not_connected)?;
        let lease = self.lease.take().ok_or_else(not_connected)?;
        let parts = http.connection.into_parts();
        let (wire, held) = parts.io.into_inner().into_upgraded();
        let early = [&parts.read_buf[..], &held[..]].concat();
        let tunnel = Tunnel::new(wire, early.into(), lease, self.times.timeout());
        self.tunnel = Some(Box::new(tunnel));
        drop_hop_by_hop(&mut fields);
        fields.remove("Content-Length");
        fields.push(b"Upgrade", &protocol);
        let status = StatusCode::SWITCHING_PROTOCOLS;
        Ok(Head {
            answer: AnswerHead { status, fields },
            length: Length::None,
        })
    }

    pub(super) fn take_tunnel(&mut self) -> Option<Box<Tunnel>> {
        self.tunnel.take()
    }

    /// Moves both directions on. `true` when hyper has finished with the connection.
    fn poll_http(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(http) = &mut self.http else {
            return true;
        };
        if http.ended {
            return true;
        }
        let before = self.progress.state().traffic;
        // hyper reports an error to the answer, or to its body.
        http.ended = http.connection.poll_without_shutdown(cx).is_ready();
        if self.progress.state().traffic != before {
            self.times.moved();
        }
        http.ended
    }

    /// What an error of hyper means. The request body and the guard know the reason where they caused it.
    fn failure(&self, error: hyper::Error) -> FailureKind {
        let mut state = self.progress.state();
        if let State {
            body: BodyPhase::Failed(error),
            ..
        } = &mut *state
            && let Some(error) = error.take()
        {
            return FailureKind::Client(error);
        }
        if let Some(why) = state.refused {
            return FailureKind::Framing(why);
        }
        match state.lost.take() {
            Some(error) => FailureKind::Lost(error),
            None if error.is_parse() => not_http(error),
            None => FailureKind::Lost(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Fails when a deadline of the exchange is over. Ready when hyper should be polled again, because the body need not
    /// wait any longer.
    fn poll_times(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), FailureKind>> {
        loop {
            let next = self
                .times
                .next(&mut self.progress.state(), Instant::now())?;
            let until = match next {
                Deadline::At(until) => until,
                Deadline::BodyGoesOn => return Poll::Ready(Ok(())),
                Deadline::Never => return Poll::Pending,
            };
            let connection = self.lease.as_mut().and_then(Lease::connection);
            let timer = &mut connection.ok_or_else(not_connected)?.timer;
            ready!(timer.poll_until(cx, until));
        }
    }

    /// The next piece of the answer's body.
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, FailureKind>> {
        loop {
            let Some(incoming) = &mut self.incoming else {
                return Poll::Ready(Ok(Event::End));
            };
            match ready!(Pin::new(incoming).poll_frame(cx)) {
                // Trailers have no place in what follows.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        self.received = self.received.saturating_add(data.len() as u64);
                        return Poll::Ready(Ok(Event::Data(data)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(self.failure(error))),
                None => {
                    self.incoming = None;
                    return Poll::Ready(self.finish(cx).map(|()| Event::End));
                }
            }
        }
    }

    /// Takes the connection back. It is kept when the answer's framing has ended on it, hyper would take another
    /// request, all of this one has gone out, and nothing more has come.
    fn finish(&mut self, cx: &mut Context<'_>) -> Result<(), FailureKind> {
        // Sends what may be left of the request, and lets hyper become idle.
        let ended = self.poll_http(cx) || self.poll_http(cx);
        let (http, lease) = (self.http.take(), self.lease.take());
        if !self.progress.state().is_complete() {
            return Err(FailureKind::Lost(io::ErrorKind::UnexpectedEof.into()));
        }
        let (
            Some(Http {
                sender, connection, ..
            }),
            Some(mut lease),
        ) = (http, lease)
        else {
            return Ok(());
        };
        if ended || !sender.is_ready() {
            return Ok(());
        }
        let parts = connection.into_parts();
        if parts.read_buf.is_empty()
            && let Some(wire) = parts.io.into_inner().into_clean()
            && let Some(connection) = lease.connection()
        {
            connection.transport.take_back(wire);
            lease.give_back();
        }
        Ok(())
    }
}

impl Exchange for HttpDriver {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, FailureKind>> {
        if let Some(event) = self.ahead.take() {
            return Poll::Ready(event);
        }
        loop {
            if let Poll::Ready(event) = self.poll_incoming(cx) {
                return Poll::Ready(event);
            }
            self.poll_http(cx);
            if let Poll::Ready(event) = self.poll_incoming(cx) {
                return Poll::Ready(event);
            }
            ready!(self.poll_times(cx))?;
        }
    }

    fn peek_end(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ahead.is_none() && self.progress.state().is_over() {
            self.ahead = match self.poll_event(cx) {
                Poll::Ready(event) => Some(event),
                Poll::Pending => None,
            };
        }
        matches!(self.ahead, Some(Ok(Event::End)))
    }

    /// The last byte of an answer is its end, so there is no end to wait for.
    fn is_nearly_done(&self) -> bool {
        false
    }

    fn moved(&mut self) -> Moved {
        let state = self.progress.state();
        Moved {
            wire: state.traffic.since(state.before),
            bodies: Traffic {
                to_backend: state.uploaded,
                from_backend: self.received,
            },
        }
    }
}

/// The failure of an exchange that is polled after its end.
fn not_connected() -> FailureKind {
    FailureKind::Lost(io::ErrorKind::NotConnected.into())
}

/// The failure of a member whose bytes are not HTTP/1.
fn not_http(error: hyper::Error) -> FailureKind {
    FailureKind::Protocol(Box::new(NotHttp(error)))
}

#[derive(Debug, thiserror::Error)]
#[error("malformed answer: {0}")]
struct NotHttp(hyper::Error);
