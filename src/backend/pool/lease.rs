//! A connection that belongs to one request.

use std::sync::atomic::Ordering;

use deadpool::managed::Object;
use tokio::time::Instant;

use super::connector::Connector;
use super::transport::{Connection, Transport};
use crate::backend::error::{Age, FailureKind};

/// See the [module](self). Dropped, it closes the connection.
#[derive(Debug)]
pub(crate) struct Lease<T: Transport> {
    held: Option<Held<T>>,
    age: Age,
}

#[derive(Debug)]
enum Held<T: Transport> {
    /// The connection has a place in the pool.
    Pooled(Object<Connector<T>>),
    /// The connection was made outside the pool and never gets into it.
    Apart(Connection<T>),
}

impl<T: Transport> Lease<T> {
    pub(super) const fn pooled(object: Object<Connector<T>>, age: Age) -> Self {
        Self {
            held: Some(Held::Pooled(object)),
            age,
        }
    }

    pub(super) const fn apart(connection: Connection<T>) -> Self {
        Self {
            held: Some(Held::Apart(connection)),
            age: Age::New,
        }
    }

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

    /// Asks the other end for a sign of life: see [`Transport::probe`].
    pub(super) async fn probe(&mut self, settings: &T::Settings) -> Result<(), FailureKind> {
        match self.connection() {
            Some(connection) => connection.transport.probe(settings).await,
            None => Err(FailureKind::Removed),
        }
    }

    /// Shows what the connection was made with, while its pool exists.
    pub(crate) fn with_settings(&self, look: impl FnOnce(&T::Settings)) {
        if let Some(Held::Pooled(object)) = &self.held
            && let Some(pool) = Object::pool(object)
        {
            look(&pool.manager().protocol);
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
