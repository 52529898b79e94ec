//! Heartbeats: load reports of backends, by datagram or in a file.
//!
//! Source: `mod_heartmonitor.c`, `mod_lbmethod_heartbeat.c`.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{self, IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ajpgate_config::{Input, InputError};
use futures_util::future::join_all;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, warn};

use super::pause::pause;
use crate::heartbeat::{LONGEST_DATAGRAM, Report, addressees, datagram, storage};
use crate::state::{LiveBalancer, LiveMember, Shared};
use crate::telemetry::WarnLimit;

/// The interval between two reads of a storage file. mod_heartmonitor writes it every second.
const STORAGE_INTERVAL: Duration = Duration::from_secs(1);

/// The largest storage file, in bytes. It has room for thousands of nodes.
const STORAGE_MAX: u64 = 1024 * 1024;

/// How long the resolved addresses of a member's name are used.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);

/// How long the look-ups of all names may take. Reports wait meanwhile.
const RESOLVES_WITHIN: Duration = Duration::from_secs(2);

/// A socket that receives datagrams.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UdpSocket,
    /// The configured address. It tells which balancers the reports are for.
    address: SocketAddr,
}

impl Listener {
    /// Binds the address, unless a socket of it is given; for a multicast group, joins it. Several processes may listen to one
    /// group.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn new(address: SocketAddr, given: Option<net::UdpSocket>) -> io::Result<Self> {
        let socket = match given {
            Some(given) => given.into(),
            None => bind(address)?,
        };
        socket.set_nonblocking(true)?;
        let joined = match address.ip() {
            IpAddr::V4(group) if group.is_multicast() => {
                socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)
            }
            IpAddr::V6(group) if group.is_multicast() => socket.join_multicast_v6(&group, 0),
            _ => Ok(()),
        };
        match joined {
            // The program that had the socket before has joined.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            joined => joined?,
        }
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Self { socket, address })
    }

    /// The address of the socket, with its real port.
    pub(crate) fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Passes the reports to all balancers that are configured with this address, until `ended`.
    pub(crate) async fn listen(self, shared: Arc<Shared>, ended: CancellationToken) {
        let mut names = Names::default();
        let (unreadable, broken) = (WarnLimit::per_minute(), WarnLimit::per_minute());
        let mut buffer = vec![0; LONGEST_DATAGRAM + 1];
        loop {
            let received = tokio::select! {
                () = ended.cancelled() => return,
                () = shared.closing.replaced() => return,
                received = self.socket.recv_from(&mut buffer) => received,
            };
            let now = Instant::now();
            let (length, from) = match received {
                Ok(received) => received,
                Err(error) => {
                    if let Some(left_out) = broken.due(()) {
                        warn!(address = %self.address, %error, left_out = left_out.field(), "heartbeats cannot be received");
                    }
                    // A lasting error must not keep a core busy.
                    if !pause(Duration::from_millis(100), &ended).await {
                        return;
                    }
                    continue;
                }
            };
            let report = match datagram(buffer.get(..length).unwrap_or_default()) {
                Ok(report) => report,
                Err(reason) => {
                    if let Some(left_out) = unreadable.due(()) {
                        warn!(client = %from, %reason, left_out = left_out.field(), "a heartbeat that cannot be read");
                    }
                    continue;
                }
            };
            debug!(client = %from, ready = report.ready, busy = report.busy, "heartbeat");
            let host = from.ip().to_canonical().to_string();
            for balancer in &shared.snapshot.load_full().balancers {
                let listen = balancer.config.heartbeat.as_ref().and_then(|it| it.listen);
                if listen == Some(self.address) {
                    names.refresh(balancer, now).await;
                    tell(balancer, &names, &host, report, now);
                }
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.ip().is_multicast() {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The tasks that read storage files: one for each balancer that has one.
///
/// A task ends when its balancer is removed or has another file, and only then: it remembers when it has warned.
#[derive(Debug, Default)]
pub(super) struct Storages(Vec<Reading>);

/// A storage file that is read.
#[derive(Debug)]
struct Reading {
    balancer: Arc<LiveBalancer>,
    path: PathBuf,
    /// Ends the task.
    _task: DropGuard,
}

impl Storages {
    /// Ends the tasks that the snapshot no longer wants, and starts those that are missing. All of them end with `ended`.
    pub(super) fn follow(&mut self, shared: &Arc<Shared>, ended: &CancellationToken) {
        let snapshot = shared.snapshot.load_full();
        let mut before = std::mem::take(&mut self.0);
        for balancer in &snapshot.balancers {
            let heartbeat = balancer.config.heartbeat.as_ref();
            let Some(path) = heartbeat.and_then(|it| it.storage.as_ref()) else {
                continue;
            };
            let same = |it: &Reading| it.balancer.is(balancer) && it.path == *path;
            let known = before.iter().position(same);
            let known = known.map(|place| before.swap_remove(place));
            let start = || {
                let ended = ended.child_token();
                let (shared, balancer) = (Arc::clone(shared), Arc::clone(balancer));
                let read = read_storage(shared, path.clone(), Arc::clone(&balancer), ended.clone());
                tokio::spawn(read);
                Reading {
                    balancer,
                    path: path.clone(),
                    _task: ended.drop_guard(),
                }
            };
            self.0.push(known.unwrap_or_else(start));
        }
    }
}

/// Reads the file of mod_heartmonitor once in [`STORAGE_INTERVAL`], until `ended`.
async fn read_storage(
    shared: Arc<Shared>,
    path: PathBuf,
    mut balancer: Arc<LiveBalancer>,
    ended: CancellationToken,
) {
    let mut names = Names::default();
    let (unreadable, malformed) = (WarnLimit::per_minute(), WarnLimit::per_minute());
    loop {
        // Its members may be others by now.
        let Some(newest) = newest(&shared, &balancer) else {
            return;
        };
        balancer = newest;
        let now = Instant::now();
        names.refresh(&balancer, now).await;
        match read_aside(path.clone()).await {
            Ok((file, age)) => {
                for (number, line) in storage(&file) {
                    match line {
                        Ok(stored) => {
                            // A report from before the start of the clock is too old to count.
                            if let Some(at) = now.checked_sub(age.saturating_add(stored.age)) {
                                tell(&balancer, &names, stored.host, stored.report, at);
                            }
                        }
                        Err(reason) => {
                            if let Some(left_out) = malformed.due(()) {
                                warn!(
                                    file = %path.display(), line = number, %reason,
                                    left_out = left_out.field(),
                                    "a line of the heartbeat storage cannot be read"
                                );
                            }
                        }
                    }
                }
            }
            Err(error) => {
                if let Some(left_out) = unreadable.due(()) {
                    warn!(
                        file = %path.display(), %error, left_out = left_out.field(),
                        "heartbeat storage cannot be read"
                    );
                }
            }
        }
        if !pause(STORAGE_INTERVAL, &ended).await {
            return;
        }
    }
}

fn newest(shared: &Shared, balancer: &LiveBalancer) -> Option<Arc<LiveBalancer>> {
    let snapshot = shared.snapshot.load();
    snapshot.current_balancer(balancer).map(Arc::clone)
}

/// The content of the file, and its age, read in a thread for blocking work.
async fn read_aside(path: PathBuf) -> Result<(Vec<u8>, Duration), InputError> {
    let read = tokio::task::spawn_blocking(move || read(&path)).await;
    read.map_err(io::Error::other)?
}

fn read(path: &Path) -> Result<(Vec<u8>, Duration), InputError> {
    let input = Input::open(path)?;
    let written = input.metadata().modified()?;
    let age = SystemTime::now()
        .duration_since(written)
        .unwrap_or_default();
    Ok((input.read(STORAGE_MAX)?, age))
}

fn tell(balancer: &LiveBalancer, names: &Names, host: &str, report: Report, at: Instant) {
    let Report { ready, busy, port } = report;
    let addresses = names.addresses(balancer);
    let places = addresses
        .iter()
        .map(|(_, host, port)| (host.as_str(), *port));
    let told: Vec<usize> = addressees(host, port, places).collect();
    let mut core = balancer.core();
    for member in told.iter().filter_map(|place| addresses.get(*place)) {
        if let Some(member) = balancer.members.get(member.0) {
            core.heartbeat(member.id, ready, busy, at);
        }
    }
}

/// The addresses of members that are configured by name. Reports come from addresses.
#[derive(Debug, Default)]
struct Names {
    /// The addresses of each name, and when they were asked for.
    resolved: HashMap<String, (Instant, Vec<IpAddr>)>,
}

impl Names {
    async fn refresh(&mut self, balancer: &LiveBalancer, now: Instant) {
        let is_fresh = |host: &str| {
            let known = self.resolved.get(host);
            known.is_some_and(|(at, _)| now.saturating_duration_since(*at) < RESOLVE_INTERVAL)
        };
        let names = balancer
            .members
            .iter()
            .map(|member| member.config.url.host.as_str());
        let names = names.filter(|host| host.parse::<IpAddr>().is_err());
        let names: BTreeSet<&str> = names.filter(|host| !is_fresh(host)).collect();
        let looked_up = join_all(names.into_iter().map(|name| async move {
            let found = timeout(RESOLVES_WITHIN, lookup_host((name, 0))).await;
            let found = found.ok().and_then(Result::ok);
            let found = found.map(|all| all.map(|address| address.ip().to_canonical()));
            (name.to_owned(), found.map(Iterator::collect))
        }));
        for (name, found) in looked_up.await {
            let before = self.resolved.remove(&name).map(|(_, before)| before);
            // A name that cannot be resolved keeps its addresses.
            let found = found.or(before).unwrap_or_default();
            self.resolved.insert(name, (now, found));
        }
    }

    /// The index, host or address, and port of each member. A name has an entry for each of its addresses too.
    fn addresses(&self, balancer: &LiveBalancer) -> Vec<(usize, String, u16)> {
        let mut all = Vec::with_capacity(balancer.members.len());
        for (place, member) in balancer.members.iter().enumerate() {
            let (host, port) = address(member);
            all.push((place, host.to_owned(), port));
            let found = self.resolved.get(host).map(|(_, found)| found);
            for ip in found.into_iter().flatten() {
                all.push((place, ip.to_string(), port));
            }
        }
        all
    }
}

/// The host and port of a member.
fn address(member: &LiveMember) -> (&str, u16) {
    (&member.config.url.host, member.config.url.port)
}
