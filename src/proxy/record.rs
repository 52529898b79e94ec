//! What is remembered of a request until it is over, and then counted and logged, whatever ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use tracing::debug;

use super::finish::bare_refusal;
use super::session::{Session, Wanted};
use crate::balancer::How;
use crate::client::Client;
use crate::clock;
use crate::connection_state::ConnectionState;
use crate::head::{AnswerHead, Fields, Known, KnownSet, RequestHead};
use crate::identity::User;
use crate::state::{Chosen, LiveBalancer, LiveMember, Shared};
use crate::sticky::Found;
use crate::telemetry::access_log::{AfterResponse, Entry};
use crate::telemetry::metrics::{CodeClass, Refusal, StickyResult};
use crate::traces::{Trace, Tracing};
use crate::variables::Variables;

/// The status in the log when the client was gone before there was one (nginx's number for it).
const CLIENT_GONE: u16 = 499;

/// Fields of an answer that are decided when its head is written.
const DECIDED_LAST: KnownSet = KnownSet::of(&[
    Known::Connection,
    Known::ContentLength,
    Known::Date,
    Known::TransferEncoding,
]);

/// One request, from its head to its end. It is counted and logged when it is dropped.
///
/// The head stays as it came; what is learnt goes into the record beside it.
#[derive(Debug)]
pub(crate) struct OpenRequest {
    pub(crate) head: RequestHead,
    pub(crate) record: Record,
}

/// What is learnt of a request on its way.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Arc<Client>,
    pub(crate) connection: Arc<ConnectionState>,
    pub(crate) started: Instant,
    /// When the answer was over, if that is known.
    pub(crate) ended: Option<Instant>,
    balancer: Option<Arc<LiveBalancer>>,
    pub(crate) variables: Variables,
    session: Session,
    /// The route that the session asks for.
    session_route: Option<Arc<str>>,
    /// How the last attempt's member was chosen.
    how: Option<How>,
    /// Requests that went to a member.
    pub(crate) attempts: u32,
    /// Who was tried first.
    first_member: Option<Arc<LiveMember>>,
    /// Who has sent it, as far as the mapping asks.
    pub(crate) user: Option<Arc<User>>,
    /// Cookies of the server that knows the users.
    pub(crate) set_cookies: Vec<Vec<u8>>,
    /// Who answered.
    pub(crate) member: Option<Arc<LiveMember>>,
    status: Option<StatusCode>,
    /// Bytes of the answer's head.
    pub(crate) head_sent: u64,
    /// Bytes of body that were handed to the client.
    pub(crate) sent: u64,
    /// Whether the client has all of the answer.
    pub(crate) complete: bool,
    /// Whether its connection goes on.
    pub(crate) keep_alive: bool,
    /// Whether the metrics have it.
    counted: bool,
    /// Fields of the answer that the access log wants.
    logged: Fields,
    /// Its trace, where the gateway makes one.
    pub(crate) trace: Option<Box<Trace>>,
}

impl OpenRequest {
    pub(crate) fn new(
        shared: Arc<Shared>,
        client: Arc<Client>,
        connection: Arc<ConnectionState>,
        head: RequestHead,
    ) -> Self {
        let variables = Variables::of(client.is_secure);
        let record = Record {
            shared,
            client,
            connection,
            started: clock::now().into_std(),
            ended: None,
            balancer: None,
            variables,
            session: Session::None,
            session_route: None,
            how: None,
            attempts: 0,
            first_member: None,
            user: None,
            set_cookies: Vec::new(),
            member: None,
            status: None,
            head_sent: 0,
            sent: 0,
            complete: false,
            keep_alive: true,
            counted: false,
            logged: Fields::default(),
            trace: None,
        };
        Self { head, record }
    }
}

impl Record {
    /// Begins a trace, or goes on with the client's.
    pub(super) fn begin_trace(&mut self, tracing: &Arc<Tracing>, head: &RequestHead) {
        self.trace = tracing.begin(head);
        let id = self.trace.as_ref().map(|trace| trace.id());
        self.variables.trace_id = id.map(String::into_boxed_str);
    }

    /// The request is for this balancer.
    pub(crate) fn enter(&mut self, balancer: &Arc<LiveBalancer>) {
        balancer.metrics.now().in_flight.increment();
        self.balancer = Some(Arc::clone(balancer));
    }

    /// The request names this session, or none.
    pub(crate) fn names(&mut self, wanted: &Wanted<'_>) {
        self.session = wanted.session;
        if let Some(Found { name, route, .. }) = wanted.found
            && let Some(route) = route
        {
            let route = Arc::from(route);
            self.variables.set_session(name, &route);
            self.session_route = Some(route);
        }
    }

    /// An attempt begins: this member of the balancer was chosen for it.
    pub(crate) fn chose(&mut self, chosen: &Chosen, balancer: &LiveBalancer) {
        self.variables.set_member(&chosen.variables(balancer));
        self.how = Some(chosen.how);
        self.first_member
            .get_or_insert_with(|| Arc::clone(&chosen.attempt.member));
    }

    /// Counts that the request may not come in.
    pub(crate) fn count_refusal(&self, reason: Refusal) {
        self.shared.counters.access_refused.increment(reason);
    }

    /// The head of the answer is known.
    pub(crate) fn answered(&mut self, head: &AnswerHead) {
        self.status = Some(head.status);
        for name in self.shared.access_log.response_fields() {
            for value in head.fields.all(&**name) {
                self.logged.push(name.as_bytes(), value);
            }
        }
    }

    /// The head of the answer has been written. `sent` knows the fields that are decided only then.
    pub(super) fn sent_fields<'h>(&mut self, sent: impl Fn(&str) -> Option<&'h [u8]>) {
        let wanted = self.shared.access_log.response_fields().iter();
        for name in wanted.filter(|name| DECIDED_LAST.has(Known::of(name.as_bytes()))) {
            self.logged.remove(&**name);
            if let Some(value) = sent(name) {
                self.logged.push(name.as_bytes(), value);
            }
        }
    }

    /// What became of the route that the session asked for; `None` in a balancer without stickiness.
    fn sticky_result(&self) -> Option<StickyResult> {
        self.balancer
            .as_ref()
            .filter(|balancer| balancer.is_sticky())?;
        // Nobody could serve it.
        let unserved =
            self.member.is_none() && self.status == Some(StatusCode::SERVICE_UNAVAILABLE);
        Some(match self.session {
            Session::None => StickyResult::New,
            Session::NoRoute => StickyResult::NoRoute,
            Session::UnknownRoute => StickyResult::UnknownRoute,
            Session::Route => match self.how {
                _ if unserved => StickyResult::Unserved,
                Some(How::Sticky) => StickyResult::Hit,
                Some(How::Redirect) => StickyResult::Redirect,
                Some(How::Domain | How::Free) => StickyResult::Failover,
                // The client has gone while the request waited for a member.
                None if self.status.is_none() => StickyResult::Unserved,
                // It was refused before a member was looked for.
                None => return None,
            },
        })
    }

    /// The status for metrics and logs.
    fn status(&self) -> u16 {
        self.status.map_or(CLIENT_GONE, |status| status.as_u16())
    }

    /// From the head of the request to the end of the answer, or to now.
    fn duration(&self) -> Duration {
        let ended = self.ended.unwrap_or_else(|| clock::now().into_std());
        ended.duration_since(self.started)
    }

    /// Counts the request in the metrics, once. This is done before the last bytes of the answer are written, so that
    /// whoever has the answer finds it counted.
    pub(crate) fn count(&mut self) {
        if std::mem::replace(&mut self.counted, true) {
            return;
        }
        let class = CodeClass::of(self.status());
        let Some(balancer) = &self.balancer else {
            self.shared.counters.requests.increment(class);
            return;
        };
        let metrics = balancer.metrics.now();
        match &self.member {
            Some(member) => member.metrics.now().requests.increment(class),
            None => metrics.requests.increment(class),
        }
        metrics.in_flight.decrement();
        metrics.duration.record(self.duration());
        if let Some(result) = self.sticky_result() {
            let route = self.session_route.as_deref();
            balancer.count_sticky(route, result, self.member.as_deref());
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let Self { head, record } = self;
        record.count();
        let (status, duration, sticky) =
            (record.status(), record.duration(), record.sticky_result());
        // What mod_proxy_balancer's manual tells to look at when sessions do not stick, in one line per request.
        debug!(
            client = record.client.ip,
            method = %head.method,
            path = head.target.path(),
            status,
            balancer = record.balancer.as_ref().map(|balancer| balancer.name()),
            session = record.variables.session_sticky.as_deref(),
            session_route = record.variables.session_route.as_deref(),
            sticky = sticky.map(StickyResult::text),
            member = record.variables.worker_name.as_deref(),
            route = record.variables.worker_route.as_deref(),
            how = record.how.map(How::text),
            route_changed = record.variables.route_changed,
            attempts = record.attempts,
            "request"
        );
        let trace = record.trace.take();
        let entry = Entry {
            head: Some(head),
            refused_line: b"",
            client: &record.client,
            user: record.user.as_ref().map(|user| &*user.name),
            status,
            sent: record.sent,
            head_sent: record.head_sent,
            received: record.connection.take_received(),
            duration,
            variables: &record.variables,
            sticky,
            balancer: record.balancer.as_ref().map(|balancer| balancer.name()),
            member: record.variables.worker_name.as_deref(),
            first_member: record.first_member.as_ref().map(|member| &*member.url),
            attempts: record.attempts,
            response: &record.logged,
            after: match (record.complete, record.keep_alive) {
                (false, _) => AfterResponse::Aborted,
                (true, true) => AfterResponse::KeepAlive,
                (true, false) => AfterResponse::Close,
            },
            requests: record.connection.requests(),
        };
        record.shared.access_log.write(&entry);
        if let Some(trace) = trace {
            trace.finish(&entry);
        }
    }
}

/// What has come of a request whose head was refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came<'a> {
    /// Its request line.
    pub(crate) line: &'a [u8],
    /// Its bytes.
    pub(crate) received: u64,
    /// Requests on its connection so far, this one included.
    pub(crate) requests: u32,
    /// The answer says that the connection is closed.
    pub(crate) closes: bool,
}

/// Counts and logs a request whose head was refused before it was a request, and answers it: the fields of the answer, and its
/// body.
pub(crate) fn refused(
    shared: &Shared,
    client: &Client,
    status: StatusCode,
    came: Came<'_>,
) -> (Fields, Bytes) {
    let variables = Variables::of(client.is_secure);
    let (fields, body) = bare_refusal(shared, client, &variables, status);
    shared.counters.refused.increment(1);
    shared
        .counters
        .requests
        .increment(CodeClass::of(status.as_u16()));
    let mut logged = fields.clone();
    if !shared.access_log.response_fields().is_empty() {
        logged.set("Content-Length", body.len().to_string().as_bytes());
        if came.closes {
            logged.set("Connection", b"close");
        }
    }
    shared.access_log.write(&Entry {
        head: None,
        refused_line: came.line,
        client,
        user: None,
        status: status.as_u16(),
        sent: body.len() as u64,
        head_sent: 0,
        received: came.received,
        duration: Duration::ZERO,
        variables: &variables,
        sticky: None,
        balancer: None,
        member: None,
        first_member: None,
        attempts: 0,
        response: &logged,
        after: AfterResponse::Close,
        requests: came.requests,
    });
    (fields, body)
}
