//! A connection that belongs to one request.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use deadpool::managed::Object;
use tokio::sync::OwnedSemaphorePermit;

use super::connector::Connector;
use super::shard::Shard;
use super::transport::{Connection, Transport};
use crate::backend::error::{Age, FailureKind};
use crate::clock;

/// A connection that was taken out of the pool. Dropped, it goes back.
#[derive(Debug)]
pub(super) struct Taken<T: Transport> {
    // Fields are dropped in this order: whoever waits for the permit finds the connection, or its place free.
    object: Object<Shard<T>>,
    _permit: OwnedSemaphorePermit,
}

impl<T: Transport> Taken<T> {
    pub(super) const fn new(object: Object<Shard<T>>, permit: OwnedSemaphorePermit) -> Self {
        Self {
            object,
            _permit: permit,
        }
    }

    /// Whether the connection was made by the call that took it.
    pub(super) fn is_new(&self) -> bool {
        Object::metrics(&self.object).recycle_count == 0
    }

    /// Closes the connection.
    pub(super) fn close(self) {
        drop(Object::take(self.object));
    }
}

impl<T: Transport> Deref for Taken<T> {
    type Target = Connection<T>;

    fn deref(&self) -> &Connection<T> {
        &self.object
    }
}

impl<T: Transport> DerefMut for Taken<T> {
    fn deref_mut(&mut self) -> &mut Connection<T> {
        &mut self.object
    }
}

/// See the [module](self). Dropped, it closes the connection.
#[derive(Debug)]
pub(crate) struct Lease<T: Transport> {
    held: Option<Held<T>>,
    age: Age,
    connector: Arc<Connector<T>>,
}

#[derive(Debug)]
enum Held<T: Transport> {
    /// The connection has a place in the pool.
    Pooled(Taken<T>),
    /// The connection was made outside the pool and never gets into it.
    Apart(Box<Connection<T>>),
}

impl<T: Transport> Held<T> {
    fn connection(&mut self) -> &mut Connection<T> {
        match self {
            Self::Pooled(taken) => taken,
            Self::Apart(connection) => connection,
        }
    }
}

impl<T: Transport> Lease<T> {
    pub(super) const fn pooled(taken: Taken<T>, age: Age, connector: Arc<Connector<T>>) -> Self {
        Self {
            held: Some(Held::Pooled(taken)),
            age,
            connector,
        }
    }

    pub(super) const fn apart(
        connection: Box<Connection<T>>,
        connector: Arc<Connector<T>>,
    ) -> Self {
        Self {
            held: Some(Held::Apart(connection)),
            age: Age::New,
            connector,
        }
    }

    /// Whether the connection was made for this request.
    pub(crate) const fn age(&self) -> Age {
        self.age
    }

    /// The connection.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection<T>> {
        self.held.as_mut().map(Held::connection)
    }

    /// Asks the other end whether it still answers: see [`Transport::probe`].
    pub(super) async fn probe(&mut self) -> Result<(), FailureKind> {
        let held = self.held.as_mut().ok_or(FailureKind::Removed)?;
        let transport = &mut held.connection().transport;
        transport.probe(&self.connector.protocol).await
    }

    /// What the connection was made with.
    pub(crate) fn settings(&self) -> &T::Settings {
        &self.connector.protocol
    }

    /// Returns the connection to the pool: after the end of an answer that allows reuse, when everything that
    /// was promised has been sent and nothing more has come.
    pub(crate) fn give_back(mut self) {
        let Some(Held::Pooled(mut taken)) = self.held.take() else {
            return;
        };
        if self.connector.retired.load(Ordering::Relaxed) || !taken.transport.rest() {
            taken.close();
            return;
        }
        taken.idle_since = clock::now();
        drop(taken);
    }
}

impl<T: Transport> Drop for Lease<T> {
    fn drop(&mut self) {
        if let Some(Held::Pooled(taken)) = self.held.take() {
            taken.close();
        }
    }
}
