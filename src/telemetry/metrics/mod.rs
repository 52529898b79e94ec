//! Names, units and handles of all metrics.
//!
//! Handles are resolved when a snapshot is built, never per request: a prepared handle costs a few
//! nanoseconds, a look-up by name and labels ten times as much. Label values come from the configuration or
//! from the closed lists here, so nobody outside can make new series.
//!
//! The recorder belongs to the gateway, not to the process: several gateways can live in one test.

mod cells;
mod current;
mod expiries;
mod families;
mod handles;
mod histogram;
mod labels;
mod mismatch;
mod recorder;
mod series;
mod shown;
mod sticky;

pub(crate) use self::cells::Counter;
pub(crate) use self::current::Handles;
pub(crate) use self::expiries::{CertificateExpiries, ExpiriesOfListener};
pub(crate) use self::handles::{
    AcmeCounters, BalancerMetrics, ClusterConnected, CodeCounters, ConnectCounters,
    DiscoveryCounters, GatewayMetrics, HandshakeCounters, MemberMetrics, MemberReading,
    SpanCounters,
};
pub(crate) use self::labels::{
    AcmeResult, CheckResult, CodeClass, ConnectResult, DiscoveryResult, ErrorKind, HandshakeResult,
    Limit, MemberStatus, ProxyHeader, Refusal, ReloadResult, RetryReason, SpanResult, StickyResult,
};
pub(crate) use self::recorder::Metrics;
pub(crate) use self::shown::Shown;
pub(crate) use self::sticky::StickyCounters;
