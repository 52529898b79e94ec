//! A running gateway: everything that is bound and every task that belongs to it.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ajpgate_config::{Admin, Config};
use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::admin::{self, Access};
use crate::reload::{self, Reloader, Source};
use crate::server::Listener;
use crate::state::{Closing, Editing, Journal, NotReloaded, Shared, Snapshot};
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::metrics::{GatewayMetrics, Metrics};
use crate::upkeep::{self, HeartbeatListener};

/// A gateway that serves clients until [`shutdown`](Self::shutdown). Several can live in one process.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    listeners: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    heartbeats: Vec<SocketAddr>,
    clients: TaskTracker,
    /// Cancelled when everything is to end, the admin listener included.
    ended: CancellationToken,
}

impl Gateway {
    /// Binds every listener and starts serving. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When an address cannot be bound or the access log cannot be opened; then nothing is left bound.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        Self::start_from(config, None)
    }

    /// The same with a configuration that can be read again from where it came.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_from(config: &Config, source: Option<Source>) -> anyhow::Result<Self> {
        let listeners = config
            .listeners
            .iter()
            .map(|listener| {
                Listener::bind(listener.bind)
                    .with_context(|| format!("cannot listen on {}", listener.bind))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let admin = config.admin.as_ref().map(bind_admin).transpose()?;
        let heartbeats = bind_heartbeats(config)?;

        let metrics = Metrics::new().context("metrics")?;
        let counters = GatewayMetrics::new(&metrics);
        let access_log = AccessLog::open(&config.access_log, counters.access_log_dropped.clone())
            .with_context(|| {
            format!("cannot open the access log {}", config.access_log.sink)
        })?;
        let (reloads, requests) = mpsc::channel(reload::QUEUE);
        let folder = source.as_ref().and_then(|source| source.path.parent());
        let folder = folder.map(Path::to_owned).unwrap_or_default();
        let editing = Editing::new(config, &folder);
        let snapshot = Snapshot::new(&editing.effective(), &metrics)?;
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::from_pointee(snapshot),
            metrics,
            counters,
            access_log,
            closing: Closing::default(),
            editing: Mutex::new(editing),
            journal: Journal::default(),
            folder,
            swapped: Notify::new(),
            reloads,
        });

        let gateway = Self {
            listeners: listeners.iter().map(Listener::address).collect(),
            admin: admin
                .as_ref()
                .and_then(|(listener, _)| listener.local_addr().ok()),
            heartbeats: heartbeats
                .iter()
                .filter_map(|listener| listener.local().ok())
                .collect(),
            clients: TaskTracker::new(),
            ended: CancellationToken::new(),
            shared,
        };
        for address in &gateway.heartbeats {
            info!("hearing heartbeats on udp://{address}");
        }
        upkeep::start(&gateway.shared, heartbeats, &gateway.ended);
        let (shared, clients) = (Arc::clone(&gateway.shared), gateway.clients.clone());
        let reloader = Reloader::new(shared, source, config, listeners, clients);
        tokio::spawn(reloader.run(requests, gateway.ended.clone()));
        if let Some(address) = gateway.admin {
            info!("admin on http://{address}");
        }
        if let Some((listener, access)) = admin {
            let (shared, ended) = (Arc::clone(&gateway.shared), gateway.ended.clone());
            tokio::spawn(admin::serve(listener, Arc::new(access), shared, ended));
        }
        Ok(gateway)
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

    /// Where heartbeats of backends are heard.
    #[must_use]
    pub fn heartbeat_addresses(&self) -> &[SocketAddr] {
        &self.heartbeats
    }

    /// Takes no new connection and no new request, waits for those that are being answered up to
    /// `shutdown_timeout`, and ends. Whether all of them were completed.
    pub async fn shutdown(self) -> bool {
        self.shutdown_before(std::future::pending()).await
    }

    /// The same, but waits no longer once `enough` is ready.
    pub async fn shutdown_before(self, enough: impl Future<Output = ()>) -> bool {
        self.shared.closing.begin();
        self.clients.close();
        let timeout = self.shared.snapshot.load().shutdown_timeout;
        let cut = tokio::select! {
            () = self.clients.wait() => None,
            () = tokio::time::sleep(timeout) => Some("shutdown_timeout is over"),
            () = enough => Some("told to stop once more"),
        };
        if let Some(why) = cut {
            let connections = self.clients.len();
            warn!(connections, "{why}: connections are cut");
        }
        self.ended.cancel();
        for member in self.shared.snapshot.load_full().members() {
            member.backend.close();
        }
        self.shared.access_log.close().await;
        cut.is_none()
    }

    /// Reads the configuration again. What came of it is in the log.
    pub async fn reload(&self) {
        // Whoever asks by signal gets no other answer.
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

/// One socket for each address, however many balancers listen there.
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
