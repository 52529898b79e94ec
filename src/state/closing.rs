//! How far the stop of the gateway has come.
//!
//! | Step | `/readyz` | New connections | Answers over HTTP/1.1 | Connections between two requests |
//! |---|---|---|---|---|
//! | running | 200 | taken | | kept |
//! | announced | 503 | taken | | kept |
//! | begun | 503 | not taken | say `Connection: close` | closed |
//! | begun beside a successor | by the successor | taken by the successor | say `Connection: close` | kept for a last request |
//!
//! Connections that speak another protocol (WebSocket) go on until `shutdown_timeout` is over.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use crate::revision::Revision;

/// How far the stop has come. It never goes back.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    announced: AtomicBool,
    /// The same as the token's, for those who look at it with every packet.
    begun: AtomicBool,
    begins: CancellationToken,
    /// Another process has taken over.
    replaced: CancellationToken,
    /// The same as the token's.
    idle_over: AtomicBool,
    idle_ends: CancellationToken,
    tunnels_end: CancellationToken,
}

impl Closing {
    /// Says that the listeners will close soon.
    pub(crate) fn announce(&self) {
        self.announced.store(true, Ordering::Relaxed);
    }

    /// Whether a stop has been announced, or has begun.
    pub(crate) fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Relaxed)
    }

    /// Takes no more connections, and ends those that have no request.
    pub(crate) fn begin(&self) {
        self.announce();
        self.begun.store(true, Ordering::Relaxed);
        self.begins.cancel();
        self.end_idle();
    }

    /// Takes no more connections, because another process takes them. Those between two requests are kept until `end_idle`:
    /// a client that sends its next request at this moment must get its answer.
    pub(crate) fn begin_beside_successor(&self) {
        self.announce();
        self.replaced.cancel();
        self.begun.store(true, Ordering::Relaxed);
        self.begins.cancel();
    }

    /// Whether another process has taken over.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.is_cancelled()
    }

    /// Waits until another process takes over.
    pub(crate) fn replaced(&self) -> impl Future<Output = ()> + '_ {
        self.replaced.cancelled()
    }

    /// Whether no more connections are taken, and no request behind the present one.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Waits until no more are taken.
    pub(crate) fn begins(&self) -> impl Future<Output = ()> + '_ {
        self.begins.cancelled()
    }

    /// Ends the connections that have no request.
    pub(crate) fn end_idle(&self) {
        self.idle_over.store(true, Ordering::Relaxed);
        self.idle_ends.cancel();
    }

    /// Whether connections without a request are to end.
    pub(crate) fn is_idle_over(&self) -> bool {
        self.idle_over.load(Ordering::Relaxed)
    }

    /// Waits until connections without a request are to end.
    pub(crate) fn idle_ends(&self) -> impl Future<Output = ()> + '_ {
        self.idle_ends.cancelled()
    }

    /// The revision of what connections depend on. Those who wait for the next one are also woken when connections without a
    /// request are to end.
    pub(crate) fn revision(&self) -> Revision {
        Revision::new(&self.idle_ends)
    }

    /// Ends the connections that speak another protocol: they have no end of their own that could be waited for.
    pub(crate) fn end_tunnels(&self) {
        self.tunnels_end.cancel();
    }

    /// Waits until connections that speak another protocol are to end.
    pub(crate) fn tunnels_end(&self) -> impl Future<Output = ()> + '_ {
        self.tunnels_end.cancelled()
    }
}
