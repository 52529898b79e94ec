//! The backend of a member, whatever it speaks.

use std::time::Duration;

use super::ajp::AjpBackend;
use super::check::{Question, Reply};
use super::error::FailureKind;
use super::forward::{Failed, Forward, Sent};
#[cfg(feature = "ftp")]
use super::ftp::FtpBackend;
use super::http1::HttpBackend;
use super::pool::{PoolControl, PoolView, Reuse};
use super::response::ResponseBody;
use crate::telemetry::metrics::ConnectCounters;
use crate::turn::turn;
use crate::upload::Upload;

/// The backend of a member. A clone has the same connections.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    arm: Arm,
    /// The connector that requests to switch protocols go to (`upgrade_url`).
    upgrades: Option<HttpBackend>,
}

/// The protocol of a member. The set of protocols is closed, so this is an enum: for a new variant the compiler finds every
/// place that must handle it.
#[derive(Debug, Clone)]
pub(super) enum Arm {
    /// AJP13.
    Ajp(AjpBackend),
    /// HTTP/1.1, plain or through TLS.
    Http(HttpBackend),
    /// FTP, plain or through TLS.
    #[cfg(feature = "ftp")]
    Ftp(FtpBackend),
}

impl Backend {
    pub(super) const fn new(arm: Arm, upgrades: Option<HttpBackend>) -> Self {
        Self { arm, upgrades }
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// `upload` is read as far as the member asks for it; the rest is sent while the answer's body is read. Dropping the
    /// future closes the connection.
    pub(crate) async fn send(
        &self,
        request: &Forward<'_>,
        upload: Upload,
        reuse: Reuse,
    ) -> Result<Sent<ResponseBody>, Box<Failed>> {
        // Before a connection is leased: what was learnt of it then must not be out of date when the request is written.
        turn().await;
        if let (Some(_), Some(connector)) = (request.upgrade, &self.upgrades) {
            // This future and those below are boxed, so that the future of a request over AJP13 stays small.
            let sent = Box::pin(connector.send(request, upload, reuse)).await;
            let sent = sent.map_err(Failed::at_upgrades)?;
            return Ok(sent.map(ResponseBody::from));
        }
        match &self.arm {
            Arm::Ajp(backend) => {
                let sent = backend.send(request, upload, reuse).await?;
                Ok(sent.map(ResponseBody::Ajp))
            }
            Arm::Http(backend) => {
                let sent = Box::pin(backend.send(request, upload, reuse)).await?;
                Ok(sent.map(ResponseBody::from))
            }
            #[cfg(feature = "ftp")]
            Arm::Ftp(backend) => {
                let sent = Box::pin(backend.send(request, upload, reuse)).await?;
                Ok(sent.map(ResponseBody::Ftp))
            }
        }
    }

    /// Asks the member whether it works, within `limit`. The connection is made for the check and closed after it, so
    /// that a full pool fails no check and a check takes no request's place.
    pub(crate) async fn check(
        &self,
        question: Question<'_>,
        limit: Duration,
    ) -> Result<Reply, FailureKind> {
        let checked = async {
            match &self.arm {
                Arm::Ajp(backend) => backend.check(question, limit).await,
                Arm::Http(backend) => backend.check(question).await,
                #[cfg(feature = "ftp")]
                Arm::Ftp(backend) => backend.check(question).await,
            }
        };
        tokio::time::timeout(limit, checked)
            .await
            .unwrap_or(Err(FailureKind::Silent))
    }

    /// The status with which a request of this method and path is refused before the member is asked; `None` when it is asked.
    pub(crate) fn refuses(
        &self,
        method: &http::Method,
        asked: &str,
        path: &str,
        root: &str,
    ) -> Option<http::StatusCode> {
        match &self.arm {
            Arm::Ajp(_) | Arm::Http(_) => {
                let _ = (method, asked, path, root);
                None
            }
            #[cfg(feature = "ftp")]
            Arm::Ftp(backend) => backend.refuses(method, asked, path, root),
        }
    }

    /// Whether the member speaks AJP13.
    pub(crate) const fn speaks_ajp13(&self) -> bool {
        matches!(self.arm, Arm::Ajp(_))
    }

    fn pool(&self) -> &dyn PoolControl {
        match &self.arm {
            Arm::Ajp(backend) => backend.pool(),
            Arm::Http(backend) => backend.pool(),
            #[cfg(feature = "ftp")]
            Arm::Ftp(backend) => backend.pool(),
        }
    }

    /// Its connections, and those of the connector for upgrades.
    fn pools(&self) -> impl Iterator<Item = &dyn PoolControl> {
        let upgrades = self.upgrades.iter();
        let upgrades = upgrades.map(|connector| connector.pool() as &dyn PoolControl);
        std::iter::once(self.pool()).chain(upgrades)
    }

    /// How many connections there are to the member.
    pub(crate) fn connections(&self) -> PoolView {
        let views = self.pools().map(PoolControl::view);
        views.fold(PoolView::default(), PoolView::and)
    }

    /// How long an idle connection is kept.
    pub(crate) fn ttl(&self) -> Duration {
        self.pool().ttl()
    }

    /// See [`PoolControl::maintain`].
    pub(crate) async fn maintain(&self) {
        for pool in self.pools() {
            pool.maintain().await;
        }
    }

    /// See [`PoolControl::count_connects`].
    pub(crate) fn count_connects(&self, connects: &ConnectCounters) {
        self.pools().for_each(|pool| pool.count_connects(connects));
    }

    /// See [`PoolControl::is_out_of_date`].
    pub(crate) fn is_out_of_date(&self) -> bool {
        self.pools().any(PoolControl::is_out_of_date)
    }

    /// Whether both have the same connections.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.pool().identity() == other.pool().identity()
    }

    /// See [`PoolControl::retire`].
    pub(crate) fn retire(&self) {
        self.pools().for_each(PoolControl::retire);
    }

    /// See [`PoolControl::close`].
    pub(crate) fn close(&self) {
        self.pools().for_each(PoolControl::close);
    }
}
