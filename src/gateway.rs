//! A running gateway: its sockets and its tasks.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use ajpgate_config::{Admin, Config};
use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::admin::{self, Access};
use crate::cores::Cores;
use crate::reload::{self, Reloader, Source};
use crate::server::Listener;
use crate::state::{Closing, Editing, Journal, NotReloaded, Reloaded, Shared, Snapshot};
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::metrics::{GatewayMetrics, Metrics};
use crate::upkeep::{self, HeartbeatListener};

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
        Self::start_on(config, source, Cores::here())
    }

    /// The same with clients served by `cores`, and everything else by the runtime of the caller.
    pub(crate) fn start_on(
        config: &Config,
        source: Option<Source>,
        cores: Cores,
    ) -> anyhow::Result<Self> {
        let bound = Bound::new(config, cores.count())?;
        let (reloads, requests) = mpsc::channel(reload::QUEUE);
        let gateway = Self {
            listeners: bound.listeners.iter().map(Listener::address).collect(),
            admin: bound.admin_address(),
            heartbeats: bound.heartbeat_addresses(),
            clients: TaskTracker::new(),
            ended: CancellationToken::new(),
            shared: Arc::new(shared(config, source.as_ref(), cores, reloads)?),
        };
        gateway.serve(config, source, bound, requests);
        Ok(gateway)
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
        upkeep::start(&self.shared, bound.heartbeats, &self.ended);
        let (shared, clients) = (Arc::clone(&self.shared), self.clients.clone());
        let reloader = Reloader::new(shared, source, config, bound.listeners, clients);
        tokio::spawn(reloader.run(requests, self.ended.clone()));
        if let Some(address) = self.admin {
            info!("admin on http://{address}");
        }
        if let Some((listener, access)) = bound.admin {
            let (shared, ended) = (Arc::clone(&self.shared), self.ended.clone());
            tokio::spawn(admin::serve(listener, Arc::new(access), shared, ended));
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
        let delay = self.shared.snapshot.load().shutdown_delay;
        let hurried = !delay.is_zero() && {
            tokio::select! {
                () = tokio::time::sleep(delay) => false,
                () = &mut enough => true,
            }
        };
        self.shared.closing.begin();
        self.clients.close();
        let timeout = self.shared.snapshot.load().shutdown_timeout;
        let cut = match hurried {
            true => Some(HURRIED),
            false => tokio::select! {
                () = self.clients.wait() => None,
                () = tokio::time::sleep(timeout) => Some("shutdown_timeout is over"),
                () = &mut enough => Some(HURRIED),
            },
        };
        if let Some(why) = cut {
            let connections = self.clients.len();
            warn!(connections, "{why}: connections are cut");
        }
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
        cut.is_none()
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
        self.shared.closing.begin();
        self.ended.cancel();
    }
}

/// The sockets that a gateway listens on.
struct Bound {
    listeners: Vec<Listener>,
    admin: Option<(TcpListener, Access)>,
    heartbeats: Vec<HeartbeatListener>,
}

impl Bound {
    /// Each listener has a socket for each of `cores` cores.
    fn new(config: &Config, cores: usize) -> anyhow::Result<Self> {
        let listeners = config.listeners.iter().map(|listener| {
            Listener::bind(listener.bind, cores)
                .with_context(|| format!("cannot listen on {}", listener.bind))
        });
        Ok(Self {
            listeners: listeners.collect::<anyhow::Result<_>>()?,
            admin: config.admin.as_ref().map(bind_admin).transpose()?,
            heartbeats: bind_heartbeats(config)?,
        })
    }

    fn admin_address(&self) -> Option<SocketAddr> {
        let (listener, _) = self.admin.as_ref()?;
        listener.local_addr().ok()
    }

    fn heartbeat_addresses(&self) -> Vec<SocketAddr> {
        let listeners = self.heartbeats.iter();
        listeners.filter_map(|it| it.local().ok()).collect()
    }
}

/// What all connections share: the snapshot of the configuration and of the changes by hand, metrics, logs.
fn shared(
    config: &Config,
    source: Option<&Source>,
    cores: Cores,
    reloads: mpsc::Sender<oneshot::Sender<Reloaded>>,
) -> anyhow::Result<Shared> {
    let metrics = Metrics::new();
    let counters = GatewayMetrics::new(&metrics);
    let access_log = AccessLog::open(&config.access_log, counters.access_log_dropped.clone());
    let access_log = access_log
        .with_context(|| format!("cannot open the access log {}", config.access_log.sink))?;
    let folder = source.and_then(|source| source.path.parent());
    let folder = folder.map(Path::to_owned).unwrap_or_default();
    let editing = Editing::new(config, &folder);
    let snapshot = Snapshot::new(&editing.effective(), cores.count(), &metrics)?;
    Ok(Shared {
        snapshot: ArcSwap::from_pointee(snapshot),
        metrics,
        counters,
        access_log,
        cores,
        closing: Closing::default(),
        editing: Mutex::new(editing),
        journal: Journal::default(),
        folder,
        swapped: Notify::new(),
        reloads,
    })
}

/// Binds one socket for each address, also when several balancers are configured with it.
fn bind_heartbeats(config: &Config) -> anyhow::Result<Vec<HeartbeatListener>> {
    let listens = config
        .balancers
        .iter()
        .filter_map(|balancer| balancer.heartbeat.as_ref()?.listen);
    let addresses: BTreeSet<SocketAddr> = listens.collect();
    let bind = |address| {
        HeartbeatListener::bind(address)
            .with_context(|| format!("cannot listen on {address} (heartbeat)"))
    };
    addresses.into_iter().map(bind).collect()
}

fn bind_admin(admin: &Admin) -> anyhow::Result<(TcpListener, Access)> {
    let bind = || -> io::Result<TcpListener> {
        let listener = std::net::TcpListener::bind(admin.bind)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    let listener = bind().with_context(|| format!("cannot listen on {} (admin)", admin.bind))?;
    let access = Access::new(admin).context("the system has no random numbers")?;
    Ok((listener, access))
}
