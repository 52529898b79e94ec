//! What happens to a client connection before its first request: one step after the other, each as the listener's
//! configuration says.

use std::net::SocketAddr;
use std::sync::Arc;

use ajpgate_config::Listener;
use bytes::BytesMut;
use tokio::net::TcpStream;

use super::admission::admit;
use super::{http1, http2, preface};
use crate::client::Client;
use crate::framing::Preface;
use crate::state::Shared;

/// The settings of a listener that count for each new connection. A reload replaces them without touching the socket.
#[derive(Debug)]
pub(crate) struct Door {
    /// Whether each connection begins with a PROXY header.
    proxy_protocol: bool,
    /// Whether HTTP/2 is spoken beside HTTP/1.1.
    http2: bool,
}

impl Door {
    /// The settings of this listener.
    pub(crate) const fn new(listener: &Listener) -> Self {
        Self {
            proxy_protocol: listener.proxy_protocol,
            http2: listener.http2,
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
    shared.counters.client_connections.increment();
    if let Some(admitted) = admit(&mut stream, addresses, door.proxy_protocol, shared).await {
        let client = Arc::new(admitted.client);
        match door.http2 {
            // What is large is boxed: most connections do not need the room.
            true => Box::pin(either(stream, client, shared)).await,
            false => http1::serve(stream, BytesMut::new(), client, shared).await,
        }
        drop(admitted.place);
    }
    shared.counters.client_connections.decrement();
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
