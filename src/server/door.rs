//! What happens to a client connection before its first request: one step after the other, each as the listener's
//! configuration says.

use std::net::SocketAddr;
use std::sync::Arc;

use ajpgate_config::Listener;
use tokio::net::TcpStream;

use super::admission::admit;
use super::http1;
use crate::state::Shared;

/// The settings of a listener that count for each new connection. A reload replaces them without touching the socket.
#[derive(Debug)]
pub(crate) struct Door {
    /// Whether each connection begins with a PROXY header.
    proxy_protocol: bool,
}

impl Door {
    /// The settings of this listener.
    pub(crate) const fn new(listener: &Listener) -> Self {
        Self {
            proxy_protocol: listener.proxy_protocol,
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
        http1::serve(stream, Arc::new(admitted.client), shared).await;
        drop(admitted.place);
    }
    shared.counters.client_connections.decrement();
}
