//! Reads the configuration again while requests run: on SIGHUP, when the API is asked to, and with `watch` when the file
//! has changed.
//!
//! What cannot be used changes nothing. Listeners that stay are not bound again; a new one that cannot be bound fails the
//! whole. Keys that only a start can act on are named in the log. The file of the access log is opened anew, whatever comes
//! of the rest.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::Config;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::server::{self, Listener};
use crate::state::{NotReloaded, Reloaded, Shared};
use crate::telemetry::metrics::ReloadResult;

/// How often a watched file is looked at. It is read again once it has stayed the same for as long.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Reloads that may wait for one that is under way.
pub(crate) const QUEUE: usize = 16;

/// Reads a file; or the lines `file:line:column: what is wrong`.
type Load = Box<dyn Fn() -> Result<Config, Vec<String>> + Send + Sync>;

/// Where a configuration comes from.
pub struct Source {
    path: PathBuf,
    load: Load,
    /// What the file said before it was read for the first time.
    seen: Option<u64>,
}

impl Source {
    /// The file, and how to read it.
    ///
    /// To be called before the file is read for the first time: what changes from here on is a change.
    pub fn new(
        path: PathBuf,
        load: impl Fn() -> Result<Config, Vec<String>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            seen: fingerprint(&path),
            path,
            load: Box::new(load),
        }
    }

    /// What the file says now; `None` when it cannot be read.
    fn fingerprint(&self) -> Option<u64> {
        fingerprint(&self.path)
    }
}

fn fingerprint(path: &Path) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    fs::read(path).ok()?.hash(&mut hasher);
    Some(hasher.finish())
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A listener that runs, by the address of the configuration.
#[derive(Debug)]
struct Open {
    bind: SocketAddr,
    stop: CancellationToken,
}

/// Everything that a reload may touch.
#[derive(Debug)]
pub(crate) struct Reloader {
    shared: Arc<Shared>,
    source: Option<Source>,
    /// The file as it is in force.
    config: Config,
    open: Vec<Open>,
    permits: Option<Arc<Semaphore>>,
    clients: TaskTracker,
}

impl Reloader {
    /// Starts the listeners.
    pub(crate) fn new(
        shared: Arc<Shared>,
        source: Option<Source>,
        config: &Config,
        listeners: Vec<Listener>,
        clients: TaskTracker,
    ) -> Self {
        let permits = config
            .limits
            .max_connections
            .map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))));
        let mut reloader = Self {
            shared,
            source,
            config: config.clone(),
            open: Vec::with_capacity(listeners.len()),
            permits,
            clients,
        };
        for (listener, configured) in listeners.into_iter().zip(&config.listeners) {
            reloader.open(configured.bind, listener);
        }
        reloader
    }

    fn open(&mut self, bind: SocketAddr, listener: Listener) {
        info!("listening on http://{}", listener.address());
        let stop = CancellationToken::new();
        self.clients.spawn(server::serve(
            listener,
            self.permits.clone(),
            self.clients.clone(),
            Arc::clone(&self.shared),
            stop.clone(),
        ));
        self.open.push(Open { bind, stop });
    }

    /// Reloads whenever somebody asks, until `ended`.
    pub(crate) async fn run(
        mut self,
        mut requests: mpsc::Receiver<oneshot::Sender<Reloaded>>,
        ended: CancellationToken,
    ) {
        let mut seen = self.source.as_ref().and_then(|source| source.seen);
        let mut pending = None;
        loop {
            let asked = tokio::select! {
                () = ended.cancelled() => return,
                Some(asked) = requests.recv() => Some(asked),
                () = tokio::time::sleep(WATCH_INTERVAL), if self.config.watch => None,
            };
            let now = self.source.as_ref().and_then(Source::fingerprint);
            let Some(asked) = asked else {
                // Whoever writes it may not be done.
                if now != seen && pending == Some(now) {
                    (seen, pending) = (now, None);
                    let _ = self.reload("the file has changed");
                } else {
                    pending = (now != seen).then_some(now);
                }
                continue;
            };
            (seen, pending) = (now, None);
            // Somebody who no longer waits has asked all the same.
            let _ = asked.send(self.reload("asked for"));
        }
    }

    fn reload(&mut self, why: &str) -> Reloaded {
        self.shared.access_log.reopen();
        let reloaded = self.try_reload();
        let counter = &self.shared.counters.reloads;
        match &reloaded {
            Ok(()) => {
                counter.increment(ReloadResult::Ok);
                info!(why, "configuration reloaded");
            }
            Err(NotReloaded::NoFile) => {}
            Err(NotReloaded::Rejected(problems)) => {
                counter.increment(ReloadResult::Rejected);
                for problem in problems {
                    error!("{problem}");
                }
                error!(why, "the configuration stays as it is");
            }
            Err(NotReloaded::Failed(reason)) => {
                counter.increment(ReloadResult::Rejected);
                error!(why, reason, "the configuration stays as it is");
            }
        }
        reloaded
    }

    fn try_reload(&mut self) -> Reloaded {
        let source = self.source.as_ref().ok_or(NotReloaded::NoFile)?;
        let config = (source.load)().map_err(NotReloaded::Rejected)?;
        let mut new = Vec::new();
        for wanted in &config.listeners {
            if !self.open.iter().any(|open| open.bind == wanted.bind) {
                let listener = Listener::bind(wanted.bind).map_err(|error| {
                    NotReloaded::Failed(format!("cannot listen on {}: {error}", wanted.bind))
                })?;
                new.push((wanted.bind, listener));
            }
        }
        let edited = self.shared.edit().reload(&config, Instant::now());
        edited.map_err(|error| NotReloaded::Failed(error.to_string()))?;
        self.open.retain(|open| {
            let stays = config
                .listeners
                .iter()
                .any(|wanted| wanted.bind == open.bind);
            if !stays {
                info!("no longer listening on {}", open.bind);
                open.stop.cancel();
            }
            stays
        });
        for (bind, listener) in new {
            self.open(bind, listener);
        }
        self.name_what_waits(&config);
        self.config = config;
        Ok(())
    }

    /// Names the keys that the next start will act on.
    fn name_what_waits(&self, new: &Config) {
        let old = &self.config;
        let hears = |config: &Config| -> Vec<SocketAddr> {
            let balancers = config.balancers.iter();
            balancers
                .filter_map(|it| it.heartbeat.as_ref()?.listen)
                .collect()
        };
        for (key, differs) in [
            (
                "limits.max_connections",
                old.limits.max_connections != new.limits.max_connections,
            ),
            ("access_log", old.access_log != new.access_log),
            ("log", old.log != new.log),
            ("admin", old.admin != new.admin),
            (
                "shutdown_timeout",
                old.shutdown_timeout != new.shutdown_timeout,
            ),
            ("heartbeat.listen", hears(old) != hears(new)),
        ] {
            if differs {
                warn!(key, "this change counts from the next start on");
            }
        }
    }
}
