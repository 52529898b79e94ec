//! Connections to one member: a deadpool of them, and what makes one fit for the next request.
//!
//! A connection is in the pool, or it is a [`Lease`]. A lease that is dropped closes its connection; only
//! [`Lease::give_back`] returns it, and only the end of a clean exchange calls that. What a connection is, its
//! protocol says: see [`Transport`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    self, BuildError, Manager, Object, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts,
};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::connect::connect;
use super::error::{Age, ConnectError, FailureKind};
use crate::telemetry::Seldom;
use crate::telemetry::metrics::{ConnectCounters, ConnectResult};

/// What a protocol makes of a TCP connection.
pub(crate) trait Transport: fmt::Debug + Send + Sized + 'static {
    /// What is needed for that, beside the TCP connection.
    type Recipe: fmt::Debug + Send + Sync + 'static;

    /// Makes it ready for the first request; bounded by the member's `connectiontimeout`.
    fn open(
        stream: TcpStream,
        recipe: &Self::Recipe,
    ) -> impl Future<Output = Result<Self, ConnectError>> + Send;

    /// Whether nothing has come since the last answer: bytes on an idle connection belong to nobody, and its
    /// end is its end. Does not block.
    fn is_quiet(&self) -> bool;

    /// Makes it ready to be idle, after the end of an answer that allows reuse. `false` when there is more than
    /// that answer, or less than the whole request has gone out: then it must be closed.
    fn rest(&mut self) -> bool;

    /// Asks the other end for a sign of life, within `limit`; where the protocol has no such question, does not.
    fn ping(&mut self, limit: Duration) -> impl Future<Output = Result<(), FailureKind>> + Send;
}

/// How connections to a member are made and kept; see the keys of a member in the configuration.
#[derive(Debug, Clone)]
pub(crate) struct PoolSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) max: usize,
    pub(crate) min: usize,
    pub(crate) ttl: Duration,
    pub(crate) acquire: Duration,
    pub(crate) connect: Duration,
    pub(crate) ping: Option<Duration>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    pub(crate) transport: T,
    /// Rings when the backend has been silent for too long; kept between requests, for making one costs more
    /// than letting it run.
    pub(crate) sleep: Pin<Box<Sleep>>,
    idle_since: Instant,
}

/// Makes connections and judges kept ones, for deadpool.
#[derive(Debug)]
pub(crate) struct Connector<T: Transport> {
    pub(super) settings: PoolSettings,
    recipe: T::Recipe,
    connects: Mutex<ConnectCounters>,
    /// When the reason of a 403 was named last.
    pub(super) forbidden: Seldom,
    /// Nobody will ask for these connections any more.
    retired: AtomicBool,
    /// The last CPING was not answered. The kernel goes on to take connections for a container that hangs, so
    /// until a CPONG comes a new one proves nothing.
    suspected: AtomicBool,
}

impl<T: Transport> Connector<T> {
    fn connects(&self) -> MutexGuard<'_, ConnectCounters> {
        self.connects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<Connection<T>, ConnectError> {
        let transport = self.transport().await;
        self.connects().increment(match &transport {
            Ok(_) => ConnectResult::Ok,
            Err(error) => error.result(),
        });
        let now = Instant::now();
        Ok(Connection {
            transport: transport?,
            sleep: Box::pin(tokio::time::sleep_until(now)),
            idle_since: now,
        })
    }

    async fn transport(&self) -> Result<T, ConnectError> {
        let PoolSettings {
            host,
            port,
            connect: limit,
            ..
        } = &self.settings;
        let stream = connect(host, *port, *limit).await?;
        tokio::time::timeout(*limit, T::open(stream, &self.recipe))
            .await
            .unwrap_or(Err(ConnectError::Timeout))
    }
}

impl<T: Transport> Manager for Connector<T> {
    type Type = Connection<T>;
    type Error = ConnectError;

    fn create(&self) -> impl Future<Output = Result<Connection<T>, ConnectError>> + Send {
        // Rare and large: boxed, so that every request need not carry room for it.
        Box::pin(self.open())
    }

    async fn recycle(
        &self,
        connection: &mut Connection<T>,
        _: &managed::Metrics,
    ) -> RecycleResult<ConnectError> {
        if connection.idle_since.elapsed() > self.settings.ttl || !connection.transport.is_quiet() {
            return Err(RecycleError::Message("stale".into()));
        }
        Ok(())
    }
}

/// The connections to one member.
#[derive(Debug)]
pub(crate) struct Pool<T: Transport> {
    inner: managed::Pool<Connector<T>>,
}

impl<T: Transport> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PoolView {
    pub(crate) idle: usize,
    pub(crate) busy: usize,
    /// Most that there may be.
    pub(crate) max: usize,
}

impl PoolView {
    /// Those of two pools.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            idle: self.idle.saturating_add(other.idle),
            busy: self.busy.saturating_add(other.busy),
            max: self.max.saturating_add(other.max),
        }
    }
}

impl<T: Transport> Pool<T> {
    /// # Errors
    /// When the pool cannot be built.
    pub(crate) fn new(
        settings: PoolSettings,
        recipe: T::Recipe,
        connects: ConnectCounters,
    ) -> Result<Self, BuildError> {
        let timeouts = Timeouts {
            wait: Some(settings.acquire),
            create: None,
            recycle: None,
        };
        let max = settings.max;
        let connector = Connector {
            settings,
            recipe,
            connects: Mutex::new(connects),
            forbidden: Seldom::default(),
            retired: AtomicBool::new(false),
            suspected: AtomicBool::new(false),
        };
        let inner = managed::Pool::builder(connector)
            .max_size(max)
            // Last in, first out: what is not needed ages and is closed.
            .queue_mode(QueueMode::Lifo)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { inner })
    }

    /// A connection for one request: a kept one that is quiet and answers CPING where that is configured, or
    /// a new one.
    ///
    /// Waits up to `acquire` for a free place. A connection that does not answer CPING makes the container
    /// suspect: kept ones are dropped, and new ones must answer too, also those of later requests, until one does.
    pub(crate) async fn lease(&self, reuse: Reuse) -> Result<Lease<T>, FailureKind> {
        self.lease_fitting(reuse, Duration::MAX, |_| true).await
    }

    /// The same, where not every kept connection serves every request. A new one takes the place of one that has been
    /// idle for longer than `idle_at_most`; those that do not fit stay in the pool, unless it is full of them.
    pub(crate) async fn lease_fitting(
        &self,
        mut reuse: Reuse,
        idle_at_most: Duration,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Lease<T>, FailureKind> {
        let mut unfit = Unfit(Vec::new());
        let Connector {
            settings,
            suspected,
            ..
        } = self.inner.manager();
        loop {
            let mut object = match self.get_at_once().await {
                Ok(object) => object,
                Err(FailureKind::Busy) => match unfit.0.pop() {
                    // The last that was put aside has been idle the longest. It makes room.
                    Some(idle) => {
                        drop(Object::take(idle));
                        continue;
                    }
                    None => self.wait().await?,
                },
                Err(failure) => return Err(failure),
            };
            let mut age = match Object::metrics(&object).recycle_count {
                0 => Age::New,
                _ => Age::Kept,
            };
            if !fits(&object.transport) {
                unfit.0.push(object);
                continue;
            }
            if age == Age::Kept && reuse == Reuse::Forbidden {
                drop(Object::take(object));
                continue;
            }
            if age == Age::Kept && object.idle_since.elapsed() > idle_at_most {
                *object = Box::pin(self.inner.manager().open()).await?;
                age = Age::New;
            }
            let must_answer = age == Age::Kept || suspected.load(Ordering::Relaxed);
            if let Some(limit) = settings.ping.filter(|_| must_answer) {
                let pong = Box::pin(object.transport.ping(limit)).await;
                suspected.store(pong.is_err(), Ordering::Relaxed);
                if let Err(silence) = pong {
                    drop(Object::take(object));
                    if age == Age::New {
                        return Err(silence);
                    }
                    reuse = Reuse::Forbidden;
                    continue;
                }
            }
            return Ok(Lease {
                held: Some(Held::Pooled(object)),
                age,
            });
        }
    }

    /// A connection that does not count in the pool and never gets into it.
    pub(crate) async fn connect_apart(&self) -> Result<Lease<T>, ConnectError> {
        let connection = self.inner.manager().open().await?;
        Ok(Lease {
            held: Some(Held::Apart(connection)),
            age: Age::New,
        })
    }

    /// Rare, and large: boxed, so that every request need not carry room for it.
    async fn wait(&self) -> Result<Object<Connector<T>>, FailureKind> {
        Box::pin(self.inner.get()).await.map_err(failure)
    }

    /// The usual case, which needs no timer.
    async fn get_at_once(&self) -> Result<Object<Connector<T>>, FailureKind> {
        let at_once = Timeouts {
            wait: Some(Duration::ZERO),
            create: None,
            recycle: None,
        };
        self.inner.timeout_get(&at_once).await.map_err(failure)
    }

    /// Closes what has been idle for too long or was closed by the backend, and opens connections until there
    /// are `min`. Called now and then.
    pub(crate) async fn maintain(&self) {
        let Connector {
            settings, retired, ..
        } = self.inner.manager();
        if retired.load(Ordering::Relaxed) {
            return;
        }
        self.inner.retain(|connection, _| {
            connection.idle_since.elapsed() <= settings.ttl && connection.transport.is_quiet()
        });
        let mut opened = Vec::new();
        while self.inner.status().size < settings.min {
            match self.get_at_once().await {
                Ok(object) => opened.push(object),
                Err(_) => break,
            }
        }
    }

    /// Counts connections here from now on.
    pub(crate) fn count_connects(&self, connects: ConnectCounters) {
        *self.inner.manager().connects() = connects;
    }

    /// What its connections are made with.
    pub(crate) fn recipe(&self) -> &T::Recipe {
        &self.inner.manager().recipe
    }

    /// How long an idle connection is kept.
    pub(crate) fn ttl(&self) -> Duration {
        self.inner.manager().settings.ttl
    }

    /// Closes the idle connections; those in use close when they come back.
    pub(crate) fn close(&self) {
        self.inner.close();
    }

    /// Whether both are the same pool.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.inner.manager(), other.inner.manager())
    }

    /// Keeps no connection any more. Requests that were to be sent over it still are, and a connection in use closes
    /// when it comes back.
    pub(crate) fn retire(&self) {
        self.inner.manager().retired.store(true, Ordering::Relaxed);
        self.inner.retain(|_, _| false);
    }

    /// How many connections there are now.
    pub(crate) fn view(&self) -> PoolView {
        let status = self.inner.status();
        let idle = status.available.min(status.size);
        PoolView {
            idle,
            busy: status.size.saturating_sub(idle),
            max: status.max_size,
        }
    }
}

fn failure(error: PoolError<ConnectError>) -> FailureKind {
    match error {
        PoolError::Backend(error) => FailureKind::Connect(error),
        PoolError::Timeout(_) => FailureKind::Busy,
        _ => FailureKind::Removed,
    }
}

/// Idle connections that were looked at and not used. They go back in the order in which they were.
struct Unfit<T: Transport>(Vec<Object<Connector<T>>>);

impl<T: Transport> Drop for Unfit<T> {
    fn drop(&mut self) {
        while let Some(object) = self.0.pop() {
            drop(object);
        }
    }
}

/// Whether a request may be sent over a connection that was kept in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    Allowed,
    /// A new connection is made.
    Forbidden,
}

/// A connection that belongs to one request.
#[derive(Debug)]
pub(crate) struct Lease<T: Transport> {
    held: Option<Held<T>>,
    age: Age,
}

#[derive(Debug)]
enum Held<T: Transport> {
    Pooled(Object<Connector<T>>),
    Apart(Connection<T>),
}

impl<T: Transport> Lease<T> {
    /// Whether the connection was made for this request.
    pub(crate) const fn age(&self) -> Age {
        self.age
    }

    /// The connection.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection<T>> {
        match self.held.as_mut()? {
            Held::Pooled(object) => Some(object),
            Held::Apart(connection) => Some(connection),
        }
    }

    /// The pool that it came from.
    pub(super) fn pool(&self) -> Option<managed::Pool<Connector<T>>> {
        match self.held.as_ref()? {
            Held::Pooled(object) => Object::pool(object),
            Held::Apart(_) => None,
        }
    }

    /// Returns the connection to the pool: after the end of an answer that allows reuse, when everything that
    /// was promised has been sent and nothing more has come.
    pub(crate) fn give_back(mut self) {
        let Some(Held::Pooled(mut object)) = self.held.take() else {
            return;
        };
        let retired =
            Object::pool(&object).is_none_or(|pool| pool.manager().retired.load(Ordering::Relaxed));
        if retired || !object.transport.rest() {
            drop(Object::take(object));
            return;
        }
        object.idle_since = Instant::now();
        drop(object);
    }
}

impl<T: Transport> Drop for Lease<T> {
    fn drop(&mut self) {
        if let Some(Held::Pooled(object)) = self.held.take() {
            drop(Object::take(object));
        }
    }
}
