//! Names, units and handles of all metrics.
//!
//! Handles are resolved when a snapshot is built, never per request: a prepared handle costs a few
//! nanoseconds, a look-up by name and labels ten times as much. Label values come from the configuration or
//! from the closed lists here, so nobody outside can make new series.
//!
//! The recorder belongs to the gateway, not to the process: several gateways can live in one test.

mod handles;
mod labels;
mod mismatch;
mod shown;
mod sticky;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub(crate) use self::handles::{
    BalancerMetrics, ConnectCounters, GatewayMetrics, MemberMetrics, MemberReading,
};
pub(crate) use self::labels::{
    CheckResult, CodeClass, ConnectResult, ErrorKind, MemberStatus, ReloadResult, RetryReason,
    StickyResult,
};
pub(crate) use self::shown::Shown;
pub(crate) use self::sticky::StickyCounters;
use self::sticky::Tally;

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

/// A metric: name, unit and help text.
struct Family {
    name: &'static str,
    kind: Kind,
    unit: Option<Unit>,
    help: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

macro_rules! families {
    ($($constant:ident = $kind:ident $unit:expr, $name:literal, $help:literal;)*) => {
        $(const $constant: Family = Family {
            name: concat!("ajpgate_", $name),
            kind: Kind::$kind,
            unit: $unit,
            help: $help,
        };)*
        /// Every metric.
        const FAMILIES: &[&Family] = &[$(&$constant,)*];
    };
}

families! {
    STICKY_REQUESTS = Counter None, "sticky_requests_total",
        "Requests by the route that their session asked for and what became of it.";
    STICKY_MISMATCH = Counter None, "sticky_route_mismatch_total",
        "Sessions that a backend issued with a route that is not its member's.";
    REQUESTS = Counter None, "requests_total",
        "Requests of clients, under the member that answered.";
    REQUEST_DURATION = Histogram Some(Unit::Seconds), "request_duration_seconds",
        "From the head of a request to the last byte of its answer.";
    BACKEND_DURATION = Histogram Some(Unit::Seconds), "backend_duration_seconds",
        "From a request on its way to a member to the head of the answer.";
    REQUESTS_IN_FLIGHT = Gauge None, "requests_in_flight",
        "Requests that are being answered.";
    MEMBER_BUSY = Gauge None, "member_busy",
        "Requests that a member is serving.";
    MEMBER_UP = Gauge None, "member_up",
        "1 while a member is usable, else 0.";
    MEMBER_STATUS = Gauge None, "member_status",
        "1 for each status that a member has, else 0.";
    MEMBER_ELECTED = Counter None, "member_elected_total",
        "How often a member was chosen.";
    MEMBER_ERRORS = Counter None, "member_errors_total",
        "Failures of a member.";
    RETRIES = Counter None, "retries_total",
        "Attempts that were repeated, under the member that they left.";
    BYTES = Counter Some(Unit::Bytes), "bytes_total",
        "Bytes to and from a member, on the wire.";
    POOL_CONNECTIONS = Gauge None, "pool_connections",
        "Connections to a member.";
    POOL_MAX = Gauge None, "pool_max_connections",
        "Most connections to a member that there may be: its `max`.";
    POOL_WAIT = Histogram Some(Unit::Seconds), "pool_wait_seconds",
        "How long requests waited for a connection, connecting included.";
    CONNECTS = Counter None, "connects_total",
        "Attempts to connect to a member.";
    HEALTH_CHECKS = Counter None, "health_checks_total",
        "Health checks of a member.";
    STICKY_SESSIONS = Gauge None, "sticky_sessions",
        "Live sessions of a member, estimated: those with a request within session_timeout.";
    MEMBER_DRAINED = Gauge None, "member_drained",
        "1 while a draining member can be stopped: no live session, or drain_timeout is over, and no request; else 0.";
    CONFIG_RELOADS = Counter None, "config_reloads_total",
        "Times that the configuration was read again.";
    CLIENT_CONNECTIONS = Gauge None, "client_connections",
        "Open connections of clients.";
    REFUSED_REQUESTS = Counter None, "refused_requests_total",
        "Requests that were refused before they were mapped.";
    ACCESS_LOG_DROPPED = Counter None, "access_log_dropped_total",
        "Access-log lines that were dropped because the log could not keep up.";
    BUILD_INFO = Gauge None, "build_info",
        "Always 1; the version is a label.";
}

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

    fn counter(&self, family: &Family, labels: Vec<Label>) -> Counter {
        debug_assert!(family.kind == Kind::Counter, "{}", family.name);
        self.recorder
            .register_counter(&Key::from_parts(family.name, labels), &METADATA)
    }

    fn tally(&self, family: &Family, labels: Vec<Label>) -> Tally {
        let key = Key::from_parts(family.name, labels.clone());
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let total = Arc::clone(totals.entry(key).or_default());
        drop(totals);
        Tally::new(self.counter(family, labels), total)
    }

    fn gauge(&self, family: &Family, labels: Vec<Label>) -> Gauge {
        debug_assert!(family.kind == Kind::Gauge, "{}", family.name);
        self.recorder
            .register_gauge(&Key::from_parts(family.name, labels), &METADATA)
    }

    fn histogram(&self, family: &Family, labels: Vec<Label>) -> Histogram {
        debug_assert!(family.kind == Kind::Histogram, "{}", family.name);
        self.recorder
            .register_histogram(&Key::from_parts(family.name, labels), &METADATA)
    }
}

static METADATA: Metadata<'_> = Metadata::new(module_path!(), Level::INFO, None);
