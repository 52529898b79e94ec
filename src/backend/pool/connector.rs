//! Makes connections to a member; all cores share it.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::places::{Place, Places};
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
    /// Most connections, of all cores together.
    pub(crate) max: usize,
    pub(crate) min: usize,
    pub(crate) ttl: Duration,
    pub(crate) acquire: Duration,
    pub(crate) connect: Duration,
    /// How many cores keep connections of their own.
    pub(crate) cores: usize,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Connector<T: Transport> {
    pub(super) settings: PoolSettings,
    pub(super) protocol: T::Settings,
    connects: Mutex<ConnectCounters>,
    pub(super) places: Places,
    /// The member is gone or has other settings now: nothing is kept any more.
    pub(super) retired: AtomicBool,
}

impl<T: Transport> Connector<T> {
    pub(super) fn new(
        settings: PoolSettings,
        protocol: T::Settings,
        connects: ConnectCounters,
    ) -> Self {
        Self {
            places: Places::new(settings.max),
            settings,
            protocol,
            connects: Mutex::new(connects),
            retired: AtomicBool::new(false),
        }
    }

    pub(super) fn connects(&self) -> MutexGuard<'_, ConnectCounters> {
        self.connects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection, which has answered a probe where one is sent. A bound port proves nothing: the kernel
    /// takes connections for a Tomcat that hangs, too.
    pub(super) async fn open_for_request(
        &self,
        place: Option<Place>,
    ) -> Result<Box<Connection<T>>, FailureKind> {
        let mut connection = self.open(place).await?;
        connection.transport.probe(&self.protocol).await?;
        Ok(connection)
    }

    /// A new connection. Without a place it does not count.
    pub(super) async fn open(
        &self,
        place: Option<Place>,
    ) -> Result<Box<Connection<T>>, ConnectError> {
        let transport = self.transport().await;
        self.connects().increment(match &transport {
            Ok(_) => ConnectResult::Ok,
            Err(error) => error.result(),
        });
        let now = Instant::now();
        Ok(Box::new(Connection {
            transport: transport?,
            timer: LazyTimer::new(now),
            idle_since: now,
            place,
        }))
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
