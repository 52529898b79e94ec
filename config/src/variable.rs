//! The variables of a request, which log formats, header values and conditions name.

/// A variable of a request. Those of the balancer are set as `src/balancer/SEMANTICS.md`, "Variables" says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// `BALANCER_SESSION_STICKY`
    SessionSticky,
    /// `BALANCER_SESSION_ROUTE`
    SessionRoute,
    /// `BALANCER_NAME`
    Name,
    /// `BALANCER_WORKER_NAME`
    WorkerName,
    /// `BALANCER_WORKER_ROUTE`
    WorkerRoute,
    /// `BALANCER_ROUTE_CHANGED`
    RouteChanged,
    /// `UNIQUE_ID`: the id of the request, as httpd's mod_unique_id names it.
    UniqueId,
    /// `TRACE_ID`: the id of the trace that the request belongs to, 32 hexadecimal digits; unset where it has none.
    TraceId,
    /// `HTTPS`: `on` when the client's scheme is https, as in httpd's mod_ssl; else unset.
    Https,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 9] = [
        Self::SessionSticky,
        Self::SessionRoute,
        Self::Name,
        Self::WorkerName,
        Self::WorkerRoute,
        Self::RouteChanged,
        Self::Https,
        Self::UniqueId,
        Self::TraceId,
    ];

    /// Its name in formats and conditions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionSticky => "BALANCER_SESSION_STICKY",
            Self::SessionRoute => "BALANCER_SESSION_ROUTE",
            Self::Name => "BALANCER_NAME",
            Self::WorkerName => "BALANCER_WORKER_NAME",
            Self::WorkerRoute => "BALANCER_WORKER_ROUTE",
            Self::RouteChanged => "BALANCER_ROUTE_CHANGED",
            Self::Https => "HTTPS",
            Self::UniqueId => "UNIQUE_ID",
            Self::TraceId => "TRACE_ID",
        }
    }

    /// The variable of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|variable| variable.name() == name)
    }
}
