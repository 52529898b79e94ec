//! The listener: it accepts connections and answers their requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::access::Access;
use super::patience::Patient;
use super::route::answer;
use crate::state::Shared;
use crate::telemetry::WarnLimit;

/// The largest number of connections at the same time. A scraper, a person and the probes of an orchestrator need a few.
const MAX_CONNECTIONS: usize = 64;

/// The largest number of connections from addresses that `allow` does not have. They get 403, and must not use up the
/// connections of allowed clients.
const MAX_STRANGERS: usize = 8;

/// The longest time between the end of a request and the head of the next one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests until `stop` is cancelled. This is later than the end of the other listeners, so that probes see a
/// shutdown. Where another process has taken over, its listener answers them: no more are taken here.
pub(crate) async fn serve(
    listener: TcpListener,
    access: Arc<Access>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let failures = WarnLimit::per_second();
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let strangers = Arc::new(Semaphore::new(MAX_STRANGERS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            () = shared.closing.replaced() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if let Some(left_out) = failures.due(()) {
                    warn!(%error, left_out = left_out.field(), "admin: cannot accept connections");
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
            attend(stream, address, &access, &shared, &stop).await;
            drop(permit);
        });
    }
}

/// Answers the requests of one connection until either side ends it or `stop` is cancelled. Where another process has
/// taken over, it ends behind the request under way.
async fn attend(
    stream: TcpStream,
    address: SocketAddr,
    access: &Access,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
) {
    let service = service_fn(|request| async move {
        Ok::<_, Infallible>(answer(shared, access, address, request).await)
    });
    let connection = http1::Builder::new()
        // A client that has closed its sending side still gets its answer.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    let mut connection = pin!(connection);
    let relieved = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = shared.closing.replaced() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    tokio::select! {
        () = stop.cancelled() => {}
        ended = relieved => {
            if let Err(error) = ended {
                debug!(%error, "admin: connection ended");
            }
        }
    }
}
