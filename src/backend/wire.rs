//! A stream that counts its bytes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection to a backend, and how much went over it since it was opened.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    pub(crate) traffic: Traffic,
}

/// Bytes in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) to_backend: u64,
    pub(crate) from_backend: u64,
}

/// What an exchange has moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// All bytes, those of packets and heads included.
    pub(crate) wire: Traffic,
    /// Bytes of bodies alone, the request's and the answer's: what httpd counts as a member's traffic
    /// (`mod_proxy_ajp.c: ap_proxy_ajp_request()`).
    pub(crate) bodies: Traffic,
}

impl Moved {
    /// What has been added since an earlier count.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            wire: self.wire.since(earlier.wire),
            bodies: self.bodies.since(earlier.bodies),
        }
    }
}

impl Traffic {
    /// What has been added since an earlier count.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            to_backend: self.to_backend.saturating_sub(earlier.to_backend),
            from_backend: self.from_backend.saturating_sub(earlier.from_backend),
        }
    }
}

impl<S> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            traffic: Traffic::default(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, out))?;
        let count = out.filled().len().saturating_sub(before);
        self.traffic.from_backend = self.traffic.from_backend.saturating_add(count as u64);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.traffic.to_backend = self.traffic.to_backend.saturating_add(count as u64);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.traffic.to_backend = self.traffic.to_backend.saturating_add(count as u64);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
