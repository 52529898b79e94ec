//! Prepared handles: of the gateway, of a balancer, of a member.

use super::cells::{Counter, Gauge};
use super::expiries::CertificateExpiries;
use super::families::{
    ACCESS_LOG_DROPPED, ACCESS_REFUSED, ACME, BACKEND_BUCKETS, BACKEND_DURATION, BYTES,
    CLIENT_CONNECTIONS, CLUSTER_CONNECTED, CONFIG_RELOADS, CONNECTS, DISCOVERY, Family,
    HEALTH_CHECKS, LIMITS, MEMBER_BUSY, MEMBER_DRAINED, MEMBER_ELECTED, MEMBER_ERRORS,
    MEMBER_STATUS, MEMBER_UP, POOL_CONNECTIONS, POOL_MAX, POOL_WAIT, PROXY_HEADERS,
    REFUSED_REQUESTS, REQUEST_BUCKETS, REQUEST_DURATION, REQUESTS, REQUESTS_IN_FLIGHT, RETRIES,
    STICKY_SESSIONS, TLS_HANDSHAKES, TRACE_SPANS, WAIT_BUCKETS,
};
use super::histogram::Histogram;
use super::labels::{
    AcmeResult, CheckResult, CodeClass, ConnectResult, DiscoveryResult, ErrorKind, HandshakeResult,
    Limit, MemberStatus, ProxyHeader, Refusal, ReloadResult, RetryReason, SpanResult,
};
use super::mismatch::MismatchCounters;
use super::recorder::Metrics;
use super::series::Labels;
use super::sticky::StickyMetrics;

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
                    labels: &Labels,
                ) -> Self {
                    Self($type::ALL.map(|value| {
                        if !values.contains(&value) {
                            return Counter::noop();
                        }
                        metrics.counter(family, labels.and(label, value.text()))
                    }))
                }

                /// Counts nowhere.
                #[allow(dead_code, reason = "not each list needs it")]
                fn noop() -> Self {
                    Self($type::ALL.map(|_| Counter::noop()))
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
    CodeCounters by CodeClass;
    ErrorCounters by ErrorKind;
    RetryCounters by RetryReason;
    ConnectCounters by ConnectResult;
    CheckCounters by CheckResult;
    DiscoveryCounters by DiscoveryResult;
    ReloadCounters by ReloadResult;
    ProxyHeaderCounters by ProxyHeader;
    LimitCounters by Limit;
    HandshakeCounters by HandshakeResult;
    AcmeCounters by AcmeResult;
    RefusalCounters by Refusal;
    SpanCounters by SpanResult;
}

/// Handles that belong to no balancer.
#[derive(Debug, Clone)]
pub(crate) struct GatewayMetrics {
    /// Requests that no balancer was chosen for.
    pub(crate) requests: CodeCounters,
    pub(crate) client_connections: Gauge,
    pub(crate) refused: Counter,
    pub(crate) access_log_dropped: Counter,
    pub(crate) reloads: ReloadCounters,
    pub(crate) proxy_headers: ProxyHeaderCounters,
    pub(crate) limits: LimitCounters,
    pub(crate) tls_handshakes: HandshakeCounters,
    pub(crate) certificates: CertificateExpiries,
    pub(crate) acme: AcmeCounters,
    pub(crate) access_refused: RefusalCounters,
    pub(crate) spans: SpanCounters,
}

impl ConnectCounters {
    /// Counters that nobody sees, for connections to others than members.
    pub(crate) fn nowhere() -> Self {
        Self::noop()
    }
}

impl DiscoveryCounters {
    /// The counters of the sources of one kind that a balancer has.
    pub(crate) fn of(metrics: &Metrics, balancer: &str, source: &str) -> Self {
        let labels = Labels::default().and("balancer", balancer);
        let labels = labels.and("source", source);
        Self::new(
            &DiscoveryResult::ALL,
            metrics,
            &DISCOVERY,
            "result",
            &labels,
        )
    }
}

impl GatewayMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            requests: CodeCounters::new(
                &CodeClass::ALL,
                metrics,
                &REQUESTS,
                "code",
                &member_labels("", "", ""),
            ),
            client_connections: metrics.gauge(&CLIENT_CONNECTIONS, Labels::default()),
            refused: metrics.counter(&REFUSED_REQUESTS, Labels::default()),
            access_log_dropped: metrics.counter(&ACCESS_LOG_DROPPED, Labels::default()),
            reloads: ReloadCounters::new(
                &ReloadResult::ALL,
                metrics,
                &CONFIG_RELOADS,
                "result",
                &Labels::default(),
            ),
            proxy_headers: ProxyHeaderCounters::new(
                &ProxyHeader::ALL,
                metrics,
                &PROXY_HEADERS,
                "result",
                &Labels::default(),
            ),
            limits: LimitCounters::new(&Limit::ALL, metrics, &LIMITS, "limit", &Labels::default()),
            tls_handshakes: HandshakeCounters::new(
                &HandshakeResult::ALL,
                metrics,
                &TLS_HANDSHAKES,
                "result",
                &Labels::default(),
            ),
            certificates: CertificateExpiries::new(metrics),
            access_refused: RefusalCounters::new(
                &Refusal::ALL,
                metrics,
                &ACCESS_REFUSED,
                "reason",
                &Labels::default(),
            ),
            acme: AcmeCounters::new(
                &AcmeResult::ALL,
                metrics,
                &ACME,
                "result",
                &Labels::default(),
            ),
            spans: SpanCounters::new(
                &SpanResult::ALL,
                metrics,
                &TRACE_SPANS,
                "result",
                &Labels::default(),
            ),
        }
    }
}

/// Whether the engine of the cluster can be used.
#[derive(Debug, Clone)]
pub(crate) struct ClusterConnected(Gauge);

impl ClusterConnected {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self(metrics.gauge(&CLUSTER_CONNECTED, Labels::default()))
    }

    pub(crate) fn set(&self, connected: bool) {
        self.0.set(connected.into());
    }
}

/// Handles of one balancer.
#[derive(Debug, Clone)]
pub(crate) struct BalancerMetrics {
    /// Requests that no member answered.
    pub(crate) requests: CodeCounters,
    pub(crate) in_flight: Gauge,
    pub(crate) duration: Histogram,
    pub(crate) sticky: StickyMetrics,
}

impl BalancerMetrics {
    /// `routes` are the members'; an empty one is none.
    pub(crate) fn new<'a>(
        metrics: &Metrics,
        balancer: &str,
        routes: impl Iterator<Item = &'a str>,
    ) -> Self {
        let name = Labels::default().and("balancer", balancer);
        Self {
            requests: CodeCounters::new(
                &CodeClass::ALL,
                metrics,
                &REQUESTS,
                "code",
                &member_labels(balancer, "", ""),
            ),
            in_flight: metrics.gauge(&REQUESTS_IN_FLIGHT, name.clone()),
            duration: metrics.histogram(&REQUEST_DURATION, &REQUEST_BUCKETS, name),
            sticky: StickyMetrics::new(metrics, balancer, routes),
        }
    }
}

impl BalancerMetrics {
    /// For requests of a balancer that is gone: they count with `requests`, and nowhere else.
    pub(crate) fn of_none(requests: &CodeCounters) -> Self {
        Self {
            requests: requests.clone(),
            in_flight: Gauge::default(),
            duration: Histogram::new(&REQUEST_BUCKETS),
            sticky: StickyMetrics::noop(),
        }
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
    pub(crate) checks: CheckCounters,
    mismatch: MismatchCounters,
    busy: Gauge,
    up: Gauge,
    status: [Gauge; MemberStatus::COUNT],
    pub(crate) elected: Counter,
    to_backend: Counter,
    from_backend: Counter,
    pool_idle: Gauge,
    pool_busy: Gauge,
    pool_max: Gauge,
    sessions: Gauge,
    drained: Gauge,
}

/// The values of a member's gauges at the time of a scrape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemberReading {
    pub(crate) busy: u64,
    pub(crate) up: bool,
    pub(crate) pool_idle: u64,
    pub(crate) pool_busy: u64,
    pub(crate) pool_max: u64,
    pub(crate) sessions: u64,
    pub(crate) drained: bool,
    /// For each status whether the member has it.
    pub(crate) statuses: [bool; MemberStatus::COUNT],
}

impl MemberReading {
    /// The values for two members under the same labels: what is counted is added, the member is up when both are, and
    /// has the statuses of both.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.busy += other.busy;
        self.up &= other.up;
        self.pool_idle += other.pool_idle;
        self.pool_busy += other.pool_busy;
        self.pool_max += other.pool_max;
        self.sessions += other.sessions;
        self.drained &= other.drained;
        for (mine, other) in self.statuses.iter_mut().zip(other.statuses) {
            *mine |= other;
        }
        self
    }
}

impl MemberMetrics {
    pub(crate) fn new(metrics: &Metrics, balancer: &str, member: &str, route: &str) -> Self {
        let labels = member_labels(balancer, member, route);
        Self {
            requests: CodeCounters::new(&CodeClass::ALL, metrics, &REQUESTS, "code", &labels),
            backend_duration: metrics.histogram(
                &BACKEND_DURATION,
                &BACKEND_BUCKETS,
                labels.clone(),
            ),
            errors: ErrorCounters::new(&ErrorKind::ALL, metrics, &MEMBER_ERRORS, "kind", &labels),
            retries: RetryCounters::new(&RetryReason::ALL, metrics, &RETRIES, "reason", &labels),
            connects: ConnectCounters::new(
                &ConnectResult::ALL,
                metrics,
                &CONNECTS,
                "result",
                &labels,
            ),
            pool_wait: metrics.histogram(&POOL_WAIT, &WAIT_BUCKETS, labels.clone()),
            mismatch: MismatchCounters::new(metrics, &labels),
            busy: metrics.gauge(&MEMBER_BUSY, labels.clone()),
            up: metrics.gauge(&MEMBER_UP, labels.clone()),
            status: MemberStatus::ALL
                .map(|status| metrics.gauge(&MEMBER_STATUS, labels.and("status", status.text()))),
            elected: metrics.counter(&MEMBER_ELECTED, labels.clone()),
            to_backend: metrics.counter(&BYTES, labels.and("direction", "to_backend")),
            from_backend: metrics.counter(&BYTES, labels.and("direction", "from_backend")),
            pool_idle: metrics.gauge(&POOL_CONNECTIONS, labels.and("state", "idle")),
            pool_busy: metrics.gauge(&POOL_CONNECTIONS, labels.and("state", "busy")),
            pool_max: metrics.gauge(&POOL_MAX, labels.clone()),
            checks: CheckCounters::new(
                &CheckResult::ALL,
                metrics,
                &HEALTH_CHECKS,
                "result",
                &labels,
            ),
            sessions: metrics.gauge(&STICKY_SESSIONS, labels.clone()),
            drained: metrics.gauge(&MEMBER_DRAINED, labels.clone()),
        }
    }

    /// For requests of a member that is gone: they count with `requests`, and nowhere else.
    pub(crate) fn of_none(requests: &CodeCounters) -> Self {
        let gauge = Gauge::default;
        Self {
            requests: requests.clone(),
            backend_duration: Histogram::new(&BACKEND_BUCKETS),
            errors: ErrorCounters::noop(),
            retries: RetryCounters::noop(),
            connects: ConnectCounters::noop(),
            pool_wait: Histogram::new(&WAIT_BUCKETS),
            mismatch: MismatchCounters::new(&Metrics::new(), &Labels::default()),
            busy: gauge(),
            up: gauge(),
            status: MemberStatus::ALL.map(|_| gauge()),
            elected: Counter::noop(),
            to_backend: Counter::noop(),
            from_backend: Counter::noop(),
            pool_idle: gauge(),
            pool_busy: gauge(),
            pool_max: gauge(),
            checks: CheckCounters::noop(),
            sessions: gauge(),
            drained: gauge(),
        }
    }

    /// Counts a session that the backend issued with another route than the member's: with this route of another member
    /// of the balancer, or with `None` of them.
    pub(crate) fn count_mismatch(&self, issued: Option<&str>) {
        self.mismatch.increment(issued);
    }

    /// Counts what went over the wire.
    pub(crate) fn count_bytes(&self, to_backend: u64, from_backend: u64) {
        self.to_backend.increment(to_backend);
        self.from_backend.increment(from_backend);
    }

    /// Sets the gauges.
    pub(crate) fn show(&self, reading: &MemberReading) {
        self.busy.set(reading.busy);
        self.up.set(u64::from(reading.up));
        self.pool_idle.set(reading.pool_idle);
        self.pool_busy.set(reading.pool_busy);
        self.pool_max.set(reading.pool_max);
        self.sessions.set(reading.sessions);
        self.drained.set(u64::from(reading.drained));
        for (gauge, has) in self.status.iter().zip(reading.statuses) {
            gauge.set(u64::from(has));
        }
    }
}

fn member_labels(balancer: &str, member: &str, route: &str) -> Labels {
    Labels::default()
        .and("balancer", balancer)
        .and("member", member)
        .and("route", route)
}
