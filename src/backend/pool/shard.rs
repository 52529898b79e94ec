//! The connections of one core, as deadpool keeps them: it makes new ones and judges kept ones.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{
    self, BuildError, Manager, Object, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts,
};

use super::connector::Connector;
use super::transport::{Connection, Transport};
use crate::backend::error::FailureKind;
use crate::cores;

/// How long after its last answer a connection is taken for open without a look at its socket. What the runtime has been told
/// of it counts then: a close or a byte that came before the runtime asked the system last.
const JUST_USED: Duration = Duration::from_millis(10);

/// What deadpool knows of a member.
#[derive(Debug)]
pub(super) struct Shard<T: Transport> {
    connector: Arc<Connector<T>>,
    /// The number of the core.
    core: usize,
}

/// Why a core has no connection at the moment.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// There are as many connections as there may be, and none that this core keeps is idle.
    Full,
    /// A new one could not be made.
    Failed(FailureKind),
}

impl<T: Transport> Shard<T> {
    /// A pool without connections.
    ///
    /// # Errors
    /// When deadpool does not build it.
    pub(super) fn pool(
        connector: Arc<Connector<T>>,
        core: usize,
    ) -> Result<managed::Pool<Self>, BuildError> {
        let max = connector.settings.max;
        managed::Pool::builder(Self { connector, core })
            // What bounds the connections of all cores together are the places.
            .max_size(max)
            // Last in, first out: connections that the load does not need grow old and are closed.
            .queue_mode(QueueMode::Lifo)
            .build()
    }
}

/// An idle connection of the shard, or a new one. Nothing waits here: the pool of all cores has one queue.
pub(super) async fn get<T: Transport>(
    shard: &managed::Pool<Shard<T>>,
) -> Result<Object<Shard<T>>, PoolError<NoConnection>> {
    let at_once = Timeouts {
        wait: Some(Duration::ZERO),
        create: None,
        recycle: None,
    };
    shard.timeout_get(&at_once).await
}

impl<T: Transport> Manager for Shard<T> {
    /// A connection is moved often on its way to a request and back, so it is boxed.
    type Type = Box<Connection<T>>;
    type Error = NoConnection;

    fn create(&self) -> impl Future<Output = Result<Box<Connection<T>>, NoConnection>> + Send {
        let place = self.connector.places.take();
        async {
            let place = place.ok_or(NoConnection::Full)?;
            // The future is boxed, because it is large and rarely needed.
            let opened = Box::pin(self.connector.open_for_request(Some(place))).await;
            opened.map_err(NoConnection::Failed)
        }
    }

    async fn recycle(
        &self,
        connection: &mut Box<Connection<T>>,
        _: &managed::Metrics,
    ) -> RecycleResult<NoConnection> {
        let idle = connection.idle_since.elapsed();
        // A connection of another core may have news that only the runtime of that core has been told.
        connection.looked_at = idle > JUST_USED || cores::current() != self.core;
        let quiet = match connection.looked_at {
            true => connection.transport.is_quiet(),
            false => connection.transport.seems_quiet(),
        };
        if idle > self.connector.settings.ttl || !quiet {
            return Err(RecycleError::Message("stale".into()));
        }
        Ok(())
    }
}
