//! Lines of `format: json`.

use http::header::{HOST, HeaderName, HeaderValue, REFERER, USER_AGENT};
use serde::Serialize;

use super::entry::Entry;
use crate::telemetry::metrics::StickyResult;

/// The keys of a line, in their order.
#[derive(Serialize)]
struct Line<'a> {
    /// When the request began, as RFC 3339 writes it.
    time: String,
    client: &'a str,
    method: Option<&'a str>,
    target: Option<String>,
    protocol: Option<String>,
    status: u16,
    /// Bytes of the answer's body.
    bytes: u64,
    /// Milliseconds; the digits behind the point are microseconds.
    duration_ms: f64,
    host: Option<String>,
    referer: Option<String>,
    user_agent: Option<String>,
    balancer: Option<&'a str>,
    member: Option<&'a str>,
    route: Option<&'a str>,
    session_route: Option<&'a str>,
    sticky: Option<&'static str>,
    route_changed: bool,
    attempts: u32,
}

/// The target in the request line of a request that was refused, if the line has one.
fn refused_target(line: &[u8]) -> Option<String> {
    let target = line.split(|byte| *byte == b' ').nth(1)?;
    Some(String::from_utf8_lossy(target).into_owned())
}

/// One JSON object, without a line end.
pub(super) fn format(entry: &Entry<'_>) -> String {
    let variables = entry.variables;
    let ended = jiff::Timestamp::now();
    let begun = ended.saturating_sub(entry.duration).unwrap_or(ended);
    let header = |name: HeaderName| {
        let value = entry.parts.and_then(|parts| parts.headers.get(name));
        value
            .map(HeaderValue::as_bytes)
            .map(String::from_utf8_lossy)
            .map(String::from)
    };
    let parts = entry.parts;
    let line = Line {
        time: begun.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        client: &entry.peer.ip,
        method: parts.map(|parts| parts.method.as_str()),
        target: match parts {
            Some(parts) => Some(parts.uri.to_string()),
            None => refused_target(entry.refused_line),
        },
        protocol: parts.map(|parts| format!("{:?}", parts.version)),
        status: entry.status,
        bytes: entry.sent,
        duration_ms: (entry.duration.as_secs_f64() * 1e6).round() / 1e3,
        host: header(HOST),
        referer: header(REFERER),
        user_agent: header(USER_AGENT),
        balancer: entry.balancer,
        member: entry.member,
        route: entry.member.and(variables.worker_route.as_deref()),
        session_route: variables.session_route.as_deref(),
        sticky: entry.sticky.map(StickyResult::text),
        route_changed: variables.route_changed,
        attempts: entry.attempts,
    };
    // Strings and numbers can always be written as JSON.
    serde_json::to_string(&line).unwrap_or_default()
}
