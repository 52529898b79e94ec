//! The handshake with a client (RFC 8446, RFC 5246).

use std::io;
use std::time::Duration;

use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::client_auth::verify_again;
use super::counted::Counted;
use super::facts::facts;
use super::server::{Current, Server};
use crate::client::Tls;
use crate::telemetry::metrics::{HandshakeCounters, HandshakeResult};

/// A connection that speaks TLS with a client. Boxed, because few connections do, and it is large.
pub(crate) type TlsStream = Box<tokio_rustls::server::TlsStream<Counted>>;

/// How long, and how many bytes, are read behind a handshake that has failed. A close while bytes are unread is a reset,
/// and a reset makes the client's system throw the alert away that says why.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 * 1024;

/// A connection whose handshake is complete.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: TlsStream,
    pub(crate) facts: Tls,
    /// Whether the client has chosen HTTP/2 (ALPN).
    pub(crate) http2: bool,
}

/// Why a handshake has failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the handshake took too long")]
    Late,
    #[error("{0}")]
    Failed(#[from] io::Error),
    #[error("a resumed session: {0}")]
    NoLongerAllowed(#[from] rustls::Error),
}

impl Server {
    /// Has a handshake with a client, which may take so long, and counts how it ended.
    ///
    /// # Errors
    /// The client does not complete it, or is not let in. The connection is closed then.
    pub(crate) async fn accept(
        &self,
        socket: TcpStream,
        within: Duration,
        counters: &HandshakeCounters,
    ) -> Result<Accepted, Refused> {
        let accepted = self.handshake(socket, within).await;
        counters.increment(match &accepted {
            Ok((_, HandshakeKind::Resumed)) => HandshakeResult::Resumed,
            Ok(_) => HandshakeResult::Full,
            Err(Refused::Late) => HandshakeResult::Timeout,
            Err(Refused::Failed(_) | Refused::NoLongerAllowed(_)) => HandshakeResult::Failed,
        });
        accepted.map(|(accepted, _)| accepted)
    }

    async fn handshake(
        &self,
        socket: TcpStream,
        within: Duration,
    ) -> Result<(Accepted, HandshakeKind), Refused> {
        let current = self.current();
        let acceptor = TlsAcceptor::from(current.config.clone());
        // Boxed, so that it is freed as soon as it is over.
        let handshake = Box::pin(acceptor.accept(Counted::new(socket)).into_fallible());
        match timeout(within, handshake).await {
            Ok(Ok(stream)) => accepted(Box::new(stream), &current),
            Ok(Err((error, socket))) => {
                let _ = timeout(LINGER, linger(socket)).await;
                Err(error.into())
            }
            Err(_) => Err(Refused::Late),
        }
    }
}

fn accepted(stream: TlsStream, current: &Current) -> Result<(Accepted, HandshakeKind), Refused> {
    let (_, connection) = stream.get_ref();
    let kind = connection.handshake_kind().unwrap_or(HandshakeKind::Full);
    if kind == HandshakeKind::Resumed {
        verify_again(&current.verifier, connection.peer_certificates())?;
    }
    let accepted = Accepted {
        facts: facts(connection),
        http2: connection.alpn_protocol() == Some(b"h2"),
        stream,
    };
    Ok((accepted, kind))
}

/// Closes the side that is written, and reads what the client still sends.
async fn linger(mut socket: Counted) -> io::Result<()> {
    socket.shutdown().await?;
    let mut rest = socket.take(LINGER_BYTES);
    let mut piece = [0; 1024];
    while rest.read(&mut piece).await? > 0 {}
    Ok(())
}
