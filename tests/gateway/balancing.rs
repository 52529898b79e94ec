//! Balancing: schedulers, sessions, failover and recovery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ajp13::BodyPacket;

use crate::support::Gate;
use crate::support::client::Client;
use crate::support::container::{Container, Wire, content_length, hello};
use crate::support::gateway::Running;

const STICKY: &str = "ajpgate_sticky_requests_total";

async fn nodes() -> [Container; 3] {
    [
        Container::hello("n1").await,
        Container::hello("n2").await,
        Container::hello("n3").await,
    ]
}

async fn schedule(gateway: &Running, count: usize) -> String {
    let mut client = gateway.client().await;
    let mut picks = String::new();
    for _ in 0..count {
        let answer = client.get("/", "").await;
        picks += answer.field("x-node").map_or("-", |node| &node[1..]);
    }
    picks
}

#[tokio::test]
async fn requests_are_scheduled_by_their_factors() {
    let [n1, n2, n3] = nodes().await;
    let yaml = |factors: [u8; 3], method: &str| {
        format!(
            "balancers:\n  b:\n    lbmethod: {method}\n    members:\n      - {{ url: \"ajp://{}\", loadfactor: {} }}\n      \
             - {{ url: \"ajp://{}\", loadfactor: {} }}\n      - {{ url: \"ajp://{}\", loadfactor: {} }}\n\
             proxy_pass: [{{ path: /, to: \"balancer://b/\" }}]\n",
            n1.address, factors[0], n2.address, factors[1], n3.address, factors[2]
        )
    };
    for (factors, method, expected) in [
        ([1, 2, 1], "byrequests", "21322132"),
        ([1, 2, 3], "byrequests", "321323321323"),
        ([4, 2, 1], "byrequests", "1213121"),
        ([1, 2, 1], "bybusyness", "21322132"),
    ] {
        let gateway = Running::start(&yaml(factors, method));
        assert_eq!(
            schedule(&gateway, expected.len()).await,
            expected,
            "{factors:?} {method}"
        );
    }
}

#[tokio::test]
async fn traffic_is_balanced_by_bytes() {
    let large = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.respond(200, &[("X-Node", "n1")], &[b'x'; 200_000])
                .await;
        }
    })
    .await;
    let small = Container::hello("n2").await;
    let gateway = Running::before(&[&large, &small], "lbmethod: bytraffic", "");
    let picks = schedule(&gateway, 12).await;
    assert!(
        picks.starts_with('1') && picks[1..] == "2".repeat(11),
        "{picks}"
    );
    assert!(
        gateway
            .metric(
                "ajpgate_bytes_total",
                &[("route", "n1"), ("direction", "from_backend")]
            )
            .await
            > 200_000.0
    );
    assert!(
        gateway
            .metric(
                "ajpgate_bytes_total",
                &[("route", "n2"), ("direction", "to_backend")]
            )
            .await
            > 1000.0
    );
}

/// An upload counts while it lasts, and also when the member has failed.
#[tokio::test]
async fn bytraffic_counts_uploads_that_are_under_way_or_have_failed() {
    let ends = || {
        Container::start(|_, mut wire: Wire| async move {
            while let Some(request) = wire.next_request().await {
                if content_length(&request) > Some(0) {
                    wire.body_packet().await;
                    while let Some(BodyPacket::Data(_)) = wire.ask(8186).await {}
                    return;
                }
                wire.respond(200, &[("X-Node", "n1")], b"").await;
            }
        })
    };
    let (uploads, other) = (ends().await, Container::hello("n2").await);
    let gateway = Running::before(&[&uploads, &other], "lbmethod: bytraffic", "");
    let mut slow = gateway.client().await;
    let body = "x".repeat(300_000);
    slow.send(format!(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n{body}"
    ))
    .await;
    crate::support::until("the upload counts", async || {
        gateway.get("/", "").await.field("x-node") == Some("n2")
    })
    .await;
    assert_eq!(schedule(&gateway, 5).await, "22222");
    slow.send("x".repeat(100_000)).await;
    assert_eq!(slow.answer().await.status, 502);
    let labels = &[
        ("member", &*format!("ajp://{}", uploads.address)),
        ("direction", "to_backend"),
    ];
    let bytes = gateway.metric("ajpgate_bytes_total", labels).await;
    assert!(bytes > 400_000.0, "{bytes}");
}

#[tokio::test]
async fn bytraffic_counts_bodies_only() {
    let answer = |size: usize| {
        Container::start(move |_, mut wire: Wire| async move {
            while let Some(request) = wire.next_request().await {
                wire.read_body(&request).await;
                wire.respond(200, &[("X-Node", "n1")], &vec![b'x'; size])
                    .await;
            }
        })
    };
    let empty = answer(0).await;
    let other = Container::hello("n2").await;
    let gateway = Running::before(&[&empty, &other], "lbmethod: bytraffic", "");
    assert_eq!(schedule(&gateway, 20).await, "1".repeat(20));
    let upload = format!("Content-Length: 200\r\n\r\n{}", "y".repeat(200));
    assert_eq!(gateway.get("/", &upload).await.status, 200);
    assert_eq!(schedule(&gateway, 1).await, "2");
}

#[tokio::test]
async fn every_sticky_result_is_counted() {
    let [n1, n2, n3] = nodes().await;
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    members:\n      - {{ url: \"ajp://{}\", route: n1 }}\n      \
         - {{ url: \"ajp://{}\", route: n2, status: [disabled], redirect: n3 }}\n      \
         - {{ url: \"ajp://{}\", route: n3 }}\n      \
         - {{ url: \"ajp://localhost:{}\", route: n4, status: [stopped] }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        n1.address,
        n2.address,
        n3.address,
        n3.address.port()
    ));
    for (cookie, route, result) in [
        ("JSESSIONID=a.n1", "n1", "hit"),
        ("JSESSIONID=\"a.n1\"", "n1", "hit"),
        ("JSESSIONID=z.gone; JSESSIONID=a.n1", "n1", "hit"),
        ("JSESSIONID=a.n2", "n2", "redirect"),
        ("JSESSIONID=a.n4", "n4", "failover"),
        ("JSESSIONID=a.nobody", "unknown", "unknown_route"),
        ("JSESSIONID=a", "", "no_route"),
        ("JSESSIONID=a.", "", "no_route"),
        ("other=1", "", "new"),
    ] {
        let labels = [("route", route), ("result", result)];
        let before = gateway.metric(STICKY, &labels).await;
        assert_eq!(
            gateway
                .get("/", &format!("Cookie: {cookie}\r\n"))
                .await
                .status,
            200
        );
        assert_eq!(
            gateway.metric(STICKY, &labels).await,
            before + 1.0,
            "{cookie}"
        );
    }
    assert_eq!(gateway.metric(STICKY, &[]).await, 9.0, "each once");
}

#[tokio::test]
async fn sessions_are_found_in_path_query_and_cookie() {
    let [n1, n2, n3] = nodes().await;
    let gateway = Running::before(&[&n1, &n2, &n3], "", "");
    for (target, fields, node) in [
        ("/a;jsessionid=S.n2", "", "n2"),
        ("/a;jsessionid=S.n2;v=2/b", "", "n2"),
        ("/a;jsessionid=S.n2/b.jsp?c", "", "n2"),
        ("/a?jsessionid=S.n3&x", "", "n3"),
        ("/a;jsessionid=S.n2", "Cookie: JSESSIONID=T.n3\r\n", "n2"),
        ("/a;jsessionid=S", "Cookie: JSESSIONID=T.n3\r\n", "n3"),
        ("/a", "Cookie: x=1; JSESSIONID=T.n3\r\n", "n3"),
        ("/a", "Cookie: x=1\r\nCookie: JSESSIONID=T.n2\r\n", "n2"),
    ] {
        for _ in 0..3 {
            assert_eq!(
                gateway.get(target, fields).await.field("x-node"),
                Some(node),
                "{target} {fields}"
            );
        }
    }
}

#[tokio::test]
async fn nofailover_keeps_a_session_on_its_route() {
    let [n1, n2, _] = nodes().await;
    let dead = Container::hello("dead").await.address;
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    nofailover: true\n    members:\n      - {{ url: \"ajp://{dead}\", route: n1 }}\n      \
         - {{ url: \"ajp://{}\", route: n2 }}\nproxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        n2.address
    ));
    let answer = gateway.get("/", "Cookie: JSESSIONID=a.n1\r\n").await;
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some());
    assert_eq!(
        gateway
            .metric(STICKY, &[("route", "n1"), ("result", "unserved")])
            .await,
        1.0
    );
    let retries = gateway.metric("ajpgate_retries_total", &[]).await;
    assert_eq!(retries, 0.0, "nobody was there to try again with");
    assert_eq!(
        gateway
            .get("/", "Cookie: JSESSIONID=a.nobody\r\n")
            .await
            .status,
        200
    );
    assert_eq!(gateway.get("/", "").await.status, 200);
    drop(n1);
}

/// A member that fails gets no request until `retry` is over; then one request probes it.
#[tokio::test]
async fn a_member_that_failed_comes_back_after_retry() {
    let [n1, n2, _] = nodes().await;
    let address = n2.address;
    drop(n2);
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    members:\n      - {{ url: \"ajp://{}\", route: n1 }}\n      \
         - {{ url: \"ajp://{address}\", route: n2, retry: 3s }}\nproxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        n1.address
    ));
    assert_eq!(schedule(&gateway, 6).await, "111111");
    assert_eq!(
        gateway
            .metric("ajpgate_member_up", &[("route", "n2")])
            .await,
        0.0
    );
    let refused = gateway
        .metric("ajpgate_connects_total", &[("result", "refused")])
        .await;
    assert_eq!(refused, 1.0, "left alone while it is in error");
    let back = Container::at(address, |_, wire| hello("n2", wire));
    crate::support::until("n2 serves again", async || {
        gateway.get("/", "").await.field("x-node") == Some("n2")
    })
    .await;
    gateway
        .metric_becomes("ajpgate_member_up", &[("route", "n2")], 1.0)
        .await;
    drop(back);
}

/// A member whose first connection ends without an answer. Then it answers `/stream` with a head and an event, and waits for
/// the gate before it ends the answer.
async fn streaming(node: &'static str, gate: &Gate) -> Container {
    let gate = gate.clone();
    Container::start(move |number, mut wire: Wire| {
        let gate = gate.clone();
        async move {
            while let Some(request) = wire.next_request().await {
                if number == 1 {
                    return;
                }
                let path = request.uri.clone().unwrap_or_default();
                if path.starts_with(b"/stream") {
                    wire.head(200, &[("X-Node", node)]).await;
                    wire.data(b"event").await;
                    wire.flush().await;
                    gate.opened(1).await;
                    wire.end(true).await;
                } else {
                    wire.read_body(&request).await;
                    wire.respond(200, &[("X-Node", node)], b"").await;
                }
            }
        }
    })
    .await
}

fn with_sessions(n1: &Container, n2: &Container, more: &str) -> Running {
    Running::start(&format!(
        "balancers:\n  b:\n{more}    members:\n      - {{ url: \"ajp://{}\", route: n1 }}\n      \
         - {{ url: \"ajp://{}\", route: n2, retry: 10ms }}\nproxy_pass: [{{ path: /, to: \"balancer://b/\" }}]\n",
        n1.address, n2.address
    ))
}

/// A client whose event stream comes from n2, once the wait of n2 is over.
async fn stream_of_n2(gateway: &Running) -> Client {
    let mut client = gateway.client().await;
    crate::support::until("n2 streams", async || {
        client = gateway.client().await;
        client
            .send("GET /stream;jsessionid=1.n2 HTTP/1.1\r\nHost: h\r\n\r\n")
            .await;
        let (_, _, fields) = client.head().await.unwrap();
        fields.contains(&("X-Node".to_owned(), "n2".to_owned()))
    })
    .await;
    client
}

/// The head of an answer shows that a member serves again: an event stream keeps nobody away from it.
#[tokio::test]
async fn a_probe_that_is_a_stream_keeps_no_session_away() {
    let (gate, n1) = (Gate::new(), Container::hello("n1").await);
    let n2 = streaming("n2", &gate).await;
    let gateway = with_sessions(&n1, &n2, "");
    let failed_over = gateway.get("/;jsessionid=1.n2", "").await;
    assert_eq!(failed_over.field("x-node"), Some("n1"));
    let _client = stream_of_n2(&gateway).await;
    let answer = gateway.get("/;jsessionid=2.n2", "").await;
    assert_eq!(answer.field("x-node"), Some("n2"));
    gate.open();
}

/// Its client decides how long an upload takes, so it keeps nobody away from a member whose wait is over.
#[tokio::test]
async fn a_slow_upload_keeps_no_session_away() {
    let (gate, n1) = (Gate::new(), Container::hello("n1").await);
    let n2 = streaming("n2", &gate).await;
    let gateway = with_sessions(&n1, &n2, "");
    let failed_over = gateway.get("/;jsessionid=1.n2", "").await;
    assert_eq!(failed_over.field("x-node"), Some("n1"));
    let mut slow = gateway.client().await;
    slow.send("POST /;jsessionid=1.n2 HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab")
        .await;
    crate::support::until("n2 takes its sessions again", async || {
        let answer = gateway.get("/;jsessionid=2.n2", "").await;
        answer.field("x-node") == Some("n2")
    })
    .await;
    slow.send("cdefghi").await;
    assert_eq!(slow.answer().await.status, 200);
}

/// A session is alive as long as one of its answers lasts, and `session_timeout` longer.
#[tokio::test]
async fn the_session_of_a_stream_is_alive_when_the_stream_has_ended() {
    let (gate, n1) = (Gate::new(), Container::hello("n1").await);
    let n2 = streaming("n2", &gate).await;
    let gateway = with_sessions(&n1, &n2, "    session_timeout: 2s\n");
    gateway.get("/;jsessionid=9.n2", "").await;
    let _client = stream_of_n2(&gateway).await;
    let sessions = ("ajpgate_sticky_sessions", &[("route", "n2")][..]);
    gateway.metric_becomes(sessions.0, sessions.1, 0.0).await;
    gate.open();
    gateway.metric_becomes(sessions.0, sessions.1, 1.0).await;
    gateway.metric_becomes(sessions.0, sessions.1, 0.0).await;
}

#[tokio::test]
async fn idempotent_requests_are_tried_on_another_member_and_others_are_not() {
    let lossy = || {
        Container::start(|_, mut wire: Wire| async move {
            let request = wire.request().await;
            wire.read_body(&request).await;
        })
    };
    for (request, status) in [
        ("GET /?with=query HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            200,
        ),
        ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            502,
        ),
        (
            "PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            502,
        ),
    ] {
        let first = lossy().await;
        let second = Container::start(|_, mut wire: Wire| async move {
            let request = wire.request().await;
            let body = wire.read_body(&request).await;
            wire.respond(200, &[], &body).await;
        })
        .await;
        let gateway = Running::before(&[&first, &second], "", "");
        let mut client = gateway.client().await;
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, status, "{request}");
        if status == 200 && request.ends_with("hello") {
            assert_eq!(answer.text(), "hello", "the body came whole");
        }
        assert_eq!(second.connections(), usize::from(status == 200));
        assert_eq!(
            gateway
                .metric("ajpgate_member_up", &[("route", "n1")])
                .await,
            0.0
        );
        let errors = [("route", "n1"), ("kind", "closed")];
        assert_eq!(
            gateway.metric("ajpgate_member_errors_total", &errors).await,
            1.0
        );
    }
}

/// A body that is too large to be kept cannot be sent to a second member.
#[tokio::test]
async fn a_large_body_is_not_sent_to_another_member() {
    let lossy = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.body_packet().await;
        for _ in 0..20 {
            wire.ask(8186).await;
        }
    })
    .await;
    let other = Container::hello("n2").await;
    let gateway = Running::before(&[&lossy, &other], "", "");
    let mut client = gateway.client().await;
    let body = "x".repeat(200_000);
    client
        .send(format!(
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n{body}"
        ))
        .await;
    assert_eq!(client.answer().await.status, 502);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn maxattempts_bounds_the_attempts() {
    let dead: Vec<_> = [0; 3]
        .map(|_| ())
        .into_iter()
        .map(|()| Container::hello("dead"))
        .collect();
    let mut addresses = Vec::new();
    for container in dead {
        addresses.push(container.await.address);
    }
    let live = Container::hello("live").await;
    for (maxattempts, status) in [(0, 503), (1, 503), (2, 503), (3, 200)] {
        let mut yaml = format!("balancers:\n  b:\n    maxattempts: {maxattempts}\n    members:\n");
        for address in addresses.iter().chain([&live.address]) {
            yaml += &format!("      - {{ url: \"ajp://{address}\" }}\n");
        }
        yaml += "proxy_pass: [{ path: /, to: \"balancer://b/\" }]\n";
        let gateway = Running::start(&yaml);
        assert_eq!(gateway.get("/", "").await.status, status, "{maxattempts}");
        let refused = gateway
            .metric("ajpgate_connects_total", &[("result", "refused")])
            .await;
        assert_eq!(refused, f64::from(maxattempts.min(2) + 1).min(3.0));
    }
}

#[tokio::test]
async fn failonstatus_puts_the_member_in_error_and_delivers_the_answer() {
    let failing = Arc::new(AtomicBool::new(true));
    let fails = Arc::clone(&failing);
    let first = Container::start(move |_, mut wire: Wire| {
        let fails = Arc::clone(&fails);
        async move {
            while wire.next_request().await.is_some() {
                let status = if fails.load(Ordering::SeqCst) {
                    503
                } else {
                    200
                };
                wire.respond(status, &[("X-Node", "n1")], b"from the application")
                    .await;
            }
        }
    })
    .await;
    let second = Container::hello("n2").await;
    let gateway = Running::before(&[&first, &second], "failonstatus: [500, 503]", "retry: 2s");
    let answer = gateway.get("/", "Cookie: JSESSIONID=a.n1\r\n").await;
    assert_eq!(
        (answer.status, answer.text()),
        (503, "from the application")
    );
    assert_eq!(
        gateway
            .metric("ajpgate_member_errors_total", &[("kind", "status")])
            .await,
        1.0
    );
    gateway
        .metric_becomes("ajpgate_member_up", &[("route", "n1")], 0.0)
        .await;
    assert_eq!(
        gateway
            .get("/", "Cookie: JSESSIONID=a.n1\r\n")
            .await
            .field("x-node"),
        Some("n2")
    );
    failing.store(false, Ordering::SeqCst);
    crate::support::until("n1 is back", async || {
        gateway
            .get("/", "Cookie: JSESSIONID=a.n1\r\n")
            .await
            .field("x-node")
            == Some("n1")
    })
    .await;
}

/// A slow request must not be sent to every member, and its member does not get into error state.
#[tokio::test]
async fn a_504_is_not_tried_on_another_member() {
    let silent = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.until_closed().await;
    })
    .await;
    let other = Container::hello("n2").await;
    let gateway = Running::before(&[&silent, &other], "", "timeout: 200ms");
    assert_eq!(
        gateway.get("/", "Cookie: JSESSIONID=a.n1\r\n").await.status,
        504
    );
    assert_eq!(other.connections(), 0);
    assert_eq!(
        gateway
            .metric("ajpgate_member_up", &[("route", "n1")])
            .await,
        1.0
    );
}

/// Requests of sessions wait for a member whose connections are all in use; other requests go to another member.
#[tokio::test]
async fn a_full_member_keeps_its_sessions_and_others_use_another_member() {
    let full = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.until_closed().await;
    })
    .await;
    let other = Container::hello("n2").await;
    let gateway = Running::before(&[&full, &other], "", "max: 1, acquire: 200ms");
    let mut holder = gateway.client().await;
    holder
        .send("GET / HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=a.n1\r\n\r\n")
        .await;
    crate::support::until("n1 is full", async || full.connections() == 1).await;
    assert_eq!(
        gateway.get("/", "Cookie: JSESSIONID=b.n1\r\n").await.status,
        503
    );
    for _ in 0..4 {
        assert_eq!(gateway.get("/", "").await.field("x-node"), Some("n2"));
    }
    assert_eq!(
        gateway
            .metric("ajpgate_member_up", &[("route", "n1")])
            .await,
        1.0
    );
    assert!(
        gateway
            .metric("ajpgate_retries_total", &[("reason", "busy")])
            .await
            >= 1.0
    );
}

#[tokio::test]
async fn a_session_with_another_members_route_is_counted() {
    let wrong = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.respond(200, &[("Set-Cookie", "JSESSIONID=x.n2; Path=/")], b"")
                .await;
        }
    })
    .await;
    let right = Container::hello("n2").await;
    let gateway = Running::before(&[&wrong, &right], "", "");
    gateway.get("/", "Cookie: JSESSIONID=a.n1\r\n").await;
    let labels = [("route", "n1"), ("issued", "n2")];
    assert_eq!(
        gateway
            .metric("ajpgate_sticky_route_mismatch_total", &labels)
            .await,
        1.0
    );
}

#[tokio::test]
async fn recovery_is_forced_when_all_members_are_in_error() {
    for (forcerecovery, status) in [(true, 200), (false, 503)] {
        let node = Container::hello("n1").await;
        let address = node.address;
        drop(node);
        let gateway = Running::start(&format!(
            "balancers:\n  b:\n    forcerecovery: {forcerecovery}\n    members: [{{ url: \"ajp://{address}\", retry: 1h }}]\n\
             proxy_pass: [{{ path: /, to: \"balancer://b/\" }}]\n"
        ));
        assert_eq!(gateway.get("/", "").await.status, 503);
        let back = Container::at(address, |_, wire| hello("n1", wire));
        assert_eq!(gateway.get("/", "").await.status, status);
        drop(back);
    }
}
