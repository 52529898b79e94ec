//! Upgrades: a client's connection and a member's that have agreed on another protocol (RFC 9110 section 7.8).

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tracing::debug;

use super::tracked::Tracked;
use crate::backend::Tunnel;
use crate::connection_state::ConnectionState;
use crate::headers::Nominated;
use crate::state::Shared;

/// The protocol that a request asks for, when it may be asked for through a gateway.
///
/// Not HTTP itself in another version: behind `h2c` a client could send requests that nobody here looks at.
pub(crate) fn asked<'a>(parts: &'a Parts, nominated: &Nominated) -> Option<&'a HeaderValue> {
    let has_body = [CONTENT_LENGTH, TRANSFER_ENCODING]
        .iter()
        .any(|name| parts.headers.get(name).is_some_and(|value| value != "0"));
    if parts.method != Method::GET
        || parts.version != Version::HTTP_11
        || has_body
        || !nominated.contains(&UPGRADE)
    {
        return None;
    }
    let mut protocols = parts.headers.get_all(UPGRADE).iter();
    let protocol = protocols.next()?;
    let text = protocol.to_str().ok()?;
    let name = text.split('/').next().unwrap_or_default();
    let allowed = !text.is_empty()
        && !text.contains(',')
        && !["h2c", "h2", "http", "tls"]
            .iter()
            .any(|not| name.eq_ignore_ascii_case(not));
    (allowed && protocols.next().is_none()).then_some(protocol)
}

/// Has the client's connection speak the other protocol once its 101 is out. The request lasts as long as that.
pub(crate) fn begin(
    client: OnUpgrade,
    mut tunnel: Box<Tunnel>,
    mut tracked: Tracked,
    timeout: Duration,
    shared: &Arc<Shared>,
    connection: &ConnectionState,
) {
    let shared = Arc::clone(shared);
    connection.upgrade(async move {
        let client = match client.await {
            Ok(client) => TokioIo::new(client),
            Err(error) => {
                debug!(%error, "client gone before the upgrade");
                return;
            }
        };
        let moving = tunnel.run(client, timeout, |moved| tracked.moved(moved));
        tokio::select! {
            () = moving => {}
            // It has no end of its own that could be waited for.
            () = shared.closing.begins() => {}
        }
        tracked.moved(tunnel.moved());
    });
}
