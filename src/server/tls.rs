//! Clients that speak TLS: the handshake, then HTTP inside it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tracing::debug;

use super::http1::{self, Begun, Socket};
use super::http2;
use super::welcome::Welcome;
use crate::client::Client;
use crate::tls::{Accepted, Server, TlsStream};

/// How long a handshake may still take once connections without a request are to end.
const STOPPING: Duration = Duration::from_secs(2);

/// Serves a connection, from the handshake to the close. Handshakes that fail are counted and logged for debugging.
pub(super) async fn serve(
    stream: TcpStream,
    mut client: Client,
    server: &Server,
    welcome: &Welcome,
) {
    let shared = welcome.shared();
    let within = shared.snapshot.load().limits.header_timeout;
    let stopped = async {
        shared.closing.idle_ends().await;
        tokio::time::sleep(STOPPING).await;
    };
    let (counters, challenges) = (&shared.counters.tls_handshakes, &shared.challenges);
    let accepted = tokio::select! {
        accepted = server.accept(stream, within, counters, challenges) => accepted,
        () = stopped => return,
    };
    let Accepted {
        stream,
        facts,
        http2: is_http2,
    } = match accepted {
        Ok(accepted) => accepted,
        Err(refused) => {
            return debug!(client = client.ip, reason = %refused, "TLS handshake failed");
        }
    };
    client.is_secure = true;
    client.tls = Some(Arc::new(facts));
    let (stream, client, read) = (TlsSocket::new(stream), Arc::new(client), BytesMut::new());
    match is_http2 {
        true => Box::pin(http2::serve(stream, read, client, welcome)).await,
        false => {
            let begun = Box::new(Begun { stream, read });
            http1::serve(begun, client, welcome).await;
        }
    }
}

/// A connection of a client that speaks TLS.
#[derive(Debug)]
struct TlsSocket {
    stream: TlsStream,
    /// Bytes that the socket below had taken when it was asked last.
    seen: u64,
}

impl TlsSocket {
    fn new(stream: TlsStream) -> Self {
        Self { seen: 0, stream }
    }
}

impl Socket for TlsSocket {
    /// Without the closing alert an answer without a length would look cut off (RFC 8446 section 6.1).
    const SAYS_END: bool = true;

    fn reset_on_close(&self) {
        self.stream.get_ref().0.socket.reset_on_close();
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (counted, connection) = self.stream.get_ref();
        match connection.wants_read() {
            true => counted.socket.poll_readable(cx),
            // Bytes have been decrypted already, or the client has said that no more follow.
            false => Poll::Ready(Ok(())),
        }
    }

    /// TLS takes more than the socket below it, which alone shows that the client reads.
    fn has_sent(&mut self, _: usize) -> bool {
        let sent = self.stream.get_ref().0.sent;
        std::mem::replace(&mut self.seen, sent) != sent
    }
}

impl AsyncRead for TlsSocket {
    /// A client that closes without the closing alert, as many do, has closed its side. Requests say where they end by themselves.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, out) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            polled => polled,
        }
    }
}

impl AsyncWrite for TlsSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
