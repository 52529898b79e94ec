//! A thin layer between a client's socket and hyper: it sees the bytes of each head, and it owns the timers.
//!
//! hyper gets heads whole or not at all, so between requests it is always idle, and a head that is refused,
//! too large or too slow has never reached it: it sees the end of the stream, and when it closes the
//! connection the guard answers first.
//!
//! | Time | Runs | When it is over |
//! |---|---|---|
//! | head | from the first byte of a head to its last | 408 |
//! | idle | between two requests; before the first it is at most the time for a head | close |
//! | stall, reading | while a request body is wanted and nothing comes | the body fails: 408 |
//! | stall, writing | while the client takes nothing | close |
//! | parting | while a client that sends no more takes nothing of its answer | the end: it is gone |
//!
//! No time runs while a request is being answered and neither side of the connection waits for the client.

mod close;
#[cfg(test)]
mod tests;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use self::close::Closing;
use super::framing::{Framing, Refused, Stop, status};
use crate::connection_state::ConnectionState;
use crate::timer::LazyTimer;

/// Most bytes of pipelined requests that wait here while a request is being answered.
const MAX_AHEAD: usize = 16 * 1024;

/// How long a client that has closed its side waits for its answer, and between two pieces of it.
///
/// Nothing tells a client that sends no more, and wants its answer, from one that is gone. The first is answered as
/// long as it takes what comes; for the second no container works longer than this.
const PARTING: Duration = Duration::from_secs(2);

/// Bounds of one client connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) max_head: usize,
    pub(crate) head: Duration,
    pub(crate) idle: Duration,
    /// What a client is answered whose request is refused.
    pub(crate) farewell: fn(Refused) -> Bytes,
}

/// What a guard stands before.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Makes the next close a reset, so that what has been sent cannot be taken for all of it.
    fn reset_on_close(&self);
}

impl Transport for TcpStream {
    fn reset_on_close(&self) {
        // A socket that is gone needs none.
        let _ = self.set_zero_linger();
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Guard<S: Transport> {
    io: S,
    connection: Arc<ConnectionState>,
    bounds: Bounds,
    framing: Framing,
    /// Bytes that have come and that hyper has not been given.
    held: BytesMut,
    /// So many of them it may have.
    cleared: usize,
    /// The client has sent all it will send.
    ended: bool,
    /// Until when it must take something of its answer then.
    parting: Option<Instant>,
    refused: Option<Refused>,
    reading: Wait,
    /// Until when the client must take something.
    writing: Option<Instant>,
    /// For what the client owes: reading and writing share it.
    timer: LazyTimer,
    closing: Option<Closing>,
}

/// What the client owes, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Nothing,
    Request(Instant),
    RestOfHead(Instant),
    Body(Instant),
}

impl Wait {
    const fn deadline(self) -> Option<Instant> {
        match self {
            Self::Nothing => None,
            Self::Request(until) | Self::RestOfHead(until) | Self::Body(until) => Some(until),
        }
    }
}

impl<S: Transport> Guard<S> {
    pub(crate) fn new(io: S, connection: Arc<ConnectionState>, bounds: Bounds) -> Self {
        let first = Instant::now() + bounds.idle.min(bounds.head);
        Self {
            io,
            connection,
            bounds,
            framing: Framing::new(bounds.max_head),
            held: BytesMut::new(),
            cleared: 0,
            ended: false,
            parting: None,
            refused: None,
            reading: Wait::Request(first),
            writing: None,
            timer: LazyTimer::new(first),
            closing: None,
        }
    }

    fn refuse(&mut self, why: Refused) {
        self.refused = Some(why);
        self.connection.refuse(status(why));
    }

    /// How many of the bytes hyper may have. A head only as a whole, and only when the request before it has
    /// been answered.
    fn clear(&mut self, bytes: &[u8]) -> usize {
        let mut cleared = 0;
        if self.framing.at_head() {
            if self.connection.is_answering() {
                return 0;
            }
            match self.framing.head(bytes) {
                Ok(Some(length)) => cleared = length,
                Ok(None) => return 0,
                Err(why) => {
                    self.refuse(why);
                    return 0;
                }
            }
            self.connection.begin();
        }
        if !self.framing.at_head() {
            let pass = self.framing.body(bytes.get(cleared..).unwrap_or_default());
            cleared += pass.bytes;
            // The request is under way: its body fails, and it is answered as a request.
            if let Stop::Refused(why) = pass.stop {
                self.refused = Some(why);
            }
        }
        cleared
    }

    /// What the client owes now that nothing has come.
    fn owed(&self) -> Wait {
        let until = |time: Duration| Instant::now() + time;
        if !self.framing.at_head() {
            return match self.reading {
                Wait::Body(_) => self.reading,
                _ => Wait::Body(until(self.bounds.idle)),
            };
        }
        if self.connection.is_answering() {
            return Wait::Nothing;
        }
        match (self.held.is_empty(), self.reading) {
            (true, Wait::Request(_)) | (false, Wait::RestOfHead(_)) => self.reading,
            (true, _) => Wait::Request(until(self.bounds.idle)),
            (false, _) => Wait::RestOfHead(until(self.bounds.head)),
        }
    }

    /// Ready when a deadline has passed.
    ///
    /// What reading gives while nothing comes: nothing yet, or the end when the client took too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reading = self.owed();
        let Some(deadline) = self.reading.deadline() else {
            return Poll::Pending;
        };
        ready!(self.timer.poll_until(cx, deadline));
        Poll::Ready(match self.reading {
            Wait::Nothing | Wait::Request(_) => {
                self.ended = true;
                Ok(())
            }
            Wait::RestOfHead(_) => {
                self.refuse(Refused::HeadTooSlow);
                Ok(())
            }
            Wait::Body(_) => Err(io::ErrorKind::TimedOut.into()),
        })
    }

    /// Something went out. When it was the end of an answer hyper will not read again until something wakes it:
    /// that is the time for the next request, or a request that is here already.
    fn wrote(&mut self, cx: &mut Context<'_>) {
        self.writing = None;
        self.parting = None;
        if self.connection.is_answering() {
            return;
        }
        if !self.held.is_empty() || self.ended || self.poll_late(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// The end of a client that sends no more, when it has its answer or takes none.
    fn poll_parted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.connection.is_answering() || !self.framing.at_head() {
            return Poll::Ready(());
        }
        if !self.held.is_empty() {
            // What is held waits for its turn.
            return Poll::Pending;
        }
        let until = *self.parting.get_or_insert_with(|| Instant::now() + PARTING);
        self.timer.poll_until(cx, until)
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let until = *self
            .writing
            .get_or_insert_with(|| Instant::now() + self.bounds.idle);
        self.timer
            .poll_until(cx, until)
            .map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl<S: Transport> AsyncRead for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.is_upgraded() {
            return this.poll_read_raw(cx, out);
        }
        loop {
            if this.cleared == 0 && !this.held.is_empty() && this.refused.is_none() {
                let held = std::mem::take(&mut this.held);
                this.cleared = this.clear(&held);
                this.held = held;
            }
            if this.cleared > 0 {
                let length = this.cleared.min(out.remaining());
                out.put_slice(this.held.get(..length).unwrap_or_default());
                this.held.advance(length);
                this.cleared -= length;
                this.reading = Wait::Nothing;
                return Poll::Ready(Ok(()));
            }
            if this.refused.is_some() {
                // In the middle of a body there is no clean end.
                return Poll::Ready(match this.framing.at_head() {
                    true => Ok(()),
                    false => Err(io::ErrorKind::InvalidData.into()),
                });
            }
            let answering = this.connection.is_answering();
            if this.ended {
                return this.poll_parted(cx).map(Ok);
            }
            if this.held.is_empty() {
                if ready!(this.poll_read_through(cx, out))? {
                    return Poll::Ready(Ok(()));
                }
            } else if answering && this.held.len() >= MAX_AHEAD {
                // Polled again when the answer is complete.
                return Poll::Pending;
            } else {
                match poll_read_buf(Pin::new(&mut this.io), cx, &mut this.held)? {
                    Poll::Ready(0) => this.ended = true,
                    Poll::Ready(count) => this.connection.receive(count),
                    Poll::Pending => return this.poll_late(cx),
                }
            }
        }
    }
}

impl<S: Transport> Guard<S> {
    /// Once another protocol is spoken nothing is held back, and whoever speaks it keeps the time.
    fn poll_read_raw(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, out);
        }
        let length = self.held.len().min(out.remaining());
        out.put_slice(self.held.get(..length).unwrap_or_default());
        self.held.advance(length);
        Poll::Ready(Ok(()))
    }

    /// Reads straight into hyper's buffer, and takes back what it may not have yet. Whether that leaves it
    /// something, the end of the stream included.
    fn poll_read_through(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = out.filled().len();
        if Pin::new(&mut self.io).poll_read(cx, out)?.is_pending() {
            return self.poll_late(cx).map_ok(|()| true);
        }
        let new = out.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            self.ended = true;
            return Poll::Ready(Ok(false));
        }
        self.connection.receive(new.len());
        let cleared = self.clear(new);
        if cleared < new.len() {
            self.held
                .extend_from_slice(new.get(cleared..).unwrap_or_default());
            out.set_filled(before + cleared);
        }
        if cleared > 0 {
            self.reading = Wait::Nothing;
        }
        Poll::Ready(Ok(cleared > 0))
    }
}

impl<S: Transport> AsyncWrite for Guard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                this.wrote(cx);
                Poll::Ready(written)
            }
            Poll::Pending if this.connection.is_upgraded() => Poll::Pending,
            Poll::Pending => this.poll_stalled(cx).map(Err),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write_vectored(cx, slices) {
            Poll::Ready(written) => {
                this.wrote(cx);
                Poll::Ready(written)
            }
            Poll::Pending if this.connection.is_upgraded() => Poll::Pending,
            Poll::Pending => this.poll_stalled(cx).map(Err),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    /// Says farewell to a client whose request was refused, closes for writing, and lets a client that is
    /// still sending read that.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.is_upgraded() {
            return Pin::new(&mut this.io).poll_shutdown(cx);
        }
        let mut closing = this.closing.take().unwrap_or_else(|| this.start_closing());
        let polled = this.poll_close(cx, &mut closing);
        this.closing = Some(closing);
        polled
    }
}

impl<S: Transport> Drop for Guard<S> {
    fn drop(&mut self) {
        if self.connection.is_aborted() {
            self.io.reset_on_close();
        }
    }
}
