//! One exchange on one connection: moves bytes as both sides are ready, and keeps the time.
//!
//! There is no task and no channel. A poll for the next event also moves the upload on. Without polls the container has to
//! stop, which is the only back-pressure and is enough.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ajp13::exchange::{Exchange as Order, RequestBody, Step};
use ajp13::request::{END_OF_BODY, body_header};
use ajp13::{PacketSize, SendHeaders, Unencodable};
use tokio::time::Instant;

use super::transport::AjpTransport;
use crate::backend::error::{Age, Exposure, FailureKind};
use crate::backend::exchange::{Event, Exchange};
use crate::backend::pool::{Connection, Lease};
use crate::backend::wire::{Moved, Traffic};
use crate::clock;
use crate::upload::{Upload, UploadError};

/// The status with which a connector refuses a wrong secret or an attribute that it does not allow, before it closes the
/// connection. An application's own 403 leaves the connection open (Tomcat: `AjpProcessor.prepareRequest`).
const FORBIDDEN: u16 = 403;

/// Room for a FORWARD_REQUEST of usual length, in bytes.
pub(super) const HEAD_ROOM: usize = 2 * 1024;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct AjpDriver {
    /// Until the answer is complete.
    lease: Option<Lease<AjpTransport>>,
    exchange: Order,
    upload: Upload,
    /// An event that was read ahead.
    ahead: Option<Result<Event, FailureKind>>,
    timeout: Duration,
    /// Since when the container owes a packet; set at the first pause after bytes have moved.
    silent_since: Option<Instant>,
    age: Age,
    /// Whether the answer is a 403.
    forbidden: bool,
    /// Bytes of FORWARD_REQUEST; `None` before it is encoded.
    head: Option<u64>,
    /// The connection's count when the exchange began.
    before: Traffic,
    /// This exchange's count, once it is over.
    traffic: Option<Traffic>,
    /// The part of it that is bodies.
    bodies: Traffic,
}

impl AjpDriver {
    pub(crate) fn new(
        mut lease: Lease<AjpTransport>,
        upload: Upload,
        timeout: Duration,
        packet_size: PacketSize,
    ) -> Self {
        let before = lease
            .connection()
            .map(|connection| connection.transport.packets.traffic());
        Self {
            exchange: Order::new(upload.length(), packet_size),
            age: lease.age(),
            lease: Some(lease),
            upload,
            ahead: None,
            timeout,
            silent_since: None,
            forbidden: false,
            head: None,
            before: before.unwrap_or_default(),
            traffic: None,
            bodies: Traffic::default(),
        }
    }

    /// Whether the connection was made for this request.
    pub(crate) const fn age(&self) -> Age {
        self.age
    }

    fn traffic(&mut self) -> Traffic {
        match (
            self.traffic,
            self.lease.as_mut().and_then(Lease::connection),
        ) {
            (Some(traffic), _) => traffic,
            (None, Some(connection)) => connection.transport.packets.traffic().since(self.before),
            (None, None) => Traffic::default(),
        }
    }

    /// How much the container can have acted on.
    pub(crate) fn exposure(&mut self) -> Exposure {
        let sent = self.traffic().to_backend;
        match self.head {
            // Asking for the body is no answer yet.
            _ if self.exchange.has_head() => Exposure::Answering,
            Some(head) if sent >= head => Exposure::Sent,
            _ => Exposure::Nothing,
        }
    }

    /// The length of the request's body.
    pub(crate) const fn length(&self) -> RequestBody {
        self.upload.length()
    }

    /// When the client last sent something of the request's body.
    pub(crate) const fn came_at(&self) -> Option<Instant> {
        self.upload.came_at()
    }

    /// Closes the connection, unless it has been returned, and takes back the body.
    pub(crate) fn into_upload(self: Box<Self>) -> Upload {
        self.upload
    }

    /// Puts FORWARD_REQUEST in front of everything else. Nothing is written yet: the first packet of body may
    /// go with it.
    pub(crate) fn write_head(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>, RequestBody) -> Result<usize, Unencodable>,
    ) -> Result<(), FailureKind> {
        let length = self.upload.length();
        let connection = connection(&mut self.lease)?;
        match encode(connection.transport.packets.output(HEAD_ROOM), length) {
            Ok(length) => {
                self.head = Some(length as u64);
                Ok(())
            }
            Err(why) => {
                // Nothing was written: the connection is as good as before.
                self.finish(true);
                Err(why.into())
            }
        }
    }

    /// Waits for SEND_HEADERS. Once it is there no other attempt will be made.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<SendHeaders, FailureKind>> {
        loop {
            if let Step::Head(head) = ready!(self.poll_step(cx))? {
                self.upload.forget();
                self.forbidden = head.status == FORBIDDEN;
                return Poll::Ready(Ok(head));
            }
        }
    }

    fn has_packet(&mut self) -> bool {
        self.lease
            .as_mut()
            .and_then(Lease::connection)
            .is_some_and(|connection| connection.transport.packets.has_packet())
    }

    fn finish(&mut self, reuse: bool) {
        self.traffic = Some(self.traffic());
        let Some(lease) = self.lease.take() else {
            return;
        };
        lease.settings().count_upload(self.bodies.to_backend);
        if reuse {
            lease.give_back();
        } else if self.forbidden {
            lease.settings().warn_of_forbidden();
        }
    }

    /// One packet from the container, moving the upload on meanwhile.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, FailureKind>> {
        loop {
            let owed_by_client = self.poll_upload()?.is_pending();
            if owed_by_client && self.upload.is_looking() {
                // The client's connection polls again at once. Then all that there is goes out with one write.
                return Poll::Pending;
            }
            // A container that refuses a request may close without reading the rest: its answer counts more
            // than the failed write.
            let held_back = self.is_held_back()?;
            let flushed = self.poll_flush(cx);
            if held_back && !self.is_held_back()? {
                continue;
            }
            let connection = connection(&mut self.lease)?;
            match connection.transport.packets.poll_receive(cx) {
                Poll::Ready(Ok(Some(message))) => {
                    self.silent_since = None;
                    match self.exchange.on(message)? {
                        Step::BodyDue => {}
                        step => return Poll::Ready(Ok(step)),
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Ready(Ok(None)) => {
                    let end = io::ErrorKind::UnexpectedEof.into();
                    return Poll::Ready(Err(FailureKind::Lost(end)));
                }
                Poll::Pending => match flushed {
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    // The container owes nothing while it waits for a packet that the client has not sent.
                    Poll::Ready(Ok(())) if owed_by_client => {
                        self.silent_since = None;
                        return Poll::Pending;
                    }
                    _ => {
                        ready!(self.poll_silence(cx))?;
                        return Poll::Ready(Err(FailureKind::Silent));
                    }
                },
            }
        }
    }

    /// Writes the packet of body that is due, if there is one, as soon as there is data for it. Behind FORWARD_REQUEST at most
    /// one packet waits to be sent: a container that asks for the next one without reading would fill the memory.
    fn poll_upload(&mut self) -> Poll<Result<(), FailureKind>> {
        let Some(most) = self.exchange.due() else {
            return Poll::Ready(Ok(()));
        };
        if self.is_held_back()? {
            return Poll::Ready(Ok(()));
        }
        let taken = match most {
            0 => 0,
            most => ready!(self.upload.poll_ready(most)).map_err(FailureKind::Client)?,
        };
        let packets = &mut connection(&mut self.lease)?.transport.packets;
        if let Some(header) = body_header(taken) {
            let copied = !self.upload.is_in_few_pieces(taken);
            let room = if copied { taken } else { 0 };
            let out = packets.output(header.len().saturating_add(room));
            out.extend_from_slice(&header);
            match copied {
                true => self
                    .upload
                    .take(taken, |piece| out.extend_from_slice(piece)),
                false => self.upload.take(taken, |piece| packets.push(piece.clone())),
            }
        }
        match (taken, self.exchange.left()) {
            // The end would make a body that was cut short look whole.
            (0, Some(1..)) => return Poll::Ready(Err(FailureKind::Client(UploadError::Cut))),
            (0, _) => {
                let out = packets.output(END_OF_BODY.len());
                out.extend_from_slice(&END_OF_BODY);
                self.exchange.ended();
            }
            (taken, _) => {
                let sent = &mut self.bodies.to_backend;
                *sent = sent.saturating_add(taken as u64);
                self.exchange.sent(taken);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether a packet of body is due and waits until those before it have been sent.
    fn is_held_back(&mut self) -> Result<bool, FailureKind> {
        Ok(self.exchange.due().is_some()
            && connection(&mut self.lease)?.transport.packets.is_full())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), FailureKind>> {
        let packets = &mut connection(&mut self.lease)?.transport.packets;
        let waiting = packets.waiting();
        if waiting == 0 {
            return Poll::Ready(Ok(()));
        }
        let flushed = packets.poll_flush(cx);
        if packets.waiting() < waiting {
            self.silent_since = None;
        }
        flushed.map_err(FailureKind::Lost)
    }

    /// Ready when nothing has moved for as long as the container may be silent.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), FailureKind>> {
        let deadline = *self.silent_since.get_or_insert_with(clock::now) + self.timeout;
        connection(&mut self.lease)?
            .timer
            .poll_until(cx, deadline)
            .map(Ok)
    }
}

impl Exchange for AjpDriver {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, FailureKind>> {
        if let Some(event) = self.ahead.take() {
            return Poll::Ready(event);
        }
        loop {
            let event = match ready!(self.poll_step(cx))? {
                Step::Data(data) => {
                    let received = &mut self.bodies.from_backend;
                    *received = received.saturating_add(data.len() as u64);
                    Event::Data(data)
                }
                Step::Flush => Event::Flush,
                Step::Done { reuse } => {
                    self.finish(reuse);
                    if self.exchange.is_given_up() {
                        return Poll::Ready(Err(FailureKind::GivenUp));
                    }
                    Event::End
                }
                Step::Nothing | Step::BodyDue | Step::Head(_) => continue,
            };
            return Poll::Ready(Ok(event));
        }
    }

    fn peek_end(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ahead.is_none() && self.has_packet() {
            self.ahead = match self.poll_event(cx) {
                Poll::Ready(event) => Some(event),
                Poll::Pending => None,
            };
        }
        matches!(self.ahead, Some(Ok(Event::End)))
    }

    fn is_nearly_done(&self) -> bool {
        self.lease.is_some() && self.exchange.has_head() && self.exchange.due().is_none()
    }

    fn moved(&mut self) -> Moved {
        Moved {
            wire: self.traffic(),
            bodies: self.bodies,
        }
    }
}

/// The connection of an exchange; an error when the exchange is polled after its end.
fn connection(
    lease: &mut Option<Lease<AjpTransport>>,
) -> Result<&mut Connection<AjpTransport>, FailureKind> {
    lease
        .as_mut()
        .and_then(Lease::connection)
        .ok_or_else(|| FailureKind::Lost(io::ErrorKind::NotConnected.into()))
}
