//! The sockets that this process was given, by systemd or by the program before it.
//!
//! Source: `sd_listen_fds(3)`.

use std::env;
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use listenfd::ListenFd;
use socket2::SockRef;
use tracing::{info, warn};

use super::{LISTEN_FDNAMES, LISTEN_FDS, LISTEN_PID, MOST, PREDECESSOR, Predecessor, STATE};

/// How long the program before may pause while it tells what it knows.
const SILENCE: Duration = Duration::from_secs(5);

/// The most that is read of what it knows, in bytes. A state file has at most half of that.
const LARGEST: u64 = 32 << 20;

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Clients,
    Admin,
    Heartbeats,
}

impl Role {
    /// The name under which a process gives it to the next one.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Admin => "admin",
            Self::Heartbeats => "heartbeats",
        }
    }
}

/// The sockets that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Given {
    listeners: Vec<Socket<TcpListener>>,
    datagrams: Vec<Socket<UdpSocket>>,
    /// The names of descriptors that are neither.
    others: Vec<String>,
    /// They come from the program before, not from systemd.
    by_predecessor: bool,
    /// The connection over which that program tells what it knows.
    state: Option<UnixStream>,
}

#[derive(Debug)]
struct Socket<S> {
    socket: S,
    address: SocketAddr,
    /// The name of the unit's socket, or a role.
    name: String,
}

/// Takes what this process was given from its environment, which no longer names it then. To be called once, before the
/// process opens anything: the descriptors are numbers.
pub(crate) fn inherit() -> (Given, Option<Predecessor>) {
    let by_predecessor = env::var_os(PREDECESSOR).is_some() && env::var_os(LISTEN_PID).is_none();
    let count = env::var(LISTEN_FDS).ok();
    let count = count.and_then(|count| count.parse::<usize>().ok());
    if count.is_none_or(|count| count > MOST)
        || env::var_os(LISTEN_PID).is_none() && !by_predecessor
    {
        return (Given::default(), None);
    }
    let names = env::var(LISTEN_FDNAMES).unwrap_or_default();
    let mut names = names.split(':').map(str::to_owned);
    let mut descriptors = ListenFd::from_env();
    let mut given = Given {
        by_predecessor,
        ..Given::default()
    };
    let mut predecessor = None;
    for index in 0..descriptors.len() {
        let name = names.next().unwrap_or_default();
        if by_predecessor && index == 0 {
            let channel = descriptors.take_unix_listener(index).ok().flatten();
            predecessor = channel.map(Predecessor::new);
        } else if by_predecessor && name == STATE {
            // It only has the type of a listener.
            let connection = descriptors.take_unix_listener(index).ok().flatten();
            given.state = connection.map(|it| OwnedFd::from(it).into());
        } else {
            given.add(&mut descriptors, index, name);
        }
    }
    (given, predecessor)
}

impl Given {
    fn add(&mut self, descriptors: &mut ListenFd, index: usize, name: String) {
        if let Ok(Some(socket)) = descriptors.take_tcp_listener(index)
            && let Ok(address) = socket.local_addr()
            && is_listening(&socket)
        {
            let socket = Socket {
                socket,
                address,
                name,
            };
            self.listeners.push(socket);
        } else if let Ok(Some(socket)) = descriptors.take_udp_socket(index)
            && let Ok(address) = socket.local_addr()
        {
            let socket = Socket {
                socket,
                address,
                name,
            };
            self.datagrams.push(socket);
        } else {
            // What is taken is closed. A descriptor that is no socket stays open, and nobody uses it.
            let _ = descriptors.take_unix_listener(index);
            let _ = descriptors.take_unix_datagram(index);
            self.others.push(name);
        }
    }

    /// Takes what the program before knows: what was changed by hand, and what was discovered. Waits for it.
    pub(crate) fn state(&mut self) -> Option<Vec<u8>> {
        let connection = self.state.take()?;
        let mut state = Vec::new();
        let read = connection
            .set_read_timeout(Some(SILENCE))
            .and_then(|()| connection.take(LARGEST).read_to_end(&mut state));
        match read {
            Ok(_) => Some(state),
            Err(error) => {
                warn!(%error, "the program before does not tell what was changed by hand and discovered");
                None
            }
        }
    }

    /// Takes the listening sockets of an address. The program before had one for each of its cores.
    pub(crate) fn listeners(&mut self, bind: SocketAddr, role: Role) -> Vec<TcpListener> {
        take(&mut self.listeners, bind, role, self.by_predecessor)
    }

    /// Takes the socket for datagrams to an address.
    pub(crate) fn datagrams(&mut self, bind: SocketAddr, role: Role) -> Option<UdpSocket> {
        let sockets = take(&mut self.datagrams, bind, role, self.by_predecessor);
        sockets.into_iter().next()
    }

    /// Closes what nobody has taken, and names it in the log.
    pub(crate) fn close_rest(self) {
        let listeners = self
            .listeners
            .iter()
            .map(|it| ("tcp", it.address, &it.name));
        let datagrams = self
            .datagrams
            .iter()
            .map(|it| ("udp", it.address, &it.name));
        let mut before = None;
        for (protocol, address, name) in listeners.chain(datagrams) {
            if !self.by_predecessor {
                warn!(
                    name,
                    "the socket {protocol}://{address} from systemd is closed: no `bind` has its address"
                );
            } else if before.replace((protocol, address)) != Some((protocol, address)) {
                info!("no longer listening on {protocol}://{address}");
            }
        }
        for name in &self.others {
            warn!(
                name,
                "a descriptor from systemd is not used: it is neither a listening TCP socket nor a UDP socket"
            );
        }
    }
}

/// Takes the sockets with an address. Port 0 takes those that the program before had for the same role.
fn take<S>(
    sockets: &mut Vec<Socket<S>>,
    bind: SocketAddr,
    role: Role,
    by_predecessor: bool,
) -> Vec<S> {
    let mut address = bind;
    if bind.port() == 0 && by_predecessor {
        let fits = |it: &&Socket<S>| it.address.ip() == bind.ip() && it.name == role.name();
        if let Some(socket) = sockets.iter().find(fits) {
            address = socket.address;
        }
    }
    let taken = sockets.extract_if(.., |socket| socket.address == address);
    taken.map(|socket| socket.socket).collect()
}

fn is_listening(socket: &TcpListener) -> bool {
    let is_listener: io::Result<bool> = SockRef::from(socket).is_listener();
    is_listener.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(names: &[&str], by_predecessor: bool) -> (Given, Vec<SocketAddr>) {
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets = names.iter().map(|name| {
            let socket = bind();
            Socket {
                address: socket.local_addr().unwrap(),
                socket,
                name: (*name).to_owned(),
            }
        });
        let listeners: Vec<_> = sockets.collect();
        let addresses = listeners.iter().map(|it| it.address).collect();
        let given = Given {
            listeners,
            by_predecessor,
            ..Given::default()
        };
        (given, addresses)
    }

    fn ports(sockets: &[TcpListener]) -> Vec<u16> {
        let sockets = sockets.iter();
        sockets.map(|it| it.local_addr().unwrap().port()).collect()
    }

    #[test]
    fn a_bind_takes_the_sockets_with_its_address() {
        let (mut given, addresses) = given(&["a", "b", "c"], false);
        let again = given.listeners[1].socket.try_clone().unwrap();
        given.listeners.push(Socket {
            address: addresses[1],
            socket: again,
            name: String::new(),
        });
        let taken = given.listeners(addresses[1], Role::Admin);
        assert_eq!(ports(&taken), [addresses[1].port(); 2]);
        assert!(ports(&given.listeners(addresses[1], Role::Admin)).is_empty());
        let other = SocketAddr::from(([127, 0, 0, 2], addresses[0].port()));
        assert!(ports(&given.listeners(other, Role::Clients)).is_empty());
        assert_eq!(given.listeners.len(), 2);
    }

    /// A free port is what the program before has found, and never the port of another role.
    #[test]
    fn port_0_takes_a_socket_of_the_same_role_from_the_program_before() {
        let names = ["admin", "clients", "clients"];
        let free = "127.0.0.1:0".parse().unwrap();
        let (mut from_systemd, _) = given(&names, false);
        assert!(ports(&from_systemd.listeners(free, Role::Clients)).is_empty());
        let (mut given, addresses) = given(&names, true);
        for address in &addresses[1..] {
            let taken = given.listeners(free, Role::Clients);
            assert_eq!(ports(&taken), [address.port()]);
        }
        assert!(ports(&given.listeners(free, Role::Clients)).is_empty());
        let taken = given.listeners(free, Role::Admin);
        assert_eq!(ports(&taken), [addresses[0].port()]);
    }
}
