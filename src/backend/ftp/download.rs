//! The rest of an exchange: a file on its way to a client, or an answer of the gateway's own.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::super::error::FailureKind;
use super::super::exchange::{Event, Exchange};
use super::super::pool::Lease;
use super::super::stream::Stream;
use super::super::wire::{Moved, Traffic, Wire};
use super::fault::FtpFault;
use super::transport::FtpTransport;

/// Bytes that are read at once, at most: as many wait in the gateway for a slow client.
const PIECE: usize = 32 * 1024;

/// Room below which a buffer is not read into any more.
const PIECE_MIN: usize = 4 * 1024;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct FtpDriver {
    state: DriverState,
    /// Until the server has been heard to the end.
    lease: Option<Lease<FtpTransport>>,
    timeout: Duration,
    /// What went over the control connection before.
    before: Traffic,
    moved: Moved,
}

/// How far the answer is.
///
/// ```text
///   Text ───────────────────────────────► Done
///   Reading ──last byte──► Ending ──226──► Last ──► Done
///      │                      │
///      └──── failure ─────────┴──────────► Done
/// ```
#[derive(Debug)]
enum DriverState {
    /// All of the answer.
    Text(Bytes),
    /// The server sends.
    Reading(Box<Transfer>),
    /// What is left when the server has proven that it is all.
    Last(Bytes),
    Done,
}

/// How much of a file is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// From somewhere to its end. When more comes the server has begun elsewhere.
    Tail,
    /// From somewhere to somewhere: what comes behind it is not waited for.
    Middle,
}

/// A file on its way.
#[derive(Debug)]
pub(super) struct Transfer {
    /// `None` behind its end.
    data: Option<Wire<Stream>>,
    /// Bytes that were announced and have not come; `None`: nobody knows.
    left: Option<u64>,
    extent: Extent,
    /// The server has said 226 or 250.
    complete: bool,
    /// The last announced bytes. The client gets them when the server has said that the transfer was good: with them
    /// the answer would look whole.
    held: Bytes,
    /// Since when the server owes something.
    silent_since: Option<Instant>,
    buffer: BytesMut,
    /// What went over the data connection before it ended.
    traffic: Traffic,
}

impl FtpDriver {
    /// The gateway's own answer, and what was moved for it.
    pub(super) fn text(text: Bytes, mut moved: Moved) -> Self {
        moved.bodies.from_backend = text.len() as u64;
        Self {
            state: match text.is_empty() {
                true => DriverState::Done,
                false => DriverState::Text(text),
            },
            lease: None,
            timeout: Duration::ZERO,
            before: Traffic::default(),
            moved,
        }
    }

    /// A file.
    pub(super) fn transfer(
        transfer: Transfer,
        lease: Lease<FtpTransport>,
        before: Traffic,
        timeout: Duration,
    ) -> Self {
        Self {
            state: DriverState::Reading(Box::new(transfer)),
            lease: Some(lease),
            timeout,
            before,
            moved: Moved::default(),
        }
    }

    /// Drops what it has: both connections close, which tells the server to stop.
    fn close(&mut self) {
        self.count();
        self.state = DriverState::Done;
        self.lease = None;
    }

    /// Adds up what has gone over both connections so far.
    fn count(&mut self) {
        if let Some(connection) = self.lease.as_mut().and_then(Lease::connection) {
            let control = connection.transport.control().wire.traffic;
            let control = control.since(self.before);
            let data = match &self.state {
                DriverState::Reading(transfer) => transfer.traffic(),
                _ => Traffic::default(),
            };
            self.moved.wire = Traffic {
                to_backend: control.to_backend.saturating_add(data.to_backend),
                from_backend: control.from_backend.saturating_add(data.from_backend),
            };
        }
    }

    /// The end that the server has proven: the connection is kept.
    fn finish(&mut self, held: Bytes) {
        self.count();
        self.state = DriverState::Last(held);
        if let Some(mut lease) = self.lease.take() {
            if let Some(connection) = lease.connection() {
                connection.transport.session.transferring = false;
            }
            lease.give_back();
        }
    }

    /// What comes next of a file; `None` when the state has changed.
    fn poll_transfer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, FailureKind>> {
        let DriverState::Reading(transfer) = &mut self.state else {
            return Poll::Ready(Ok(None));
        };
        let connection = self.lease.as_mut().and_then(Lease::connection);
        let Some(connection) = connection else {
            return Poll::Ready(Err(FailureKind::Lost(io::ErrorKind::NotConnected.into())));
        };
        let control = connection.transport.control();
        // The server may say that it is over before its last bytes are here, or that it has given up.
        if !transfer.complete
            && let Poll::Ready(reply) = control.poll_reply(cx)
        {
            match reply?.code {
                226 | 250 => transfer.complete = true,
                code => return Poll::Ready(Err(FtpFault::Broken(code).into())),
            }
            transfer.silent_since = None;
        }
        match transfer.poll_data(cx) {
            Poll::Ready(Ok(Piece::Data(data))) => {
                transfer.silent_since = None;
                return Poll::Ready(Ok(Some(data)));
            }
            Poll::Ready(Ok(Piece::Enough)) => {
                let held = std::mem::take(&mut transfer.held);
                self.close();
                self.state = DriverState::Last(held);
                return Poll::Ready(Ok(None));
            }
            Poll::Ready(Ok(Piece::End)) if transfer.complete => {
                if let Some(left @ 1..) = transfer.left {
                    return Poll::Ready(Err(FailureKind::Short(left)));
                }
                let held = std::mem::take(&mut transfer.held);
                self.finish(held);
                return Poll::Ready(Ok(None));
            }
            Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
            Poll::Ready(Ok(Piece::End)) | Poll::Pending => {}
        }
        let until = *transfer.silent_since.get_or_insert_with(Instant::now) + self.timeout;
        let sleep = &mut connection.sleep;
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Err(FailureKind::Silent))
    }
}

/// What comes over a data connection.
enum Piece {
    Data(Bytes),
    /// All that was announced, and more is there or is not wanted.
    Enough,
    End,
}

impl Transfer {
    /// `left` bytes are announced, if any number is. `complete` is whether the server has said already that it is done.
    pub(super) fn new(
        data: Wire<Stream>,
        left: Option<u64>,
        extent: Extent,
        complete: bool,
    ) -> Self {
        Self {
            data: Some(data),
            left,
            extent,
            complete,
            held: Bytes::new(),
            silent_since: None,
            buffer: BytesMut::new(),
            traffic: Traffic::default(),
        }
    }

    fn traffic(&self) -> Traffic {
        match &self.data {
            Some(data) => data.traffic,
            None => self.traffic,
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, FailureKind>> {
        loop {
            let Some(data) = &mut self.data else {
                return Poll::Ready(Ok(Piece::End));
            };
            if self.buffer.capacity() < PIECE_MIN {
                self.buffer.reserve(PIECE);
            }
            let ended = match ready!(poll_read_buf(Pin::new(data), cx, &mut self.buffer)) {
                Ok(count) => count == 0,
                // TLS that was not closed: no harm where the length is known and all is here.
                Err(error)
                    if error.kind() == io::ErrorKind::UnexpectedEof && self.left == Some(0) =>
                {
                    true
                }
                Err(error) => return Poll::Ready(Err(FailureKind::Lost(error))),
            };
            if ended {
                self.traffic = data.traffic;
                self.data = None;
                return Poll::Ready(Ok(Piece::End));
            }
            let mut buffer = self.buffer.split();
            let count = buffer.len();
            let Some(left) = &mut self.left else {
                return Poll::Ready(Ok(Piece::Data(buffer.freeze())));
            };
            let room = usize::try_from(*left).unwrap_or(usize::MAX);
            if count < room {
                *left = left.saturating_sub(count as u64);
                return Poll::Ready(Ok(Piece::Data(buffer.freeze())));
            }
            // The last of what was announced: more than that is nobody's, and the server not to be trusted.
            if *left > 0 {
                buffer.truncate(room);
                self.held = buffer.freeze();
            }
            *left = 0;
            match self.extent {
                Extent::Middle => return Poll::Ready(Ok(Piece::Enough)),
                Extent::Whole | Extent::Tail if count == room => {}
                Extent::Whole => {
                    tracing::warn!("an FTP server sent more than the size that it had told");
                    return Poll::Ready(Ok(Piece::Enough));
                }
                Extent::Tail => return Poll::Ready(Err(FtpFault::OtherPart.into())),
            }
        }
    }
}

impl Exchange for FtpDriver {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, FailureKind>> {
        loop {
            match &mut self.state {
                DriverState::Text(text) => {
                    let text = std::mem::take(text);
                    self.state = DriverState::Done;
                    return Poll::Ready(Ok(Event::Data(text)));
                }
                DriverState::Last(held) => {
                    let held = std::mem::take(held);
                    self.state = DriverState::Done;
                    if !held.is_empty() {
                        self.moved.bodies.from_backend = self
                            .moved
                            .bodies
                            .from_backend
                            .saturating_add(held.len() as u64);
                        return Poll::Ready(Ok(Event::Data(held)));
                    }
                }
                DriverState::Done => return Poll::Ready(Ok(Event::End)),
                DriverState::Reading(_) => match ready!(self.poll_transfer(cx)) {
                    Ok(Some(data)) => {
                        self.moved.bodies.from_backend = self
                            .moved
                            .bodies
                            .from_backend
                            .saturating_add(data.len() as u64);
                        return Poll::Ready(Ok(Event::Data(data)));
                    }
                    Ok(None) => {}
                    Err(failure) => {
                        self.close();
                        return Poll::Ready(Err(failure));
                    }
                },
            }
        }
    }

    fn peek_end(&mut self, _: &mut Context<'_>) -> bool {
        matches!(self.state, DriverState::Done)
    }

    /// What a client has not been given is proven before: there is nothing to wait for.
    fn is_nearly_done(&self) -> bool {
        false
    }

    fn moved(&mut self) -> Moved {
        self.count();
        self.moved
    }
}
