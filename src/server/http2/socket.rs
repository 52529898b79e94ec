//! The socket of a connection between `h2` and the client. No byte is changed on its way.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::watch::Watch;
use crate::turn::Turn;

/// How long and how much a client may go on sending that is told to go away. Without that its system might throw away what
/// it has been told.
pub(super) const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// Bytes that are gathered before they are written: those of the largest record of TLS (RFC 8446 section 5.1).
const GATHERED: usize = 16 * 1024;

/// Room that is made for the first bytes that are gathered.
const ROOM: usize = 2 * 1024;

/// A socket that gathers what is written: `h2` writes and flushes each DATA frame by itself, which would be a system call and
/// a record of TLS for each answer. The frames of all streams go out together when the connection's task, which has this
/// handle too, says [`poll_send`](Self::poll_send).
#[derive(Debug)]
pub(super) struct Socket<S>(Arc<Mutex<Inner<S>>>);

#[derive(Debug)]
struct Inner<S> {
    io: S,
    /// Bytes that had been read before.
    before: BytesMut,
    /// Bytes of `h2` that `io` has not taken.
    gathered: BytesMut,
    /// Of what has been gathered.
    turn: Turn,
    watch: Watch,
    /// The side that is written is closed; what the client still sends is read until then.
    closed: Option<Pin<Box<Sleep>>>,
    /// Bytes that may still be read for that.
    linger: usize,
}

impl<S> Clone for Socket<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Socket<S> {
    /// `before`: what has been read of the connection already. `watch` is told of each byte.
    pub(super) fn new(io: S, before: BytesMut, watch: Watch) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            io,
            before,
            gathered: BytesMut::new(),
            turn: Turn::default(),
            watch,
            closed: None,
            linger: LINGER_BYTES,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncWrite + Unpin> Socket<S> {
    /// Ready when it is the turn of what has been gathered, or there is nothing.
    pub(super) fn poll_turn(&self, cx: &mut Context<'_>) -> Poll<()> {
        let inner = &mut *self.inner();
        match inner.gathered.len() {
            0 => Poll::Ready(()),
            waiting => inner.turn.poll(cx, waiting),
        }
    }

    /// Sends what has been gathered. Ready when the client's system, or TLS, has all of it.
    ///
    /// # Errors
    /// Those of the socket.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.inner();
        ready!(inner.poll_write_gathered(cx))?;
        inner.turn.written();
        Pin::new(&mut inner.io).poll_flush(cx)
    }
}

impl<S: AsyncWrite + Unpin> Inner<S> {
    fn poll_write_gathered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.gathered))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.watch.wrote(self.gathered.get(..written));
            self.gathered.advance(written);
            if self.gathered.is_empty() {
                // A connection that is idle holds no room.
                self.gathered = BytesMut::new();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Gathers bytes, and writes those gathered before where there is no room for more. Too many at once go straight on.
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.gathered.len() + length > GATHERED {
            ready!(self.poll_write_gathered(cx))?;
        }
        if length > GATHERED {
            let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?;
            self.watch.wrote(first(slices, written));
            return Poll::Ready(Ok(written));
        }
        if self.gathered.is_empty() {
            self.gathered.reserve(length.max(ROOM));
        }
        slices
            .iter()
            .for_each(|slice| self.gathered.extend_from_slice(slice));
        Poll::Ready(Ok(length))
    }
}

/// The first so many bytes of slices.
fn first<'a>(slices: &'a [IoSlice<'_>], mut bytes: usize) -> impl Iterator<Item = &'a [u8]> {
    slices.iter().map(move |slice| {
        let piece = slice.get(..bytes).unwrap_or(slice);
        bytes -= piece.len();
        piece
    })
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let inner = &mut *self.inner();
        if inner.watch.flood().is_some() {
            // The connection's task looks at that next.
            return Poll::Pending;
        }
        let start = out.filled().len();
        if inner.before.is_empty() {
            ready!(Pin::new(&mut inner.io).poll_read(cx, out))?;
        } else {
            let length = inner.before.len().min(out.remaining());
            out.put_slice(inner.before.get(..length).unwrap_or_default());
            inner.before.advance(length);
            if inner.before.is_empty() {
                inner.before = BytesMut::new();
            }
        }
        inner
            .watch
            .read(out.filled().get(start..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// The connection's task [sends](Self::poll_send) what there is.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Closes the side that is written, and reads on for a while until the client has closed its own: a close while bytes of
    /// the client are unread is a reset, and a reset makes the client's system throw away the last answers and GOAWAY.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.inner();
        ready!(inner.poll_write_gathered(cx))?;
        let until = match &mut inner.closed {
            Some(until) => until,
            closed => {
                ready!(Pin::new(&mut inner.io).poll_shutdown(cx))?;
                closed.insert(Box::pin(tokio::time::sleep(LINGER)))
            }
        };
        let mut room = [0; 8 * 1024];
        loop {
            let mut read = ReadBuf::new(&mut room);
            match Pin::new(&mut inner.io).poll_read(cx, &mut read) {
                Poll::Pending => break,
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => match inner.linger.checked_sub(read.filled().len()) {
                    Some(left) if !read.filled().is_empty() => inner.linger = left,
                    _ => return Poll::Ready(Ok(())),
                },
            }
        }
        until.as_mut().poll(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn socket(room: usize) -> (Socket<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, client) = tokio::io::duplex(room);
        (Socket::new(ours, BytesMut::new(), Watch::new()), client)
    }

    /// Writes as `h2` does, and returns how many bytes were taken.
    fn write(socket: &Socket<tokio::io::DuplexStream>, slices: &[&[u8]]) -> Option<usize> {
        let slices: Vec<_> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        let mut socket = socket.clone();
        match Pin::new(&mut socket).poll_write_vectored(cx, &slices) {
            Poll::Ready(taken) => Some(taken.unwrap()),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn what_is_written_is_sent_at_once_when_the_task_says_so() {
        let (socket, mut client) = socket(100);
        assert_eq!(write(&socket, &[b"ab", b"", b"cd"]), Some(4));
        poll_fn(|cx| Pin::new(&mut socket.clone()).poll_flush(cx))
            .await
            .unwrap();
        assert_eq!(write(&socket, &[b"ef"]), Some(2));
        let mut read = [0; 10];
        assert!(
            futures_util::FutureExt::now_or_never(client.read(&mut read)).is_none(),
            "nothing was sent"
        );
        poll_fn(|cx| socket.poll_send(cx)).await.unwrap();
        assert_eq!(client.read(&mut read).await.unwrap(), 6);
        assert_eq!(&read[..6], b"abcdef");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_stops_the_writer() {
        let (socket, mut client) = socket(10);
        let frame = [1; 1000];
        let mut taken = 0;
        while let Some(count) = write(&socket, &[&frame[..]]) {
            taken += count;
        }
        // What has been gathered, and no more.
        assert!(taken <= GATHERED, "{taken}");
        assert!(taken > GATHERED - frame.len(), "{taken}");
        // Too much to be gathered: nothing overtakes what was written before.
        assert_eq!(write(&socket, &[&[2; GATHERED + 1][..]]), None);
        let mut all = vec![0; taken];
        let sent = poll_fn(|cx| socket.poll_send(cx));
        let (sent, read) = tokio::join!(sent, client.read_exact(&mut all));
        sent.unwrap();
        read.unwrap();
        assert!(all.iter().all(|byte| *byte == 1));
        assert_eq!(write(&socket, &[&[2; GATHERED + 1][..]]), Some(10));
    }

    #[test]
    fn the_first_bytes_of_slices() {
        let slices = [&b"ab"[..], b"", b"cd"].map(IoSlice::new);
        for (bytes, expected) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)] {
            let pieces: Vec<&[u8]> = first(&slices, bytes).collect();
            assert_eq!(pieces.concat(), b"abcd"[..expected]);
        }
    }
}
