//! Listening sockets and the loop that takes connections from them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::http1::{self, ConnectionSettings};
use crate::peer::Peer;
use crate::state::Shared;
use crate::telemetry::WarnLimit;

/// Connections that the kernel keeps for us while we are busy.
const BACKLOG: i32 = 1024;

/// How long to wait when no connection can be taken, for want of descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Listener {
    inner: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds; port 0 takes a free one.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // A restart must not wait for the connections of the program before.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let inner = TcpListener::from_std(socket.into())?;
        Ok(Self {
            address: inner.local_addr()?,
            inner,
        })
    }

    /// Address and port, as bound.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Takes connections until the gateway closes, or `stop` says that this listener is no longer wanted. Each is a task
/// of `tasks`, with the limits that are in force when it comes.
pub(crate) async fn serve(
    listener: Listener,
    permits: Option<Arc<Semaphore>>,
    tasks: TaskTracker,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let failures = WarnLimit::per_second();
    loop {
        let permit = match &permits {
            None => None,
            Some(permits) => {
                let permit = tokio::select! {
                    () = shared.closing.begins() => return,
                    () = stop.cancelled() => return,
                    permit = Arc::clone(permits).acquire_owned() => permit,
                };
                match permit {
                    Ok(permit) => Some(permit),
                    Err(_) => return,
                }
            }
        };
        let accepted = tokio::select! {
            () = shared.closing.begins() => return,
            () = stop.cancelled() => return,
            accepted = listener.inner.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_about_one_connection(&error) => continue,
            Err(error) => {
                if let Some(left_out) = failures.due(()) {
                    warn!(
                        %error, listener = %listener.address, left_out = left_out.field(),
                        "cannot take connections"
                    );
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // A client that is gone already.
        let (Ok(local), Ok(())) = (stream.local_addr(), stream.set_nodelay(true)) else {
            continue;
        };
        let peer = Arc::new(Peer::new(address, local, false));
        let shared = Arc::clone(&shared);
        let settings = ConnectionSettings::of(&shared.snapshot.load().limits);
        tasks.spawn(async move {
            shared.counters.client_connections.increment(1.0);
            http1::serve(stream, &peer, settings, &shared).await;
            shared.counters.client_connections.decrement(1.0);
            drop(permit);
        });
    }
}

/// Whether an error of `accept` says nothing about the next connection.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
