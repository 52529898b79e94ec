//! New TCP connections: the name is resolved for each, and all its addresses are tried.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tracing::warn;

use super::error::ConnectError;
#[cfg(feature = "ftp")]
use super::error::FailureKind;
use crate::telemetry::WarnLimit;

/// Limits the warning that no file descriptor is left. They are of the process, so the limit is too.
static NO_DESCRIPTOR: WarnLimit = WarnLimit::per_second();

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
        Ok(addresses) => addresses.map_err(|error| failed(error, ConnectError::Resolve))?,
        Err(_) => return Err(ConnectError::ResolveTimeout),
    };
    let mut last = ConnectError::Resolve(io::ErrorKind::NotFound.into());
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
        Ok(stream) => stream.map_err(|error| failed(error, ConnectError::Io))?,
        Err(_) => return Err(ConnectError::Timeout),
    };
    stream.set_nodelay(true).map_err(ConnectError::Io)?;
    Ok(stream)
}

/// What an error of the system is for a further connection of an exchange that has begun.
#[cfg(feature = "ftp")]
pub(super) fn lost(error: io::Error) -> FailureKind {
    match failed(error, ConnectError::Io) {
        ConnectError::Io(error) => FailureKind::Lost(error),
        other => FailureKind::Connect(other),
    }
}

/// Names the error, and warns where the member has no part in it.
fn failed(error: io::Error, kind: fn(io::Error) -> ConnectError) -> ConnectError {
    let error = ConnectError::of_system(error, kind);
    if matches!(error, ConnectError::NoDescriptor(_))
        && let Some(left_out) = NO_DESCRIPTOR.due(())
    {
        warn!(
            %error, left_out = left_out.field(),
            "no connection to a member can be opened: this process needs a higher limit of open files (ulimit -n)"
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_lack_of_file_descriptors_is_told_from_failures_of_the_member() {
        for lack in [Errno::MFILE, Errno::NFILE] {
            for kind in [ConnectError::Io, ConnectError::Resolve] {
                let error = failed(lack.into(), kind);
                assert!(matches!(error, ConnectError::NoDescriptor(_)), "{error:?}");
            }
        }
        let refused = failed(Errno::CONNREFUSED.into(), ConnectError::Io);
        assert!(matches!(refused, ConnectError::Io(_)), "{refused:?}");
    }
}
