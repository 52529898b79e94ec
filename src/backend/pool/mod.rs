//! Connections to one member: a deadpool of them, and what makes one fit for the next request.
//!
//! A connection is in the pool, or it is a [`Lease`]. A lease that is dropped closes its connection; only
//! [`Lease::give_back`] returns it, and only the end of a clean exchange calls that. Each protocol has its own kind of
//! connection: see [`Transport`].

mod connector;
mod control;
mod lease;
mod transport;

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, BuildError, Object, PoolError, QueueMode, Timeouts};

use self::connector::Connector;
pub(crate) use self::connector::PoolSettings;
pub(crate) use self::control::{PoolControl, PoolView};
pub(crate) use self::lease::Lease;
pub(crate) use self::transport::{Connection, Transport};
use super::error::{Age, ConnectError, FailureKind};
use crate::telemetry::metrics::ConnectCounters;

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

/// Whether a request may be sent over a connection that was kept in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    Allowed,
    /// A new connection is made.
    Forbidden,
}

impl<T: Transport> Pool<T> {
    /// # Errors
    /// When the pool cannot be built.
    pub(crate) fn new(
        settings: PoolSettings,
        protocol: T::Settings,
        connects: ConnectCounters,
    ) -> Result<Self, BuildError> {
        let timeouts = Timeouts {
            wait: Some(settings.acquire),
            create: None,
            recycle: None,
        };
        let max = settings.max;
        let inner = managed::Pool::builder(Connector::new(settings, protocol, connects))
            .max_size(max)
            // Last in, first out: connections that the load does not need grow old and are closed.
            .queue_mode(QueueMode::Lifo)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { inner })
    }

    /// What the protocol knows of the member.
    pub(crate) fn protocol(&self) -> &T::Settings {
        &self.inner.manager().protocol
    }

    /// A connection for one request: a kept one that has sent nothing and gives a [sign of life](Transport::probe), or a
    /// new one.
    ///
    /// Waits up to `acquire` for a free place. When a kept connection gives no sign of life the others are not asked any
    /// more: they are closed, as far as they are in the way of a new one.
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
        let connector = self.inner.manager();
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
            if !fits(&object.transport) {
                unfit.0.push(object);
                continue;
            }
            if Object::metrics(&object).recycle_count == 0 {
                return Ok(Lease::pooled(object, Age::New));
            }
            if reuse == Reuse::Forbidden {
                drop(Object::take(object));
                continue;
            }
            if object.idle_since.elapsed() > idle_at_most {
                *object = Box::pin(connector.open_for_request()).await?;
                return Ok(Lease::pooled(object, Age::New));
            }
            // A lease already: if the request is dropped while CPONG is due, the connection is closed.
            let mut lease = Lease::pooled(object, Age::Kept);
            match lease.probe(&connector.protocol).await {
                Ok(()) => return Ok(lease),
                Err(_) => reuse = Reuse::Forbidden,
            }
        }
    }

    /// A connection that does not count in the pool and never gets into it. No CPING is sent on it.
    pub(crate) async fn connect_apart(&self) -> Result<Lease<T>, ConnectError> {
        Ok(Lease::apart(self.inner.manager().open().await?))
    }

    /// Waits for a place in the pool. The future is boxed, because it is large and rarely needed.
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

    async fn close_stale_and_open_min(&self) {
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
}

impl<T: Transport> PoolControl for Pool<T> {
    fn view(&self) -> PoolView {
        let status = self.inner.status();
        let idle = status.available.min(status.size);
        PoolView {
            idle,
            busy: status.size.saturating_sub(idle),
            max: status.max_size,
        }
    }

    fn ttl(&self) -> Duration {
        self.inner.manager().settings.ttl
    }

    fn maintain(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.close_stale_and_open_min())
    }

    fn count_connects(&self, connects: &ConnectCounters) {
        *self.inner.manager().connects() = connects.clone();
    }

    fn is_out_of_date(&self) -> bool {
        T::is_out_of_date(self.protocol())
    }

    fn identity(&self) -> usize {
        std::ptr::from_ref(self.inner.manager()).addr()
    }

    fn retire(&self) {
        self.inner.manager().retired.store(true, Ordering::Relaxed);
        self.inner.retain(|_, _| false);
    }

    fn close(&self) {
        self.inner.close();
    }
}

fn failure(error: PoolError<FailureKind>) -> FailureKind {
    match error {
        PoolError::Backend(failure) => failure,
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
