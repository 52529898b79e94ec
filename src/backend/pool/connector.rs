//! Makes connections and judges kept ones, for deadpool.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::managed::{self, Manager, RecycleError, RecycleResult};
use tokio::time::Instant;

use super::transport::{Connection, Transport};
use crate::backend::connect::connect;
use crate::backend::error::{ConnectError, FailureKind};
use crate::telemetry::metrics::{ConnectCounters, ConnectResult};
use crate::timer::LazyTimer;

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
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Connector<T: Transport> {
    pub(super) settings: PoolSettings,
    pub(super) protocol: T::Settings,
    connects: Mutex<ConnectCounters>,
    /// The member is gone or has other settings now: nothing is kept any more.
    pub(super) retired: AtomicBool,
}

impl<T: Transport> Connector<T> {
    pub(super) const fn new(
        settings: PoolSettings,
        protocol: T::Settings,
        connects: ConnectCounters,
    ) -> Self {
        Self {
            settings,
            protocol,
            connects: Mutex::new(connects),
            retired: AtomicBool::new(false),
        }
    }

    pub(super) fn connects(&self) -> MutexGuard<'_, ConnectCounters> {
        self.connects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection, which has given a sign of life where one is asked for. A bound port proves nothing: the kernel
    /// takes connections for a Tomcat that hangs, too.
    pub(super) async fn open_for_request(&self) -> Result<Connection<T>, FailureKind> {
        let mut connection = self.open().await?;
        connection.transport.probe(&self.protocol).await?;
        Ok(connection)
    }

    /// A new connection.
    pub(super) async fn open(&self) -> Result<Connection<T>, ConnectError> {
        let transport = self.transport().await;
        self.connects().increment(match &transport {
            Ok(_) => ConnectResult::Ok,
            Err(error) => error.result(),
        });
        let now = Instant::now();
        Ok(Connection {
            transport: transport?,
            timer: LazyTimer::new(now),
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
        tokio::time::timeout(*limit, T::open(stream, &self.protocol))
            .await
            .unwrap_or(Err(ConnectError::Timeout))
    }
}

impl<T: Transport> Manager for Connector<T> {
    type Type = Connection<T>;
    type Error = FailureKind;

    fn create(&self) -> impl Future<Output = Result<Connection<T>, FailureKind>> + Send {
        // The future is boxed, because it is large and rarely needed.
        Box::pin(self.open_for_request())
    }

    async fn recycle(
        &self,
        connection: &mut Connection<T>,
        _: &managed::Metrics,
    ) -> RecycleResult<FailureKind> {
        if connection.idle_since.elapsed() > self.settings.ttl || !connection.transport.is_quiet() {
            return Err(RecycleError::Message("stale".into()));
        }
        Ok(())
    }
}
