//! Backends: how a request gets to a member and an answer back, one arm for each protocol.

mod ajp;
mod check;
mod connect;
mod error;
mod exchange;
mod forward;
mod ftp;
mod head;
mod http1;
mod pool;
mod response;
mod stream;
mod tls;
mod wire;

use std::time::Duration;

pub(crate) use self::ajp::AjpBackend;
pub(crate) use self::check::{Ask, Question, Reply};
pub(crate) use self::connect::connect;
pub(crate) use self::error::{Age, Connector, Exposure, FailureKind, ForwardError, Unsendable};
#[cfg(test)]
pub(crate) use self::error::{BadHead, ConnectError};
pub(crate) use self::exchange::Incomplete;
pub(crate) use self::forward::{Activation, Failed, Forward, Sent};
pub(crate) use self::ftp::{FtpBackend, FtpSettings};
pub(crate) use self::http1::{HttpBackend, Tunnel};
pub(crate) use self::pool::{Pool, PoolSettings, PoolView, Reuse};
pub(crate) use self::response::ResponseBody;
pub(crate) use self::tls::{Tls, TlsError};
pub(crate) use self::wire::Moved;
use crate::telemetry::metrics::ConnectCounters;
use crate::upload::Upload;

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
        upload: Upload,
        reuse: Reuse,
    ) -> Result<Sent<ResponseBody>, Box<Failed>> {
        if let (Some(_), Some(connector)) = (request.upgrade, self.upgrades()) {
            // Boxed, so that a request over AJP13 need not carry room for it; so are the others below.
            let sent = Box::pin(connector.send(request, upload, reuse)).await;
            let sent = sent.map_err(Failed::at_upgrades)?;
            return Ok(sent.map(ResponseBody::from));
        }
        match self {
            Self::Ajp(backend) => {
                let sent = backend.send(request, upload, reuse).await?;
                Ok(sent.map(ResponseBody::Ajp))
            }
            Self::Http(backend) => {
                let sent = Box::pin(backend.send(request, upload, reuse)).await?;
                Ok(sent.map(ResponseBody::from))
            }
            Self::Ftp(backend) => {
                let sent = Box::pin(backend.send(request, upload, reuse)).await?;
                Ok(sent.map(ResponseBody::Ftp))
            }
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
