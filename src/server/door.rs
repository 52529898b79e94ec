//! What happens to a client connection before its first request: one step after the other, each as the listener's
//! configuration says.

use std::net::{self, SocketAddr};
use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::admission::{Admitted, admit};
use super::entrance::Entrance;
use super::http1::{self, Begun};
use super::welcome::Welcome;
use super::{http2, preface, tls};
use crate::client::{self, Client};
use crate::cores::Served;
use crate::framing::Preface;
use crate::in_box::in_box;
use crate::state::Shared;

/// A connection that was accepted, and what is held for it until it is over.
pub(super) struct Arrival {
    pub(super) stream: Came,
    /// The client's address, and the one that it connected to.
    pub(super) addresses: [SocketAddr; 2],
    pub(super) entrance: Arc<Entrance>,
    pub(super) shared: Arc<Shared>,
    pub(super) permit: Permit,
    pub(super) served: Served,
}

/// The socket of a connection.
pub(super) enum Came {
    /// It was accepted on the core that serves it.
    Here(TcpStream),
    /// It was accepted on another one, whose events it has been taken out of.
    Moved(net::TcpStream),
}

/// A place below `max_connections`; `None` where there is no limit.
pub(super) type Permit = Option<OwnedSemaphorePermit>;

/// A connection of HTTP/1.1 without TLS that was let in.
struct Plain {
    begun: Box<Begun<TcpStream>>,
    client: Arc<Client>,
    held: Box<Held>,
}

/// What a connection has as long as it lasts, and what it counts in.
struct Held {
    welcome: Welcome,
    _counted: Counted,
    _permit: Permit,
    _served: Served,
    /// Among the connections of its client's address.
    _place: Option<client::Counted>,
}

/// Serves one connection, from accept to close.
pub(super) fn enter(arrival: Arrival) -> impl Future<Output = ()> + Send {
    // Boxed: a connection that waits for its next request has no room for what came before the first one.
    let beginning = in_box(|| begin(arrival));
    async move {
        let Some(Plain {
            begun,
            client,
            held,
        }) = beginning.await
        else {
            return;
        };
        http1::serve(begun, client, &held.welcome).await;
        drop(held);
    }
}

/// Lets a connection in, and serves it unless it is one of HTTP/1.1 without TLS.
async fn begin(arrival: Arrival) -> Option<Plain> {
    let Arrival {
        stream,
        addresses,
        entrance,
        shared,
        permit,
        served,
    } = arrival;
    let counted = Counted::new(&shared);
    let (door, welcome) = Welcome::to(entrance, Arc::clone(&shared));
    let mut stream = match stream {
        Came::Here(stream) => stream,
        Came::Moved(stream) => TcpStream::from_std(stream).ok()?,
    };
    let Admitted { client, place } =
        admit(&mut stream, addresses, door.proxy_protocol, &shared).await?;
    let held = Box::new(Held {
        welcome,
        _counted: counted,
        _permit: permit,
        _served: served,
        _place: place,
    });
    let welcome = &held.welcome;
    match &door.tls {
        Some(server) => Box::pin(tls::serve(stream, client, server, welcome)).await,
        None if door.http2 => Box::pin(either(stream, Arc::new(client), welcome)).await,
        None => {
            let read = BytesMut::new();
            return Some(Plain {
                begun: Box::new(Begun { stream, read }),
                client: Arc::new(client),
                held,
            });
        }
    }
    drop(held);
    None
}

/// A connection in `ajpgate_client_connections`, until this is dropped.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.counters.client_connections.increment();
        Self(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counters.client_connections.decrement();
    }
}

/// Serves a connection of HTTP/2 with prior knowledge, or of HTTP/1.1.
async fn either(mut stream: TcpStream, client: Arc<Client>, welcome: &Welcome) {
    match preface::read(&mut stream, welcome.shared()).await {
        Some((Preface::Http2, read)) => {
            Box::pin(http2::serve(stream, read, client, welcome)).await;
        }
        Some((_, read)) => {
            let begun = Box::new(Begun { stream, read });
            Box::pin(http1::serve(begun, client, welcome)).await;
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<A, F>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    /// Bytes of a connection that waits for a request, without its socket and texts: 896 bytes have room for them and what the
    /// runtime adds, which aligns to 128. The allocator takes 1 KiB for that.
    #[test]
    fn a_connection_that_waits_is_small() {
        let room = of(enter);
        assert!(room <= 792, "{room}");
    }
}
