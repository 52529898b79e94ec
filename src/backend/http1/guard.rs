//! A thin layer between a member's connection and hyper: it sees the bytes of each answer.
//!
//! hyper gets the head of an answer only when it is complete, no interim answers, and nothing behind the answer's last
//! byte. The connection is lent to hyper for one exchange; afterwards the guard tells whether it can serve another.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::super::stream::Stream;
use super::super::wire::Wire;
use super::answer::{Answer, Asked};
use super::progress::{AnswerPhase, Progress, Writing};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Guard {
    wire: Wire<Stream>,
    progress: Arc<Progress>,
    answer: Answer,
    /// Bytes that have come and that hyper has not been given.
    held: BytesMut,
    /// Number of bytes at the start of `held` that hyper may be given.
    cleared: usize,
}

impl Guard {
    pub(super) fn new(wire: Wire<Stream>, progress: Arc<Progress>, asked: Asked) -> Self {
        Self {
            wire,
            progress,
            answer: Answer::new(asked),
            held: BytesMut::new(),
            cleared: 0,
        }
    }

    /// The connection, when the answer has ended on it, everything has gone out, and nothing more has come.
    pub(super) fn into_clean(self) -> Option<Wire<Stream>> {
        let clean = self.progress.state().is_clean() && self.held.is_empty();
        clean.then_some(self.wire)
    }

    /// The connection after a 101, and what has come of the other protocol.
    pub(super) fn into_upgraded(self) -> (Wire<Stream>, Bytes) {
        (self.wire, self.held.freeze())
    }

    /// Two numbers of bytes: those at the start that hyper does not get, and those behind them that it gets.
    fn clear(&mut self, bytes: &[u8]) -> io::Result<(usize, usize)> {
        let taken = self.answer.take(bytes);
        let told = self.answer.take_told();
        let mut state = self.progress.state();
        state.tell(told);
        let pass = match taken {
            Ok(pass) => pass,
            Err(why) => {
                state.refused = Some(why);
                return Err(io::ErrorKind::InvalidData.into());
            }
        };
        let rest = bytes.len().saturating_sub(pass.skip + pass.pass);
        if pass.go_on || !self.answer.at_head() {
            state.stop_awaiting_100();
        }
        state.answer = match self.answer.at_head() {
            true => AnswerPhase::Head {
                since: match state.answer {
                    _ if rest == 0 => None,
                    // Where an interim answer was skipped, a new head has begun.
                    AnswerPhase::Head { since: Some(since) } if pass.skip == 0 => Some(since),
                    _ => Some(Instant::now()),
                },
            },
            false if self.answer.ends_with_connection() => AnswerPhase::UntilClose,
            false if !self.answer.is_over() => AnswerPhase::Body,
            false if rest == 0 => AnswerPhase::Over,
            false => AnswerPhase::Excess,
        };
        Ok((pass.skip, pass.pass))
    }

    /// Reads straight into hyper's buffer, and takes back what hyper may not have. `true` when hyper gets bytes or the
    /// end of the stream.
    fn poll_read_through(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(cx, out))?;
        let new = out.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            return Poll::Ready(Ok(true));
        }
        let (skip, pass) = self.clear(new)?;
        if skip > 0 {
            self.held
                .extend_from_slice(new.get(skip..).unwrap_or_default());
            self.cleared = pass;
            out.set_filled(before);
            return Poll::Ready(Ok(false));
        }
        if pass < new.len() {
            self.held
                .extend_from_slice(new.get(pass..).unwrap_or_default());
            out.set_filled(before + pass);
        }
        Poll::Ready(Ok(pass > 0))
    }

    fn poll_read_guarded(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.cleared > 0 {
                let length = self.cleared.min(out.remaining());
                out.put_slice(self.held.get(..length).unwrap_or_default());
                self.held.advance(length);
                self.cleared -= length;
                return Poll::Ready(Ok(()));
            }
            if self.progress.state().refused.is_some() {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            if self.answer.is_over() {
                // Bytes that come from now on are noticed before the connection is used again.
                return Poll::Pending;
            }
            if self.held.is_empty() {
                if ready!(self.poll_read_through(cx, out))? {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            if ready!(poll_read_buf(Pin::new(&mut self.wire), cx, &mut self.held))? == 0 {
                return Poll::Ready(Ok(()));
            }
            let held = std::mem::take(&mut self.held);
            let cleared = self.clear(&held);
            self.held = held;
            let (skip, pass) = cleared?;
            self.held.advance(skip);
            self.cleared = pass;
        }
    }

    /// Notes the result of a write. hyper is told that a failed one has succeeded: nothing more goes out, but the answer
    /// is read.
    fn wrote(&self, written: Poll<io::Result<usize>>, length: usize) -> Poll<io::Result<usize>> {
        let mut state = self.progress.state();
        state.writing = Writing::Buffered;
        state.traffic.to_backend = self.wire.traffic.to_backend;
        match written {
            Poll::Ready(Err(error)) => {
                // A write to TLS is several to TCP, and fails as a whole when the last does.
                let may_have_sent = matches!(self.wire.stream, Stream::Tls(_));
                state.fail_writing(error, may_have_sent);
                Poll::Ready(Ok(length))
            }
            written => written,
        }
    }

    fn writes_are_over(&self) -> bool {
        self.progress.state().write_failed()
    }
}

impl AsyncRead for Guard {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = out.filled().len();
        let read = this.poll_read_guarded(cx, out);
        let mut state = this.progress.state();
        state.traffic.from_backend = this.wire.traffic.from_backend;
        match &read {
            Poll::Ready(Ok(())) => state.closed |= out.filled().len() == before,
            Poll::Ready(Err(error)) if state.lost.is_none() => {
                state.lost = Some(error.kind().into());
            }
            _ => {}
        }
        read
    }
}

impl AsyncWrite for Guard {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.writes_are_over() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.wire).poll_write(cx, bytes);
        this.wrote(written, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = slices.iter().map(|slice| slice.len()).sum();
        if this.writes_are_over() {
            return Poll::Ready(Ok(length));
        }
        let written = Pin::new(&mut this.wire).poll_write_vectored(cx, slices);
        this.wrote(written, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.writes_are_over() {
            return Poll::Ready(Ok(()));
        }
        let flushed = ready!(Pin::new(&mut this.wire).poll_flush(cx));
        let mut state = this.progress.state();
        match flushed {
            Ok(()) => state.writing = Writing::Flushed,
            Err(error) => state.fail_writing(error, false),
        }
        Poll::Ready(Ok(()))
    }

    /// Does nothing: the driver, which lent hyper the connection, closes it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use rcgen::generate_simple_self_signed;
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;

    use super::super::super::tls::Tls;
    use super::*;
    use crate::upload::Upload;

    /// A connection that the other end has reset.
    async fn reset(tls: bool) -> Stream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, server) = tokio::join!(client, listener.accept());
        let (client, (server, _)) = (client.unwrap(), server.unwrap());
        server.set_zero_linger().unwrap();
        if !tls {
            drop(server);
            client.readable().await.unwrap();
            return Stream::Plain(client);
        }
        let issued = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![issued.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let believing = Tls::believing_anyone();
        let (client, server) = tokio::join!(believing.connect(client), acceptor.accept(server));
        let client = client.unwrap();
        drop(server.unwrap());
        client.get_ref().0.readable().await.unwrap();
        Stream::Tls(Box::new(client))
    }

    /// A failed write to TLS does not tell how much the member has got.
    #[tokio::test]
    async fn a_write_to_tls_that_fails_may_have_sent_something() {
        for tls in [false, true] {
            let progress = Progress::new(Upload::default(), false, None);
            let asked = Asked {
                head_only: false,
                upgrade: false,
            };
            let wire = Wire::new(reset(tls).await);
            let mut guard = Guard::new(wire, Arc::clone(&progress), asked);
            // The first write may still be taken by the kernel.
            while !progress.state().write_failed() {
                poll_fn(|cx| Pin::new(&mut guard).poll_write(cx, b"GET "))
                    .await
                    .unwrap();
            }
            let failed = Writing::Failed { may_have_sent: tls };
            assert_eq!(progress.state().writing, failed);
        }
    }
}
