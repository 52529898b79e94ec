//! Reads the configuration again while requests run: on SIGHUP, on a request to the API, and with `watch` when the file or
//! a file that it names has changed.
//!
//! A configuration that cannot be used changes nothing. Listeners that stay are not bound again; a new one that cannot be
//! bound fails the whole reload. Keys that take effect only at the next start are named in the log. The file of the access
//! log is opened again in any case.

mod watch;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{Config, Listener as Configured};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use self::watch::{Watch, fingerprint};
use crate::acme::Acme;
use crate::handover::{Role, Sockets};
use crate::server::{self, Accepting, Door, Entrance, Listener};
use crate::state::{NotReloaded, Reloaded, Shared};
use crate::supervisor::RUNNING;
use crate::telemetry::metrics::ReloadResult;
use crate::tls::{Renewal, Server};

/// The interval between two looks at the watched files. Changed files are read when two looks find the same content.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The number of reloads that may wait for the running one.
pub(crate) const QUEUE: usize = 16;

/// The source of a configuration.
pub struct Source {
    /// The file.
    pub(crate) path: PathBuf,
    /// Reads the file; the error is the lines `file:line:column: what is wrong`.
    load: Box<dyn Fn() -> Result<Config, Vec<String>> + Send + Sync>,
    /// The hash of the file's content when this value was made.
    seen: Option<u64>,
}

impl Source {
    /// A file, and the function that reads it. The error of the function is the lines `file:line:column: what is wrong`.
    ///
    /// Call it before the file is read for the first time: with `watch`, changes from now on are noticed.
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

    fn watch(&self) -> Watch {
        Watch::new(self.path.clone(), self.seen)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A running listener.
#[derive(Debug)]
struct Open {
    /// The address of the configuration.
    bind: SocketAddr,
    /// The same with its real port.
    address: SocketAddr,
    /// What its connections come through.
    entrance: Arc<Entrance>,
    /// Looks after the files of TLS.
    renewal: Option<Renewal>,
}

/// Everything that a reload may change.
#[derive(Debug)]
pub(crate) struct Reloader {
    shared: Arc<Shared>,
    source: Option<Source>,
    /// Whether the files are watched, as the configuration says.
    watches: bool,
    watch: Option<Watch>,
    /// The configuration of the start. Some of its keys count until the next start.
    started: Config,
    open: Vec<Open>,
    permits: Option<Arc<Semaphore>>,
    clients: TaskTracker,
    acme: Acme,
    /// What the admin listener speaks TLS with.
    admin: Option<Arc<Server>>,
}

impl Reloader {
    /// Starts the listeners.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        source: Option<Source>,
        config: &Config,
        listeners: Vec<(Listener, Door)>,
        clients: TaskTracker,
        admin: Option<Arc<Server>>,
    ) -> Self {
        let permits = config
            .limits
            .max_connections
            .map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))));
        let mut reloader = Self {
            shared: Arc::clone(shared),
            watches: config.watch,
            watch: source.as_ref().map(Source::watch),
            source,
            started: config.clone(),
            open: Vec::with_capacity(listeners.len()),
            permits,
            clients,
            acme: start_acme(shared),
            admin,
        };
        let mut held = shared.held.lock();
        for (listener, configured) in listeners.into_iter().zip(&config.listeners) {
            reloader.open(configured.bind, listener, &mut held);
        }
        drop(held);
        reloader.follow_certificates();
        reloader
    }

    fn open(&mut self, bind: SocketAddr, (listener, door): (Listener, Door), held: &mut Sockets) {
        let address = listener.address();
        info!("listening on {}://{address}", door.scheme());
        let entrance = Arc::new(Entrance::new(door, &self.shared));
        let renewal = self.renewal(&entrance.door(), &entrance, address);
        let accepting = Accepting {
            permits: self.permits.clone(),
            tasks: self.clients.clone(),
            shared: Arc::clone(&self.shared),
            entrance: Arc::clone(&entrance),
        };
        for socket in listener.distinct() {
            held.add(Role::Clients, address, socket);
        }
        let sockets = listener.into_sockets().into_iter();
        for (socket, core) in sockets.zip(self.shared.cores.runtimes().cycle()) {
            let serving = server::serve(socket, accepting.clone());
            self.clients.spawn_on(serving, core);
        }
        self.open.push(Open {
            bind,
            address,
            entrance,
            renewal,
        });
    }

    fn renewal(&self, door: &Door, entrance: &Entrance, address: SocketAddr) -> Option<Renewal> {
        let tls = door.tls.as_ref()?;
        Some(Renewal::start(
            tls,
            address,
            entrance.revision(),
            &self.shared.counters.certificates,
        ))
    }

    /// Certificates from authorities are those of the listeners that there are now.
    fn follow_certificates(&self) {
        let open = self.open.iter();
        let servers = open.filter_map(|open| open.entrance.door().tls.clone());
        self.acme
            .follow(servers.chain(self.admin.clone()).collect());
    }

    /// Reloads on each request, and with `watch` when a file has changed, until `ended`.
    pub(crate) async fn run(
        mut self,
        mut requests: mpsc::Receiver<oneshot::Sender<Reloaded>>,
        ended: CancellationToken,
    ) {
        loop {
            let asked = tokio::select! {
                () = ended.cancelled() => return,
                Some(asked) = requests.recv() => Some(asked),
                () = tokio::time::sleep(WATCH_INTERVAL), if self.watches => None,
            };
            let Some((reloader, reloaded)) = self.reload_aside(asked.is_some()).await else {
                return;
            };
            self = reloader;
            if let (Some(asked), Some(reloaded)) = (asked, reloaded) {
                // The client that asked may have gone.
                let _ = asked.send(reloaded);
            }
        }
    }

    /// Reloads on a request, or if a watched file has changed. This runs in a thread for blocking work, because it reads
    /// files.
    async fn reload_aside(mut self, asked: bool) -> Option<(Self, Option<Reloaded>)> {
        let reload = move || {
            let is_due = asked || self.has_changed();
            let why = match asked {
                true => "asked for",
                false => "a file has changed",
            };
            let reloaded = is_due.then(|| self.reload(why));
            (self, reloaded)
        };
        let done = tokio::task::spawn_blocking(reload).await;
        done.inspect_err(|error| error!(%error, "a reload has failed: the configuration cannot be reloaded any more"))
            .ok()
    }

    /// Whether a watched file has changed. Nobody looks while a new program starts: it reads the file, or this one looks
    /// later.
    fn has_changed(&mut self) -> bool {
        if self.shared.held.stands_still() {
            return false;
        }
        let snapshot = self.shared.snapshot.load_full();
        self.watch
            .as_mut()
            .is_some_and(|watch| watch.is_due(&snapshot))
    }

    fn reload(&mut self, why: &str) -> Reloaded {
        self.shared.access_log.reopen();
        if let Some(watch) = &mut self.watch {
            watch.note(&self.shared.snapshot.load());
        }
        let supervisor = self.shared.supervisor.clone();
        let told = !self.shared.closing.is_announced();
        if told {
            supervisor.reloading();
        }
        let reloaded = self.try_reload();
        if told {
            supervisor.ready(match &reloaded {
                Ok(_) => RUNNING,
                Err(_) => "running; the last reload was refused, see the log",
            });
        }
        let counter = &self.shared.counters.reloads;
        match &reloaded {
            Ok(_) => {
                counter.increment(ReloadResult::Ok);
                info!(why, "configuration reloaded");
            }
            Err(NotReloaded::NoFile) => {}
            Err(NotReloaded::Replaced) => {
                counter.increment(ReloadResult::Rejected);
                error!(why, "not reloaded: a new program is taking over");
            }
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
        if self.shared.closing.is_announced() {
            return Err(NotReloaded::Failed(
                "the gateway is shutting down".to_owned(),
            ));
        }
        let config = (source.load)().map_err(NotReloaded::Rejected)?;
        let mut doors = self.doors(&config)?;
        let shared = Arc::clone(&self.shared);
        let mut held = shared.held.lock();
        if shared.held.stands_still() {
            return Err(NotReloaded::Replaced);
        }
        let mut new = Vec::new();
        for wanted in &config.listeners {
            if !self.open.iter().any(|open| open.bind == wanted.bind) {
                let bound = Listener::bind(wanted.bind, self.shared.cores.count());
                let listener = bound.map_err(|error| {
                    NotReloaded::Failed(format!("cannot listen on {}: {error}", wanted.bind))
                })?;
                new.push((wanted.bind, listener));
            }
        }
        let edited = self.shared.edit().reload(&config, Instant::now());
        edited.map_err(|error| NotReloaded::Failed(error.to_string()))?;
        let mut open = std::mem::take(&mut self.open);
        open.retain_mut(|open| {
            let Some(door) = take(&mut doors, open.bind) else {
                info!("no longer listening on {}", open.bind);
                held.close(Role::Clients, open.address);
                open.entrance.close();
                return false;
            };
            open.renewal = self.renewal(&door, &open.entrance, open.address);
            open.entrance.replace(door);
            true
        });
        self.open = open;
        for (bind, listener) in new {
            if let Some(door) = take(&mut doors, bind) {
                self.open(bind, (listener, door), &mut held);
            }
        }
        drop(held);
        self.follow_certificates();
        let waiting = self.changed_for_next_start(&config);
        for key in &waiting {
            warn!(key, "the change of this key counts from the next start on");
        }
        self.watches = config.watch;
        Ok(waiting)
    }

    /// The settings of each listener, with the files of TLS read.
    fn doors(&self, config: &Config) -> Result<Vec<(SocketAddr, Door)>, NotReloaded> {
        let door = |wanted: &Configured| {
            let mut open = self.open.iter();
            let before = open.find(|open| open.bind == wanted.bind);
            let before = before.map(|open| open.entrance.door());
            let door = Door::new(wanted, before.as_deref());
            let door = door
                .map_err(|error| NotReloaded::Failed(format!("listener {}: {error}", wanted.bind)));
            Ok((wanted.bind, door?))
        };
        config.listeners.iter().map(door).collect()
    }

    /// The keys that differ from those of the start and count only from the next start on.
    fn changed_for_next_start(&self, new: &Config) -> Vec<&'static str> {
        let old = &self.started;
        let hears = |config: &Config| -> BTreeSet<SocketAddr> {
            let balancers = config.balancers.iter();
            balancers
                .filter_map(|it| it.heartbeat.as_ref()?.listen)
                .collect()
        };
        let keys = [
            (
                "limits.max_connections",
                old.limits.max_connections != new.limits.max_connections,
            ),
            ("access_log", old.access_log != new.access_log),
            ("log", old.log != new.log),
            ("admin", old.admin != new.admin),
            ("cluster", old.cluster != new.cluster),
            ("heartbeat.listen", hears(old) != hears(new)),
            ("runtime", old.threads != new.threads),
        ];
        let waiting = keys.into_iter().filter(|(_, differs)| *differs);
        waiting.map(|(key, _)| key).collect()
    }
}

/// Certificates are ordered until the stop begins: behind it, nobody answers the authority.
fn start_acme(shared: &Arc<Shared>) -> Acme {
    let ended = Arc::clone(shared);
    let ended = async move { ended.closing.begins().await };
    Acme::start(&shared.challenges, &shared.counters.acme, ended)
}

/// Takes the first of the doors of this address. Several listeners may have port 0.
fn take(doors: &mut Vec<(SocketAddr, Door)>, bind: SocketAddr) -> Option<Door> {
    let at = doors.iter().position(|(other, _)| *other == bind)?;
    Some(doors.remove(at).1)
}
