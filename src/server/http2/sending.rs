//! The body of an answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body as _;

use super::super::gone::Gone;
use super::bounds::SEND_BUFFER;
use crate::proxy::Tracked;

/// How far an answer has been sent.
///
/// The next piece is read from the member when the one before it has been handed to `h2`, which takes as much of it as its
/// [buffer](SEND_BUFFER) has room for, whatever the client's window is. So the member of a small answer is free at once, also
/// where the client takes nothing, as behind a socket of HTTP/1.1.
#[derive(Debug)]
pub(super) struct Sending {
    stream: SendStream<Bytes>,
    /// Read from the member and not taken by `h2`.
    piece: Bytes,
    /// Most bytes that `h2` may have and has not sent.
    buffered: usize,
    /// Bytes of the body that are still to be read, where its length was announced.
    left: Option<u64>,
    /// The body has been read to its end.
    read: bool,
    /// The client is told the end by [`finish`](Self::finish) alone.
    hold: bool,
    /// The client has no room for what there is.
    pub(super) stalled: bool,
    /// Bytes were handed to `h2` in the last poll: the client has taken some before.
    pub(super) moved: bool,
}

impl Sending {
    /// `left`: the length that was announced.
    pub(super) const fn new(stream: SendStream<Bytes>, left: Option<u64>) -> Self {
        Self {
            stream,
            piece: Bytes::new(),
            buffered: 0,
            left,
            read: false,
            hold: false,
            stalled: false,
            moved: false,
        }
    }

    /// A body that is at hand.
    pub(super) fn of_text(stream: SendStream<Bytes>, text: Bytes) -> Self {
        Self {
            piece: text,
            read: true,
            ..Self::new(stream, None)
        }
    }

    /// Sends what has been read of the body and not been sent. Ready when `h2` has all of it.
    ///
    /// # Errors
    /// When the client is gone.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        loop {
            let room = ready!(self.poll_room(cx))?;
            let now = self.piece.split_to(room.min(self.piece.len()));
            let last = self.piece.is_empty();
            self.send(now, last)?;
            if last {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Sends what there is of the body. Ready when `h2` has all of it.
    ///
    /// # Errors
    /// When the client is gone, or the body breaks off: then the stream is reset.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Tracked,
    ) -> Poll<Result<(), Gone>> {
        self.moved = false;
        loop {
            self.stalled = false;
            if self.piece.is_empty() && !self.read {
                // What the buffer has no room for stays where it is.
                if self.buffered >= SEND_BUFFER && self.poll_room(cx)?.is_pending() {
                    self.stalled = true;
                    return Poll::Pending;
                }
                ready!(self.read_piece(cx, body))?;
            }
            if self.piece.is_empty() {
                return Poll::Ready(match self.hold {
                    true => Ok(()),
                    false => self.send(Bytes::new(), true),
                });
            }
            let room = match self.poll_room(cx) {
                Poll::Ready(room) => room?,
                Poll::Pending => {
                    self.stalled = true;
                    return Poll::Pending;
                }
            };
            let now = self.piece.split_to(room.min(self.piece.len()));
            // The end goes out with the last piece.
            if self.piece.is_empty() && !self.read && body.is_end_stream() {
                self.end(body)?;
            }
            let last = self.read && self.piece.is_empty();
            self.send(now, last && !self.hold)?;
            if last {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// The same, whose end the client is not told before [`finish`](Self::finish).
    pub(super) const fn held(mut self) -> Self {
        self.hold = true;
        self
    }

    /// Tells the client the end, where it has not been told.
    pub(super) fn finish(mut self) {
        if self.hold {
            // A client that has gone needs no end.
            let _ = self.send(Bytes::new(), true);
        }
    }

    /// Reads the next piece, or the end.
    fn read_piece(&mut self, cx: &mut Context<'_>, body: &mut Tracked) -> Poll<Result<(), Gone>> {
        loop {
            if body.is_end_stream() {
                return Poll::Ready(self.end(body));
            }
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                // Trailers are not forwarded.
                Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
                Some(Err(_)) => return Poll::Ready(Err(self.break_off())),
                None => return Poll::Ready(self.end(body)),
            }
            if let Some(left) = &mut self.left {
                // Bytes beyond the announced length are left out.
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                self.piece.truncate(most);
                *left = left.saturating_sub(self.piece.len() as u64);
            }
            if !self.piece.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// The body has been read to its end: what it was read from is free.
    fn end(&mut self, body: &mut Tracked) -> Result<(), Gone> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(self.break_off());
        }
        body.read_to_end();
        self.read = true;
        Ok(())
    }

    /// How many bytes `h2` takes now, at least one.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Gone>> {
        // More than is needed would be kept from other streams.
        self.stream.reserve_capacity(self.piece.len().max(1));
        loop {
            // It is the room in the buffer, or less where the client's window is smaller.
            let capacity = self.stream.capacity();
            if capacity > 0 {
                let most = SEND_BUFFER.saturating_sub(capacity);
                self.buffered = self.buffered.min(most);
                return Poll::Ready(Ok(capacity));
            }
            // The window is used up, or the buffer: in the first case there may be room in the buffer.
            let room = SEND_BUFFER.saturating_sub(self.buffered);
            if room > 0 {
                return Poll::Ready(Ok(room));
            }
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Gone)),
            }
        }
    }

    fn send(&mut self, piece: Bytes, last: bool) -> Result<(), Gone> {
        self.moved = true;
        self.buffered = self.buffered.saturating_add(piece.len());
        self.stream.send_data(piece, last).map_err(|_| Gone)
    }

    /// The client must not take what it has for all of the answer.
    fn break_off(&mut self) -> Gone {
        self.stream.send_reset(Reason::INTERNAL_ERROR);
        Gone
    }

    /// The client takes nothing.
    pub(super) fn give_up(&mut self) -> Gone {
        self.stream.send_reset(Reason::CANCEL);
        Gone
    }

    /// Whether the client has given the answer up.
    pub(super) fn is_reset(&mut self, cx: &mut Context<'_>) -> bool {
        self.stream.poll_reset(cx).is_ready()
    }
}
