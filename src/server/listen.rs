//! Listening sockets and the loop that takes connections from them.

use std::io;
use std::net::{self, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::door::{self, Arrival, Came, Permit};
use super::entrance::Entrance;
use crate::state::Shared;
use crate::telemetry::WarnLimit;

/// Connections that the kernel keeps for us while we are busy.
const BACKLOG: i32 = 1024;

/// How long to wait when no connection can be taken, for want of descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The sockets that are bound to an address: at least one for each core.
#[derive(Debug)]
pub(crate) struct Listener {
    sockets: Vec<net::TcpListener>,
    /// How many of them are sockets of their own; those behind are duplicates.
    distinct: usize,
    address: SocketAddr,
}

impl Listener {
    /// Listens with the given sockets, which another program has bound to one address, or binds the address if there are
    /// none. Cores share sockets that are fewer than they are; a core has several of those that are more.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub(crate) fn new(
        address: SocketAddr,
        given: Vec<net::TcpListener>,
        cores: usize,
    ) -> io::Result<Self> {
        let Some(first) = given.first() else {
            return Self::bind(address, cores);
        };
        let address = first.local_addr()?;
        for socket in &given {
            socket.set_nonblocking(true)?;
            SockRef::from(socket).set_tcp_nodelay(true)?;
        }
        let distinct = given.len();
        let missing = cores.saturating_sub(distinct);
        let shared = given.iter().cycle().take(missing);
        let shared = shared.map(net::TcpListener::try_clone);
        let shared = shared.collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            sockets: given.into_iter().chain(shared).collect(),
            distinct,
            address,
        })
    }

    /// Binds a socket for each of `cores` cores; port 0 takes a free one. The kernel spreads connections over them.
    ///
    /// # Errors
    /// When the address cannot be bound, also because another program listens there.
    pub(crate) fn bind(address: SocketAddr, cores: usize) -> io::Result<Self> {
        let mut sockets = vec![bind(address, Sharing::Alone)?];
        let local = |socket: &net::TcpListener| socket.local_addr();
        let address = sockets.first().map_or(Ok(address), local)?;
        if cores > 1 {
            // A socket that shares its address may also share it with another program of the same user. The first one,
            // which does not, has shown that there is none.
            sockets.clear();
            let shared = (0..cores).map(|_| bind(address, Sharing::WithOthers));
            sockets = shared.collect::<io::Result<_>>()?;
        }
        for socket in &sockets {
            SockRef::from(socket).listen(BACKLOG)?;
        }
        Ok(Self {
            distinct: sockets.len(),
            sockets,
            address,
        })
    }

    /// Address and port, as bound.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its sockets without duplicates.
    pub(crate) fn distinct(&self) -> impl Iterator<Item = &net::TcpListener> {
        self.sockets.iter().take(self.distinct)
    }

    /// Its sockets: one for each core in turn, and more where another program has had more.
    pub(crate) fn into_sockets(self) -> Vec<net::TcpListener> {
        self.sockets
    }
}

/// Whether other sockets may be bound to the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Alone,
    WithOthers,
}

/// A bound socket that does not listen yet.
fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<net::TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the program before.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::WithOthers)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it (Linux, tcp_sock.nonagle), which spares a system call for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// What the tasks that take connections have in common.
#[derive(Debug, Clone)]
pub(crate) struct Accepting {
    /// Free places below `max_connections`; `None`: no limit.
    pub(crate) permits: Option<Arc<Semaphore>>,
    /// Where the connections are counted as tasks.
    pub(crate) tasks: TaskTracker,
    pub(crate) shared: Arc<Shared>,
    /// What the connections come through.
    pub(crate) entrance: Arc<Entrance>,
}

/// Takes connections on the calling core until the gateway closes, or the listener is no longer wanted. Each is a task of
/// `tasks`, with the limits that are in force when it comes.
pub(crate) async fn serve(socket: net::TcpListener, accepting: Accepting) {
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return error!(%error, "a listener cannot be watched"),
    };
    let failures = WarnLimit::per_second();
    let local = local_of_all(&listener);
    let mut over = pin!(accepting.over());
    loop {
        let accepted = tokio::select! {
            () = &mut over => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => match accepting.permit().await {
                Some(permit) => accepting.start(
                    Accepted {
                        stream,
                        address,
                        local,
                    },
                    permit,
                ),
                None => break,
            },
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                if let Some(left_out) = failures.due(()) {
                    let listener = listener.local_addr().ok();
                    warn!(%error, ?listener, left_out = left_out.field(), "cannot take connections");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Closing the socket would reset the connections that the kernel has already made for it. Another process may have the
    // same socket, or not.
    let closing = &accepting.shared.closing;
    if !closing.has_begun() || closing.is_replaced() {
        accepting.take_rest(&listener, local);
    }
}

/// The local address that all connections of a listener have; `None` where each has its own, because the listener is bound
/// to all addresses of the machine.
fn local_of_all(listener: &TcpListener) -> Option<SocketAddr> {
    let bound = listener.local_addr().ok();
    bound.filter(|bound| !bound.ip().is_unspecified())
}

/// A connection that was accepted.
#[derive(Debug)]
struct Accepted {
    stream: TcpStream,
    /// The client's address.
    address: SocketAddr,
    /// The address that the client connected to; `None`: not known yet.
    local: Option<SocketAddr>,
}

impl Accepting {
    /// Waits for a place for one connection, which was accepted before: a core that held a place while nobody connects to
    /// it would keep the place from the others. `None` when the gateway closes; where another process has taken over, the
    /// connection is served without a place, for that process cannot serve it.
    async fn permit(&self) -> Option<Permit> {
        let Some(permits) = &self.permits else {
            return Some(None);
        };
        let closing = &self.shared.closing;
        if let Ok(permit) = Arc::clone(permits).try_acquire_owned()
            && (!closing.has_begun() || closing.is_replaced())
        {
            return Some(Some(permit));
        }
        tokio::select! {
            () = closing.begins() => closing.is_replaced().then_some(None),
            permit = Arc::clone(permits).acquire_owned() => permit.ok().map(Some),
        }
    }

    /// Ready once no more connections are taken.
    async fn over(&self) {
        tokio::select! {
            () = self.shared.closing.begins() => {}
            () = self.entrance.closed() => {}
        }
    }

    /// Takes the connections that wait in the kernel, as far as there are places, and no more than it keeps.
    fn take_rest(&self, listener: &TcpListener, local: Option<SocketAddr>) {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..BACKLOG {
            let permit = match self.permits.clone().map(Semaphore::try_acquire_owned) {
                None => None,
                Some(Ok(permit)) => Some(permit),
                Some(Err(_)) => return,
            };
            match listener.poll_accept(&mut cx) {
                Poll::Ready(Ok((stream, address))) => {
                    self.start(
                        Accepted {
                            stream,
                            address,
                            local,
                        },
                        permit,
                    );
                }
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }

    /// Starts the task of a connection, on the core that it is given to.
    fn start(&self, accepted: Accepted, permit: Permit) {
        let Accepted {
            stream,
            address,
            local,
        } = accepted;
        // It has none when the client is gone already.
        let Some(local) = local.or_else(|| stream.local_addr().ok()) else {
            return;
        };
        let (core, served) = self.shared.cores.assign();
        let stream = match core {
            None => Came::Here(stream),
            // Its events are to come to the other core: it is taken out of this one's event queue.
            Some(_) => match stream.into_std() {
                Ok(stream) => Came::Moved(stream),
                Err(_) => return,
            },
        };
        let served = door::enter(Arrival {
            stream,
            addresses: [address, local],
            entrance: Arc::clone(&self.entrance),
            shared: Arc::clone(&self.shared),
            permit,
            served,
        });
        match core {
            None => self.tasks.spawn(served),
            Some(core) => self.tasks.spawn_on(served, core),
        };
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn accepted_connections_send_at_once_and_have_the_address_of_their_listener() {
        for (bound, known) in [("127.0.0.1:0", true), ("0.0.0.0:0", false)] {
            for cores in [1, 2] {
                let listener = Listener::bind(bound.parse().unwrap(), cores).unwrap();
                let port = listener.address().port();
                let sockets = listener.into_sockets().into_iter();
                let listeners: Vec<_> = sockets
                    .map(|it| TcpListener::from_std(it).unwrap())
                    .collect();
                let client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let accepted = |cx: &mut Context<'_>| {
                    let polled = listeners
                        .iter()
                        .map(|listener| (listener, listener.poll_accept(cx)));
                    for (listener, accepted) in polled {
                        if let Poll::Ready(accepted) = accepted {
                            return Poll::Ready((listener, accepted.unwrap()));
                        }
                    }
                    Poll::Pending
                };
                let (listener, (stream, address)) = poll_fn(accepted).await;
                assert!(stream.nodelay().unwrap());
                assert_eq!(address, client.local_addr().unwrap());
                let local = local_of_all(listener);
                assert_eq!(local.is_some(), known);
                assert!(local.is_none_or(|local| local == stream.local_addr().unwrap()));
            }
        }
    }
}
