//! The gateway's part in its cluster: what the engine has is taken up, and sessions and learned routes are told and heard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ajpgate_config::Cluster;
use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::cluster::{
    Engine, Exchange, First, Heard, Host, Known, Link, Machine, Order, Told, exchange, follow,
};
use crate::random;
use crate::state::Shared;
use crate::telemetry::WarnLimit;
use crate::telemetry::metrics::ClusterConnected;

/// How long a start waits for the engine.
const START: Duration = Duration::from_secs(3);

/// The cluster of a gateway that does not serve yet.
#[derive(Debug)]
pub(crate) struct Membership {
    engine: Arc<Engine>,
    /// The engine as messages name it.
    name: String,
    orders: mpsc::Receiver<Order>,
    seed: Option<[u64; 2]>,
}

impl Membership {
    /// Reads what the cluster has, so that the first request finds it. Where the engine cannot be reached within 3 s, the
    /// gateway starts with what it knows itself.
    ///
    /// # Errors
    /// When a file of `tls` cannot be used.
    pub(crate) fn new(config: &Cluster) -> anyhow::Result<(Self, Link, Option<First>)> {
        let name = format!("{} at {}", config.name, config.url);
        let engine = Engine::new(config).with_context(|| format!("cluster {name}"))?;
        let engine = Arc::new(engine);
        let first = first(&engine);
        if let Err(reason) = &first {
            warn!(
                cluster = name,
                reason, "the cluster's engine cannot be reached: starting without it"
            );
        }
        let first = first.ok();
        let (link, orders) = Link::new();
        let membership = Self {
            engine,
            name,
            orders,
            seed: first.as_ref().map(|it| it.seed),
        };
        Ok((membership, link, first))
    }

    /// Starts to follow the cluster. Requests must not have been served before.
    pub(crate) fn start(
        self,
        shared: &Arc<Shared>,
        tasks: &TaskTracker,
        ended: &CancellationToken,
    ) {
        let now = Instant::now();
        if let Some(seed) = self.seed {
            for balancer in &shared.snapshot.load_full().balancers {
                balancer.share_sessions(seed, now);
            }
        }
        let seed = self.seed;
        let seed = seed.unwrap_or_else(|| [random::seed(), random::seed()]);
        let connection = Arc::new(Connection {
            name: self.name,
            connected: ClusterConnected::new(&shared.metrics),
            tasks: Mutex::default(),
            warned: WarnLimit::per_second(),
        });
        let part = Part {
            shared: Arc::clone(shared),
            connection: Arc::clone(&connection),
        };
        let machine = Machine::new(shared.edit().known_cells());
        let engine = Arc::clone(&self.engine);
        tasks.spawn(follow(engine, machine, self.orders, part, ended.clone()));
        let seen = Seen {
            shared: Arc::clone(shared),
            connection,
        };
        tasks.spawn(exchange(self.engine, seed, seen, ended.clone()));
    }
}

/// Reads the engine in a thread of its own, so that a caller without a runtime can call it.
fn first(engine: &Arc<Engine>) -> Result<First, String> {
    let engine = Arc::clone(engine);
    let read = move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let first = runtime.block_on(async { timeout(START, engine.first()).await });
        let first = first.map_err(|_| format!("no answer within {} s", START.as_secs()))?;
        first.map_err(|error| error.to_string())
    };
    let thread = std::thread::spawn(read).join();
    thread.unwrap_or_else(|_| Err("the attempt has failed".to_owned()))
}

/// Whether the engine can be used, as the tasks that use it find.
struct Connection {
    name: String,
    connected: ClusterConnected,
    tasks: Mutex<Tasks>,
    /// Limits the warnings, by what does not work.
    warned: WarnLimit<Task>,
}

/// What each task has found last.
#[derive(Default)]
struct Tasks {
    changes: Option<Result<(), String>>,
    sessions: Option<Result<(), String>>,
}

/// What the engine is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Changes by hand are written and read.
    Changes,
    /// Sessions and learned routes are told and heard.
    Sessions,
}

impl Connection {
    /// Notes what a task has found, and logs it where it is new.
    fn is(&self, task: Task, usable: Result<(), String>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let last = match task {
            Task::Changes => &mut tasks.changes,
            Task::Sessions => &mut tasks.sessions,
        };
        if last.as_ref() == Some(&usable) {
            return;
        }
        *last = Some(usable.clone());
        let works = |task: &Option<Result<(), String>>| matches!(task, Some(Ok(())));
        let connected = works(&tasks.changes) && works(&tasks.sessions);
        let changes_failed = matches!(tasks.changes, Some(Err(_)));
        drop(tasks);
        self.connected.set(connected);
        let cluster = &self.name;
        let Err(reason) = usable else {
            if connected {
                info!(cluster, "the cluster's engine is connected");
            }
            return;
        };
        // An engine that is gone is told once.
        if task == Task::Sessions && changes_failed {
            return;
        }
        let Some(left_out) = self.warned.due(task) else {
            return;
        };
        let left_out = left_out.field();
        match task {
            Task::Changes => warn!(
                cluster,
                reason,
                left_out,
                "the cluster's engine cannot be used: traffic goes on, changes by hand are refused, and no drain ends"
            ),
            Task::Sessions => warn!(
                cluster,
                reason,
                left_out,
                "sessions and routes cannot be exchanged with the cluster's engine: traffic goes on, and no drain ends"
            ),
        }
    }
}

/// The gateway, as its part in the cluster sees it.
struct Part {
    shared: Arc<Shared>,
    connection: Arc<Connection>,
}

impl Host for Part {
    async fn take_up(&self, known: Known) {
        let shared = Arc::clone(&self.shared);
        let take_up = move || shared.edit().take_up(known, Instant::now());
        if let Err(error) = tokio::task::spawn_blocking(take_up).await {
            warn!(%error, "what other gateways have changed was not taken up");
        }
    }

    fn engine_is(&self, usable: Result<(), String>) {
        self.connection.is(Task::Changes, usable);
    }
}

/// The gateway, as the other gateways see it.
struct Seen {
    shared: Arc<Shared>,
    connection: Arc<Connection>,
}

impl Exchange for Seen {
    fn tell(&self, ended: bool) -> Told {
        let (mut told, now) = (Told::default(), Instant::now());
        let snapshot = self.shared.snapshot.load_full();
        told.members = Arc::clone(&snapshot.told_members);
        for balancer in &snapshot.balancers {
            told.session_timeout = told.session_timeout.max(balancer.config.session_timeout);
            for (url, record) in balancer.tell_sessions(ended, now) {
                let member = (balancer.name().to_owned(), url);
                told.sessions.insert(member, record);
            }
            for (url, route) in balancer.learned() {
                let member = (balancer.name().to_owned(), url);
                told.routes.insert(member, route);
            }
        }
        told
    }

    fn hear(&self, heard: Result<Heard, String>) {
        let now = Instant::now();
        let result = heard.as_ref().map(drop).map_err(String::clone);
        self.connection.is(Task::Sessions, result);
        let heard = heard.ok();
        for balancer in &self.shared.snapshot.load_full().balancers {
            balancer.hear_sessions(heard.as_ref(), now);
            if let Some(heard) = &heard {
                balancer.hear_routes(&heard.routes);
            }
            if balancer.is_draining(now) {
                balancer.look_after_sessions(now);
            }
        }
        if let Some(heard) = heard {
            self.shared.heard_routes.hear(heard.routes);
        }
    }

    fn is_waiting(&self) -> bool {
        let (snapshot, now) = (self.shared.snapshot.load_full(), Instant::now());
        let mut balancers = snapshot.balancers.iter();
        balancers.any(|it| it.is_draining(now) || it.is_learning())
    }
}
