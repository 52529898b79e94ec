//! Ports that nobody else in any test run on this machine is using.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;

/// Ports come from below the range of outgoing connections, so that a client which knocks at a
/// stopped server can neither take its port nor, on loopback, connect to itself.
const LOWEST: u16 = 10_000;
const OUTGOING_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// A loopback port that stays ours until this value is dropped, whether or not a server listens on
/// it at the moment. Good for a server that stops and comes back, and for one that never comes.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    port: u16,
    /// A name in the kernel's abstract namespace: it vanishes with this process, however that ends.
    _claim: net::UnixListener,
}

impl ReservedPort {
    /// Reserves a free port.
    pub(crate) fn new() -> Self {
        let ports = highest() - LOWEST;
        let start = fastrand(ports);
        (0..ports)
            .map(|step| LOWEST + (start + step) % ports)
            .find_map(Self::claim)
            .expect("every port of this machine is taken")
    }

    /// The address on loopback.
    pub(crate) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Claims the name first: between the two steps no other test can choose the same port.
    fn claim(port: u16) -> Option<Self> {
        let name = net::SocketAddr::from_abstract_name(format!("ajpgate-test-port-{port}")).ok()?;
        let claim = net::UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(Self {
            port,
            _claim: claim,
        })
    }
}

fn highest() -> u16 {
    std::fs::read_to_string(OUTGOING_RANGE)
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .filter(|&lowest_outgoing| lowest_outgoing > LOWEST + 1000)
        .unwrap_or(32_768)
}

/// A number below `limit`, another one in every process: the standard library's hash seed.
fn fastrand(limit: u16) -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let seed = RandomState::new().hash_one(std::process::id());
    u16::try_from(seed % u64::from(limit)).expect("smaller than a u16")
}
