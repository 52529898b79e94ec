//! A running gateway: its sockets and its tasks.

mod bound;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ajpgate_config::Config;
use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use self::bound::Bound;
use crate::admin;
use crate::client::PerAddress;
use crate::cluster::{First, Link};
use crate::cores::Cores;
use crate::handover::{Estate, Given, Held, Role};
use crate::identity::Hashing;
use crate::reload::{self, Reloader, Source};
use crate::state::{
    Closing, Editing, HeardRoutes, Journal, LeavingMembers, NotReloaded, Reloaded, Shared, Snapshot,
};
use crate::supervisor::{RUNNING, Supervisor};
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::metrics::{GatewayMetrics, Metrics};
use crate::tls::Challenges;
use crate::traces::Tracing;
use crate::upkeep::{self, Membership};

/// How long a connection is kept for its last request when another process has taken over. A client that sends requests
/// one after the other gets to know in this time that it has to connect anew.
const LAST_REQUEST: Duration = Duration::from_secs(5);

/// How long WebSockets may take to end when they are told to.
const TUNNELS: Duration = Duration::from_millis(250);

/// How long the end may take when the last request has been answered or cut.
const END: Duration = Duration::from_secs(5);

/// How long it may take to write down what is known, and to tell the cluster of the end.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Why connections are cut.
const HURRIED: &str = "told to stop once more";

/// A gateway that serves clients until [`shutdown`](Self::shutdown). Several can live in one process.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    listeners: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    heartbeats: Vec<SocketAddr>,
    clients: TaskTracker,
    /// What speaks with the engine of the cluster.
    cluster: TaskTracker,
    /// Cancelled when everything has to end, including the admin listener.
    ended: CancellationToken,
}

impl Gateway {
    /// Binds every listener and starts serving, all on the runtime of the caller. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When an address cannot be bound or the access log cannot be opened; then nothing is left bound.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        Self::start_from(config, None)
    }

    /// The same with the source of the configuration, so that it can be reloaded.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_from(config: &Config, source: Option<Source>) -> anyhow::Result<Self> {
        let place = Place {
            cores: Cores::here(),
            given: Given::default(),
            supervisor: Supervisor::default(),
        };
        Ok(Self::prepare(config, source, place)?.serve())
    }

    /// Binds every listener and reads what there is to read, without serving anybody yet.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub(crate) fn prepare(
        config: &Config,
        source: Option<Source>,
        place: Place,
    ) -> anyhow::Result<Prepared<'_>> {
        let Place {
            cores,
            mut given,
            supervisor,
        } = place;
        let state = given.state();
        let bound = Bound::new(config, cores.count(), given)?;
        let (reloads, requests) = mpsc::channel(reload::QUEUE);
        let joined = config.cluster.as_ref().map(Membership::new).transpose()?;
        let (membership, read) = match joined {
            Some((membership, link, first)) => (Some(membership), Some((link, first))),
            None => (None, None),
        };
        let before = (read, state.as_deref());
        let shared = shared(config, source.as_ref(), cores, supervisor, reloads, before)?;
        let gateway = Self {
            listeners: bound.addresses(),
            admin: bound.admin_address(),
            heartbeats: bound.heartbeat_addresses(),
            clients: TaskTracker::new(),
            cluster: TaskTracker::new(),
            ended: CancellationToken::new(),
            shared: Arc::new(shared),
        };
        Ok(Prepared {
            gateway,
            config,
            source,
            bound,
            requests,
            membership,
        })
    }

    /// Starts every task.
    fn serve(
        &self,
        config: &Config,
        source: Option<Source>,
        bound: Bound,
        requests: mpsc::Receiver<oneshot::Sender<Reloaded>>,
    ) {
        for address in &self.heartbeats {
            info!("listening for heartbeats on udp://{address}");
        }
        let (admin, heartbeats) = (&bound.admin, &bound.heartbeats);
        let mut held = self.shared.held.lock();
        if let (Some((listener, _)), Some(address)) = (admin, self.admin) {
            held.add(Role::Admin, address, listener);
        }
        for (listener, address) in heartbeats.iter().zip(&self.heartbeats) {
            held.add(Role::Heartbeats, *address, listener);
        }
        drop(held);
        upkeep::start(&self.shared, bound.heartbeats, &self.ended);
        let (shared, clients) = (Arc::clone(&self.shared), self.clients.clone());
        let admin = bound.admin.as_ref().and_then(|(_, it)| it.tls().cloned());
        let reloader = Reloader::new(&shared, source, config, bound.listeners, clients, admin);
        tokio::spawn(reloader.run(requests, self.ended.clone()));
        if let (Some((listener, settings)), Some(address)) = (bound.admin, self.admin) {
            info!("admin on {}://{address}", settings.scheme());
            let (shared, ended) = (Arc::clone(&self.shared), self.ended.clone());
            tokio::spawn(admin::serve(listener, Arc::new(settings), shared, ended));
        }
    }

    /// The addresses that clients connect to, in the order of the configuration, with their real ports.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// The admin listener's address.
    #[must_use]
    pub const fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// The addresses that receive heartbeats of backends.
    #[must_use]
    pub fn heartbeat_addresses(&self) -> &[SocketAddr] {
        &self.heartbeats
    }

    /// Waits for `shutdown_delay`, stops accepting connections and requests, waits up to `shutdown_timeout` for the requests
    /// that are being answered, and ends. Returns whether all of them were completed.
    pub async fn shutdown(self) -> bool {
        self.shutdown_before(std::future::pending()).await
    }

    /// The same, but stops waiting when `enough` is ready.
    pub async fn shutdown_before(self, enough: impl Future<Output = ()>) -> bool {
        let mut enough = pin!(enough);
        self.shared.closing.announce();
        let snapshot = self.shared.snapshot.load_full();
        let (delay, timeout) = (snapshot.shutdown_delay, snapshot.shutdown_timeout);
        let longest = delay.saturating_add(timeout).saturating_add(END);
        self.shared.supervisor.stopping(longest);
        let hurried = !delay.is_zero() && {
            tokio::select! {
                () = tokio::time::sleep(delay) => false,
                () = &mut enough => true,
            }
        };
        self.shared.held.lock().close_all();
        self.shared.closing.begin();
        let cut = match hurried {
            true => Some(HURRIED),
            false => self.last_requests(timeout, enough).await,
        };
        self.end(cut).await
    }

    /// Keeps its listeners and settings as they are, for a program that begins with them, and returns duplicates of its
    /// sockets, and what was changed by hand and discovered.
    ///
    /// # Errors
    /// When the process may have no more descriptors; then nothing has changed.
    pub(crate) fn stand_still(&self) -> io::Result<Estate> {
        // Whoever changes something at this moment does it before.
        let held = self.shared.held.lock();
        let mut edit = self.shared.edit();
        let sockets = held.duplicates()?;
        self.shared.held.stand_still(true);
        let state = edit.for_next_program();
        drop(edit);
        let supervisor = &self.shared.supervisor;
        supervisor.status("running; a new program is being started");
        Ok(Estate { sockets, state })
    }

    /// Goes on: no other program has taken over.
    pub(crate) fn go_on(&self) {
        self.shared.held.stand_still(false);
        let supervisor = &self.shared.supervisor;
        supervisor.status("running; a new program did not take over, see the log");
    }

    /// Tells the service manager that this process serves now; nothing more is told after that.
    pub(crate) fn replaced_by(&self, process: Option<u32>) {
        if let Some(process) = process {
            self.shared.supervisor.replaced_by(process);
        }
    }

    /// Ends beside another process, which serves in its place: takes no more connections, answers the last request of each
    /// connection, waits up to `shutdown_timeout` or until `enough` is ready, and ends. Returns whether all requests were
    /// completed.
    pub(crate) async fn end_beside_successor(self, enough: impl Future<Output = ()>) -> bool {
        self.shared.held.lock().close_all();
        self.shared.closing.begin_beside_successor();
        let timeout = self.shared.snapshot.load().shutdown_timeout;
        let shared = Arc::clone(&self.shared);
        let idle = tokio::spawn(async move {
            tokio::time::sleep(LAST_REQUEST.min(timeout)).await;
            shared.closing.end_idle();
        });
        let cut = self.last_requests(timeout, enough).await;
        idle.abort();
        self.end(cut).await
    }

    /// Waits for the end of all client connections; returns why it waits no longer.
    async fn last_requests(
        &self,
        timeout: Duration,
        enough: impl Future<Output = ()>,
    ) -> Option<&'static str> {
        self.clients.close();
        tokio::select! {
            () = self.clients.wait() => None,
            () = tokio::time::sleep(timeout) => Some("shutdown_timeout is over"),
            () = enough => Some(HURRIED),
        }
    }

    /// Ends everything. Client connections that are left when nobody waits any longer, for the reason `cut`, are cut, but
    /// WebSockets end. Returns whether no connection was cut.
    async fn end(self, cut: Option<&str>) -> bool {
        self.shared.closing.end_tunnels();
        self.clients.close();
        let mut is_whole = true;
        if let Some(why) = cut {
            let rest = tokio::time::timeout(TUNNELS, self.clients.wait());
            is_whole = rest.await.is_ok();
            if !is_whole {
                let connections = self.clients.len();
                warn!(connections, "{why}: connections are cut");
            }
        }
        // A disk that does not answer holds up no end.
        let _ = tokio::time::timeout(LAST_WORD, upkeep::note_learned(&self.shared)).await;
        self.ended.cancel();
        for member in self.shared.snapshot.load_full().members() {
            member.backend.close();
        }
        // The requests that were cut are logged when their tasks are dropped.
        let shared = Arc::clone(&self.shared);
        let stopped = tokio::task::spawn_blocking(move || shared.cores.stop()).await;
        if let Err(error) = stopped {
            error!(%error, "the threads of the clients have not ended");
        }
        self.shared.access_log.close().await;
        if let Some(tracing) = &self.shared.snapshot.load_full().tracing {
            tracing.close().await;
        }
        // The other gateways are told that this one has ended.
        self.cluster.close();
        let _ = tokio::time::timeout(LAST_WORD, self.cluster.wait()).await;
        is_whole
    }

    /// Tells the service manager that the gateway serves, once `alone` is over, and sends it watchdog messages from then on.
    pub(crate) fn report(&self, alone: Option<impl Future<Output = ()> + Send + 'static>) {
        let (shared, ended) = (Arc::clone(&self.shared), self.ended.clone());
        tokio::spawn(async move {
            if let Some(alone) = alone {
                alone.await;
            }
            shared.supervisor.ready(RUNNING);
            shared
                .supervisor
                .notify_watchdog(&shared.cores, ended)
                .await;
        });
    }

    /// Reads the configuration again. The result is logged.
    pub async fn reload(&self) {
        // A signal gets no answer, so this case is logged here.
        if let Err(NotReloaded::NoFile) = self.shared.reload().await {
            warn!("there is no file to read again");
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.held.lock().close_all();
        self.shared.closing.begin();
        self.shared.closing.end_tunnels();
        self.ended.cancel();
    }
}

/// Where a gateway runs.
#[derive(Debug)]
pub(crate) struct Place {
    /// Who serves clients. Everything else is done by the runtime of the caller.
    pub(crate) cores: Cores,
    /// Sockets that are bound already.
    pub(crate) given: Given,
    pub(crate) supervisor: Supervisor,
}

/// A gateway that has bound everything and serves nobody yet.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    gateway: Gateway,
    config: &'a Config,
    source: Option<Source>,
    bound: Bound,
    requests: mpsc::Receiver<oneshot::Sender<Reloaded>>,
    membership: Option<Membership>,
}

impl Prepared<'_> {
    /// Asks the sources of members, for a few seconds at most, so that the first request finds members.
    pub(crate) async fn discover(&self) {
        upkeep::ask_first(&self.gateway.shared).await;
    }

    /// Begins to serve.
    pub(crate) fn serve(self) -> Gateway {
        let Self {
            gateway,
            config,
            source,
            bound,
            requests,
            membership,
        } = self;
        if let Some(membership) = membership {
            membership.start(&gateway.shared, &gateway.cluster, &gateway.ended);
        }
        gateway.serve(config, source, bound, requests);
        gateway
    }
}

/// The cluster of gateways that this one belongs to, and what its engine had at the start.
type Joined = (Link, Option<First>);

/// What all connections share: the snapshot of the configuration and of the changes by hand, metrics, logs. `before` is what the program
/// before has told.
fn shared(
    config: &Config,
    source: Option<&Source>,
    cores: Cores,
    supervisor: Supervisor,
    reloads: mpsc::Sender<oneshot::Sender<Reloaded>>,
    (cluster, before): (Option<Joined>, Option<&[u8]>),
) -> anyhow::Result<Shared> {
    let metrics = Metrics::new();
    let counters = GatewayMetrics::new(&metrics);
    let access_log = AccessLog::open(&config.access_log, counters.access_log_dropped.clone());
    let access_log = access_log
        .with_context(|| format!("cannot open the access log {}", config.access_log.sink))?;
    let folder = source.and_then(|source| source.path.parent());
    let folder = folder.map(Path::to_owned).unwrap_or_default();
    let mut editing = Editing::new(config, &folder, cluster, before);
    let start = |editing: &Editing| Snapshot::new(&editing.effective(), cores.count(), &metrics);
    let mut snapshot = match start(&editing) {
        // What a source has named must not keep the gateway from starting: it is asked again at once, and the log tells why.
        Err(_) if editing.forget_discovered() => start(&editing)?,
        started => started?,
    };
    snapshot.tracing = Tracing::follow(config.traces.as_ref(), None, &counters.spans)?;
    snapshot.told_members = Arc::new(editing.told_members());
    Ok(Shared {
        program: Shared::new_name(),
        snapshot: ArcSwap::from_pointee(snapshot),
        metrics,
        counters,
        access_log,
        hashing: Hashing::new(cores.count()),
        cores,
        closing: Closing::default(),
        held: Held::default(),
        supervisor,
        challenges: Challenges::default(),
        per_address: PerAddress::default(),
        editing: Mutex::new(editing),
        journal: Journal::default(),
        leaving: LeavingMembers::default(),
        heard_routes: HeardRoutes::default(),
        folder,
        swapped: Notify::new(),
        reloads,
    })
}
