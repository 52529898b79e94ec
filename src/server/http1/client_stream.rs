//! The client's socket, and the bytes that have come from it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use super::machine::Queue;
use crate::connection_state::ConnectionState;

/// Room for one read, in bytes: of heads, and of bodies.
const HEAD_READ: usize = 8 * 1024;
const BODY_READ: usize = 64 * 1024;

/// Less room than this is not read into; a new buffer is taken.
const LEAST_ROOM: usize = 1024;

/// Most slices of one write: head, and the pieces of [`MAX_WAITING`](super::exchange) bytes with the lines of their chunks.
const MAX_SLICES: usize = 24;

/// A connection of a client.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {
    /// Whether the end of what is written is said with bytes of its own, which a mere close does not send.
    const SAYS_END: bool = false;

    /// Makes the close a reset, so that what has been sent cannot be taken for all of it.
    fn reset_on_close(&self);

    /// Pending while there is nothing to read. A read may find nothing all the same.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether the client's system has taken any bytes since this was asked last; `accepted` is the number of bytes that
    /// writes have taken since.
    fn has_sent(&mut self, accepted: usize) -> bool {
        accepted > 0
    }
}

impl Socket for TcpStream {
    fn reset_on_close(&self) {
        // A socket that is gone needs none.
        let _ = self.set_zero_linger();
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct ClientStream<S: Socket> {
    io: S,
    /// Bytes that have come and have not been read as a message.
    pub(super) buffer: BytesMut,
    /// The last read of a head has filled its buffer.
    long_reads: bool,
    /// The client sends no more.
    pub(super) ended: bool,
    /// An answer has begun and is not complete: the close is to be a reset.
    pub(super) cut: bool,
    /// Bytes were written and may not all be on their way: TLS keeps what the socket does not take.
    pub(super) unflushed: bool,
    pub(super) state: Arc<ConnectionState>,
}

impl<S: Socket> ClientStream<S> {
    pub(super) fn new(io: S, state: Arc<ConnectionState>) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
            long_reads: false,
            ended: false,
            cut: false,
            unflushed: false,
            state,
        }
    }

    /// Begins with bytes that have been read from the socket already.
    pub(super) fn begin_with(&mut self, bytes: BytesMut) {
        self.buffer = bytes;
    }

    /// Reads more of a head; `false`: the client has closed its side. A client whose last such read was long mostly sends a body
    /// with the head.
    pub(super) fn poll_read_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let before = self.buffer.len();
        let room = match self.long_reads {
            true => HEAD_READ + BODY_READ,
            false => HEAD_READ,
        };
        let more = ready!(self.poll_read_into(cx, room))?;
        self.long_reads = self.buffer.len() - before >= HEAD_READ;
        Poll::Ready(Ok(more))
    }

    /// Reads more bytes; `false`: the client has closed its side.
    pub(super) fn poll_read_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.poll_read_into(cx, HEAD_READ)
    }

    /// The same for a body, in larger pieces.
    pub(super) fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.poll_read_into(cx, BODY_READ)
    }

    fn poll_read_into(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<bool>> {
        if self.buffer.is_empty() {
            // A connection that waits has no buffer.
            ready!(self.io.poll_readable(cx))?;
        }
        if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM {
            self.buffer.reserve(room);
        }
        let polled = poll_read_buf(Pin::new(&mut self.io), cx, &mut self.buffer);
        if polled.is_pending() {
            self.rest();
        }
        let count = ready!(polled)?;
        self.ended = count == 0;
        Poll::Ready(Ok(count > 0))
    }

    /// Writes what is waiting. Pending while some of it is left; `wrote` says whether anything went out.
    pub(super) fn poll_write_queue(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut Queue,
        wrote: &mut bool,
    ) -> Poll<io::Result<()>> {
        let mut accepted = 0;
        let polled = self.poll_write_all(cx, queue, &mut accepted);
        *wrote = self.io.has_sent(accepted);
        self.unflushed = polled.is_pending();
        polled
    }

    fn poll_write_all(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut Queue,
        accepted: &mut usize,
    ) -> Poll<io::Result<()>> {
        while !queue.is_empty() {
            let written = {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let count = queue.slices(&mut slices);
                match slices.get(..count) {
                    Some([one]) => Pin::new(&mut self.io).poll_write(cx, one),
                    several => {
                        Pin::new(&mut self.io).poll_write_vectored(cx, several.unwrap_or_default())
                    }
                }
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => {
                    queue.advance(written);
                    *accepted += written;
                }
            }
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Closes the side that is written.
    pub(super) fn poll_close_writing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    /// Frees the buffer, if there is nothing in it.
    pub(super) fn rest(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}

impl<S: Socket> Drop for ClientStream<S> {
    fn drop(&mut self) {
        if self.cut {
            self.io.reset_on_close();
        }
    }
}

/// The bytes that have come already are read first: after an upgrade they belong to the other protocol.
impl<S: Socket> AsyncRead for ClientStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.buffer.is_empty() {
            let before = out.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(cx, out))?;
            this.state.receive(out.filled().len() - before);
            return Poll::Ready(Ok(()));
        }
        let length = this.buffer.len().min(out.remaining());
        out.put_slice(this.buffer.get(..length).unwrap_or_default());
        this.buffer.advance(length);
        this.state.receive(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for ClientStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
