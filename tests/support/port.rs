//! Ports that no other test on this machine uses, in any test run.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;

/// The first port. All are below the range of outgoing connections: a client that connects to a stopped server must not
/// get that server's port as its own, which on loopback would connect it to itself.
const LOWEST: u16 = 10_000;
const OUTGOING_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// A loopback port that is reserved until this value is dropped, whether or not a server listens on it. For servers that
/// stop and start again, and for addresses where no server may listen.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    port: u16,
    /// A socket with a name in the kernel's abstract namespace, which ends with this process.
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

    /// Takes the name first, so that no other test chooses the same port before it is bound.
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

/// A number below `limit` that differs from process to process: it comes from the hash seed of the standard library.
fn fastrand(limit: u16) -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let seed = RandomState::new().hash_one(std::process::id());
    u16::try_from(seed % u64::from(limit)).expect("smaller than a u16")
}
