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
//!
//! No time runs while a request is being answered and neither side of the connection waits for the client.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;

use super::framing::{Framing, Refused, Stop, status};
use crate::link::Link;

/// Most bytes of pipelined requests that wait here while a request is being answered.
const MAX_AHEAD: usize = 16 * 1024;

/// How long a client may go on sending after its connection was closed for writing, so that it gets to read
/// the last answer before a reset reaches it.
const LINGER: Duration = Duration::from_secs(2);

/// Most bytes that are read and thrown away in that time.
const LINGER_BYTES: usize = 256 * 1024;

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
    link: Arc<Link>,
    bounds: Bounds,
    framing: Framing,
    /// Bytes that have come and that hyper has not been given.
    held: BytesMut,
    /// So many of them it may have.
    cleared: usize,
    /// The client has sent all it will send.
    ended: bool,
    refused: Option<Refused>,
    reading: Wait,
    /// Until when the client must take something.
    writing: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
    closing: Option<Closing>,
}

/// How far a close is.
#[derive(Debug)]
struct Closing {
    farewell: Bytes,
    until: Instant,
    /// Bytes that may still be thrown away, once the connection is closed for writing.
    discard: Option<usize>,
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
    pub(crate) fn new(io: S, link: Arc<Link>, bounds: Bounds) -> Self {
        let first = Instant::now() + bounds.idle.min(bounds.head);
        Self {
            io,
            link,
            bounds,
            framing: Framing::new(bounds.max_head),
            held: BytesMut::new(),
            cleared: 0,
            ended: false,
            refused: None,
            reading: Wait::Request(first),
            writing: None,
            sleep: Box::pin(tokio::time::sleep_until(first)),
            closing: None,
        }
    }

    fn refuse(&mut self, why: Refused) {
        self.refused = Some(why);
        self.link.refuse(status(why));
    }

    /// How many of the bytes hyper may have. A head only as a whole, and only when the request before it has
    /// been answered.
    fn clear(&mut self, bytes: &[u8]) -> usize {
        let mut cleared = 0;
        if self.framing.at_head() {
            if self.link.is_answering() {
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
            self.link.begin();
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
        if self.link.is_answering() {
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
    /// Reading and writing share the timer. It is moved only when it would ring too late: a deadline that moves
    /// on with every request costs a comparison, and a ring that comes early sets the timer anew.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.sleep.deadline() > deadline {
            self.sleep.as_mut().reset(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// What reading gives while nothing comes: nothing yet, or the end when the client took too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reading = self.owed();
        let Some(deadline) = self.reading.deadline() else {
            return Poll::Pending;
        };
        ready!(self.poll_until(cx, deadline));
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
        if self.link.is_answering() {
            return;
        }
        if !self.held.is_empty() || self.poll_late(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let until = *self
            .writing
            .get_or_insert_with(|| Instant::now() + self.bounds.idle);
        self.poll_until(cx, until)
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
        if this.link.is_upgraded() {
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
            let answering = this.link.is_answering();
            if this.ended {
                // What is held is the start of a head that will never be whole, or waits for its turn.
                return if answering && !this.held.is_empty() {
                    Poll::Pending
                } else {
                    Poll::Ready(Ok(()))
                };
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
                    Poll::Ready(count) => this.link.receive(count),
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
            return Poll::Ready(Ok(true));
        }
        self.link.receive(new.len());
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
            Poll::Pending if this.link.is_upgraded() => Poll::Pending,
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
            Poll::Pending if this.link.is_upgraded() => Poll::Pending,
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
        if this.link.is_upgraded() {
            return Pin::new(&mut this.io).poll_shutdown(cx);
        }
        let mut closing = this.closing.take().unwrap_or_else(|| this.start_closing());
        let polled = this.poll_close(cx, &mut closing);
        this.closing = Some(closing);
        polled
    }
}

impl<S: Transport> Guard<S> {
    fn start_closing(&mut self) -> Closing {
        let farewell = match self.refused {
            Some(why) if self.framing.at_head() => (self.bounds.farewell)(why),
            _ => Bytes::new(),
        };
        self.writing = None;
        Closing {
            farewell,
            until: Instant::now() + LINGER,
            discard: None,
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, closing: &mut Closing) -> Poll<io::Result<()>> {
        while !closing.farewell.is_empty() {
            match Pin::new(&mut self.io).poll_write(cx, &closing.farewell)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(count) => closing.farewell.advance(count),
                Poll::Pending => return self.poll_until(cx, closing.until).map(Ok),
            }
        }
        if closing.discard.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            // Only a client that is still sending is waited for.
            let unread = !self.ended && (self.refused.is_some() || !self.framing.at_head());
            closing.discard = Some(if unread { LINGER_BYTES } else { 0 });
        }
        let mut buffer = [0; 4096];
        while let Some(left @ 1..) = closing.discard {
            let mut buffer = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.io).poll_read(cx, &mut buffer)? {
                Poll::Ready(()) if buffer.filled().is_empty() => break,
                Poll::Ready(()) => {
                    closing.discard = Some(left.saturating_sub(buffer.filled().len()));
                }
                Poll::Pending => return self.poll_until(cx, closing.until).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Transport> Drop for Guard<S> {
    fn drop(&mut self) {
        if self.link.is_aborted() {
            self.io.reset_on_close();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::{advance, timeout};

    use super::*;

    impl Transport for DuplexStream {
        fn reset_on_close(&self) {}
    }

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    fn guard(max_head: usize) -> (DuplexStream, Guard<DuplexStream>, Arc<Link>) {
        let (client, io) = duplex(64 * 1024);
        let link = Arc::new(Link::default());
        let bounds = Bounds {
            max_head,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            farewell: |why| Bytes::from(format!("{} {why}", status(why))),
        };
        let guard = Guard::new(io, Arc::clone(&link), bounds);
        (client, guard, link)
    }

    /// One read, as hyper makes it: what comes, or `None` while nothing does.
    async fn read(guard: &mut Guard<DuplexStream>) -> Option<io::Result<Vec<u8>>> {
        let mut buffer = vec![0; 8192];
        let read = timeout(Duration::ZERO, guard.read(&mut buffer))
            .await
            .ok()?;
        Some(read.map(|count| buffer[..count].to_vec()))
    }

    #[track_caller]
    fn bytes(read: Option<io::Result<Vec<u8>>>) -> Vec<u8> {
        read.expect("something").expect("no error")
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_handed_on_whole() {
        let (mut client, mut guard, link) = guard(1000);
        for piece in HEAD.chunks(5) {
            assert!(read(&mut guard).await.is_none());
            client.write_all(piece).await.unwrap();
        }
        assert_eq!(bytes(read(&mut guard).await), HEAD);
        assert!(link.is_answering());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pipelined_request_waits_for_the_answer_before_it() {
        let (mut client, mut guard, link) = guard(1000);
        client.write_all(&[HEAD, HEAD].concat()).await.unwrap();
        assert_eq!(bytes(read(&mut guard).await), HEAD);
        let answering = link.answering();
        assert!(read(&mut guard).await.is_none());
        drop(answering);
        assert_eq!(bytes(read(&mut guard).await), HEAD);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_goes_with_its_head_and_no_further() {
        let (mut client, mut guard, _) = guard(1000);
        let request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        client.write_all(&[request, HEAD].concat()).await.unwrap();
        assert_eq!(bytes(read(&mut guard).await), request);
        assert!(read(&mut guard).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_never_seen_and_gets_a_farewell() {
        for (sent, answer) in [
            (
                &b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
                "400",
            ),
            (&[b'x'; 1001], "431"),
        ] {
            let (mut client, mut guard, link) = guard(1000);
            client.write_all(sent).await.unwrap();
            assert_eq!(bytes(read(&mut guard).await), b"");
            assert_eq!(link.refusal().unwrap().as_str(), answer);
            guard.shutdown().await.unwrap();
            let mut farewell = String::new();
            client.read_to_string(&mut farewell).await.unwrap();
            assert!(farewell.starts_with(answer), "{farewell}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_head_gets_408_however_steadily_it_drips() {
        let (mut client, mut guard, link) = guard(1000);
        for _ in 0..9 {
            client.write_all(b"x").await.unwrap();
            assert!(read(&mut guard).await.is_none());
            advance(Duration::from_secs(1)).await;
        }
        assert!(read(&mut guard).await.is_none());
        advance(Duration::from_secs(2)).await;
        assert_eq!(bytes(read(&mut guard).await), b"");
        assert_eq!(link.refusal().unwrap(), http::StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_without_a_word() {
        let (mut client, mut guard, link) = guard(1000);
        client.write_all(HEAD).await.unwrap();
        assert_eq!(bytes(read(&mut guard).await), HEAD);
        // No time runs while the request is answered.
        let answering = link.answering();
        advance(Duration::from_secs(1000)).await;
        assert!(read(&mut guard).await.is_none());
        drop(answering);
        assert!(read(&mut guard).await.is_none());
        advance(Duration::from_secs(74)).await;
        assert!(read(&mut guard).await.is_none());
        advance(Duration::from_secs(2)).await;
        assert_eq!(bytes(read(&mut guard).await), b"");
        assert_eq!(link.refusal(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_has_the_shorter_time() {
        let (_client, mut guard, _) = guard(1000);
        assert!(read(&mut guard).await.is_none());
        advance(Duration::from_secs(11)).await;
        assert_eq!(bytes(read(&mut guard).await), b"");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_fails() {
        let (mut client, mut guard, _) = guard(1000);
        client
            .write_all(b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nabc")
            .await
            .unwrap();
        assert!(bytes(read(&mut guard).await).ends_with(b"abc"));
        assert!(read(&mut guard).await.is_none());
        advance(Duration::from_secs(74)).await;
        client.write_all(b"d").await.unwrap();
        assert_eq!(bytes(read(&mut guard).await), b"d");
        assert!(read(&mut guard).await.is_none());
        advance(Duration::from_secs(76)).await;
        let error = read(&mut guard).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (_client, mut guard, _) = guard(1000);
        let data = vec![0; 256 * 1024];
        let error = guard.write_all(&data).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_malformed_chunk_fails_the_body_and_hides_what_follows() {
        let (mut client, mut guard, _) = guard(1000);
        let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        client
            .write_all(&[head, &b"3\r\nabc\r\nzz\r\n"[..]].concat())
            .await
            .unwrap();
        assert_eq!(
            bytes(read(&mut guard).await),
            [head, &b"3\r\nabc\r\n"[..]].concat()
        );
        assert_eq!(
            read(&mut guard).await.unwrap().unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_ahead_are_bounded_while_a_request_is_answered() {
        let (mut client, mut guard, link) = guard(64 * 1024);
        client.write_all(HEAD).await.unwrap();
        assert_eq!(bytes(read(&mut guard).await), HEAD);
        let _answering = link.answering();
        client.write_all(&[b'x'; 60 * 1024]).await.unwrap();
        assert!(read(&mut guard).await.is_none());
        assert!(guard.held.len() <= 2 * MAX_AHEAD, "{}", guard.held.len());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_client_is_seen_while_its_request_is_answered() {
        let (mut client, mut guard, link) = guard(1000);
        client.write_all(HEAD).await.unwrap();
        assert_eq!(bytes(read(&mut guard).await), HEAD);
        let _answering = link.answering();
        drop(client);
        assert_eq!(bytes(read(&mut guard).await), b"");
    }
}
