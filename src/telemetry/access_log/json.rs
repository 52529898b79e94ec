//! Lines of `format: json`.

use std::borrow::Cow;

use serde::Serialize;

use super::entry::Entry;
use crate::telemetry::metrics::StickyResult;

/// The keys of a line, in their order.
#[derive(Serialize)]
struct Line<'a> {
    /// When the request began, as RFC 3339 writes it.
    time: String,
    client: &'a str,
    user: Option<&'a str>,
    method: Option<Cow<'a, str>>,
    target: Option<Cow<'a, str>>,
    protocol: Option<Cow<'a, str>>,
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
    /// `UNIQUE_ID`.
    request_id: Cow<'a, str>,
    /// `TRACE_ID`.
    trace_id: Option<String>,
}

/// What the request line of a request that was refused says, as far as it came.
#[derive(Debug, Default)]
struct RefusedLine<'a> {
    method: Option<Cow<'a, str>>,
    target: Option<Cow<'a, str>>,
    protocol: Option<Cow<'a, str>>,
}

impl<'a> RefusedLine<'a> {
    /// Method and protocol are known where the line has three words and the last one names HTTP.
    fn of(line: &'a [u8]) -> Self {
        let mut words = line.split(|byte| *byte == b' ');
        let (method, target, protocol) = (words.next(), words.next(), words.next());
        let protocol = protocol.filter(|word| word.starts_with(b"HTTP/") && words.next().is_none());
        Self {
            method: protocol.and(method).map(String::from_utf8_lossy),
            target: target.map(String::from_utf8_lossy),
            protocol: protocol.map(String::from_utf8_lossy),
        }
    }
}

/// One JSON object, without a line end.
pub(super) fn format(entry: &Entry<'_>) -> String {
    let (variables, facts) = (entry.variables, entry.facts());
    let ended = jiff::Timestamp::now();
    let begun = ended.saturating_sub(entry.duration).unwrap_or(ended);
    let head = entry.head;
    let header = |name| {
        let value = head.and_then(|head| head.fields.get(name));
        value.map(String::from_utf8_lossy).map(String::from)
    };
    let refused = RefusedLine::of(entry.refused_line);
    let line = Line {
        time: begun.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        client: &entry.client.ip,
        user: entry.user,
        method: head
            .map(|head| head.method.as_str().into())
            .or(refused.method),
        target: head
            .map(|head| head.target.as_str().into())
            .or(refused.target),
        protocol: head
            .map(|head| format!("{:?}", head.version).into())
            .or(refused.protocol),
        status: entry.status,
        bytes: entry.sent,
        duration_ms: (entry.duration.as_secs_f64() * 1e6).round() / 1e3,
        host: entry.authority().map(str::to_owned),
        referer: header("referer"),
        user_agent: header("user-agent"),
        balancer: entry.balancer,
        member: entry.member,
        route: entry.member.and(variables.worker_route.as_deref()),
        session_route: variables.session_route.as_deref(),
        sticky: entry.sticky.map(StickyResult::text),
        route_changed: variables.route_changed,
        attempts: entry.attempts,
        request_id: String::from_utf8_lossy(facts.unique_id()),
        trace_id: facts
            .trace_id()
            .map(|id| String::from_utf8_lossy(&id).into_owned()),
    };
    // Strings and numbers can always be written as JSON.
    serde_json::to_string(&line).unwrap_or_default()
}
