//! `format: json`.

use http::header::{HOST, HeaderName, HeaderValue, REFERER, USER_AGENT};
use serde_json::{Map, Value};

use super::Entry;

/// One object; the order of its keys is that of the contract.
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
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
    put(
        "time",
        begun.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into(),
    );
    put("client", entry.peer.ip.clone().into());
    put("method", parts.map(|parts| parts.method.as_str()).into());
    put("target", parts.map(|parts| parts.uri.to_string()).into());
    put(
        "protocol",
        parts.map(|parts| format!("{:?}", parts.version)).into(),
    );
    put("status", entry.status.into());
    put("bytes", entry.sent.into());
    put("duration_ms", milliseconds(entry).into());
    put("host", header(HOST).into());
    put("referer", header(REFERER).into());
    put("user_agent", header(USER_AGENT).into());
    put("balancer", entry.balancer.into());
    put("member", entry.member.into());
    let route = entry.member.and(variables.worker_route.as_deref());
    put("route", route.into());
    put("session_route", variables.session_route.as_deref().into());
    put("sticky", entry.sticky.map(super::StickyResult::text).into());
    put("route_changed", variables.route_changed.into());
    put("attempts", entry.attempts.into());
    Value::Object(line).to_string()
}

/// With the microseconds behind the point.
fn milliseconds(entry: &Entry<'_>) -> f64 {
    (entry.duration.as_secs_f64() * 1e6).round() / 1e3
}
