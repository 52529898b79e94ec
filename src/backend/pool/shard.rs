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
use crate::clock;

/// What deadpool knows of a member.
#[derive(Debug)]
pub(super) struct Shard<T: Transport>(pub(super) Arc<Connector<T>>);

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
    pub(super) fn pool(connector: Arc<Connector<T>>) -> Result<managed::Pool<Self>, BuildError> {
        let max = connector.settings.max;
        managed::Pool::builder(Self(connector))
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
        let place = self.0.places.take();
        async {
            let place = place.ok_or(NoConnection::Full)?;
            // The future is boxed, because it is large and rarely needed.
            let opened = Box::pin(self.0.open_for_request(Some(place))).await;
            opened.map_err(NoConnection::Failed)
        }
    }

    async fn recycle(
        &self,
        connection: &mut Box<Connection<T>>,
        _: &managed::Metrics,
    ) -> RecycleResult<NoConnection> {
        if clock::now().duration_since(connection.idle_since) > self.0.settings.ttl
            || !connection.transport.is_quiet()
        {
            return Err(RecycleError::Message("stale".into()));
        }
        Ok(())
    }
}
