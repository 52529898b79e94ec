//! What happens to a client connection before its first request: one step after the other, each as the listener's
//! configuration says.

use std::net::SocketAddr;
use std::sync::Arc;

use ajpgate_config::Listener;
use tokio::net::TcpStream;

use super::http1;
use crate::client::Client;
use crate::state::Shared;

/// The settings of a listener that count for each new connection. A reload replaces them without touching the socket.
#[derive(Debug)]
pub(crate) struct Door {}

impl Door {
    /// The settings of this listener.
    pub(crate) const fn new(_: &Listener) -> Self {
        Self {}
    }
}

/// Serves one connection, from accept to close. `addresses` are the client's and the one that it connected to.
pub(super) async fn enter(
    stream: TcpStream,
    addresses: [SocketAddr; 2],
    _: &Door,
    shared: &Arc<Shared>,
) {
    let [address, local] = addresses;
    let client = Arc::new(Client::new(address, local));
    shared.counters.client_connections.increment();
    http1::serve(stream, client, shared).await;
    shared.counters.client_connections.decrement();
}
