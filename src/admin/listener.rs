//! The listener itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::access::Access;
use super::patience::Patient;
use super::route::answer;
use crate::state::Shared;
use crate::telemetry::WarnLimit;

/// Most connections at once. A scraper, a person and an orchestrator's probes need a handful.
const MAX_CONNECTIONS: usize = 64;

/// Most of those that only wait for a 403. They must not keep out who may ask.
const MAX_STRANGERS: usize = 8;

/// From one request's end to the next one's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait when no connection can be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers until `stop` is done: longer than clients are served, so that probes see a shutdown.
pub(crate) async fn serve(
    listener: TcpListener,
    access: Arc<Access>,
    shared: Arc<Shared>,
    stop: tokio_util::sync::CancellationToken,
) {
    let failures = WarnLimit::per_second();
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let strangers = Arc::new(Semaphore::new(MAX_STRANGERS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if let Some(left_out) = failures.due(()) {
                    warn!(%error, left_out = left_out.field(), "admin: cannot take connections");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let permit = match access.allows(address.ip()) {
            true => tokio::select! {
                () = stop.cancelled() => return,
                permit = Arc::clone(&permits).acquire_owned() => permit.ok(),
            },
            false => Arc::clone(&strangers).try_acquire_owned().ok(),
        };
        let Some(permit) = permit else {
            continue;
        };
        let (shared, access, stop) = (Arc::clone(&shared), Arc::clone(&access), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| async {
                Ok::<_, Infallible>(answer(&shared, &access, address, request).await)
            });
            let connection = http1::Builder::new()
                // Answers are short: a client that sends no more gets its own.
                .half_close(true)
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(Patient::new(stream)), service);
            tokio::select! {
                () = stop.cancelled() => {}
                ended = connection => {
                    if let Err(error) = ended {
                        debug!(%error, "admin: connection ended");
                    }
                }
            }
            drop(permit);
        });
    }
}
