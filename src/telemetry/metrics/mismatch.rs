//! `sticky_route_mismatch_total`: sessions that a backend issued with a route that is not its member's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::cells::Counter;
use super::families::STICKY_MISMATCH;
use super::recorder::Metrics;
use super::series::Labels;

/// The value of `issued` for a route that no member has.
const UNKNOWN: &str = "unknown";

/// The counters of one member, one for each route that its backend has issued.
///
/// A balancer has members × routes such pairs and hardly any of them ever happens, so a counter is made when its pair
/// happens for the first time. Only the one for routes that no member has exists from the start.
#[derive(Debug, Clone)]
pub(super) struct MismatchCounters {
    metrics: Metrics,
    /// The labels of the member.
    labels: Labels,
    unknown: Counter,
    /// At most one for each route of the balancer.
    by_route: Arc<Mutex<HashMap<String, Counter>>>,
}

impl MismatchCounters {
    pub(super) fn new(metrics: &Metrics, labels: &Labels) -> Self {
        Self {
            unknown: register(metrics, labels, UNKNOWN),
            metrics: metrics.clone(),
            labels: labels.clone(),
            by_route: Arc::default(),
        }
    }

    /// Counts a session that was issued with this route of the configuration, or with `None` of them.
    pub(super) fn increment(&self, issued: Option<&str>) {
        let Some(issued) = issued else {
            self.unknown.increment(1);
            return;
        };
        let mut by_route = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = by_route.get(issued) {
            counter.increment(1);
            return;
        }
        let counter = register(&self.metrics, &self.labels, issued);
        counter.increment(1);
        by_route.insert(issued.to_owned(), counter);
    }
}

fn register(metrics: &Metrics, labels: &Labels, issued: &str) -> Counter {
    metrics.counter(&STICKY_MISMATCH, labels.and("issued", issued))
}
