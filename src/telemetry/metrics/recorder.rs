//! The recorder of a gateway's metrics.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::families::{
    BACKEND_DURATION, BUILD_INFO, FAMILIES, Family, Kind, POOL_WAIT, REQUEST_DURATION,
};
use super::shown::Shown;
use super::tally::Tally;

/// Upper bounds of the buckets of `request_duration_seconds`, in seconds. A balancer has one such histogram.
const REQUEST_BUCKETS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// Upper bounds of the buckets of `backend_duration_seconds`, in seconds. Fewer than for requests: every member has such
/// a histogram, and each bucket is a line of every scrape.
const BACKEND_BUCKETS: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Upper bounds of the buckets of `pool_wait_seconds`, in seconds. Every member has such a histogram.
const WAIT_BUCKETS: [f64; 5] = [0.001, 0.01, 0.1, 1.0, 10.0];

/// How often histograms are folded into their buckets. Between two times each observation takes eight bytes.
pub(crate) const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// The recorder of one gateway.
#[derive(Clone)]
pub(crate) struct Metrics {
    recorder: Arc<metrics_exporter_prometheus::PrometheusRecorder>,
    handle: PrometheusHandle,
    /// Totals of the counters that are also read here, by series: they go on when handles are made anew.
    totals: Arc<Mutex<HashMap<Key, Arc<AtomicU64>>>>,
}

impl Metrics {
    /// A recorder with every metric described.
    pub(crate) fn new() -> Result<Self, BuildError> {
        let full = |family: &Family| Matcher::Full(family.name.to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(full(&REQUEST_DURATION), &REQUEST_BUCKETS)?
            .set_buckets_for_metric(full(&BACKEND_DURATION), &BACKEND_BUCKETS)?
            .set_buckets_for_metric(full(&POOL_WAIT), &WAIT_BUCKETS)?
            .build_recorder();
        for family in FAMILIES {
            let (name, help) = (family.name.into(), SharedString::const_str(family.help));
            match family.kind {
                Kind::Counter => recorder.describe_counter(name, family.unit, help),
                Kind::Gauge => recorder.describe_gauge(name, family.unit, help),
                Kind::Histogram => recorder.describe_histogram(name, family.unit, help),
            }
        }
        let handle = recorder.handle();
        let metrics = Self {
            recorder: Arc::new(recorder),
            handle,
            totals: Arc::default(),
        };
        metrics
            .gauge(
                &BUILD_INFO,
                vec![Label::new("version", env!("CARGO_PKG_VERSION"))],
            )
            .set(1.0);
        Ok(metrics)
    }

    /// The Prometheus text format, with the series of these members alone.
    pub(crate) fn render(&self, shown: &Shown) -> String {
        shown.filter(&self.handle.render())
    }

    /// Folds histograms into their buckets; see [`UPKEEP_INTERVAL`].
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub(super) fn counter(&self, family: &Family, labels: Vec<Label>) -> Counter {
        debug_assert!(family.kind == Kind::Counter, "{}", family.name);
        self.recorder
            .register_counter(&Key::from_parts(family.name, labels), &METADATA)
    }

    pub(super) fn tally(&self, family: &Family, labels: Vec<Label>) -> Tally {
        let key = Key::from_parts(family.name, labels.clone());
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let total = Arc::clone(totals.entry(key).or_default());
        drop(totals);
        Tally::new(self.counter(family, labels), total)
    }

    pub(super) fn gauge(&self, family: &Family, labels: Vec<Label>) -> Gauge {
        debug_assert!(family.kind == Kind::Gauge, "{}", family.name);
        self.recorder
            .register_gauge(&Key::from_parts(family.name, labels), &METADATA)
    }

    pub(super) fn histogram(&self, family: &Family, labels: Vec<Label>) -> Histogram {
        debug_assert!(family.kind == Kind::Histogram, "{}", family.name);
        self.recorder
            .register_histogram(&Key::from_parts(family.name, labels), &METADATA)
    }
}

static METADATA: Metadata<'_> = Metadata::new(module_path!(), Level::INFO, None);
