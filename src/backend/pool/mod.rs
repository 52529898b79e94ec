//! Connections to one member: a deadpool of them for each core, one limit for all, and what makes a connection fit for the
//! next request.
//!
//! Where no more connections may be made, a core uses an idle connection of another core. It goes back to that core.
//!
//! A connection is in the pool, or it is a [`Lease`]. A lease that is dropped closes its connection; only
//! [`Lease::give_back`] returns it, and only the end of a clean exchange calls that. Each protocol has its own kind of
//! connection: see [`Transport`].

mod connector;
mod control;
mod lease;
mod places;
mod shard;
#[cfg(test)]
mod tests;
mod transport;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use deadpool::managed::{self, BuildError, PoolError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use self::connector::Connector;
pub(crate) use self::connector::PoolSettings;
pub(crate) use self::control::{PoolControl, PoolView};
pub(crate) use self::lease::Lease;
use self::lease::Taken;
use self::shard::{NoConnection, Shard};
pub(crate) use self::transport::{Connection, Transport};
use super::error::{Age, ConnectError, FailureKind};
use crate::cores;
use crate::telemetry::metrics::ConnectCounters;

/// How often the idle connections of all cores are looked at for one that a permit promises. Each further look needs
/// another request that took the connection meanwhile.
const MAX_LOOKS: usize = 1000;

/// The connections to one member. A clone has the same connections.
#[derive(Debug)]
pub(crate) struct Pool<T: Transport> {
    inner: Arc<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T: Transport> {
    connector: Arc<Connector<T>>,
    /// The idle connections of each core; at least one core.
    shards: Vec<managed::Pool<Shard<T>>>,
    /// One permit for each connection that may be taken out. Whoever holds a permit finds an idle connection or a free
    /// place: connections are idle, or somebody holds a permit for them.
    permits: Arc<Semaphore>,
}

impl<T: Transport> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
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
        let (max, cores) = (settings.max, settings.cores.max(1));
        let connector = Arc::new(Connector::new(settings, protocol, connects));
        let shards = (0..cores).map(|_| Shard::pool(Arc::clone(&connector)));
        let inner = Inner {
            shards: shards.collect::<Result<_, _>>()?,
            permits: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            connector,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What the protocol knows of the member.
    pub(crate) fn protocol(&self) -> &T::Settings {
        &self.inner.connector.protocol
    }

    /// A connection for one request: a kept one that has sent nothing and answers a [probe](Transport::probe), or a
    /// new one.
    ///
    /// Waits up to `acquire` for a free place. When a kept connection does not answer the others are not asked any
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
        let connector = &self.inner.connector;
        let lease = |taken, age| Lease::pooled(taken, age, Arc::clone(connector));
        loop {
            let permit = match self.inner.permit_at_once()? {
                Some(permit) => permit,
                None => match unfit.0.pop() {
                    // The last that was put aside has been idle the longest. It makes room.
                    Some(idle) => {
                        idle.close();
                        continue;
                    }
                    // The future is boxed, because it is large and rarely needed.
                    None => Box::pin(self.inner.wait()).await?,
                },
            };
            let mut taken = self.inner.take(permit).await?;
            if !fits(&taken.transport) {
                unfit.0.push(taken);
                continue;
            }
            if taken.is_new() {
                return Ok(lease(taken, Age::New));
            }
            if reuse == Reuse::Forbidden {
                taken.close();
                continue;
            }
            if idle_at_most < Duration::MAX && taken.idle_since.elapsed() > idle_at_most {
                // Until there is a new one the place belongs to the old one, which stays in the pool if there is none.
                let new = Box::pin(connector.open_for_request(None)).await;
                let mut new = new.inspect_err(|_| self.inner.close_dead())?;
                new.place = taken.place.take();
                *taken = *new;
                return Ok(lease(taken, Age::New));
            }
            // A lease already: if the request is dropped while CPONG is due, the connection is closed.
            let mut lease = lease(taken, Age::Kept);
            match lease.probe().await {
                Ok(()) => return Ok(lease),
                Err(_) => reuse = Reuse::Forbidden,
            }
        }
    }

    /// A connection that does not count in the pool and never gets into it. No CPING is sent on it.
    pub(crate) async fn connect_apart(&self) -> Result<Lease<T>, ConnectError> {
        let connector = &self.inner.connector;
        let connection = connector.open(None).await?;
        Ok(Lease::apart(connection, Arc::clone(connector)))
    }
}

impl<T: Transport> Inner<T> {
    /// `None` when all connections are in use.
    fn permit_at_once(&self) -> Result<Option<OwnedSemaphorePermit>, FailureKind> {
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => Ok(Some(permit)),
            Err(TryAcquireError::NoPermits) => Ok(None),
            Err(TryAcquireError::Closed) => Err(FailureKind::Removed),
        }
    }

    /// Waits up to `acquire` for a connection that comes back, first come, first served.
    async fn wait(&self) -> Result<OwnedSemaphorePermit, FailureKind> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        tokio::time::timeout(self.connector.settings.acquire, permit)
            .await
            .map_err(|_| FailureKind::Busy)?
            .map_err(|_| FailureKind::Removed)
    }

    /// An idle connection of this core, or a new one, or where there may be no more an idle one of another core.
    async fn take(&self, permit: OwnedSemaphorePermit) -> Result<Taken<T>, FailureKind> {
        for _ in 0..MAX_LOOKS {
            // With one core more than one turn is never needed.
            for shard in self.shards_from_here() {
                match shard::get(shard).await {
                    Ok(object) => return Ok(Taken::new(object, permit)),
                    Err(PoolError::Backend(NoConnection::Full)) => {}
                    Err(PoolError::Backend(NoConnection::Failed(failure))) => {
                        self.close_dead();
                        return Err(failure);
                    }
                    Err(_) => return Err(FailureKind::Removed),
                }
            }
            // Between two looks a connection has moved from a core that was not yet looked at to one that was.
            tokio::task::yield_now().await;
        }
        Err(FailureKind::Busy)
    }

    /// The shard of the calling core, then the others.
    fn shards_from_here(&self) -> impl Iterator<Item = &managed::Pool<Shard<T>>> {
        let here = cores::current() % self.shards.len().max(1);
        let (before, from_here) = self.shards.split_at_checked(here).unwrap_or_default();
        from_here.iter().chain(before)
    }

    /// Closes the idle connections of all cores that the member has closed. Called when no new one can be made: then the
    /// others are probably dead too, and their cores may get no request that would notice. mod_jk also closes the idle
    /// connections of a failed worker.
    fn close_dead(&self) {
        for shard in &self.shards {
            shard.retain(|connection, _| connection.transport.is_quiet());
        }
    }

    /// The calling core closes its idle connections that are too old or were closed by the member, and opens new ones as
    /// long as there are fewer than `min`.
    async fn close_stale_and_open_min(&self) {
        let Connector {
            settings, retired, ..
        } = &*self.connector;
        if retired.load(Ordering::Relaxed) {
            return;
        }
        if let Some(shard) = self.shards_from_here().next() {
            shard.retain(|connection, _| {
                connection.idle_since.elapsed() <= settings.ttl && connection.transport.is_quiet()
            });
        }
        let mut opened = Vec::new();
        while self.connector.places.taken() < settings.min {
            let Ok(Some(permit)) = self.permit_at_once() else {
                break;
            };
            match self.take(permit).await {
                Ok(taken) => opened.push(taken),
                Err(_) => break,
            }
        }
    }
}

impl<T: Transport> PoolControl for Pool<T> {
    fn view(&self) -> PoolView {
        let idle = self.inner.shards.iter().map(|shard| {
            let status = shard.status();
            status.available.min(status.size)
        });
        let (idle, taken) = (idle.sum::<usize>(), self.inner.connector.places.taken());
        PoolView {
            idle,
            busy: taken.saturating_sub(idle),
            max: self.inner.connector.settings.max,
        }
    }

    fn ttl(&self) -> Duration {
        self.inner.connector.settings.ttl
    }

    fn maintain(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.inner.close_stale_and_open_min())
    }

    fn count_connects(&self, connects: &ConnectCounters) {
        *self.inner.connector.connects() = connects.clone();
    }

    fn is_out_of_date(&self) -> bool {
        T::is_out_of_date(self.protocol())
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    fn retire(&self) {
        self.inner.connector.retired.store(true, Ordering::Relaxed);
        for shard in &self.inner.shards {
            shard.retain(|_, _| false);
        }
    }

    fn close(&self) {
        self.inner.permits.close();
        for shard in &self.inner.shards {
            shard.close();
        }
    }
}

/// Idle connections that were looked at and not used. They go back in the order in which they were.
struct Unfit<T: Transport>(Vec<Taken<T>>);

impl<T: Transport> Drop for Unfit<T> {
    fn drop(&mut self) {
        while let Some(taken) = self.0.pop() {
            drop(taken);
        }
    }
}
