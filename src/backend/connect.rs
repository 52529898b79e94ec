//! New TCP connections: the name is resolved for each, and all its addresses are tried.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::error::ConnectError;

/// Connects to the first of the host's addresses that accepts.
///
/// `limit` bounds the look-up, and then each attempt. A container that was restarted has a new address, so
/// nothing is remembered between two connections.
pub(crate) async fn connect(
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<TcpStream, ConnectError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return connect_to(SocketAddr::new(address, port), limit).await;
    }
    let addresses = match timeout(limit, lookup_host((host, port))).await {
        Ok(addresses) => addresses.map_err(ConnectError::Resolve)?,
        Err(_) => return Err(ConnectError::ResolveTimeout),
    };
    let mut last = ConnectError::Resolve(std::io::ErrorKind::NotFound.into());
    for address in addresses {
        match connect_to(address, limit).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr, limit: Duration) -> Result<TcpStream, ConnectError> {
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(stream) => stream.map_err(ConnectError::Io)?,
        Err(_) => return Err(ConnectError::Timeout),
    };
    stream.set_nodelay(true).map_err(ConnectError::Io)?;
    Ok(stream)
}
