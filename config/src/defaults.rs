//! Every default, with what httpd's mod_proxy and mod_jk do when the key is absent.
//!
//! The JSON Schema repeats these values as text; a test holds the two together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::model::{
    CertificateName, ClientAuth, EncodedSlash, HealthMethod, LbMethod, Level, LoadFactor, Part,
    RatePer, SameSite, TlsVersion,
};

// Balancers.

/// `lbmethod`. mod_proxy: byrequests. mod_jk: `method=R`, the same idea with aging counters.
pub const LBMETHOD: LbMethod = LbMethod::ByRequests;

/// `stickysession`, the cookie's half, of a balancer with an AJP member. mod_proxy: none. mod_jk: `session_cookie`.
pub const SESSION_COOKIE: &str = "JSESSIONID";

/// `stickysession`, the parameter's half. mod_proxy: none. mod_jk: `session_path`, `;jsessionid`.
pub const SESSION_PARAMETER: &str = "jsessionid";

/// `stickysessionsep`. mod_proxy: `.`. mod_jk: always `.`, as Tomcat's jvmRoute needs it.
pub const SEPARATOR: char = '.';

/// `nofailover`. mod_proxy: off. mod_jk: `sticky_session_force=false`.
pub const NOFAILOVER: bool = false;

/// `forcerecovery`. mod_proxy: on. mod_jk: always, when all members are in error.
pub const FORCERECOVERY: bool = true;

/// `failontimeout`. mod_proxy: off. mod_jk: has no such key; `reply_timeout` puts a member in error.
pub const FAILONTIMEOUT: bool = false;

/// `timeout` of a balancer: do not wait for a usable member. mod_proxy: 0. mod_jk: does not wait.
pub const BALANCER_TIMEOUT: Duration = Duration::ZERO;

/// `slow_start`: a recovered member gets its share at once. mod_proxy and mod_jk: always so.
pub const SLOW_START: Duration = Duration::ZERO;

/// `drain_timeout`: a drain has no bound. mod_proxy and mod_jk: always so.
pub const DRAIN_TIMEOUT: Duration = Duration::ZERO;

/// `interval` of a source of members.
pub const DISCOVER_INTERVAL: Duration = Duration::from_secs(5);

/// Most members of a balancer, discovered ones among them.
pub const MOST_MEMBERS: usize = 1024;

/// `session_timeout`. Tomcat's own default for sessions (`session-timeout` of conf/web.xml): 30 minutes.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(30 * 60);

// Redirects and fixed answers.

/// `redirect.status`: for ever, and the method stays. mod_alias: 302.
pub const REDIRECT_STATUS: u16 = 308;

/// `respond.status`. httpd has no such key.
pub const ANSWER_STATUS: u16 = 200;

// Members.

/// `loadfactor`. mod_proxy: 1. mod_jk: `lbfactor=1`.
pub const LOADFACTOR: LoadFactor = LoadFactor::ONE;

/// `lbset`. mod_proxy: 0. mod_jk: `distance=0`.
pub const LBSET: u64 = 0;

/// `max` connections. mod_proxy: threads per child. mod_jk: `connection_pool_size`, threads per process.
/// Ours is Tomcat's `maxThreads`: more connections than threads only wait there.
pub const MAX: u64 = 200;

/// `min` connections. mod_proxy: 0. mod_jk: `connection_pool_minsize`, half of the pool.
pub const MIN: u64 = 0;

/// `ttl`. mod_proxy: none. mod_jk: `connection_pool_timeout=0`, none.
/// Ours is bounded because a firewall or Tomcat's `keepAliveTimeout` ends idle connections in silence.
pub const TTL: Duration = Duration::from_secs(60);

/// `acquire`. mod_proxy: waits for ever. mod_jk: `connection_acquire_timeout`, retries × interval.
pub const ACQUIRE: Duration = Duration::from_secs(10);

/// `connectiontimeout`. mod_proxy: as `timeout`. mod_jk: `socket_connect_timeout`, none.
pub const CONNECTIONTIMEOUT: Duration = Duration::from_secs(1);

/// `timeout` of a member. mod_proxy: `ProxyTimeout`, then `Timeout`, 60 s. mod_jk: `reply_timeout=0`, none.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// `retry`. mod_proxy: 60 s. mod_jk: `recover_time=60`.
pub const RETRY: Duration = Duration::from_secs(60);

/// `packet_size` in bytes. mod_proxy: `ProxyIOBufferSize`, 8192. mod_jk: `max_packet_size=8192`, as Tomcat's `packetSize`.
pub const PACKET_SIZE: u64 = 8192;

/// `tls.verify` of a member. mod_proxy: `SSLProxyVerify none`; ours is the safe one.
pub const VERIFY: bool = true;

/// `passive`. mod_proxy_ftp: EPSV, then PASV.
pub const PASSIVE: bool = true;

/// `allow_write`. mod_proxy_ftp: reads only.
pub const ALLOW_WRITE: bool = false;

// Cookies and health checks.

/// `sticky_cookie.path`.
pub const COOKIE_PATH: &str = "/";

/// `sticky_cookie.http_only`: scripts have no use for a route.
pub const HTTP_ONLY: bool = true;

/// `sticky_cookie.same_site`: what browsers do without the attribute.
pub const SAME_SITE: SameSite = SameSite::Lax;

/// `sticky_cookie.max_age`: zero is a session cookie.
pub const MAX_AGE: Duration = Duration::ZERO;

/// `health_check.method`. mod_proxy_hcheck: `hcmethod=NONE`.
pub const HEALTH_METHOD: HealthMethod = HealthMethod::Cping;

/// `health_check.interval`. mod_proxy_hcheck: 30 s. mod_jk: `worker.maintain=60`.
pub const HEALTH_INTERVAL: Duration = Duration::from_secs(5);

/// `health_check.passes`. mod_proxy_hcheck: 1.
pub const HEALTH_PASSES: u64 = 1;

/// `health_check.fails`. mod_proxy_hcheck: 1; ours forgives one lost packet.
pub const HEALTH_FAILS: u64 = 2;

/// `health_check.uri`.
pub const HEALTH_URI: &str = "/";

/// `health_check.mandatory`. mod_proxy_hcheck: members are usable before their first check.
pub const HEALTH_MANDATORY: bool = false;

// Mappings.

/// `preserve_host`. mod_proxy: `ProxyPreserveHost Off`. mod_jk: AJP always carries the client's Host.
pub const PRESERVE_HOST: bool = true;

/// `encoded_slash`. Tomcat: `encodedSolidusHandling="reject"`. httpd: `AllowEncodedSlashes Off`.
pub const ENCODED_SLASH: EncodedSlash = EncodedSlash::Refuse;

/// `index`. httpd: `DirectoryIndex index.html`.
pub const INDEX: &str = "index.html";

/// `compress.types`. httpd's mod_deflate: none, Debian's configuration has text, scripts, JSON, XML and SVG. nginx: text/html.
pub const COMPRESS_TYPES: [&str; 4] = [
    "text/*",
    "application/json",
    "application/javascript",
    "image/svg+xml",
];

/// `compress.min` in bytes. mod_deflate: none. nginx: `gzip_min_length 20`. Below it an answer fits one packet anyway.
pub const COMPRESS_MIN: u64 = 1024;

/// `rate.per`. httpd: mod_ratelimit bounds bytes, and no module counts requests; nginx's limit_req module has a key of one's choice.
pub const RATE_PER: RatePer = RatePer::Client;

/// `auth.required`. httpd: `Require valid-user`.
pub const AUTH_REQUIRED: bool = true;

/// `auth.basic.realm`. httpd: `AuthName`, without a default.
pub const REALM: &str = "ajpgate";

/// `auth.basic.pass`. httpd: mod_proxy sends Authorization on; ours keeps the password to itself.
pub const PASS: bool = false;

/// `auth.forward.timeout`. nginx's auth_request: as of any upstream, 60 s.
pub const FORWARD_TIMEOUT: Duration = Duration::from_secs(5);

/// `auth.forward.user`: the field that oauth2-proxy answers with (`--set-xauthrequest`).
pub const FORWARD_USER: &str = "x-auth-request-user";

/// `auth.header.user`.
pub const HEADER_USER: &str = "x-remote-user";

/// `auth.client_certificate.user`. httpd: a directive of mod_ssl names it, without a default.
pub const CERTIFICATE_NAME: CertificateName = CertificateName::CommonName;

// The gateway itself.

/// `listeners[].proxy_protocol`. httpd: `RemoteIPProxyProtocol Off`.
pub const PROXY_PROTOCOL: bool = false;

/// `listeners[].tls.client_auth`. httpd: `SSLVerifyClient none`.
pub const CLIENT_AUTH: ClientAuth = ClientAuth::None;

/// `listeners[].tls.min_version`. httpd: `SSLProtocol all -SSLv3`; browsers speak no TLS 1.0 and 1.1 since 2020 (RFC 8996).
pub const MIN_TLS_VERSION: TlsVersion = TlsVersion::Tls12;

/// `limits.max_header_bytes`. httpd: `LimitRequestFields` × `LimitRequestFieldSize`, 100 × 8190.
pub const MAX_HEADER_BYTES: u64 = 64 * 1024;

/// Least `limits.max_header_bytes`, but for 0.
pub(crate) const LEAST_HEADER_BYTES: u64 = 1024;

/// Most `limits.max_header_bytes`; also what 0, no limit, comes to: a head is held as a whole.
pub(crate) const MOST_HEADER_BYTES: u64 = 16 * 1024 * 1024;

/// What a limit of 0 on time comes to: the longest that can be written.
pub const ENDLESS: Duration = Duration::from_secs(3650 * 86_400);

/// `limits.header_timeout`. httpd: `RequestReadTimeout header=20-40`.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// `limits.idle_timeout`. httpd: `KeepAliveTimeout 5`; ours suits clients that keep connections, as browsers do.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// `limits.max_connections`. httpd: `MaxRequestWorkers`, 400.
pub const MAX_CONNECTIONS: u64 = 10_000;

/// `limits.max_body`: zero is no limit. httpd: `LimitRequestBody`, 1 GiB since 2.4.54.
pub const MAX_BODY: u64 = 0;

/// `limits.max_headers`. httpd: `LimitRequestFields 100`. Tomcat: `maxHeaderCount="100"`.
pub const MAX_HEADERS: u64 = 100;

/// `limits.max_uri`: zero is no limit. httpd: `LimitRequestLine`, 8190 with method and version.
pub const MAX_URI: u64 = 0;

/// `limits.min_body_rate`: zero is no limit. httpd: `RequestReadTimeout body=20,MinRate=500`.
pub const MIN_BODY_RATE: u64 = 0;

/// `limits.max_connections_per_ip`: zero is no limit. httpd: has no such key.
pub const MAX_CONNECTIONS_PER_IP: u64 = 0;

/// `limits.max_streams`. httpd: `H2MaxSessionStreams 100`; RFC 9113 section 6.5.2 asks for at least 100.
pub const MAX_STREAMS: u64 = 100;

/// Most `limits.max_streams`; also what 0, no limit, comes to: each of them has a buffer.
pub(crate) const MOST_STREAMS: u32 = 10_000;

/// `log.level`. httpd: `warn`. mod_jk: `JkLogLevel info`.
pub const LOG_LEVEL: Level = Level::Info;

/// `admin.bind`.
pub const ADMIN_BIND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9404);

/// `watch`: a change of the file is picked up with SIGHUP only, as httpd does.
pub const WATCH: bool = false;

/// `shutdown_timeout`. httpd: `GracefulShutdownTimeout 0`, none.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Most `domains` of one `acme`. Each has a certificate of its own, and authorities limit how many there may be: Let's
/// Encrypt 50 a week for a registered domain.
pub const MOST_DOMAINS: usize = 100;

/// `shutdown_delay`: none, as in httpd, nginx and HAProxy (`grace`).
pub const SHUTDOWN_DELAY: Duration = Duration::ZERO;

/// `tracing.sample`: all, as the SDKs of OpenTelemetry do.
pub const SAMPLE: Part = Part::ALL;

/// `runtime.threads`: one for each core, as nginx with `worker_processes auto` and HAProxy.
pub const THREADS: u64 = 0;

/// `admin.allow` when `admin.bind` is a loopback address: the loopback networks; else everyone, behind `auth`.
#[must_use]
pub const fn admin_allow(loopback: bool) -> [IpNet; 2] {
    let (v4, v6, bits4, bits6) = match loopback {
        true => (Ipv4Addr::new(127, 0, 0, 0), Ipv6Addr::LOCALHOST, 8, 128),
        false => (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, 0, 0),
    };
    [
        IpNet::V4(Ipv4Net::new_assert(v4, bits4)),
        IpNet::V6(Ipv6Net::new_assert(v6, bits6)),
    ]
}
