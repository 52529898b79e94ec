//! A counter that is also read here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Counter;

/// A counter whose total can be read, which that of the recorder cannot.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    counter: Counter,
    total: Arc<AtomicU64>,
}

impl Tally {
    pub(super) const fn new(counter: Counter, total: Arc<AtomicU64>) -> Self {
        Self { counter, total }
    }

    /// Counts nowhere.
    pub(super) fn noop() -> Self {
        Self::new(Counter::noop(), Arc::default())
    }

    pub(super) fn increment(&self) {
        self.counter.increment(1);
        self.total.fetch_add(1, Ordering::Relaxed);
    }

    /// The total since the gateway started.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}
