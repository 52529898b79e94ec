//! Requests that wait for a member, drains, and live sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::container::{Container, Wire, fields, hello};
use crate::support::gateway::Running;
use crate::support::origin::Origin;
use crate::support::{pause, until};

const SESSIONS: &str = "ajpgate_sticky_sessions";
const DRAINED: &str = "ajpgate_member_drained";

/// A container that begins a session with its route for each request without one.
async fn with_sessions(route: &'static str) -> Container {
    let issued = Arc::new(AtomicUsize::new(0));
    Container::start(move |_, mut wire: Wire| {
        let issued = Arc::clone(&issued);
        async move {
            while let Some(request) = wire.next_request().await {
                let number = issued.fetch_add(1, Ordering::Relaxed);
                let cookie = format!("JSESSIONID={route}-{number}.{route}; Path=/");
                let set = [("X-Node", route), ("Set-Cookie", cookie.as_str())];
                let in_path = request.uri.as_deref().unwrap_or_default().contains(&b';');
                let known = in_path || !fields(&request, "cookie").is_empty();
                wire.respond(200, if known { &set[..1] } else { &set }, b"")
                    .await;
            }
        }
    })
    .await
}

/// An address where no server listens yet.
async fn down() -> std::net::SocketAddr {
    Container::hello("n1").await.address
}

#[tokio::test]
async fn requests_wait_until_a_member_is_usable_again() {
    let address = down().await;
    let gateway = Arc::new(Running::start(&format!(
        "balancers:\n  test:\n    timeout: 1h\n    forcerecovery: false\n    \
         health_check: {{ method: tcp, interval: 100ms, fails: 1 }}\n    members:\n      \
         - {{ url: \"ajp://{address}\", route: n1, retry: 1h }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n"
    )));
    gateway.metric_becomes("ajpgate_member_up", &[], 0.0).await;
    let waiting: tokio::task::JoinSet<_> = (0..20)
        .map(|_| {
            let gateway = Arc::clone(&gateway);
            async move { gateway.get("/", "").await.status }
        })
        .collect();
    gateway
        .metric_becomes("ajpgate_requests_in_flight", &[], 20.0)
        .await;
    let _container = Container::at(address, |_, wire| hello("n1", wire));
    assert_eq!(waiting.join_all().await, [200; 20]);
}

/// A request that began before a member came may have it: the other connector of its session's node, say.
#[tokio::test]
async fn a_waiting_request_gets_a_member_that_is_added_meanwhile() {
    let address = down().await;
    let gateway = Arc::new(Running::start(&format!(
        "balancers:\n  test:\n    timeout: 30s\n    forcerecovery: false\n    members:\n      \
         - {{ url: \"ajp://{address}\", route: n1, status: [disabled] }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n"
    )));
    let waiting = Arc::clone(&gateway);
    let waiting = tokio::spawn(async move {
        let cookie = "Cookie: JSESSIONID=x.n1\r\n";
        waiting.get("/", cookie).await
    });
    gateway
        .metric_becomes("ajpgate_requests_in_flight", &[], 1.0)
        .await;
    let origin = Origin::hello("n1").await;
    let keys = format!(
        "{{\"url\": \"http://{}\", \"route\": \"n1\"}}",
        origin.address
    );
    let mut admin = Client::connect(gateway.admin).await;
    admin
        .send(format!(
            "POST /api/v1/balancers/test/members HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{keys}",
            keys.len()
        ))
        .await;
    assert_eq!(admin.answer().await.status, 201);
    let answer = waiting.await.unwrap();
    assert_eq!(
        (answer.status, answer.field("x-node")),
        (200, Some("n1")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_request_waits_until_a_member_may_be_tried_again() {
    let address = down().await;
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    timeout: 1h\n    forcerecovery: false\n    members:\n      \
         - {{ url: \"ajp://{address}\", route: n1, retry: 1s }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n"
    ));
    // The request fails on the member, which gets into error state, and has no attempt left.
    assert_eq!(gateway.get("/", "").await.status, 503);
    let _container = Container::at(address, |_, wire| hello("n1", wire));
    assert_eq!(gateway.get("/", "").await.status, 200);
}

#[tokio::test]
async fn a_wait_ends_with_the_timeout() {
    let address = down().await;
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    timeout: 300ms\n    forcerecovery: false\n    members:\n      \
         - {{ url: \"ajp://{address}\", route: n1 }}\n      \
         - {{ url: \"ajp://{address}/x\", route: n2, status: [stopped] }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n"
    ));
    for wait in [false, true] {
        let started = Instant::now();
        let answer = gateway.get("/", "").await;
        assert_eq!(answer.status, 503);
        assert!(answer.field("retry-after").is_some());
        let waited = started.elapsed() >= Duration::from_millis(300);
        assert!(waited || !wait, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn nofailover_does_not_wait() {
    let address = down().await;
    let other = Container::hello("n2").await;
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    timeout: 1h\n    nofailover: true\n    members:\n      \
         - {{ url: \"ajp://{address}\", route: n1, status: [disabled] }}\n      \
         - {{ url: \"ajp://{}\", route: n2 }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        other.address
    ));
    let answer = gateway.get("/", "Cookie: JSESSIONID=a.n1\r\n").await;
    assert_eq!(answer.status, 503);
}

#[tokio::test]
async fn live_sessions_are_counted_by_member() {
    let nodes = [with_sessions("n1").await, with_sessions("n2").await];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "session_timeout: 1h", "");
    for _ in 0..12 {
        gateway.get("/", "").await;
    }
    for _ in 0..3 {
        gateway.get("/;jsessionid=mine.n1", "").await;
        gateway.get("/", "Cookie: JSESSIONID=mine.n1\r\n").await;
    }
    let on = |route: &'static str| [("route", route)];
    gateway.metric_becomes(SESSIONS, &on("n2"), 6.0).await;
    gateway.metric_becomes(SESSIONS, &on("n1"), 7.0).await;
}

#[tokio::test]
async fn a_drain_ends_when_its_sessions_have_ended() {
    let nodes = [with_sessions("n1").await, with_sessions("n2").await];
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    session_timeout: 1s\n    members:\n      \
         - {{ url: \"ajp://{}\", route: n1, status: [drain] }}\n      \
         - {{ url: \"ajp://{}\", route: n2 }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        nodes[0].address, nodes[1].address
    ));
    let old = "Cookie: JSESSIONID=old.n1\r\n";
    let n1 = [("route", "n1")];
    until("the session counts", async || {
        assert_eq!(gateway.get("/", old).await.field("x-node"), Some("n1"));
        gateway.metric(SESSIONS, &n1).await == 1.0 && gateway.metric(DRAINED, &n1).await == 0.0
    })
    .await;
    for _ in 0..4 {
        assert_eq!(gateway.get("/", "").await.field("x-node"), Some("n2"));
    }
    gateway
        .metric_becomes(DRAINED, &[("route", "n1")], 1.0)
        .await;
    assert_eq!(gateway.metric(SESSIONS, &[("route", "n1")]).await, 0.0);
    assert_eq!(gateway.metric(DRAINED, &[("route", "n2")]).await, 0.0);
    // Until the member is stopped, its sessions are served.
    assert_eq!(gateway.get("/", old).await.field("x-node"), Some("n1"));
}

#[tokio::test]
async fn drain_timeout_bounds_a_drain() {
    let nodes = [with_sessions("n1").await, with_sessions("n2").await];
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    drain_timeout: 3s\n    members:\n      \
         - {{ url: \"ajp://{}\", route: n1, status: [drain] }}\n      \
         - {{ url: \"ajp://{}\", route: n2 }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        nodes[0].address, nodes[1].address
    ));
    let old = "Cookie: JSESSIONID=old.n1\r\n";
    assert_eq!(gateway.get("/", old).await.field("x-node"), Some("n1"));
    let disabled = [("route", "n1"), ("status", "disabled")];
    gateway
        .metric_becomes("ajpgate_member_status", &disabled, 1.0)
        .await;
    gateway
        .metric_becomes(DRAINED, &[("route", "n1")], 1.0)
        .await;
    assert_eq!(gateway.get("/", old).await.field("x-node"), Some("n2"));
    assert_eq!(gateway.metric(SESSIONS, &[("route", "n1")]).await, 0.0);

    // After the end of the drain the member takes new sessions again.
    let mut admin = Client::connect(gateway.admin).await;
    let change = r#"{"status":{"drain":false}}"#;
    admin
        .send(format!(
            "PATCH /api/v1/balancers/test/members/n1 HTTP/1.1\r\nHost: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{change}",
            gateway.admin,
            change.len()
        ))
        .await;
    assert_eq!(admin.answer().await.status, 200);
    gateway
        .metric_becomes("ajpgate_member_status", &disabled, 0.0)
        .await;
    assert_eq!(gateway.get("/", old).await.field("x-node"), Some("n1"));
}

#[tokio::test]
async fn members_of_a_domain_take_over_sessions_of_each_other() {
    let nodes = [
        Container::hello("n1").await,
        Container::hello("n2").await,
        Container::hello("n3").await,
    ];
    let member = |index: usize, more: &str| {
        format!(
            "{{ url: \"ajp://{}\", route: n{}, {more} }}",
            nodes[index].address,
            index + 1
        )
    };
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    members:\n      - {}\n      - {}\n      - {}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        member(0, "domain: east, status: [stopped]"),
        member(1, "domain: west"),
        member(2, "domain: east"),
    ));
    for _ in 0..4 {
        let answer = gateway.get("/", "Cookie: JSESSIONID=a.n1\r\n").await;
        assert_eq!(answer.field("x-node"), Some("n3"));
    }
}

/// Slow to answer; the other gets nearly everything. So slow that nothing a busy machine does to the other comes near.
#[tokio::test]
async fn fast_members_get_more_requests_than_slow_ones() {
    let slow = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            pause(500).await;
            wire.respond(200, &[("X-Node", "n1")], b"").await;
        }
    })
    .await;
    let fast = Container::hello("n2").await;
    let gateway = Running::before(&[&slow, &fast], "lbmethod: leastlatency", "");
    let mut on_slow = 0;
    for _ in 0..60 {
        on_slow += usize::from(gateway.get("/", "").await.field("x-node") == Some("n1"));
    }
    assert!(on_slow <= 10, "{on_slow} of 60 went to the slow one");
}

/// The time of an answer begins with the last byte of the request: a client that sends slowly does not make its member slow.
#[tokio::test]
async fn the_time_of_a_slow_client_is_not_that_of_the_member() {
    let node = Container::hello("n1").await;
    let gateway = Running::before(&[&node], "", "");
    let mut client = gateway.client().await;
    let begun = Instant::now();
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
        .await;
    pause(1_000).await;
    client.send("cd").await;
    assert_eq!(client.answer().await.status, 200);
    let took = begun.elapsed().as_secs_f64();
    let name = "ajpgate_backend_duration_seconds_sum";
    let counted = gateway.metric(name, &[("route", "n1")]).await;
    assert!(counted <= took - 1.0, "{counted} of {took} s");
}

#[tokio::test]
async fn new_sessions_go_to_the_member_with_the_fewest() {
    let nodes = [with_sessions("n1").await, with_sessions("n2").await];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "lbmethod: sessions", "");
    for number in 0..10 {
        gateway.get(&format!("/;jsessionid=a{number}.n1"), "").await;
    }
    gateway
        .metric_becomes(SESSIONS, &[("route", "n1")], 10.0)
        .await;
    // The method is told every second.
    until("the method knows", async || {
        gateway.get("/", "").await.field("x-node") == Some("n2")
            && gateway.get("/", "").await.field("x-node") == Some("n2")
    })
    .await;
}
