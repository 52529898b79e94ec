//! Closed lists of label values. Nothing of a request or an answer ever becomes a label.

/// Declares a closed list of label values: an enum with an index for arrays of handles.
macro_rules! label_values {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $type { $($variant,)* }

        impl $type {
            pub(crate) const COUNT: usize = [$($text,)*].len();
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
    /// How a reload ended (`config_reloads_total`).
    ReloadResult {
        Ok = "ok",
        Rejected = "rejected",
    }
}

label_values! {
    /// What became of the PROXY header of a connection (`proxy_headers_total`).
    ProxyHeader {
        Ok = "ok",
        Untrusted = "untrusted",
        Broken = "broken",
        Timeout = "timeout",
        Closed = "closed",
    }
}

label_values! {
    /// A key of `limits` that something of a client went beyond (`limits_total`).
    Limit {
        MaxHeaderBytes = "max_header_bytes",
        HeaderTimeout = "header_timeout",
        MaxHeaders = "max_headers",
        MaxUri = "max_uri",
        MinBodyRate = "min_body_rate",
        MaxConnectionsPerIp = "max_connections_per_ip",
        MaxStreams = "max_streams",
    }
}

label_values! {
    /// How a TLS handshake ended (`tls_handshakes_total`).
    HandshakeResult {
        Full = "full",
        Resumed = "resumed",
        Failed = "failed",
        Timeout = "timeout",
    }
}

label_values! {
    /// Why a request did not come in (`access_refused_total`): the client's address, too many requests, no user, a server of
    /// `auth` that has failed, too many passwords that wait to be checked.
    Refusal {
        Allow = "allow",
        Rate = "rate",
        User = "user",
        Server = "server",
        Busy = "busy",
    }
}

label_values! {
    /// How an attempt to get a certificate ended (`acme_total`). The authority is unreachable too where it is slow or has an
    /// error of its own; `local` are files and certificates of this machine.
    AcmeResult {
        Ok = "ok",
        Unreachable = "unreachable",
        Refused = "refused",
        BadAnswer = "bad_answer",
        Local = "local",
    }
}

label_values! {
    /// What a source of members has said (`discovery_total`): members, nobody, or nothing.
    DiscoveryResult {
        Ok = "ok",
        Empty = "empty",
        Failed = "failed",
    }
}

label_values! {
    /// What became of a span (`trace_spans_total`): the collector has taken it, did not take it, or it was not sent because too
    /// many were waiting.
    SpanResult {
        Sent = "sent",
        Failed = "failed",
        Dropped = "dropped",
    }
}

label_values! {
    /// How a health check ended (`health_checks_total`).
    CheckResult {
        Pass = "pass",
        Fail = "fail",
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
