//! The handshake with a client (RFC 8446, RFC 5246).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::HandshakeKind;
use rustls::server::Acceptor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::challenges::Challenges;
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
    #[error("an authority has asked whether the name is ours")]
    Challenge,
}

impl Server {
    /// Has a handshake with a client, which may take so long, and counts how it ended.
    ///
    /// An authority that asks whether a name is ours is answered, which ends the connection.
    ///
    /// # Errors
    /// The client does not complete it, or is not let in. The connection is closed then.
    pub(crate) async fn accept(
        &self,
        socket: TcpStream,
        within: Duration,
        counters: &HandshakeCounters,
        challenges: &Challenges,
    ) -> Result<Accepted, Refused> {
        let accepted = self.handshake(socket, within, challenges).await;
        counters.increment(match &accepted {
            Ok((_, HandshakeKind::Resumed)) => HandshakeResult::Resumed,
            Ok(_) | Err(Refused::Challenge) => HandshakeResult::Full,
            Err(Refused::Late) => HandshakeResult::Timeout,
            Err(Refused::Failed(_) | Refused::NoLongerAllowed(_)) => HandshakeResult::Failed,
        });
        accepted.map(|(accepted, _)| accepted)
    }

    async fn handshake(
        &self,
        socket: TcpStream,
        within: Duration,
        challenges: &Challenges,
    ) -> Result<(Accepted, HandshakeKind), Refused> {
        let current = self.current();
        let socket = Counted::new(socket);
        if !challenges.are_none() {
            let choosing = Box::pin(choose(socket, &current, challenges));
            let chosen = timeout(within, choosing).await;
            return accepted(Box::new(chosen.map_err(|_| Refused::Late)??), &current);
        }
        let acceptor = TlsAcceptor::from(current.config.clone());
        // Boxed, so that it is freed as soon as it is over.
        let handshake = Box::pin(acceptor.accept(socket).into_fallible());
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

/// The handshake while authorities are expected: what the client says first tells whether it is one.
async fn choose(
    socket: Counted,
    current: &Current,
    challenges: &Challenges,
) -> Result<tokio_rustls::server::TlsStream<Counted>, Refused> {
    let begun = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
    if let Some(config) = challenges.to(&begun.client_hello()) {
        let mut stream = begun.into_stream(config).await?;
        // RFC 8737 section 3: the connection is closed behind the handshake.
        stream.shutdown().await?;
        return Err(Refused::Challenge);
    }
    match begun
        .into_stream(Arc::clone(&current.config))
        .into_fallible()
        .await
    {
        Ok(stream) => Ok(stream),
        Err((error, socket)) => {
            let _ = timeout(LINGER, linger(socket)).await;
            Err(error.into())
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
