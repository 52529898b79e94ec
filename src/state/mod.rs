//! What a request reads: everything that follows from the configuration, behind one pointer.
//!
//! A request loads [`Shared::snapshot`] once and keeps what it found. Whatever changes while the gateway runs
//! is inside a [`LiveBalancer`], behind its mutex, which is never held across an await.

mod drain;
mod live;
mod snapshot;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

pub(crate) use self::live::{Attempt, Chosen, LiveBalancer, LiveMember};
pub(crate) use self::snapshot::{LiveMapping, LiveTarget, Snapshot};
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::metrics::{GatewayMetrics, Metrics};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) metrics: Metrics,
    pub(crate) counters: GatewayMetrics,
    pub(crate) access_log: AccessLog,
    pub(crate) closing: Closing,
}

/// Whether new requests are still taken.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// The same as the token's, for those who look at it with every packet.
    begun: AtomicBool,
    token: CancellationToken,
}

impl Closing {
    /// Takes no more.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
        self.token.cancel();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Waits until no more are taken.
    pub(crate) fn begins(&self) -> impl Future<Output = ()> + '_ {
        self.token.cancelled()
    }
}
