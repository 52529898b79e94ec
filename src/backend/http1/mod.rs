//! A member that speaks HTTP/1.1, plain or through TLS.
//!
//! hyper writes the request and parses the answer. A [guard](guard) under it sees the bytes of the answer first, and
//! refuses answers that hyper would accept although two readers could see their end at two places.

mod answer;
mod check;
mod driver;
mod guard;
mod interim;
mod progress;
mod request;
mod stream;
mod times;
mod tunnel;
mod upload_body;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ajp13::exchange::RequestBody;
use http::{Method, StatusCode};
use tokio::time::Instant;

use self::answer::Asked;
pub(crate) use self::driver::HttpDriver;
use self::progress::Progress;
use self::stream::HttpTransport;
pub(crate) use self::tunnel::Tunnel;
use self::upload_body::UploadBody;
use super::error::{FailureKind, ForwardError};
use super::exchange::{Exchange as _, Streamed};
use super::forward::{Failed, Forward, Sent, Steps, Watched};
use super::head::{Head, Length, finish};
use super::pool::{Pool, Reuse};
use crate::upload::Upload;

/// How long a connection may have been idle for a request that may not be repeated. A member closes idle connections
/// without notice, mostly after some seconds, and a POST that is sent at that moment is lost. Under load connections are
/// never idle for so long; otherwise one more connection costs little. (HAProxy's `http-reuse safe` goes further: it
/// sends the first request of each client over a new connection.)
const SURELY_OPEN: Duration = Duration::from_millis(500);

/// A member that speaks HTTP/1.1.
#[derive(Debug, Clone)]
pub(crate) struct HttpBackend {
    pool: Pool<HttpTransport>,
    /// Longest silence of the member.
    timeout: Duration,
    /// The member's host and port, for requests that name no host.
    authority: Arc<str>,
}

/// The bytes behind the head of an answer.
#[derive(Debug)]
pub(crate) enum HttpBody {
    /// The body of the answer.
    Streamed(Streamed<HttpDriver>),
    /// Another protocol, after a 101.
    Tunnel(Box<Tunnel>),
}

impl HttpBackend {
    pub(crate) fn new(pool: Pool<HttpTransport>, timeout: Duration, authority: &str) -> Self {
        Self {
            pool,
            timeout,
            authority: Arc::from(authority),
        }
    }

    pub(crate) const fn pool(&self) -> &Pool<HttpTransport> {
        &self.pool
    }

    /// Sends a request and waits for the head of the answer. See [`Backend::send`](super::Backend::send).
    pub(crate) async fn send(
        &self,
        request: &Forward<'_>,
        upload: Upload,
        reuse: Reuse,
    ) -> Result<Sent<HttpBody>, Box<Failed>> {
        let asked = Instant::now();
        let idle = match request.idempotent {
            true => Duration::MAX,
            false => SURELY_OPEN,
        };
        let lease = self.pool.lease_fitting(reuse, idle, |_| true).await;
        let steps = Steps::leased(asked, &lease);
        let lease = match lease {
            Ok(lease) => lease,
            Err(kind) => return Err(steps.failed(ForwardError::unsent(kind), upload)),
        };
        let length = upload.length();
        let awaits_100 = request::awaits_100(request, length);
        let progress = Progress::new(upload, awaits_100, Some(request.connection));
        let asked = Asked {
            head_only: *request.method == Method::HEAD,
            upgrade: request.upgrade.is_some(),
        };
        let timeout = request.timeout.unwrap_or(self.timeout);
        let driver = HttpDriver::new(lease, Arc::clone(&progress), timeout, asked).await;
        // One allocation, instead of a copy of the driver in each function that the answer passes.
        let mut driver = match driver {
            Ok(driver) => Box::new(driver),
            Err(kind) => {
                return Err(steps.failed(ForwardError::unsent(kind), progress.take_upload()));
            }
        };
        match self.exchange(&mut driver, request, &progress, length).await {
            Ok(head) => {
                let came_at = progress.state().upload.came_at();
                let body = match driver.take_tunnel() {
                    Some(tunnel) => HttpBody::Tunnel(tunnel),
                    None => HttpBody::Streamed(Streamed::new(driver, head.length)),
                };
                Ok(steps.sent(head.answer, body, came_at))
            }
            Err(kind) => {
                let error = ForwardError::new(kind, driver.exposure(), driver.age());
                let moved = driver.moved();
                drop(driver);
                Err(steps.failed_after(moved, error, progress.take_upload()))
            }
        }
    }

    async fn exchange(
        &self,
        driver: &mut HttpDriver,
        request: &Forward<'_>,
        progress: &Arc<Progress>,
        length: RequestBody,
    ) -> Result<Head, FailureKind> {
        let body = UploadBody::new(Arc::clone(progress), length);
        let built = request::build(request, &self.authority, length, body)?;
        let watched = Watched::new(request, length);
        let (parts, ()) = driver.ask(built, watched).await?.into_parts();
        if let (StatusCode::SWITCHING_PROTOCOLS, Some(asked)) = (parts.status, request.upgrade) {
            return driver.switch(asked, &parts.headers).await;
        }
        let names = std::mem::take(&mut progress.state().names);
        let fields = names.spell(&parts.headers);
        let head = finish(parts.status, fields, request.method).map_err(FailureKind::BadHead)?;
        if matches!(head.length, Length::None | Length::Known(0)) {
            // The connection is free before the client has the answer.
            poll_fn(|cx| Poll::Ready(driver.peek_end(cx))).await;
        }
        Ok(head)
    }
}
