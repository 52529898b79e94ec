//! A connection to an HTTP member, plain or through TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::super::connection::is_silent;
use super::super::error::{ConnectError, FailureKind};
use super::super::pool::Transport;
use super::super::wire::Wire;
use super::tls::Tls;

/// See the [module](self).
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A kept connection. hyper is lent it for one exchange, and nothing of hyper stays behind.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    /// `None` while it is lent. Looking whether it is quiet reads from it, hence the lock; nobody waits for it.
    wire: Mutex<Option<Wire<Stream>>>,
}

impl HttpTransport {
    /// Lends the connection.
    pub(super) fn lend(&mut self) -> Option<Wire<Stream>> {
        self.wire
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Takes it back, proven clean.
    pub(super) fn take_back(&mut self, wire: Wire<Stream>) {
        *self.wire.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(wire);
    }
}

impl Transport for HttpTransport {
    /// Plain when there is none.
    type Recipe = Option<Arc<Tls>>;

    async fn open(stream: TcpStream, tls: &Option<Arc<Tls>>) -> Result<Self, ConnectError> {
        let stream = match tls {
            Some(tls) => Stream::Tls(Box::new(tls.connect(stream).await?)),
            None => Stream::Plain(stream),
        };
        Ok(Self {
            wire: Mutex::new(Some(Wire::new(stream))),
        })
    }

    fn is_quiet(&self) -> bool {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        match wire.as_mut().map(|wire| &mut wire.stream) {
            Some(Stream::Plain(stream)) => is_silent(stream),
            // Session tickets come when the server likes; reading takes them in.
            Some(Stream::Tls(stream)) => nothing_to_read(stream) && is_silent(stream.get_ref().0),
            None => false,
        }
    }

    fn rest(&mut self) -> bool {
        self.is_quiet()
    }

    async fn ping(&mut self, _: Duration) -> Result<(), FailureKind> {
        Ok(())
    }
}

fn nothing_to_read(stream: &mut TlsStream<TcpStream>) -> bool {
    let mut byte = [0];
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(stream)
        .poll_read(&mut cx, &mut ReadBuf::new(&mut byte))
        .is_pending()
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, out),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, out),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
