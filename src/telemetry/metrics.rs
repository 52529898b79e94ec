//! Names, units and handles of all metrics.
//!
//! Handles are resolved when a snapshot is built, never per request: a prepared handle costs a few
//! nanoseconds, a look-up by name and labels ten times as much. Label values come from the configuration or
//! from the closed lists here, so nobody outside can make new series.
//!
//! The recorder belongs to the gateway, not to the process: several gateways can live in one test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of `request_duration_seconds` and `backend_duration_seconds`, in seconds.
const DURATION_BUCKETS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// Upper bounds of the buckets of `pool_wait_seconds`, in seconds.
const WAIT_BUCKETS: [f64; 10] = [0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

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
        "AJP13 bytes to and from a member.";
    POOL_CONNECTIONS = Gauge None, "pool_connections",
        "Connections to a member.";
    POOL_WAIT = Histogram Some(Unit::Seconds), "pool_wait_seconds",
        "How long requests waited for a connection, connecting included.";
    CONNECTS = Counter None, "connects_total",
        "Attempts to connect to a member.";
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

/// Declares a closed list of label values: an enum with an index for arrays of handles.
macro_rules! label_values {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $type { $($variant,)* }

        impl $type {
            const COUNT: usize = [$($text,)*].len();
            /// Every value.
            pub(crate) const ALL: [Self; Self::COUNT] = [$(Self::$variant,)*];

            /// The label's value.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

label_values! {
    /// What became of the route that a session asked for (`sticky_requests_total`).
    StickyResult {
        Hit = "hit",
        Redirect = "redirect",
        Failover = "failover",
        UnknownRoute = "unknown_route",
        Unserved = "unserved",
        NoRoute = "no_route",
        New = "new",
    }
}

label_values! {
    /// Failures of a member (`member_errors_total`).
    ErrorKind {
        Connect = "connect",
        Ping = "ping",
        Timeout = "timeout",
        Protocol = "protocol",
        Closed = "closed",
        Status = "status",
    }
}

label_values! {
    /// Why an attempt was repeated (`retries_total`).
    RetryReason {
        Connect = "connect",
        Ping = "ping",
        Stale = "stale",
        Closed = "closed",
        Busy = "busy",
        Status = "status",
    }
}

label_values! {
    /// How an attempt to connect ended (`connects_total`).
    ConnectResult {
        Ok = "ok",
        Refused = "refused",
        Timeout = "timeout",
        Error = "error",
    }
}

label_values! {
    /// A status of a member (`member_status`).
    MemberStatus {
        Disabled = "disabled",
        Stopped = "stopped",
        Drain = "drain",
        HotStandby = "hot_standby",
        HotSpare = "hot_spare",
        IgnoreErrors = "ignore_errors",
        Error = "error",
        HealthCheckFailed = "health_check_failed",
    }
}

label_values! {
    /// Class of a response status (`requests_total`).
    CodeClass {
        Success = "2xx",
        Redirection = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
    }
}

impl CodeClass {
    /// The class of a status; what HTTP has no class for counts as the server's error.
    pub(crate) const fn of(status: u16) -> Self {
        match status {
            0..=299 => Self::Success,
            300..=399 => Self::Redirection,
            400..=499 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

/// A counter for each value of a closed list.
macro_rules! counter_array {
    ($($name:ident by $type:ident;)*) => {
        $(
            /// Counters by label value.
            #[derive(Debug, Clone)]
            pub(crate) struct $name([Counter; $type::COUNT]);

            impl $name {
                /// Counters for these values; the others count nowhere.
                fn new(
                    values: &[$type],
                    metrics: &Metrics,
                    family: &Family,
                    label: &'static str,
                    labels: &[Label],
                ) -> Self {
                    Self($type::ALL.map(|value| {
                        if !values.contains(&value) {
                            return Counter::noop();
                        }
                        let mut labels = labels.to_vec();
                        labels.push(Label::from_static_parts(label, value.text()));
                        metrics.counter(family, labels)
                    }))
                }

                pub(crate) fn increment(&self, value: $type) {
                    if let Some(counter) = self.0.get(value as usize) {
                        counter.increment(1);
                    }
                }
            }
        )*
    };
}

counter_array! {
    StickyCounters by StickyResult;
    CodeCounters by CodeClass;
    ErrorCounters by ErrorKind;
    RetryCounters by RetryReason;
    ConnectCounters by ConnectResult;
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
}

impl Metrics {
    /// A recorder with every metric described.
    pub(crate) fn new() -> Result<Self, BuildError> {
        let full = |family: &Family| Matcher::Full(family.name.to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(full(&REQUEST_DURATION), &DURATION_BUCKETS)?
            .set_buckets_for_metric(full(&BACKEND_DURATION), &DURATION_BUCKETS)?
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
        };
        metrics
            .gauge(
                &BUILD_INFO,
                vec![Label::new("version", env!("CARGO_PKG_VERSION"))],
            )
            .set(1.0);
        Ok(metrics)
    }

    /// The Prometheus text format.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
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

/// Handles that belong to no balancer.
#[derive(Debug, Clone)]
pub(crate) struct GatewayMetrics {
    /// Requests that no balancer was chosen for.
    pub(crate) requests: CodeCounters,
    pub(crate) client_connections: Gauge,
    pub(crate) refused: Counter,
    pub(crate) access_log_dropped: Counter,
}

impl GatewayMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        for result in ["ok", "rejected"] {
            let labels = vec![Label::from_static_parts("result", result)];
            metrics.counter(&CONFIG_RELOADS, labels).absolute(0);
        }
        Self {
            requests: CodeCounters::new(
                &CodeClass::ALL,
                metrics,
                &REQUESTS,
                "code",
                &member_labels("", "", ""),
            ),
            client_connections: metrics.gauge(&CLIENT_CONNECTIONS, Vec::new()),
            refused: metrics.counter(&REFUSED_REQUESTS, Vec::new()),
            access_log_dropped: metrics.counter(&ACCESS_LOG_DROPPED, Vec::new()),
        }
    }
}

/// Handles of one balancer.
#[derive(Debug, Clone)]
pub(crate) struct BalancerMetrics {
    /// Requests that no member answered.
    pub(crate) requests: CodeCounters,
    pub(crate) in_flight: Gauge,
    pub(crate) duration: Histogram,
    sticky: Vec<(String, StickyCounters)>,
    sticky_unknown: StickyCounters,
    sticky_none: StickyCounters,
}

impl BalancerMetrics {
    /// `routes` are the members'; an empty one is none.
    pub(crate) fn new<'a>(
        metrics: &Metrics,
        balancer: &str,
        routes: impl Iterator<Item = &'a str>,
    ) -> Self {
        let name = vec![Label::new("balancer", balancer.to_owned())];
        let sticky = |route: &str, results: &[StickyResult]| {
            let labels = [name.clone(), vec![Label::new("route", route.to_owned())]].concat();
            StickyCounters::new(results, metrics, &STICKY_REQUESTS, "result", &labels)
        };
        let of_a_route = [
            StickyResult::Hit,
            StickyResult::Redirect,
            StickyResult::Failover,
            StickyResult::Unserved,
        ];
        Self {
            requests: CodeCounters::new(
                &CodeClass::ALL,
                metrics,
                &REQUESTS,
                "code",
                &member_labels(balancer, "", ""),
            ),
            in_flight: metrics.gauge(&REQUESTS_IN_FLIGHT, name.clone()),
            duration: metrics.histogram(&REQUEST_DURATION, name.clone()),
            sticky: routes
                .filter(|route| !route.is_empty())
                .map(|route| (route.to_owned(), sticky(route, &of_a_route)))
                .collect(),
            sticky_unknown: sticky("unknown", &[StickyResult::UnknownRoute]),
            sticky_none: sticky("", &[StickyResult::NoRoute, StickyResult::New]),
        }
    }

    /// Counts what became of the route that a session asked for; `None` when it asked for none.
    pub(crate) fn count_sticky(&self, route: Option<&str>, result: StickyResult) {
        let counters = match route.filter(|route| !route.is_empty()) {
            None => &self.sticky_none,
            Some(route) => self
                .sticky
                .iter()
                .find(|(known, _)| known == route)
                .map_or(&self.sticky_unknown, |(_, counters)| counters),
        };
        counters.increment(result);
    }
}

/// Handles of one member.
#[derive(Debug, Clone)]
pub(crate) struct MemberMetrics {
    pub(crate) requests: CodeCounters,
    pub(crate) backend_duration: Histogram,
    pub(crate) errors: ErrorCounters,
    pub(crate) retries: RetryCounters,
    pub(crate) connects: ConnectCounters,
    pub(crate) pool_wait: Histogram,
    mismatch: Vec<(String, Counter)>,
    mismatch_unknown: Counter,
    busy: Gauge,
    up: Gauge,
    status: [Gauge; MemberStatus::COUNT],
    elected: Counter,
    to_backend: Counter,
    from_backend: Counter,
    pool_idle: Gauge,
    pool_busy: Gauge,
}

/// What the gauges of a member show, taken when somebody asks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemberReading {
    pub(crate) busy: u64,
    pub(crate) up: bool,
    pub(crate) elected: u64,
    pub(crate) to_backend: u64,
    pub(crate) from_backend: u64,
    pub(crate) pool_idle: u64,
    pub(crate) pool_busy: u64,
}

impl MemberMetrics {
    /// `routes` are those of all members of the balancer.
    pub(crate) fn new<'a>(
        metrics: &Metrics,
        balancer: &str,
        member: &str,
        route: &str,
        routes: impl Iterator<Item = &'a str>,
    ) -> Self {
        let labels = member_labels(balancer, member, route);
        let with = |name: &'static str, value: &str| {
            let mut labels = labels.clone();
            labels.push(Label::new(name, value.to_owned()));
            labels
        };
        let mismatch = |issued: &str| metrics.counter(&STICKY_MISMATCH, with("issued", issued));
        Self {
            requests: CodeCounters::new(&CodeClass::ALL, metrics, &REQUESTS, "code", &labels),
            backend_duration: metrics.histogram(&BACKEND_DURATION, labels.clone()),
            errors: ErrorCounters::new(&ErrorKind::ALL, metrics, &MEMBER_ERRORS, "kind", &labels),
            retries: RetryCounters::new(&RetryReason::ALL, metrics, &RETRIES, "reason", &labels),
            connects: ConnectCounters::new(
                &ConnectResult::ALL,
                metrics,
                &CONNECTS,
                "result",
                &labels,
            ),
            pool_wait: metrics.histogram(&POOL_WAIT, labels.clone()),
            mismatch: routes
                .filter(|issued| !issued.is_empty() && *issued != route)
                .map(|issued| (issued.to_owned(), mismatch(issued)))
                .collect(),
            mismatch_unknown: mismatch("unknown"),
            busy: metrics.gauge(&MEMBER_BUSY, labels.clone()),
            up: metrics.gauge(&MEMBER_UP, labels.clone()),
            status: MemberStatus::ALL
                .map(|status| metrics.gauge(&MEMBER_STATUS, with("status", status.text()))),
            elected: metrics.counter(&MEMBER_ELECTED, labels.clone()),
            to_backend: metrics.counter(&BYTES, with("direction", "to_backend")),
            from_backend: metrics.counter(&BYTES, with("direction", "from_backend")),
            pool_idle: metrics.gauge(&POOL_CONNECTIONS, with("state", "idle")),
            pool_busy: metrics.gauge(&POOL_CONNECTIONS, with("state", "busy")),
        }
    }

    /// Counts a session that the backend issued with a route that is not the member's.
    pub(crate) fn count_mismatch(&self, issued: &str) {
        self.mismatch
            .iter()
            .find(|(known, _)| known == issued)
            .map_or(&self.mismatch_unknown, |(_, counter)| counter)
            .increment(1);
    }

    /// Shows a reading. `has` says which statuses the member has.
    #[expect(
        clippy::cast_precision_loss,
        reason = "gauges are floats; counts stay far below 2⁵³"
    )]
    pub(crate) fn show(&self, reading: MemberReading, has: impl Fn(MemberStatus) -> bool) {
        self.busy.set(reading.busy as f64);
        self.up.set(if reading.up { 1.0 } else { 0.0 });
        self.elected.absolute(reading.elected);
        self.to_backend.absolute(reading.to_backend);
        self.from_backend.absolute(reading.from_backend);
        self.pool_idle.set(reading.pool_idle as f64);
        self.pool_busy.set(reading.pool_busy as f64);
        for (gauge, status) in self.status.iter().zip(MemberStatus::ALL) {
            gauge.set(if has(status) { 1.0 } else { 0.0 });
        }
    }
}

fn member_labels(balancer: &str, member: &str, route: &str) -> Vec<Label> {
    vec![
        Label::new("balancer", balancer.to_owned()),
        Label::new("member", member.to_owned()),
        Label::new("route", route.to_owned()),
    ]
}
