//! Connections to one AJP13 member: a deadpool of them, and what makes one fit for the next request.
//!
//! A connection is in the pool, or it is a [`Lease`]. A lease that is dropped closes its connection; only
//! [`Lease::give_back`] returns it, and only the end of a clean exchange calls that.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ajp13::codec::GatewayCodec;
use ajp13::{FromContainer, PacketSize, ToContainer};
use bytes::BytesMut;
use deadpool::Runtime;
use deadpool::managed::{
    self, BuildError, Manager, Object, PoolError, QueueMode, RecycleError, RecycleResult,
    TimeoutType, Timeouts,
};
use futures_core::Stream;
use futures_sink::Sink;
use socket2::SockRef;
use tokio::time::{Instant, Sleep};
use tokio_util::codec::Framed;
use tracing::warn;

use super::connect::connect;
use super::error::{ConnectError, FailureKind};
use super::wire::Wire;
use crate::telemetry::Seldom;
use crate::telemetry::metrics::{ConnectCounters, ConnectResult};

/// Largest read buffer that an idle connection keeps, in bytes.
const IDLE_BUFFER_MAX: usize = 16 * 1024;

/// How connections to a member are made and kept; see the keys of a member in the configuration.
#[derive(Debug, Clone)]
pub(crate) struct PoolSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) packet_size: PacketSize,
    pub(crate) max: usize,
    pub(crate) min: usize,
    pub(crate) ttl: Duration,
    pub(crate) acquire: Duration,
    pub(crate) connect: Duration,
    pub(crate) ping: Option<Duration>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) framed: Framed<Wire, GatewayCodec>,
    /// Rings when the backend has been silent for too long; kept between requests, for making one costs more
    /// than letting it run.
    pub(crate) sleep: Pin<Box<Sleep>>,
    idle_since: Instant,
}

impl Connection {
    /// Whether nothing has come since the last answer: bytes on an idle connection belong to nobody, and its
    /// end is its end. One read that does not block.
    fn is_quiet(&self) -> bool {
        if !self.framed.read_buffer().is_empty() {
            return false;
        }
        let mut byte = [MaybeUninit::uninit()];
        let peeked = SockRef::from(&self.framed.get_ref().stream).peek(&mut byte);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// CPING, and CPONG within `limit`.
    pub(crate) async fn ping(&mut self, limit: Duration) -> Result<(), FailureKind> {
        let pong = async {
            let framed = &mut self.framed;
            let cping = ToContainer::CPing;
            Pin::new(&mut *framed).start_send(cping)?;
            std::future::poll_fn(|cx| Sink::<ToContainer>::poll_flush(Pin::new(&mut *framed), cx))
                .await?;
            std::future::poll_fn(|cx| Pin::new(&mut *framed).poll_next(cx))
                .await
                .transpose()
        };
        match tokio::time::timeout(limit, pong).await {
            Ok(Ok(Some(FromContainer::CPong))) if self.framed.read_buffer().is_empty() => Ok(()),
            _ => Err(FailureKind::NoPong),
        }
    }
}

/// Makes connections and judges kept ones, for deadpool.
#[derive(Debug)]
pub(crate) struct Connector {
    settings: PoolSettings,
    connects: Mutex<ConnectCounters>,
    forbidden: Seldom,
    /// Nobody will ask for these connections any more.
    retired: AtomicBool,
    /// The last CPING was not answered. The kernel goes on to take connections for a container that hangs, so
    /// until a CPONG comes a new one proves nothing.
    suspected: AtomicBool,
}

impl Connector {
    fn connects(&self) -> MutexGuard<'_, ConnectCounters> {
        self.connects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<Connection, ConnectError> {
        let PoolSettings {
            host,
            port,
            connect: limit,
            packet_size,
            ..
        } = &self.settings;
        let stream = match connect(host, *port, *limit).await {
            Ok(stream) => stream,
            Err(error) => {
                self.connects().increment(error.result());
                return Err(error);
            }
        };
        self.connects().increment(ConnectResult::Ok);
        let now = Instant::now();
        Ok(Connection {
            framed: Framed::new(Wire::new(stream), GatewayCodec::new(*packet_size)),
            sleep: Box::pin(tokio::time::sleep_until(now)),
            idle_since: now,
        })
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = ConnectError;

    fn create(&self) -> impl Future<Output = Result<Connection, ConnectError>> + Send {
        // Rare and large: boxed, so that every request need not carry room for it.
        Box::pin(self.open())
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        _: &managed::Metrics,
    ) -> RecycleResult<ConnectError> {
        if connection.idle_since.elapsed() > self.settings.ttl || !connection.is_quiet() {
            return Err(RecycleError::Message("stale".into()));
        }
        Ok(())
    }
}

/// The connections to one member.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    inner: managed::Pool<Connector>,
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PoolView {
    pub(crate) idle: usize,
    pub(crate) busy: usize,
    /// Most that there may be.
    pub(crate) max: usize,
}

impl Pool {
    /// # Errors
    /// When the pool cannot be built.
    pub(crate) fn new(
        settings: PoolSettings,
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
    /// a new one. With `fresh` always a new one.
    ///
    /// Waits up to `acquire` for a free place. A connection that does not answer CPING makes the container
    /// suspect: kept ones are dropped, and new ones must answer too, also those of later requests, until one does.
    pub(crate) async fn lease(&self, mut fresh: bool) -> Result<Lease, FailureKind> {
        let Connector {
            settings,
            suspected,
            ..
        } = self.inner.manager();
        loop {
            let mut object = self.get().await?;
            let reused = Object::metrics(&object).recycle_count > 0;
            if reused && fresh {
                drop(Object::take(object));
                continue;
            }
            let must_answer = reused || suspected.load(Ordering::Relaxed);
            if let Some(limit) = settings.ping.filter(|_| must_answer) {
                let pong = Box::pin(object.ping(limit)).await;
                suspected.store(pong.is_err(), Ordering::Relaxed);
                if let Err(silence) = pong {
                    drop(Object::take(object));
                    if !reused {
                        return Err(silence);
                    }
                    fresh = true;
                    continue;
                }
            }
            return Ok(Lease {
                object: Some(object),
                reused,
            });
        }
    }

    /// A connection that does not count in the pool and never gets into it.
    pub(crate) async fn connect_apart(&self) -> Result<Connection, ConnectError> {
        self.inner.manager().open().await
    }

    async fn get(&self) -> Result<Object<Connector>, FailureKind> {
        // The usual case needs no timer.
        let at_once = Timeouts {
            wait: Some(Duration::ZERO),
            create: None,
            recycle: None,
        };
        let got = match self.inner.timeout_get(&at_once).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => Box::pin(self.inner.get()).await,
            got => got,
        };
        got.map_err(|error| match error {
            PoolError::Backend(error) => FailureKind::Connect(error),
            PoolError::Timeout(_) => FailureKind::Busy,
            _ => FailureKind::Removed,
        })
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
            connection.idle_since.elapsed() <= settings.ttl && connection.is_quiet()
        });
        let mut opened = Vec::new();
        while self.inner.status().size < settings.min {
            match self.get().await {
                Ok(object) => opened.push(object),
                Err(_) => break,
            }
        }
    }

    /// Counts connections here from now on.
    pub(crate) fn count_connects(&self, connects: ConnectCounters) {
        *self.inner.manager().connects() = connects;
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

/// A connection that belongs to one request.
#[derive(Debug)]
pub(crate) struct Lease {
    object: Option<Object<Connector>>,
    reused: bool,
}

impl Lease {
    /// Whether the connection has served a request before.
    pub(crate) const fn reused(&self) -> bool {
        self.reused
    }

    /// The connection.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.object.as_deref_mut()
    }

    /// Names the probable reason of a 403 after which the container wants no further request.
    pub(crate) fn explain_forbidden(&self) {
        let Some(pool) = self.object.as_ref().and_then(Object::pool) else {
            return;
        };
        let Connector {
            settings,
            forbidden,
            ..
        } = pool.manager();
        if forbidden.is_due(Instant::now().into_std()) {
            warn!(
                member = format_args!("{}:{}", settings.host, settings.port),
                "403 from the connector itself: does `secret` agree with the connector's, and does its \
                 allowedRequestAttributesPattern allow the configured request_attributes?"
            );
        }
    }

    /// Returns the connection to the pool: after the end of an answer that allows reuse, when everything that
    /// was promised has been sent and nothing more has come.
    pub(crate) fn give_back(mut self) {
        let Some(mut object) = self.object.take() else {
            return;
        };
        let retired =
            Object::pool(&object).is_none_or(|pool| pool.manager().retired.load(Ordering::Relaxed));
        let framed = &mut object.framed;
        if retired || !framed.read_buffer().is_empty() || !framed.write_buffer().is_empty() {
            drop(Object::take(object));
            return;
        }
        if framed.read_buffer().capacity() > IDLE_BUFFER_MAX {
            *framed.read_buffer_mut() = BytesMut::new();
        }
        object.idle_since = Instant::now();
        drop(object);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
