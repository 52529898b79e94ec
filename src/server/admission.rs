//! Which connections are let in, and who their clients are: PROXY header, and connections of one address.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tracing::debug;

use super::proxy_protocol::{self, Header, NoHeader, Source};
use crate::client::{Client, Counted};
use crate::state::Shared;
use crate::telemetry::metrics::{Limit, ProxyHeader};

/// A connection that was let in.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) client: Client,
    /// Counts among the connections of its client's address until it is dropped.
    pub(super) place: Option<Counted>,
}

/// Reads the PROXY header where the listener wants one, and counts the connections of the client's address. `None`: the
/// connection is to be closed; that has been counted and logged.
pub(super) async fn admit(
    stream: &mut TcpStream,
    addresses: [SocketAddr; 2],
    proxy_protocol: bool,
    shared: &Arc<Shared>,
) -> Option<Admitted> {
    let [address, local] = addresses;
    let client = match proxy_protocol {
        false => Client::new(address, local),
        // Boxed, because other connections need no room for it.
        true => Box::pin(behind_proxy(stream, addresses, shared)).await?,
    };
    let most = shared.snapshot.load().limits.max_connections_per_ip;
    let place = match most {
        None => None,
        Some(most) => {
            let place = shared.per_address.enter(client.address.ip(), most);
            if place.is_none() {
                debug!(
                    client = client.ip,
                    "connection closed: limits.max_connections_per_ip"
                );
                shared.counters.limits.increment(Limit::MaxConnectionsPerIp);
                return None;
            }
            place
        }
    };
    Some(Admitted { client, place })
}

/// The client of a connection that begins with a PROXY header.
async fn behind_proxy(
    stream: &mut TcpStream,
    [peer, local]: [SocketAddr; 2],
    shared: &Arc<Shared>,
) -> Option<Client> {
    let counter = &shared.counters.proxy_headers;
    let (trusted, time) = {
        let snapshot = shared.snapshot.load();
        let trusted = snapshot.trusted.contains(peer.ip());
        (trusted, snapshot.limits.header_timeout)
    };
    if !trusted {
        debug!(%peer, "connection closed: the peer is not in trusted_proxies");
        counter.increment(ProxyHeader::Untrusted);
        return None;
    }
    let read = tokio::select! {
        read = tokio::time::timeout(time, proxy_protocol::read(stream)) => read,
        () = shared.closing.idle_ends() => return None,
    };
    let (result, why) = match read {
        Ok(Ok(Header { source, is_secure })) => {
            counter.increment(ProxyHeader::Ok);
            let mut client = match source {
                Source::Client([address, local]) => Client::new(address, local).behind(peer.ip()),
                Source::Balancer => Client::new(peer, local),
                Source::Unknown => Client::new(peer, local).of_somebody(),
            };
            client.is_secure = is_secure;
            return Some(client);
        }
        Ok(Err(error @ NoHeader::Broken(_))) => (ProxyHeader::Broken, error.to_string()),
        Ok(Err(error)) => (ProxyHeader::Closed, error.to_string()),
        Err(_) => (
            ProxyHeader::Timeout,
            "no PROXY header within limits.header_timeout".to_owned(),
        ),
    };
    debug!(%peer, reason = why, "connection closed");
    counter.increment(result);
    None
}
