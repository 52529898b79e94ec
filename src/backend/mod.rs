//! Backends: how a request gets to a member and an answer back, one arm for each protocol.

mod ajp;
mod check;
mod connect;
mod error;
mod exchange;
mod ftp;
mod head;
mod http1;
mod pool;
mod response;
mod stream;
mod tls;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method, Response, Version};

pub(crate) use self::ajp::AjpBackend;
pub(crate) use self::check::{Ask, Question, Reply};
pub(crate) use self::connect::connect;
pub(crate) use self::error::{FailureKind, ForwardError, Retry};
pub(crate) use self::exchange::Incomplete;
pub(crate) use self::ftp::{FtpBackend, FtpSettings};
pub(crate) use self::http1::{HttpBackend, Tunnel};
pub(crate) use self::pool::{Pool, PoolSettings, PoolView};
pub(crate) use self::response::ResponseBody;
pub(crate) use self::tls::{Tls, TlsError};
pub(crate) use self::wire::Moved;
use crate::headers::RequestFields;
use crate::peer::Peer;
use crate::telemetry::metrics::ConnectCounters;
use crate::upload::Upload;

/// A request on its way to one member.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    pub(crate) method: &'a Method,
    /// Whether it may be repeated when nobody knows what became of it.
    pub(crate) idempotent: bool,
    pub(crate) version: Version,
    /// The path that the client asked for, raw.
    pub(crate) asked: &'a str,
    /// The path that the backend gets, raw.
    pub(crate) path: &'a str,
    /// What stands in it for the mapping's path: empty or `/app`. Nothing outside is the client's business.
    pub(crate) root: &'a str,
    /// The client's query, raw.
    pub(crate) query: Option<&'a str>,
    pub(crate) fields: &'a RequestFields<'a>,
    pub(crate) peer: &'a Peer,
    /// Host without port.
    pub(crate) server_name: &'a str,
    /// The route that the session asked for.
    pub(crate) route: Option<&'a str>,
    /// `None` for a backend that stands alone.
    pub(crate) activation: Option<Activation<'a>>,
    /// Request attributes, from the configuration.
    pub(crate) attributes: &'a [(String, String)],
    /// The protocol that the client asks to switch to (RFC 9110 section 7.8).
    pub(crate) upgrade: Option<&'a HeaderValue>,
}

/// What an operator wants of a member, as Tomcat is told (`JK_LB_ACTIVATION`, mod_jk's `jk_lb_worker.c`): its
/// LoadBalancerDrainingValve sends sessions away that it no longer knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activation<'a> {
    /// Whether it was draining when the request was scheduled. A drain that begins between then and the writing is
    /// not told: the request was given to a member that takes new sessions, and the valve would send it away.
    pub(crate) draining: bool,
    /// Whether it is disabled or stopped by now, as may happen while a request waits for a connection.
    pub(crate) withdrawn: &'a AtomicBool,
}

impl Activation<'_> {
    /// `ACT`, `DIS` or `STP`, at the moment of writing.
    pub(crate) fn text(self) -> &'static str {
        match (self.draining, self.withdrawn.load(Ordering::Relaxed)) {
            (_, true) => "STP",
            (true, false) => "DIS",
            (false, false) => "ACT",
        }
    }
}

/// How long the steps of an attempt took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timing {
    /// For a connection: for a free place in the pool, and for connecting.
    pub(crate) waited: Duration,
    /// From then on to the head of the answer.
    pub(crate) to_head: Duration,
}

/// The backend of a member. The set is closed, so it is an enum: a new protocol is a new arm, and the
/// compiler finds every place that has to know.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// AJP13.
    Ajp(AjpBackend),
    /// HTTP/1.1, plain or through TLS.
    Http(HttpBackend),
    /// FTP, plain or through TLS.
    Ftp(FtpBackend),
}

impl Backend {
    /// Sends a request and waits for the head of the answer.
    ///
    /// `upload` is read as far as the backend asks for it; the rest goes on with the answer's body.
    pub(crate) async fn send(
        &self,
        request: &Forward<'_>,
        upload: &mut Option<Upload>,
        fresh: bool,
        timing: &mut Timing,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        match self {
            Self::Ajp(backend) => backend.send(request, upload, fresh, timing).await,
            // Boxed, so that a request over AJP13 need not carry room for them.
            Self::Http(backend) => Box::pin(backend.send(request, upload, fresh, timing)).await,
            Self::Ftp(backend) => Box::pin(backend.send(request, upload, fresh, timing)).await,
        }
    }

    /// Asks the member whether it is well, on a connection made for that, within `limit`.
    pub(crate) async fn check(
        &self,
        question: Question<'_>,
        limit: Duration,
    ) -> Result<Reply, FailureKind> {
        match self {
            Self::Ajp(backend) => backend.check(question, limit).await,
            Self::Http(backend) => backend.check(question, limit).await,
            Self::Ftp(backend) => backend.check(question, limit).await,
        }
    }

    /// Another connector of the member, to which upgrades go.
    fn upgrades(&self) -> Option<&HttpBackend> {
        match self {
            Self::Ajp(backend) => backend.upgrades(),
            Self::Http(backend) => backend.upgrades(),
            Self::Ftp(_) => None,
        }
    }

    /// How many connections there are to it.
    pub(crate) fn connections(&self) -> PoolView {
        let view = match self {
            Self::Ajp(backend) => backend.pool().view(),
            Self::Http(backend) => backend.pool().view(),
            Self::Ftp(backend) => backend.pool().view(),
        };
        match self.upgrades() {
            Some(connector) => view.and(connector.pool().view()),
            None => view,
        }
    }

    /// How long an idle connection is kept.
    pub(crate) fn ttl(&self) -> Duration {
        match self {
            Self::Ajp(backend) => backend.pool().ttl(),
            Self::Http(backend) => backend.pool().ttl(),
            Self::Ftp(backend) => backend.pool().ttl(),
        }
    }

    /// Looks after the idle connections; see [`Pool::maintain`].
    pub(crate) async fn maintain(&self) {
        match self {
            Self::Ajp(backend) => backend.pool().maintain().await,
            Self::Http(backend) => backend.pool().maintain().await,
            Self::Ftp(backend) => backend.pool().maintain().await,
        }
        if let Some(connector) = self.upgrades() {
            connector.pool().maintain().await;
        }
    }

    /// Counts connections here from now on.
    pub(crate) fn count_connects(&self, connects: &ConnectCounters) {
        match self {
            Self::Ajp(backend) => backend.pool().count_connects(connects.clone()),
            Self::Http(backend) => backend.pool().count_connects(connects.clone()),
            Self::Ftp(backend) => backend.pool().count_connects(connects.clone()),
        }
        if let Some(connector) = self.upgrades() {
            connector.pool().count_connects(connects.clone());
        }
    }

    /// Whether new connections would be made in another way now, because files of the configuration have changed.
    pub(crate) fn is_out_of_date(&self) -> bool {
        match self {
            Self::Ajp(backend) => backend.upgrades().is_some_and(HttpBackend::is_out_of_date),
            Self::Http(backend) => backend.is_out_of_date(),
            Self::Ftp(backend) => backend.is_out_of_date(),
        }
    }

    /// Whether both have the same connections.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ajp(one), Self::Ajp(other)) => one.pool().is(other.pool()),
            (Self::Http(one), Self::Http(other)) => one.pool().is(other.pool()),
            (Self::Ftp(one), Self::Ftp(other)) => one.pool().is(other.pool()),
            _ => false,
        }
    }

    /// Keeps no connection any more; see [`Pool::retire`].
    pub(crate) fn retire(&self) {
        match self {
            Self::Ajp(backend) => backend.pool().retire(),
            Self::Http(backend) => backend.pool().retire(),
            Self::Ftp(backend) => backend.pool().retire(),
        }
        if let Some(connector) = self.upgrades() {
            connector.pool().retire();
        }
    }

    /// Closes the idle connections; those in use close when they come back.
    pub(crate) fn close(&self) {
        match self {
            Self::Ajp(backend) => backend.pool().close(),
            Self::Http(backend) => backend.pool().close(),
            Self::Ftp(backend) => backend.pool().close(),
        }
        if let Some(connector) = self.upgrades() {
            connector.pool().close();
        }
    }
}
