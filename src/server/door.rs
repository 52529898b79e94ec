//! What happens to a client connection before its first request: one step after the other, each as the listener's
//! configuration says.

use std::net::SocketAddr;
use std::sync::Arc;

use ajpgate_config::Listener;
use bytes::BytesMut;
use tokio::net::TcpStream;

use super::admission::admit;
use super::{http1, http2, preface, tls};
use crate::client::Client;
use crate::framing::Preface;
use crate::state::Shared;
use crate::tls::{Server, ServerError};

/// The settings of a listener that count for each new connection. A reload replaces them without touching the socket.
#[derive(Debug)]
pub(crate) struct Door {
    /// Whether each connection begins with a PROXY header.
    proxy_protocol: bool,
    /// Whether HTTP/2 is spoken beside HTTP/1.1. With TLS the client chooses in the handshake.
    http2: bool,
    /// What TLS is spoken with, where the listener speaks it.
    pub(crate) tls: Option<Arc<Server>>,
}

impl Door {
    /// The settings of this listener; `before` are those that it had.
    ///
    /// # Errors
    /// A file of `tls` that cannot be read or used.
    pub(crate) fn new(listener: &Listener, before: Option<&Self>) -> Result<Self, ServerError> {
        let before = before.and_then(|before| before.tls.as_deref());
        let tls = listener.tls.as_ref();
        let tls = tls
            .map(|tls| Server::new(tls, listener.http2, before))
            .transpose()?;
        Ok(Self {
            proxy_protocol: listener.proxy_protocol,
            http2: listener.http2,
            tls: tls.map(Arc::new),
        })
    }

    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }
}

/// Serves one connection, from accept to close. `addresses` are the client's and the one that it connected to.
pub(super) async fn enter(
    mut stream: TcpStream,
    addresses: [SocketAddr; 2],
    door: &Door,
    shared: &Arc<Shared>,
) {
    let _counted = Counted::new(shared);
    if let Some(admitted) = admit(&mut stream, addresses, door.proxy_protocol, shared).await {
        // What is large is boxed: most connections do not need the room.
        let client = admitted.client;
        match &door.tls {
            Some(server) => Box::pin(tls::serve(stream, client, server, shared)).await,
            None if door.http2 => Box::pin(either(stream, Arc::new(client), shared)).await,
            None => http1::serve(stream, BytesMut::new(), Arc::new(client), shared).await,
        }
        drop(admitted.place);
    }
}

/// A connection in `ajpgate_client_connections`, until this is dropped.
struct Counted<'a>(&'a Shared);

impl<'a> Counted<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.counters.client_connections.increment();
        Self(shared)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.counters.client_connections.decrement();
    }
}

/// Serves a connection of HTTP/2 with prior knowledge, or of HTTP/1.1.
async fn either(mut stream: TcpStream, client: Arc<Client>, shared: &Arc<Shared>) {
    match preface::read(&mut stream, shared).await {
        Some((Preface::Http2, read)) => {
            Box::pin(http2::serve(stream, read, client, shared)).await;
        }
        Some((_, read)) => Box::pin(http1::serve(stream, read, client, shared)).await,
        None => {}
    }
}
