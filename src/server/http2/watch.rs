//! What a connection sends and takes, looked at before `h2` gets the bytes and without changing any.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::budget::{Budget, Flood};
use super::frames::{Frames, kind};
use super::refusals::Refusals;

/// How long and how much a client may go on sending that is told to go away. Without that its system might throw away what
/// it has been told.
pub(super) const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// What is known of a connection. Shared by its task and the stream of bytes that `h2` owns, which the same task polls.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    frames: Frames,
    budget: Budget,
    flood: Option<Flood>,
    /// When the frame began of which only a part has come.
    frame_since: Instant,
    /// When the header block began that is not complete.
    block_since: Option<Instant>,
    /// When the last bytes came.
    read_at: Instant,
    /// When the client last took something.
    wrote_at: Instant,
    refusals: Refusals,
    /// Streams that `h2` has refused and nobody has counted.
    refused: u64,
}

impl Watch {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State {
            frames: Frames::default(),
            budget: Budget::new(now),
            flood: None,
            frame_since: now,
            block_since: None,
            read_at: now,
            wrote_at: now,
            refusals: Refusals::default(),
            refused: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there was too much of. Nothing more is read then.
    pub(super) fn flood(&self) -> Option<Flood> {
        self.state().flood
    }

    /// Since when the client owes the rest of a header block, or of another frame but DATA.
    pub(super) fn owed_since(&self) -> Option<Instant> {
        let state = self.state();
        let frame = state.frames.owes_control().then_some(state.frame_since);
        state.block_since.or(frame)
    }

    /// When the last bytes came of a DATA frame of this stream of which only a part has come, and how many have.
    pub(super) fn data_of(&self, stream: u32) -> Option<(Instant, usize)> {
        let state = self.state();
        let (frame, received) = state.frames.current()?;
        (frame.kind == kind::DATA && frame.stream == stream).then_some((state.read_at, received))
    }

    /// When the client last took something.
    pub(super) fn wrote_at(&self) -> Instant {
        self.state().wrote_at
    }

    /// How many streams `h2` has refused since this was asked last.
    pub(super) fn take_refused(&self) -> u64 {
        std::mem::take(&mut self.state().refused)
    }

    fn read(&self, bytes: &[u8]) {
        let now = Instant::now();
        let state = &mut *self.state();
        let (mut flood, mut block_since) = (state.flood, state.block_since);
        let between = state.frames.is_between();
        let budget = &mut state.budget;
        let ended = state.frames.read(bytes, |frame| {
            flood = flood.or(budget.count(frame, now).err());
            block_since = frame
                .leaves_block_open()
                .then(|| block_since.unwrap_or(now));
        });
        if between || ended {
            state.frame_since = now;
        }
        (state.flood, state.block_since, state.read_at) = (flood, block_since, now);
    }

    /// So many bytes of these were written.
    fn wrote(&self, bytes: usize, slices: &[io::IoSlice<'_>]) {
        let state = &mut *self.state();
        state.wrote_at = Instant::now();
        state.budget.wrote(bytes);
        let mut left = bytes;
        for slice in slices {
            let written = slice.get(..left.min(slice.len())).unwrap_or_default();
            left -= written.len();
            state.refused += state.refusals.read(written);
        }
    }
}

/// The bytes of a connection.
#[derive(Debug)]
pub(super) struct Watched<S> {
    io: S,
    /// Bytes that had been read before.
    before: BytesMut,
    watch: Watch,
    /// The side that is written is closed; what the client still sends is read until then.
    closed: Option<Pin<Box<Sleep>>>,
    /// Bytes that may still be read for that.
    linger: usize,
}

impl<S> Watched<S> {
    /// `before`: what has been read of the connection already.
    pub(super) const fn new(io: S, before: BytesMut, watch: Watch) -> Self {
        Self {
            io,
            before,
            watch,
            closed: None,
            linger: LINGER_BYTES,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.watch.flood().is_some() {
            // The connection's task looks at that next.
            return Poll::Pending;
        }
        let start = out.filled().len();
        if this.before.is_empty() {
            ready!(Pin::new(&mut this.io).poll_read(cx, out))?;
        } else {
            let length = this.before.len().min(out.remaining());
            out.put_slice(this.before.get(..length).unwrap_or_default());
            this.before.advance(length);
            if this.before.is_empty() {
                this.before = BytesMut::new();
            }
        }
        this.watch
            .read(out.filled().get(start..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, bytes))?;
        this.watch.wrote(written, &[io::IoSlice::new(bytes)]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write_vectored(cx, slices))?;
        this.watch.wrote(written, slices);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    /// Closes the side that is written, and reads on for a while until the client has closed its own: a close while bytes of
    /// the client are unread is a reset, and a reset makes the client's system throw away the last answers and GOAWAY.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let until = match &mut this.closed {
            Some(until) => until,
            closed => {
                ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
                closed.insert(Box::pin(tokio::time::sleep(LINGER)))
            }
        };
        let mut room = [0; 8 * 1024];
        loop {
            let mut read = ReadBuf::new(&mut room);
            match Pin::new(&mut this.io).poll_read(cx, &mut read) {
                Poll::Pending => break,
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => match this.linger.checked_sub(read.filled().len()) {
                    Some(left) if !read.filled().is_empty() => this.linger = left,
                    _ => return Poll::Ready(Ok(())),
                },
            }
        }
        until.as_mut().poll(cx).map(Ok)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::framing::Preface;

    /// A DATA frame of this stream begins, and so many bytes of its 10,000 have come.
    pub(in super::super) fn data_on_its_way(watch: &Watch, stream: u8, bytes: usize) {
        let header = [0, 0x27, 0x10, kind::DATA, 0, 0, 0, 0, stream];
        let payload = vec![0; bytes];
        watch.read(&[Preface::BYTES, &header[..], &payload[..]].concat());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_owes_is_known_since_its_first_byte() {
        let second = Duration::from_secs(1);
        let watch = Watch::new();
        let start = Instant::now();
        watch.read(Preface::BYTES);
        assert_eq!(watch.owed_since(), None);
        tokio::time::advance(second).await;
        // A header block that goes on in CONTINUATION.
        watch.read(&[0, 0, 1, kind::HEADERS, 0, 0, 0, 0, 1, 0x88]);
        tokio::time::advance(second).await;
        watch.read(&[0, 0, 1, kind::CONTINUATION, 0, 0, 0, 0, 1, 0x88]);
        assert_eq!(watch.owed_since(), Some(start + second));
        watch.read(&[0, 0, 1, kind::CONTINUATION, 4, 0, 0, 0, 1, 0x88, 0]);
        // The first byte of the next frame came with it.
        assert_eq!(watch.owed_since(), Some(start + 2 * second));
        tokio::time::advance(second).await;
        watch.read(&[0, 8, kind::PING]);
        assert_eq!(watch.owed_since(), Some(start + 2 * second));
        watch.read(&[0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(watch.owed_since(), None);
        // DATA may take its time: the body is waited for.
        watch.read(&[0, 0, 2, kind::DATA, 0, 0, 0, 0, 1, 0]);
        assert_eq!(watch.owed_since(), None);
        assert_eq!(watch.data_of(1), Some((start + 3 * second, 1)));
        assert_eq!(watch.data_of(3), None);
    }
}
