//! The families of metrics: name, kind and help text. The unit stands in the name.

/// Upper bounds of the buckets of `request_duration_seconds`, in seconds. A balancer has one such histogram.
pub(super) const REQUEST_BUCKETS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// Upper bounds of the buckets of `backend_duration_seconds`, in seconds. Fewer than for requests: every member has such
/// a histogram, and each bucket is a line of every scrape.
pub(super) const BACKEND_BUCKETS: [f64; 10] =
    [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Upper bounds of the buckets of `pool_wait_seconds`, in seconds. Every member has such a histogram.
pub(super) const WAIT_BUCKETS: [f64; 5] = [0.001, 0.01, 0.1, 1.0, 10.0];

/// A metric: name, kind and help text.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    /// As the page names it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! families {
    ($($constant:ident = $kind:ident $name:literal, $help:literal;)*) => {
        $(pub(super) const $constant: Family = Family {
            name: concat!("ajpgate_", $name),
            kind: Kind::$kind,
            help: $help,
        };)*
        /// Every metric.
        pub(super) const FAMILIES: &[&Family] = &[$(&$constant,)*];
    };
}

families! {
    STICKY_REQUESTS = Counter "sticky_requests_total",
        "Requests by the route that their session asked for and what became of it.";
    STICKY_MISMATCH = Counter "sticky_route_mismatch_total",
        "Sessions that a backend issued with a route that is not its member's.";
    REQUESTS = Counter "requests_total",
        "Requests of clients, under the member that answered.";
    REQUEST_DURATION = Histogram "request_duration_seconds",
        "From the head of a request until the last byte of its answer has been read from the member.";
    BACKEND_DURATION = Histogram "backend_duration_seconds",
        "From a request on its way to a member to the head of the answer.";
    REQUESTS_IN_FLIGHT = Gauge "requests_in_flight",
        "Requests that are being answered.";
    MEMBER_BUSY = Gauge "member_busy",
        "Requests that a member is serving.";
    MEMBER_UP = Gauge "member_up",
        "1 while a member is usable, else 0.";
    MEMBER_STATUS = Gauge "member_status",
        "1 for each status that a member has, else 0.";
    MEMBER_ELECTED = Counter "member_elected_total",
        "How often a member was chosen.";
    MEMBER_ERRORS = Counter "member_errors_total",
        "Failures of a member.";
    RETRIES = Counter "retries_total",
        "Attempts that were repeated, under the member that they left.";
    BYTES = Counter "bytes_total",
        "Bytes to and from a member, on the wire.";
    POOL_CONNECTIONS = Gauge "pool_connections",
        "Connections to a member.";
    POOL_MAX = Gauge "pool_max_connections",
        "Most connections to a member that there may be: its `max`.";
    POOL_WAIT = Histogram "pool_wait_seconds",
        "How long requests waited for a connection, connecting included.";
    CONNECTS = Counter "connects_total",
        "Attempts to connect to a member.";
    HEALTH_CHECKS = Counter "health_checks_total",
        "Health checks of a member.";
    STICKY_SESSIONS = Gauge "sticky_sessions",
        "Live sessions of a member, estimated: those with a request within session_timeout.";
    MEMBER_DRAINED = Gauge "member_drained",
        "1 while a draining member can be stopped: no live session, or drain_timeout is over, and no request; else 0.";
    DISCOVERY = Counter "discovery_total",
        "Answers of the sources of members, by what they said.";
    CONFIG_RELOADS = Counter "config_reloads_total",
        "Times that the configuration was read again.";
    PROXY_HEADERS = Counter "proxy_headers_total",
        "Connections to listeners with proxy_protocol, by what became of their PROXY header.";
    LIMITS = Counter "limits_total",
        "Requests and connections that were refused because of a key of limits.";
    CLIENT_CONNECTIONS = Gauge "client_connections",
        "Open connections of clients.";
    TLS_HANDSHAKES = Counter "tls_handshakes_total",
        "TLS handshakes with clients by how they ended.";
    CERTIFICATE_EXPIRY = Gauge "certificate_expiry_seconds",
        "Unix time at which the certificate of a name expires.";
    ACME = Counter "acme_total",
        "Attempts to get a certificate from an authority (ACME) by how they ended.";
    ACCESS_REFUSED = Counter "access_refused_total",
        "Requests that a mapping did not let in, by the reason.";
    REFUSED_REQUESTS = Counter "refused_requests_total",
        "Requests that were refused before they were mapped.";
    ACCESS_LOG_DROPPED = Counter "access_log_dropped_total",
        "Access-log lines that were dropped because the log could not keep up.";
    TRACE_SPANS = Counter "trace_spans_total",
        "Spans of traces by what became of them.";
    CLUSTER_CONNECTED = Gauge "cluster_connected",
        "1 while the engine of the cluster can be used, else 0.";
    BUILD_INFO = Gauge "build_info",
        "Always 1; the version is a label.";
}
