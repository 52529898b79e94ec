//! One request and its answer.
//!
//! Everything is polled by the connection's task. A poll goes round until nothing moves: the exchange (which reads the
//! body of the request and gives the answer), the bytes for the client, and the bytes of the client. So a client that
//! sends while it is being answered never stops either direction.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::Body as _;

use super::super::date;
use super::super::gone::Gone;
use super::super::pace::Pace;
use super::client_stream::Socket;
use super::connection::{Connection, REFUSED, UNREAD};
use super::machine::{Answer, Read, Unread};
use super::service::{AnswerBody, Service};
use super::waits::{Late, Reading};
use crate::framing::Body;
use crate::head::{AnswerHead, Known, RequestHead};
use crate::telemetry::metrics::Limit;
use crate::upload::{BodyFault, BodyFeed, ClientBody};

/// Most bytes of pipelined requests that wait here while a request is being answered, beside one read.
const MAX_AHEAD: usize = 16 * 1024;

/// The answer's body is not read further while so many bytes of it wait for the client: the data of nine AJP13 packets of
/// 8 KiB, so that an answer of 64 KiB is one write.
const MAX_WAITING: usize = 9 * 8184;

/// What follows an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// The next request, once the rest of this one's body has been read.
    Next,
    /// The answer was the last; what the client still sends is read for this long.
    Close(Option<Duration>),
    /// Nobody is there any more.
    Gone,
}

impl<S: Socket, V: Service> Connection<'_, S, V> {
    /// Has a request answered and writes the answer.
    pub(super) async fn exchange(&mut self, head: RequestHead, framing: Body) -> After {
        self.client.state.begin();
        self.waits.read_nothing();
        let (body, feed) = ClientBody::new(framing);
        self.pace = self.new_pace();
        self.pass_body_on(&feed);
        let mut answer = pin!(self.service.answer(head, body));
        let answer = poll_fn(|cx| self.poll_answer(cx, answer.as_mut(), &feed)).await;
        let Ok((head, mut body)) = answer else {
            return After::Gone;
        };
        self.client.cut = true;
        if body.is_upgrade() {
            return self.switch(&head, body).await;
        }
        let keep_alive = self.write_head(&head, &mut body);
        let mut sending = Sending {
            read: false,
            bodiless: self.machine.is_bodiless(),
        };
        let sent = poll_fn(|cx| self.poll_send(cx, &mut body, &feed, &mut sending)).await;
        if sent.is_err() {
            return After::Gone;
        }
        body.delivered(keep_alive);
        self.client.cut = false;
        match keep_alive {
            true => After::Next,
            false => After::Close(self.time_to_linger()),
        }
    }

    /// Writes the head of the answer; whether the connection goes on behind it.
    pub(super) fn write_head(&mut self, head: &AnswerHead, body: &mut V::Body) -> bool {
        self.write_interim();
        let date = match head.fields.get(Known::Date) {
            Some(_) => None,
            None => Some(date::now()),
        };
        let answer = Answer {
            status: head.status,
            fields: &head.fields,
            length: body.size_hint().exact(),
            date: date.as_ref().map(|date| &date[..]).unwrap_or_default(),
        };
        let last = self.service.is_closing() || self.client.ended && !self.has_next();
        let seen = |head: &[u8]| body.head_written(head);
        self.machine.answer(&answer, last, &mut self.output, seen)
    }

    /// Whether bytes of a further request are there.
    fn has_next(&self) -> bool {
        !self.machine.is_in_body() && !self.client.buffer.is_empty()
    }

    /// Queues the interim answers that the exchange has got.
    fn write_interim(&mut self) {
        if self.output.len() >= MAX_WAITING {
            return;
        }
        for head in self.client.state.take_interim() {
            self.machine.interim(&head, &mut self.output);
        }
    }

    /// How long the client may go on sending behind the last answer.
    fn time_to_linger(&self) -> Option<Duration> {
        match self.machine.unread() {
            _ if self.client.ended => None,
            Unread::Nothing if self.client.buffer.is_empty() => None,
            Unread::Nothing => Some(REFUSED),
            Unread::Known(_) | Unread::Unknown => Some(UNREAD),
        }
    }

    /// Waits for the head of the answer, and looks after the client meanwhile.
    fn poll_answer<F: Future<Output = (AnswerHead, V::Body)>>(
        &mut self,
        cx: &mut Context<'_>,
        mut answer: Pin<&mut F>,
        feed: &BodyFeed,
    ) -> Poll<Result<F::Output, Gone>> {
        loop {
            if let Poll::Ready(response) = answer.as_mut().poll(cx) {
                return Poll::Ready(Ok(response));
            }
            self.write_interim();
            // Reading may ask the client for its body.
            let read = self.poll_read(cx, feed, false)?;
            let _ = self.poll_flush(cx)?;
            if read.is_pending() {
                ready!(self.poll_late(cx, feed))?;
            }
        }
    }

    /// Writes the body of the answer, and looks after the client meanwhile.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut V::Body,
        feed: &BodyFeed,
        sending: &mut Sending,
    ) -> Poll<Result<(), Gone>> {
        loop {
            if !sending.read {
                self.fill(cx, body, sending)?;
            }
            let full = self.output.len() >= MAX_WAITING;
            if self.poll_flush(cx)?.is_ready() && sending.read {
                return Poll::Ready(Ok(()));
            }
            if full && self.output.len() < MAX_WAITING && !sending.read {
                continue;
            }
            if self.poll_read(cx, feed, sending.read)?.is_pending() {
                ready!(self.poll_late(cx, feed))?;
            }
        }
    }

    /// Reads the answer's body as far as it has come and there is room for it.
    fn fill(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut V::Body,
        sending: &mut Sending,
    ) -> Result<(), Gone> {
        while !sending.bodiless && !body.is_end_stream() {
            if self.output.len() >= MAX_WAITING {
                return Ok(());
            }
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are not forwarded.
                    if let Ok(data) = frame.into_data() {
                        self.machine.piece(data, &mut self.output);
                    }
                }
                Poll::Ready(Some(Err(_))) => return Err(Gone),
                Poll::Ready(None) => break,
                Poll::Pending => return Ok(()),
            }
        }
        self.machine.end(&mut self.output).map_err(|_| Gone)?;
        body.read_to_end();
        sending.read = true;
        Ok(())
    }

    /// Ready when a wait is over: the exchange has something new to look at, or the client counts as gone.
    fn poll_late(&mut self, cx: &mut Context<'_>, feed: &BodyFeed) -> Poll<Result<(), Gone>> {
        Poll::Ready(match ready!(self.waits.poll(cx)) {
            Late::Reading(Reading::Body) => {
                self.machine.give_up_body();
                feed.end(Err(BodyFault::Stalled));
                Ok(())
            }
            Late::Reading(Reading::SlowBody) => {
                self.service.went_beyond(Limit::MinBodyRate);
                self.machine.give_up_body();
                feed.end(Err(BodyFault::TooSlow));
                Ok(())
            }
            Late::Reading(_) | Late::Writing => Err(Gone),
        })
    }

    /// Reads from the client: as much of the request's body as the member wants, or after the body a little of the next
    /// requests, so that a reset of the connection is noticed. Ready when the body has got new bytes or its end. With
    /// `unwanted` the rest of the body is read and thrown away.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        feed: &BodyFeed,
        unwanted: bool,
    ) -> Poll<Result<(), Gone>> {
        loop {
            if !self.machine.is_in_body() {
                return self.poll_read_ahead(cx).map(Err);
            }
            let discard = unwanted || feed.is_abandoned();
            if discard {
                // Nobody waits for the body any more.
                self.waits.read_nothing();
                self.pace = None;
            }
            if !discard && !feed.is_wanted() {
                self.waits.read_nothing();
                self.end_wait(0);
                return Poll::Pending;
            }
            if discard {
                if self.discard() {
                    continue;
                }
            } else if self.pass_body_on(feed) {
                self.waits.read_nothing();
                return Poll::Ready(Ok(()));
            }
            if !discard {
                self.machine.ask_for_body(&mut self.output);
            }
            let before = self.client.buffer.len();
            match self.client.poll_read_body(cx) {
                Poll::Ready(Ok(true)) => self.end_wait(self.client.buffer.len() - before),
                // The end of a client in a body is no end of a request.
                Poll::Ready(Ok(false) | Err(_)) => {
                    self.client.ended = true;
                    self.machine.give_up_body();
                    self.waits.read_nothing();
                    feed.end(Err(BodyFault::Cut));
                    if !discard {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Pending => {
                    if !discard && feed.found_nothing() {
                        self.waits.read_nothing();
                        return Poll::Ready(Ok(()));
                    }
                    if !discard {
                        self.wait_for_body();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Counts the time and the bytes of the body, where it has a least rate.
    fn new_pace(&self) -> Option<Box<Pace>> {
        let least = self.times.min_body_rate;
        let least = least.filter(|_| self.machine.is_in_body())?;
        let mut pace = Box::new(Pace::new(least));
        pace.end_wait(self.client.buffer.len());
        Some(pace)
    }

    /// Waits for bytes of the body: until it is stalled, or slower than it may be.
    fn wait_for_body(&mut self) {
        let idle = self.times.idle;
        match self.pace.as_mut().map(|pace| pace.wait()) {
            Some(left) if left < idle => self.waits.read(Reading::SlowBody, left),
            _ => self.waits.read(Reading::Body, idle),
        }
    }

    /// Bytes of the body have come, or nobody wants more for now.
    fn end_wait(&mut self, bytes: usize) {
        if let Some(pace) = &mut self.pace {
            pace.end_wait(bytes);
        }
    }

    /// Reads bytes of the next requests. Ready when the client has reset the connection.
    ///
    /// A client that has closed its side (FIN) may still want its answer, as clients do that close after their request, or
    /// it has gone. Only a write tells: a client that has gone answers it with a reset. So it is answered like any other,
    /// as httpd does; but between two pieces of its answer no more than `idle_timeout` may pass.
    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        while !self.client.ended && self.client.buffer.len() < MAX_AHEAD {
            match self.client.poll_read_more(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Gone),
                Poll::Pending => {
                    self.waits.read_nothing();
                    return Poll::Pending;
                }
            }
        }
        if self.client.ended && self.client.buffer.is_empty() {
            self.waits.read(Reading::HalfClosed, self.times.idle);
        }
        Poll::Pending
    }

    /// Throws away what has come of the body; whether there was anything.
    fn discard(&mut self) -> bool {
        let mut any = false;
        while self.machine.is_in_body() {
            match self.read_message() {
                Ok(None) => break,
                // After a refusal the machine is in no body any more.
                Ok(Some(_)) | Err(_) => any = true,
            }
        }
        any
    }

    /// Passes what has come of the body on to the exchange; whether there was anything.
    fn pass_body_on(&mut self, feed: &BodyFeed) -> bool {
        let mut any = false;
        while self.machine.is_in_body() {
            match self.read_message() {
                Ok(Some(Read::Data(data))) => feed.push(data),
                Ok(Some(Read::End)) => feed.end(Ok(())),
                Ok(Some(Read::Head(..))) => {}
                Ok(None) => break,
                Err(refusal) => feed.end(Err(refusal.why.into())),
            }
            any = true;
        }
        any
    }

    /// Reads and throws away the rest of the request's body; whether its end has come, and the next request may.
    pub(super) async fn skip_body(&mut self) -> bool {
        self.waits.read_nothing();
        poll_fn(|cx| {
            loop {
                while self.machine.is_in_body() {
                    match self.read_message() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => return Poll::Ready(false),
                    }
                }
                if !self.machine.is_in_body() {
                    return Poll::Ready(self.machine.next());
                }
                if self.service.is_idle_over() || self.service.is_withdrawn() {
                    return Poll::Ready(false);
                }
                match self.client.poll_read_body(cx) {
                    Poll::Ready(Ok(true)) => {}
                    Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(false),
                    Poll::Pending => {
                        self.waits.read(Reading::RestOfBody, UNREAD);
                        return self.waits.poll(cx).map(|_| false);
                    }
                }
            }
        })
        .await
    }
}

/// How far an answer has been read.
#[derive(Debug)]
struct Sending {
    /// To its end.
    read: bool,
    /// It has no body to read.
    bodiless: bool,
}
