//! Traces: what members are told, what a collector gets, and ids of requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;

use crate::support::container::{self, Container, named};
use crate::support::gateway::{ConfigFile, Running, ask};
use crate::support::origin::{Origin, Received};
use crate::support::{ReservedPort, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A `traceparent` of the client with these flags.
fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{CALLER}-{flags}")
}

/// A server that keeps what it was sent, and answers 200.
struct Keeper {
    server: Origin,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Keeper {
    async fn start() -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        let server = Origin::start(move |_, mut conn| {
            let kept = Arc::clone(&kept);
            async move {
                while let Some(request) = conn.next_request().await {
                    kept.lock().unwrap().push(request);
                    conn.respond(200, &[], "").await;
                }
            }
        });
        Self {
            server: server.await,
            received,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The values of a field, request by request.
    fn fields(&self, name: &str) -> Vec<Vec<String>> {
        let received = self.received.lock().unwrap();
        let values = received.iter().map(|request| request.all(name));
        let owned = values.map(|all| all.into_iter().map(str::to_owned).collect());
        owned.collect()
    }

    /// The one value of a field of the last request.
    fn last(&self, name: &str) -> String {
        let [value] = &self.fields(name).pop().unwrap()[..] else {
            panic!("one {name}");
        };
        value.clone()
    }

    /// The spans that a collector got, and the name of their service.
    fn spans(&self) -> Vec<Seen> {
        let received = self.received.lock().unwrap();
        let mut spans = Vec::new();
        for request in received.iter() {
            assert_eq!(request.line, "POST /v1/traces HTTP/1.1");
            assert_eq!(
                request.field("content-type"),
                Some("application/x-protobuf")
            );
            let sent = ExportTraceServiceRequest::decode(&request.body[..]).unwrap();
            for of_resource in sent.resource_spans {
                let resource = of_resource.resource.unwrap();
                let service = resource
                    .attributes
                    .iter()
                    .find(|it| it.key == "service.name");
                assert!(service.is_some());
                let spans_of = of_resource.scope_spans.into_iter();
                spans.extend(spans_of.flat_map(|it| it.spans).map(Seen::new));
            }
        }
        spans
    }

    /// Waits for so many spans.
    async fn wait_for(&self, count: usize) -> Vec<Seen> {
        until(&format!("{count} spans"), async || {
            self.spans().len() >= count
        })
        .await;
        self.spans()
    }
}

/// A span, with its attributes as texts.
#[derive(Debug)]
struct Seen {
    span: Span,
    attributes: BTreeMap<String, String>,
}

impl Seen {
    fn new(span: Span) -> Self {
        let attributes = span.attributes.iter().map(|attribute| {
            let value = attribute.value.clone().unwrap().value.unwrap();
            let text = match value {
                Value::StringValue(text) => text,
                Value::IntValue(number) => number.to_string(),
                other => panic!("{other:?}"),
            };
            (attribute.key.clone(), text)
        });
        Self {
            attributes: attributes.collect(),
            span,
        }
    }

    fn is(&self, kind: SpanKind) -> bool {
        self.span.kind == kind as i32
    }

    fn has(&self, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            let found = self.attributes.get(*name).map(String::as_str);
            assert_eq!(found, Some(*value), "{name} of {self:?}");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A configuration with these members, and a collector.
fn yaml(members: &[String], tracing: &str) -> String {
    let members = members
        .iter()
        .enumerate()
        .map(|(index, url)| format!("      - {{ url: \"{url}\", route: n{} }}\n", index + 1));
    format!(
        "{tracing}\nbalancers:\n  test:\n    members:\n{}proxy_pass: [{{ path: /app, to: \"balancer://test/shop\" }}]\n",
        members.collect::<String>()
    )
}

fn to(collector: &Keeper, sample: &str) -> String {
    format!(
        "tracing: {{ otlp: \"{}\", sample: {sample} }}",
        collector.url()
    )
}

#[tokio::test]
async fn a_request_is_a_span_and_each_attempt_on_a_member_one_below_it() {
    let (collector, member) = (Keeper::start().await, Keeper::start().await);
    let gone = ReservedPort::new();
    let members = [format!("http://{}", gone.addr()), member.url()];
    let gateway = Running::start(&yaml(&members, &to(&collector, "0")));
    let fields = format!(
        "Traceparent: {}\r\ntracestate: a=1\r\nTracestate: b=2\r\nUser-Agent: test\r\n",
        traceparent("01")
    );
    let answer = gateway
        .get("/app/x;jsessionid=SECRET.n1?q=SECRET", &fields)
        .await;
    assert_eq!(answer.status, 200);

    let spans = collector.wait_for(3).await;
    assert_eq!(spans.len(), 3);
    let request = spans.iter().find(|it| it.is(SpanKind::Server)).unwrap();
    let attempts: Vec<_> = spans.iter().filter(|it| it.is(SpanKind::Client)).collect();
    let [failed, answered] = attempts[..] else {
        panic!("two attempts: {spans:?}");
    };
    assert!(spans.iter().all(|it| hex(&it.span.trace_id) == TRACE));
    assert!(spans.iter().all(|it| it.span.trace_state == "a=1,b=2"));
    assert!(!format!("{spans:?}").contains("SECRET"));
    assert_eq!(hex(&request.span.parent_span_id), CALLER);
    for attempt in &attempts {
        assert_eq!(attempt.span.parent_span_id, request.span.span_id);
        assert!(attempt.span.start_time_unix_nano >= request.span.start_time_unix_nano);
        assert!(attempt.span.end_time_unix_nano >= attempt.span.start_time_unix_nano);
    }
    assert_eq!(request.span.name, "GET /app");
    request.has(&[
        ("http.request.method", "GET"),
        ("url.path", "/app/x"),
        ("http.response.status_code", "200"),
        ("client.address", "127.0.0.1"),
        ("user_agent.original", "test"),
        ("ajpgate.balancer", "test"),
        ("ajpgate.member", &member.url()),
        ("ajpgate.route", "n2"),
        ("ajpgate.attempts", "2"),
        ("ajpgate.mapping", "/app"),
    ]);
    assert_eq!(request.span.status.as_ref().map_or(0, |it| it.code), 0);
    failed.has(&[
        ("error.type", "connect"),
        ("ajpgate.member", &members[0]),
        ("server.port", &gone.addr().port().to_string()),
    ]);
    assert_eq!(failed.span.status.as_ref().unwrap().code, 2);
    answered.has(&[
        ("http.response.status_code", "200"),
        ("url.path", "/shop/x"),
        ("ajpgate.member", &member.url()),
        ("ajpgate.route", "n2"),
    ]);
    // The member is told that the attempt is its caller.
    let expected = format!("00-{TRACE}-{}-01", hex(&answered.span.span_id));
    assert_eq!(member.last("traceparent"), expected);
    assert_eq!(member.last("tracestate"), "a=1,b=2");
    gateway
        .metric_becomes("ajpgate_trace_spans_total", &[("result", "sent")], 3.0)
        .await;
}

#[tokio::test]
async fn the_attempt_of_an_upgrade_names_the_server_that_it_goes_to() {
    let (collector, server) = (Keeper::start().await, Keeper::start().await);
    let gateway = Running::start(&format!(
        "{}\nproxy_pass: [{{ path: /, to: \"ajp://192.0.2.1/\", member: {{ upgrade_url: \"{}\" }} }}]\n",
        to(&collector, "1"),
        server.url()
    ));
    let fields = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(gateway.get("/", fields).await.status, 200);
    let spans = collector.wait_for(2).await;
    let attempt = spans.iter().find(|it| it.is(SpanKind::Client)).unwrap();
    attempt.has(&[
        ("ajpgate.member", "ajp://192.0.2.1"),
        ("server.address", "127.0.0.1"),
        ("server.port", &server.server.address.port().to_string()),
        ("url.scheme", "http"),
    ]);
}

#[tokio::test]
async fn without_tracing_the_fields_of_a_client_pass_as_they_are() {
    let member = Keeper::start().await;
    let gateway = Running::start(&yaml(&[member.url()], ""));
    for fields in [
        &["garbage"][..],
        &["one", "two"],
        &[&traceparent("01")],
        &[],
    ] {
        let sent: String = fields
            .iter()
            .map(|value| format!("traceparent: {value}\r\ntracestate: {value}=\r\n"))
            .collect();
        assert_eq!(gateway.get("/app", &sent).await.status, 200);
        assert_eq!(member.fields("traceparent").pop().unwrap(), fields);
        assert_eq!(
            member.fields("tracestate").pop().unwrap().len(),
            fields.len()
        );
    }
}

#[tokio::test]
async fn a_trace_begins_here_unless_the_client_names_one() {
    let (collector, member) = (Keeper::start().await, Keeper::start().await);
    let gateway = Running::start(&yaml(&[member.url()], &to(&collector, "0")));
    let mut ids = Vec::new();
    let twice = format!(
        "{}\r\ntraceparent: {}",
        traceparent("01"),
        traceparent("01")
    );
    for invalid in [
        "",
        "traceparent: garbage",
        &format!("traceparent: {twice}"),
        &format!("traceparent: ff-{TRACE}-{CALLER}-01"),
    ] {
        let fields = match invalid {
            "" => String::new(),
            invalid => format!("{invalid}\r\ntracestate: a=1\r\n"),
        };
        assert_eq!(gateway.get("/app", &fields).await.status, 200);
        let told = member.last("traceparent");
        let parts: Vec<&str> = told.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [2, 32, 16, 2], "{told}");
        // Nothing is recorded, and the state belongs to another trace.
        assert_eq!((parts[0], parts[3]), ("00", "00"), "{told}");
        assert_eq!(member.fields("tracestate").pop().unwrap().len(), 0);
        ids.push(parts[1].to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert!(!ids.contains(&TRACE.to_owned()));
    // The client does not want its trace recorded.
    let fields = format!("traceparent: {}\r\ntracestate: a=1\r\n", traceparent("00"));
    gateway.get("/app", &fields).await;
    assert_eq!(member.last("traceparent"), traceparent("00"));
    assert_eq!(member.last("tracestate"), "a=1");
    assert!(gateway.shutdown().await);
    assert_eq!(collector.spans().len(), 0);
}

#[tokio::test]
async fn the_last_spans_are_sent_before_the_gateway_ends() {
    let (collector, member) = (Keeper::start().await, Keeper::start().await);
    let gateway = Running::start(&yaml(&[member.url()], &to(&collector, "1")));
    for _ in 0..300 {
        assert_eq!(gateway.get("/app", "").await.status, 200);
    }
    assert_eq!(gateway.get("/none", "").await.status, 404);
    assert!(gateway.shutdown().await);
    let spans = collector.spans();
    assert_eq!(spans.len(), 601);
    let roots = spans.iter().filter(|it| it.span.parent_span_id.is_empty());
    assert_eq!(roots.count(), 301);
    let not_found = spans
        .iter()
        .find(|it| it.attributes["http.response.status_code"] == "404");
    not_found
        .unwrap()
        .has(&[("url.path", "/none"), ("ajpgate.attempts", "0")]);
}

#[tokio::test]
async fn a_reload_sends_traces_elsewhere_and_loses_none() {
    let (one, other) = (Keeper::start().await, Keeper::start().await);
    let member = Keeper::start().await;
    let file = ConfigFile::new("traces-reload", &yaml(&[member.url()], &to(&one, "1")));
    let gateway = Running::start_from(&file);
    let reload = async |tracing: &str| {
        file.write(&yaml(&[member.url()], tracing));
        let answer = ask(&gateway, "POST", "/api/v1/reload", "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    assert_eq!(gateway.get("/app", "").await.status, 200);
    reload(&to(&other, "1")).await;
    assert_eq!(gateway.get("/app", "").await.status, 200);
    assert_eq!(one.wait_for(2).await.len(), 2);
    assert_eq!(other.wait_for(2).await.len(), 2);
    reload("").await;
    let told = member.fields("traceparent").len();
    assert_eq!(gateway.get("/app", "").await.status, 200);
    assert_eq!(member.fields("traceparent")[told], Vec::<String>::new());
    assert!(gateway.shutdown().await);
    assert_eq!((one.spans().len(), other.spans().len()), (2, 2));
}

#[tokio::test]
async fn requests_do_not_wait_for_a_collector_that_is_silent_or_gone() {
    // It takes connections and never answers.
    let silent = Origin::start(|_, mut conn| async move {
        conn.next_request().await;
        std::future::pending::<()>().await;
    });
    let silent = silent.await;
    let member = Keeper::start().await;
    let tracing = format!("tracing: {{ otlp: \"http://{}\" }}", silent.address);
    let gateway = Running::start(&yaml(&[member.url()], &tracing));
    let started = Instant::now();
    let mut client = gateway.client().await;
    for _ in 0..1500 {
        assert_eq!(client.get("/app", "").await.status, 200);
    }
    assert!(started.elapsed() < Duration::from_secs(60));
    let dropped = gateway
        .metric("ajpgate_trace_spans_total", &[("result", "dropped")])
        .await;
    // 3,000 spans; 2,048 may wait, and 512 are on their way.
    assert!((440.0..=1000.0).contains(&dropped), "{dropped}");
    drop(client);

    let gone = ReservedPort::new();
    let tracing = format!("tracing: {{ otlp: \"http://{}\" }}", gone.addr());
    let gateway = Running::start(&yaml(&[member.url()], &tracing));
    assert_eq!(gateway.get("/app", "").await.status, 200);
    gateway
        .metric_becomes("ajpgate_trace_spans_total", &[("result", "failed")], 2.0)
        .await;
    assert!(gateway.shutdown().await);
}

#[tokio::test]
async fn the_id_of_a_request_is_the_same_for_container_and_client() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let container = Container::start(move |_, mut wire| {
        let kept = Arc::clone(&kept);
        async move {
            while let Some(request) = wire.next_request().await {
                kept.lock().unwrap().push(request);
                wire.respond(200, &[], b"").await;
            }
        }
    });
    let container = container.await;
    let gateway = Running::start(&format!(
        "trusted_proxies: [127.0.0.1]\n\
         proxy_pass:\n\
         \x20 - path: /\n\
         \x20   to: \"ajp://{}/\"\n\
         \x20   request_headers: [{{ set: X-Request-Id, value: \"%{{UNIQUE_ID}}e\" }}]\n\
         \x20   request_attributes: {{ request_id: \"%{{UNIQUE_ID}}e\", trace_id: \"%{{TRACE_ID}}e\" }}\n\
         \x20   response_headers: [{{ set: X-Request-Id, value: \"%{{UNIQUE_ID}}e\" }}, {{ set: X-Trace, value: \"%{{TRACE_ID}}e\" }}]\n",
        container.address
    ));
    let mut ids = Vec::new();
    let parent = format!("traceparent: {}\r\n", traceparent("00"));
    for (fields, expected) in [
        (&*parent, None),
        // Nobody who is trusted has said it.
        ("X-Request-Id: mine\r\n", None),
        (
            "X-Forwarded-For: 192.0.2.1\r\nX-Request-Id: its/own-id_1\r\n",
            Some("its/own-id_1"),
        ),
        (
            "X-Forwarded-For: 192.0.2.1\r\nX-Request-Id: no id\r\n",
            None,
        ),
        (
            "X-Forwarded-For: 192.0.2.1\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n",
            None,
        ),
    ] {
        let answer = gateway.get("/", fields).await;
        let request = seen.lock().unwrap().pop().unwrap();
        let id = answer.field("x-request-id").unwrap().to_owned();
        assert_eq!(container::fields(&request, "x-request-id"), [id.as_str()]);
        assert_eq!(named(&request, "request_id").as_ref(), Some(&id));
        match expected {
            Some(expected) => assert_eq!(id, expected),
            None => assert!(
                id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit()),
                "{id}"
            ),
        }
        let trace = if fields == parent { TRACE } else { "" };
        assert_eq!(answer.field("x-trace").unwrap_or_default(), trace);
        assert_eq!(named(&request, "trace_id").unwrap_or_default(), trace);
        assert!(!ids.contains(&id));
        ids.push(id);
    }
}
