//! The trace of one request.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ajpgate_config::MemberUrl;
use http::Method;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::attributes::{Attributes, cut, name_of, version, without_parameters};
use super::ids::span_id;
use super::queue::Queue;
use crate::telemetry::access_log::{AfterResponse, Entry};
use crate::telemetry::metrics::StickyResult;
use crate::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};

/// Most attempts of one request that have a span; a request that visits more members has no span for the others.
const MOST_ATTEMPTS: usize = 16;

/// The trace of one request: what its members are told, and, where the trace is recorded, what has happened so far.
#[derive(Debug)]
pub(crate) struct Trace {
    /// With the span of the request.
    context: TraceContext,
    /// What the client says.
    parent: Option<TraceContext>,
    /// The `tracestate` that goes on.
    state: Option<String>,
    /// `None` where nothing is recorded.
    recording: Option<Recording>,
}

/// What is recorded of a request.
#[derive(Debug)]
struct Recording {
    queue: Arc<Queue>,
    started: SystemTime,
    /// The path of its mapping.
    mapping: Option<String>,
    /// Attempts that are over.
    attempts: Vec<SpanData>,
    /// The attempt that is under way.
    current: Option<Attempt>,
}

/// An attempt on a member that is under way.
#[derive(Debug)]
struct Attempt {
    span_id: u64,
    started: SystemTime,
    name: &'static str,
    attributes: Attributes,
    status: Status,
}

/// Where an attempt goes.
#[derive(Debug)]
pub(crate) struct On<'a> {
    pub(crate) balancer: &'a str,
    /// Of the member.
    pub(crate) url: &'a MemberUrl,
    /// Where it is connected to: the member's url or, for a request to switch protocols, its `upgrade_url`.
    pub(crate) server: &'a MemberUrl,
    /// Of the member.
    pub(crate) route: &'a str,
    /// How the member was chosen.
    pub(crate) how: &'static str,
    pub(crate) method: &'a Method,
    /// The path that the member is asked for.
    pub(crate) path: &'a str,
}

impl Trace {
    /// A trace that begins at this moment, or goes on; it is recorded if there is a `queue`.
    pub(super) fn new(
        context: TraceContext,
        parent: Option<TraceContext>,
        state: Option<String>,
        queue: Option<Arc<Queue>>,
    ) -> Self {
        Self {
            context,
            parent,
            state,
            recording: queue.map(|queue| Recording {
                queue,
                started: SystemTime::now(),
                mapping: None,
                attempts: Vec::new(),
                current: None,
            }),
        }
    }

    /// The id of the trace.
    pub(crate) fn id(&self) -> String {
        self.context.trace_id_text()
    }

    /// The request is for the mapping of this path.
    pub(crate) fn is_for(&mut self, mapping: &str) {
        if let Some(recording) = &mut self.recording {
            recording.mapping = Some(cut(mapping).to_owned());
        }
    }

    /// An attempt begins.
    pub(crate) fn attempt_begins(&mut self, on: &On<'_>) {
        self.end_attempt(None);
        let Some(recording) = &mut self.recording else {
            return;
        };
        if recording.attempts.len() >= MOST_ATTEMPTS {
            return;
        }
        recording.current = span_id().map(|span_id| Attempt {
            span_id,
            started: SystemTime::now(),
            name: name_of(on.method),
            attributes: on.attributes(),
            status: Status::Unset,
        });
    }

    /// The fields that the member of the current attempt gets in place of the client's: the caller is the attempt, or the request
    /// where nothing is recorded.
    pub(crate) fn fields(&self) -> [(&'static str, Option<String>); 2] {
        let current = self.recording.as_ref().and_then(|it| it.current.as_ref());
        let caller = TraceContext {
            span_id: current.map_or(self.context.span_id, |attempt| attempt.span_id),
            ..self.context
        };
        [
            (TRACEPARENT, Some(caller.field())),
            (TRACESTATE, self.state.clone()),
        ]
    }

    fn current(&mut self) -> Option<&mut Attempt> {
        self.recording.as_mut()?.current.as_mut()
    }

    /// The request was sent so many times in the current attempt: twice, where the member had closed the kept connection.
    pub(crate) fn sent(&mut self, times: u32) {
        if let Some(attempt) = self.current()
            && times > 1
        {
            attempt.attributes.put("ajpgate.sent", i64::from(times));
        }
    }

    /// The head of the member's answer has come. The attempt lasts until the answer is over.
    pub(crate) fn attempt_answered(&mut self, status: u16) {
        if let Some(attempt) = self.current() {
            let code = i64::from(status);
            attempt.attributes.put("http.response.status_code", code);
            // A client's span fails with 4xx too.
            if status >= 400 {
                attempt.attributes.put("error.type", code.to_string());
                attempt.status = Status::error("");
            }
        }
    }

    /// The member has given no answer; `kind` is one of a fixed list.
    pub(crate) fn attempt_failed(&mut self, kind: &'static str, why: &impl Display) {
        if let Some(attempt) = self.current() {
            attempt.attributes.put("error.type", kind);
            attempt.status = Status::error(cut(&why.to_string()).to_owned());
        }
        self.end_attempt(None);
    }

    /// Ends the attempt that is under way, now or at `ended`.
    fn end_attempt(&mut self, ended: Option<SystemTime>) {
        let Some(attempt) = self.recording.as_mut().and_then(|it| it.current.take()) else {
            return;
        };
        let span = self.span(Span {
            span_id: attempt.span_id,
            parent: Some(self.context.span_id),
            is_remote: false,
            kind: SpanKind::Client,
            name: attempt.name.into(),
            started: attempt.started,
            ended: ended.unwrap_or_else(SystemTime::now),
            attributes: attempt.attributes.0,
            status: attempt.status,
        });
        if let Some(recording) = &mut self.recording {
            recording.attempts.push(span);
        }
    }

    /// The request is over: hands its spans to the thread that sends them.
    pub(crate) fn finish(mut self, entry: &Entry<'_>) {
        let Some(started) = self.recording.as_ref().map(|it| it.started) else {
            return;
        };
        let ended = started
            .checked_add(entry.duration.max(Duration::from_nanos(1)))
            .unwrap_or(started);
        self.end_attempt(Some(ended));
        let Some(mut recording) = self.recording.take() else {
            return;
        };
        let mapping = recording.mapping.take();
        let span = self.span(of_request(&self, entry, mapping.as_deref(), started, ended));
        recording.attempts.push(span);
        for span in recording.attempts {
            recording.queue.push(span);
        }
    }

    fn span(&self, span: Span) -> SpanData {
        let state = self.state.as_deref();
        let state = state.and_then(|state| state.parse::<TraceState>().ok());
        let id = |id: u64| SpanId::from_bytes(id.to_be_bytes());
        SpanData {
            span_context: SpanContext::new(
                TraceId::from_bytes(self.context.trace_id.to_be_bytes()),
                id(span.span_id),
                TraceFlags::SAMPLED,
                false,
                state.unwrap_or(TraceState::NONE),
            ),
            parent_span_id: span.parent.map_or(SpanId::INVALID, id),
            parent_span_is_remote: span.is_remote,
            span_kind: span.kind,
            name: span.name,
            start_time: span.started,
            end_time: span.ended.max(span.started),
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.status,
            instrumentation_scope: InstrumentationScope::builder("ajpgate")
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
        }
    }
}

/// What differs between the spans of a trace.
struct Span {
    span_id: u64,
    parent: Option<u64>,
    /// Whether the parent is somebody else's.
    is_remote: bool,
    kind: SpanKind,
    name: Cow<'static, str>,
    started: SystemTime,
    ended: SystemTime,
    attributes: Vec<KeyValue>,
    status: Status,
}

impl On<'_> {
    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default();
        let server = self.server;
        attributes.method(self.method);
        attributes.text("server.address", &server.host);
        attributes.put("server.port", i64::from(server.port));
        attributes.text("url.scheme", server.scheme.name());
        attributes.text("url.path", &without_parameters(self.path));
        attributes.text("ajpgate.balancer", self.balancer);
        attributes.text("ajpgate.member", &self.url.text);
        attributes.text("ajpgate.route", self.route);
        attributes.put("ajpgate.chosen", self.how);
        attributes
    }
}

/// The span of a request that is over.
fn of_request(
    trace: &Trace,
    entry: &Entry<'_>,
    mapping: Option<&str>,
    started: SystemTime,
    ended: SystemTime,
) -> Span {
    let method = entry.head.map_or("HTTP", |head| name_of(&head.method));
    let is_broken_off = entry.after == AfterResponse::Aborted;
    let mut attributes = attributes(entry, mapping);
    match entry.status {
        500.. => attributes.put("error.type", entry.status.to_string()),
        _ if is_broken_off => attributes.put("error.type", "broken_off"),
        _ => {}
    }
    Span {
        span_id: trace.context.span_id,
        parent: trace.parent.map(|parent| parent.span_id),
        is_remote: trace.parent.is_some(),
        kind: SpanKind::Server,
        name: match mapping {
            Some(mapping) => format!("{method} {mapping}").into(),
            None => method.into(),
        },
        started,
        ended,
        attributes: attributes.0,
        status: match entry.status {
            500.. => Status::error(""),
            _ => Status::Unset,
        },
    }
}

fn attributes(entry: &Entry<'_>, mapping: Option<&str>) -> Attributes {
    let mut attributes = Attributes::default();
    if let Some(head) = entry.head {
        attributes.method(&head.method);
        attributes.text("url.path", &without_parameters(head.target.path()));
        attributes.put("network.protocol.version", version(head.version));
        let agent = head.fields.get("user-agent").map(String::from_utf8_lossy);
        attributes.optional("user_agent.original", agent.as_deref());
    }
    attributes.put("url.scheme", entry.client.scheme());
    let authority = entry.authority().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().ok()),
        _ => (authority, None),
    };
    attributes.text("server.address", host);
    if let Some(port) = entry.client.port_said().or(port) {
        attributes.put("server.port", i64::from(port));
    }
    attributes.text("client.address", &entry.client.ip);
    attributes.text("network.peer.address", &entry.client.peer_ip());
    attributes.put("http.response.status_code", i64::from(entry.status));
    let bytes = i64::try_from(entry.sent).unwrap_or(i64::MAX);
    attributes.put("http.response.body.size", bytes);
    attributes.optional("ajpgate.mapping", mapping);
    attributes.optional("ajpgate.balancer", entry.balancer);
    attributes.optional("ajpgate.member", entry.member);
    let route = entry.variables.worker_route.as_deref();
    attributes.optional("ajpgate.route", entry.member.and(route));
    attributes.optional("ajpgate.sticky", entry.sticky.map(StickyResult::text));
    attributes.put("ajpgate.attempts", i64::from(entry.attempts));
    let id = entry.facts().unique_id();
    attributes.text("ajpgate.request_id", &String::from_utf8_lossy(id));
    attributes
}
