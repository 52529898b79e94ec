//! A connection to an HTTP member.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;

use super::super::error::ConnectError;
use super::super::pool::Transport;
use super::super::stream::Stream;
use super::super::tls::Tls;
use super::super::wire::Wire;

/// A kept connection. It is lent to hyper for one exchange at a time.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    /// `None` while the connection is lent. The lock is there because the test for silence reads from the connection; it is
    /// never waited for.
    wire: Mutex<Option<Wire<Stream>>>,
}

impl HttpTransport {
    /// Lends the connection.
    pub(super) fn lend(&mut self) -> Option<Wire<Stream>> {
        self.wire
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Takes the connection back when it can serve another request.
    pub(super) fn take_back(&mut self, wire: Wire<Stream>) {
        *self.wire.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(wire);
    }
}

impl Transport for HttpTransport {
    /// `None` for a connection without TLS.
    type Settings = Option<Arc<Tls>>;

    async fn open(stream: TcpStream, tls: &Option<Arc<Tls>>) -> Result<Self, ConnectError> {
        let stream = Stream::open(stream, tls.as_deref()).await?;
        Ok(Self {
            wire: Mutex::new(Some(Wire::new(stream))),
        })
    }

    fn is_quiet(&self) -> bool {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        wire.as_mut().is_some_and(|wire| wire.stream.is_quiet())
    }

    fn rest(&mut self) -> bool {
        self.is_quiet()
    }

    fn is_out_of_date(tls: &Option<Arc<Tls>>) -> bool {
        tls.as_ref().is_some_and(|tls| tls.is_out_of_date())
    }
}
