//! One client connection, from accept to close.

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ajpgate_config::Limits;
use bytes::Bytes;
use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tracing::debug;

use super::framing::{self, Refused};
use super::guard::{Bounds, Guard};
use crate::connection_state::ConnectionState;
use crate::peer::Peer;
use crate::proxy;
use crate::state::Shared;

/// Room that hyper's buffers need beyond the largest head, in bytes.
const BUFFER_MARGIN: usize = 8 * 1024;

/// Bounds of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionSettings {
    /// Largest head of a request, in bytes.
    pub(crate) max_header_bytes: usize,
    /// From the first byte of a head to its last.
    pub(crate) header_timeout: Duration,
    /// Between two requests.
    pub(crate) idle_timeout: Duration,
}

impl ConnectionSettings {
    pub(super) const fn of(limits: &Limits) -> Self {
        Self {
            max_header_bytes: limits.max_header_bytes,
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
        }
    }
}

/// Serves the requests on a connection until either side ends it.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: &Arc<Peer>,
    settings: ConnectionSettings,
    shared: &Arc<Shared>,
) {
    let state = Arc::new(ConnectionState::default());
    let bounds = Bounds {
        max_head: settings.max_header_bytes,
        head: settings.header_timeout,
        idle: settings.idle_timeout,
        farewell,
    };
    let guard = Guard::new(stream, Arc::clone(&state), bounds);
    let service = service_fn(|request| {
        let answer = proxy::handle(
            Arc::clone(shared),
            Arc::clone(peer),
            Arc::clone(&state),
            request,
        );
        async { Ok::<_, Infallible>(answer.await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            // Both ways: what hyper holds of a client's requests, and of an answer that the client is slow to
            // take.
            .max_buf_size(settings.max_header_bytes.saturating_add(BUFFER_MARGIN))
            .serve_connection(TokioIo::new(guard), service)
            .with_upgrades()
    );
    let mut closing = pin!(shared.closing.begins());
    let (mut listening, mut closed) = (false, false);
    let ended = poll_fn(|cx| {
        // Polled once, so that it wakes this task; from then on the flag is enough.
        listening = listening || closing.as_mut().poll(cx).is_pending();
        if shared.closing.has_begun() && !closed {
            // Ends an idle connection at once, a busy one after its answer.
            connection.as_mut().graceful_shutdown();
            closed = true;
        }
        connection.as_mut().poll(cx)
    })
    .await;
    if let Some(tunnel) = state.take_tunnel() {
        tunnel.await;
    }
    let mut refusal = state.refusal();
    if let Err(error) = &ended {
        debug!(client = peer.ip, %error, "connection ended");
        // What gets through the guard and is no request all the same hyper has answered itself.
        refusal = refusal.or(match error {
            error if error.is_parse_too_large() => {
                Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            error if error.is_parse() => Some(StatusCode::BAD_REQUEST),
            _ => None,
        });
    }
    if let Some(status) = refusal {
        proxy::refused(shared, peer, status, state.requests());
    }
}

/// The answer to a request that is refused before hyper has seen it.
fn farewell(why: Refused) -> Bytes {
    let status = framing::status(why);
    let text = proxy::text(status);
    let head = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {}\r\ndate: {}\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        text.len(),
        jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT"),
    );
    Bytes::from([head.as_bytes(), &text].concat())
}
