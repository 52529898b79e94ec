//! What a LogFormat string means.

use crate::fact::Fact;
use crate::tokens::Condition;

/// What a line of the access log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFormat {
    /// Nothing is logged.
    Off,
    /// A JSON object.
    Json,
    /// Text and tokens.
    Line(Vec<Item>),
}

impl LogFormat {
    /// `common`: the Common Log Format.
    pub const COMMON: &'static str = r#"%h %l %u %t "%r" %>s %b"#;

    /// `combined`: [`COMMON`](Self::COMMON) with the referring page and the browser.
    pub const COMBINED: &'static str = r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;
}

/// A part of a LogFormat string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Text as it stands.
    Text(String),
    /// What is filled in for each request.
    Token {
        /// What it is.
        token: Token,
        /// The statuses for which it is filled in; `-` stands there for others.
        condition: Option<Condition>,
    },
}

/// What a token stands for. What is missing is logged as `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// `%a`, `%h`, `%u`, `%{NAME}i`, `%{NAME}C`, `%{BALANCER_…}e`, `%{SSL_…}x`, `%{version}c`
    Fact(Fact),
    /// `%{c}a`, `%{c}h`: the address of the TCP peer.
    PeerAddress,
    /// `%A`: the address that the client connected to.
    LocalAddress,
    /// `%b`, `%B`: bytes of the answer's body.
    BodyBytes {
        /// Whether none is logged as `-` (`%b`) rather than `0` (`%B`).
        dash: bool,
    },
    /// `%T`, `%{s}T`, `%{ms}T`, `%{us}T`, `%D`: how long the request took.
    Duration(Unit),
    /// `%{NAME}e` of a variable that the gateway does not have: always `-`.
    Environment(String),
    /// What httpd has and the gateway has not, written with its token: always `-`. Trailers (`%{NAME}^ti`, `%{NAME}^to`), which
    /// are not passed on; times of the first byte (`%^FB`, `%^FU`), which httpd logs only where it is told to measure them; errors of a
    /// client's certificate (`%{errcode}c`, `%{errstr}c`), which ends its handshake here; variables of mod_ssl that the gateway does not
    /// have (`%{SSL_SERVER_S_DN}x`); whether the request was flushed (`%F`): every one is.
    NotHere(String),
    /// `%f`: in httpd the file name, which for a proxied request is `proxy:` and the backend's URL.
    FileName,
    /// `%{HTTPS}x`: `on` where the client has come over TLS, else `off`.
    Https,
    /// `%H`: `HTTP/1.1`
    Protocol,
    /// `%k`: how many requests the connection had before this one.
    KeepAliveRequests,
    /// `%l`: the name that identd tells; nobody asks it, so always `-`.
    Identity,
    /// `%L`: the id under which the error log speaks of the request.
    RequestLogId,
    /// `%{c}L`: the id under which the error log speaks of the connection.
    ConnectionLogId,
    /// `%m`
    Method,
    /// `%{NAME}n`
    Note(Note),
    /// `%{NAME}o`: a field of the answer; the name is in lower case.
    ResponseHeader(String),
    /// `%p`, `%{canonical}p`, `%{local}p`, `%{remote}p`
    Port(Port),
    /// `%P`, `%{pid}P`
    ProcessId,
    /// `%{tid}P`
    ThreadId,
    /// `%{hextid}P`: the same in hexadecimal digits.
    HexThreadId,
    /// `%q`: `?` and the query; empty without one.
    Query,
    /// `%r`: the request line.
    RequestLine,
    /// `%R`: the handler, which for a proxied request is `proxy-server`.
    Handler,
    /// `%s`, `%>s`
    Status,
    /// `%t`, `%{…}t`
    Time(TimeOf, TimeFormat),
    /// `%U`: the path, without the query, its escapes decoded as httpd does it.
    Path,
    /// `%v`: the name of the server.
    ServerName,
    /// `%V`: the host that the client asked for.
    HostName,
    /// `%X`: `X` aborted, `+` kept, `-` closed.
    ConnectionStatus,
    /// `%I`: bytes received, the request's head included.
    BytesReceived,
    /// `%O`: bytes sent, the answer's head included.
    BytesSent,
    /// `%S`: both.
    BytesTransferred,
}

/// The unit of a duration; what is left over is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

/// Which port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// The one that the client named, or the scheme's.
    Canonical,
    /// The one that the client connected to.
    Local,
    /// The client's own.
    Remote,
}

/// When a time is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOf {
    /// When the request arrived.
    Begin,
    /// When the line is written.
    End,
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// `[10/Oct/2000:13:55:36 -0700]`
    Common,
    /// A strftime format of the directives of C; all of them are known to be good.
    Strftime(String),
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// The milliseconds of the second, three digits.
    MillisecondFraction,
    /// The microseconds of the second, six digits.
    MicrosecondFraction,
}

/// A note of mod_jk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// `JK_WORKER_NAME`: the balancer's name.
    WorkerName,
    /// `JK_WORKER_ROUTE`: the route of the member that answered.
    WorkerRoute,
    /// `JK_LB_FIRST_NAME`: the member of the first try.
    FirstName,
    /// `JK_LB_LAST_NAME`: the member of the last try.
    LastName,
    /// `JK_REQUEST_DURATION`: seconds with six decimals.
    RequestDuration,
    /// A note that the gateway does not keep: always `-`.
    Other(String),
}
