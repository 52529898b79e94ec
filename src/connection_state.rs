//! What a client connection and the requests on it tell each other.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

/// Shared by the layer under hyper, which owns the socket, and the request path above it.
///
/// Both run in the connection's task, one after the other, so no order between the flags is needed.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    answering: AtomicBool,
    aborted: AtomicBool,
    refused: AtomicU16,
    requests: AtomicU32,
    received: AtomicU64,
    upgraded: AtomicBool,
    tunnel: Mutex<Option<Tunnel>>,
}

/// What a connection does once it speaks another protocol.
struct Tunnel(Pin<Box<dyn Future<Output = ()> + Send>>);

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tunnel")
    }
}

impl ConnectionState {
    /// Notes that a request's head has been handed on.
    pub(crate) fn begin(&self) {
        self.answering.store(true, Ordering::Relaxed);
    }

    /// Marks a request that is being answered until the returned value goes. Also counts it.
    pub(crate) fn answering(self: &Arc<Self>) -> Answering {
        self.begin();
        self.requests.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// Whether a request is being answered.
    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed)
    }

    /// Requests on this connection so far, the current one included.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// An answer cannot be completed: the connection is to be reset, so that nobody takes what has been sent
    /// for all of it.
    pub(crate) fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Relaxed)
    }

    /// Bytes have come from the client.
    pub(crate) fn receive(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that have come since this was asked last.
    pub(crate) fn take_received(&self) -> u64 {
        self.received.swap(0, Ordering::Relaxed)
    }

    /// From the end of this answer on the connection speaks another protocol: its bytes are nobody's requests, and
    /// it does what `tunnel` does.
    pub(crate) fn upgrade(&self, tunnel: impl Future<Output = ()> + Send + 'static) {
        self.upgraded.store(true, Ordering::Relaxed);
        let mut place = self.tunnel.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Tunnel(Box::pin(tunnel)));
    }

    /// Whether the bytes of the connection are of another protocol.
    pub(crate) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Relaxed)
    }

    /// What is to be done once hyper has let go of the connection.
    pub(crate) fn take_tunnel(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let mut place = self.tunnel.lock().unwrap_or_else(PoisonError::into_inner);
        place.take().map(|Tunnel(tunnel)| tunnel)
    }

    /// A head was refused with this status before it became a request.
    pub(crate) fn refuse(&self, status: StatusCode) {
        self.refused.store(status.as_u16(), Ordering::Relaxed);
    }

    pub(crate) fn refusal(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.refused.load(Ordering::Relaxed)).ok()
    }
}

/// A request that is being answered: from its head to the last byte of the answer's body.
#[derive(Debug)]
pub(crate) struct Answering(Arc<ConnectionState>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.store(false, Ordering::Relaxed);
    }
}
