//! Counters and gauges: whole numbers that requests change without a lock, and that a scrape reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number that only grows. A clone is the same counter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(Option<Arc<AtomicU64>>);

impl Counter {
    /// A counter that starts at 0.
    pub(super) fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// Counts nowhere.
    pub(super) const fn noop() -> Self {
        Self(None)
    }

    pub(crate) fn increment(&self, by: u64) {
        if let Some(total) = &self.0 {
            total.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// The total since the gateway started.
    pub(crate) fn total(&self) -> u64 {
        let total = self.0.as_ref();
        total.map_or(0, |total| total.load(Ordering::Relaxed))
    }
}

/// A number that grows and shrinks. A clone is the same gauge.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauge(Arc<AtomicI64>);

impl Gauge {
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn decrement(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.store(value, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
