//! The listener: it accepts connections and answers their requests.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ajpgate_config::Admin;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::access::Access;
use super::patience::Patient;
use super::route::answer;
use crate::client::Tls;
use crate::revision::Revision;
use crate::state::Shared;
use crate::telemetry::WarnLimit;
use crate::tls::{Renewal, Server, ServerError};

/// The largest number of connections at the same time. A scraper, a person and the probes of an orchestrator need a few.
const MAX_CONNECTIONS: usize = 64;

/// The largest number of connections from addresses that `allow` does not have. They get 403, and must not use up the
/// connections of allowed clients.
const MAX_STRANGERS: usize = 8;

/// The longest time between the end of a request and the head of the next one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who may ask, and how.
#[derive(Debug)]
pub(crate) struct Settings {
    access: Access,
    tls: Option<Arc<Server>>,
}

/// Why there is no admin listener.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("the system has no random numbers: {0}")]
    Random(#[from] io::Error),
    #[error(transparent)]
    Tls(#[from] ServerError),
}

impl Settings {
    /// # Errors
    /// A file of `tls` that cannot be used.
    pub(crate) fn new(admin: &Admin) -> Result<Self, SettingsError> {
        let tls = admin.tls.as_ref();
        let tls = tls.map(|tls| Server::new(tls, false, None)).transpose()?;
        Ok(Self {
            access: Access::new(admin)?,
            tls: tls.map(Arc::new),
        })
    }

    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// What it speaks TLS with.
    pub(crate) const fn tls(&self) -> Option<&Arc<Server>> {
        self.tls.as_ref()
    }

    fn renewal(
        &self,
        listener: &TcpListener,
        revision: &Arc<Revision>,
        shared: &Shared,
    ) -> Option<Renewal> {
        let tls = self.tls.as_ref()?;
        let address = listener.local_addr().ok()?;
        let expiries = &shared.counters.certificates;
        Some(Renewal::start(tls, address, revision, expiries))
    }
}

/// Answers requests until `stop` is cancelled. This is later than the end of the other listeners, so that probes see a
/// shutdown. Where another process has taken over, its listener answers them: no more are taken here.
pub(crate) async fn serve(
    listener: TcpListener,
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let revision = Arc::new(Revision::new(&CancellationToken::new()));
    let _renewal = settings.renewal(&listener, &revision, &shared);
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
        let permit = match settings.access.allows(address.ip()) {
            true => tokio::select! {
                () = stop.cancelled() => return,
                permit = Arc::clone(&permits).acquire_owned() => permit.ok(),
            },
            false => Arc::clone(&strangers).try_acquire_owned().ok(),
        };
        let Some(permit) = permit else {
            continue;
        };
        let (shared, settings, stop) = (Arc::clone(&shared), Arc::clone(&settings), stop.clone());
        let revision = Arc::clone(&revision);
        tokio::spawn(async move {
            converse(stream, address, &settings, &shared, &stop, &revision).await;
            drop(permit);
        });
    }
}

/// Answers the requests of a connection, over TLS where the listener has it.
async fn converse(
    stream: TcpStream,
    address: SocketAddr,
    settings: &Settings,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
    revision: &Revision,
) {
    let access = &settings.access;
    let Some(server) = &settings.tls else {
        return attend(stream, address, access, shared, stop, pending()).await;
    };
    let seen = revision.number();
    let counters = &shared.counters.tls_handshakes;
    let accepting = server.accept(stream, HANDSHAKE_TIMEOUT, counters, &shared.challenges);
    match accepting.await {
        Ok(it) => {
            let withdrawn = withdrawn(server, revision, seen, &it.facts);
            attend(it.stream, address, access, shared, stop, withdrawn).await;
        }
        Err(refused) => debug!(%refused, "admin: TLS handshake failed"),
    }
}

/// Ready once the client of a connection would not be let in any more. `seen` is the revision at which it was.
async fn withdrawn(server: &Server, revision: &Revision, mut seen: u64, client: &Tls) {
    loop {
        let (number, next) = revision.watch();
        if number != seen && !server.lets_in(client) {
            return;
        }
        seen = number;
        next.await;
    }
}

/// Answers the requests of one connection until either side ends it or `stop` is cancelled. Where another process has
/// taken over, or the client is no longer let in (`withdrawn`), it ends behind the request under way.
async fn attend(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    address: SocketAddr,
    access: &Access,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
    withdrawn: impl Future<Output = ()>,
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
            () = withdrawn => {}
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
