//! K01 to K13: connections to containers are kept, lost and closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ajp13::{FromContainer, ToContainer};
use tokio::sync::Semaphore;

use crate::support::container::{Container, Wire, hello};
use crate::support::gateway::Running;
use crate::support::{Gate, soon, until};

const ERRORS: &str = "ajpgate_member_errors_total";
const CONNECTIONS: &str = "ajpgate_pool_connections";

/// An address where no server listens.
async fn nobody() -> std::net::SocketAddr {
    Container::hello("nobody").await.address
}

#[tokio::test]
async fn k01_requests_in_a_row_share_a_connection() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/", "").await.status, 200);
    }
    assert_eq!(gateway.get("/", "").await.status, 200);
    assert_eq!(container.connections(), 1);
    assert_eq!(
        gateway
            .metric("ajpgate_connects_total", &[("result", "ok")])
            .await,
        1.0
    );
    gateway.quiet().await;
    assert_eq!(gateway.metric(CONNECTIONS, &[("state", "idle")]).await, 1.0);
}

/// Tomcat sends `reuse=0` and leaves the connection open.
#[tokio::test]
async fn k02_a_connection_that_may_not_be_reused_is_closed() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.head(200, &[("Content-Length", "2")]).await;
        wire.data(b"ok").await;
        wire.end(false).await;
        assert_eq!(wire.until_closed().await, b"", "no further request on it");
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        assert_eq!(client.get("/", "").await.status, 200);
        gateway.quiet().await;
    }
    assert_eq!(container.connections(), 2);
    assert_eq!(gateway.metric(CONNECTIONS, &[]).await, 0.0);
}

#[tokio::test]
async fn k03_no_request_fails_on_a_kept_connection_that_was_closed() {
    for (method, reset) in [
        ("GET", false),
        ("POST", false),
        ("GET", true),
        ("POST", true),
    ] {
        let closed = Gate::new();
        let gate = closed.clone();
        let container = Container::start(move |_, mut wire: Wire| {
            let gate = gate.clone();
            async move {
                wire.request().await;
                wire.respond(200, &[], b"ok").await;
                match reset {
                    true => wire.reset(),
                    false => drop(wire),
                }
                gate.open();
            }
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        for round in 1..=3 {
            let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
            client.send(request).await;
            assert_eq!(client.answer().await.status, 200);
            closed.opened(round).await;
        }
        assert_eq!(container.connections(), 3);
        assert_eq!(gateway.metric(ERRORS, &[]).await, 0.0);
    }
}

/// A kept connection ends at the moment when a request is sent on it.
#[tokio::test]
async fn k04_a_request_on_a_stale_connection_is_repeated_once_where_that_is_safe() {
    for (method, status, reset) in [
        ("GET", 200, false),
        ("DELETE", 200, false),
        ("POST", 502, false),
        ("GET", 200, true),
        ("POST", 502, true),
    ] {
        let container = Container::start(move |number, mut wire: Wire| async move {
            if number > 1 {
                return hello("n1", wire).await;
            }
            wire.request().await;
            wire.respond(200, &[], b"ok").await;
            // The request arrives, and then the connection is closed.
            wire.request().await;
            if reset {
                wire.reset();
            }
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        assert_eq!(client.get("/", "").await.status, 200);
        client
            .send(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
            ))
            .await;
        assert_eq!(client.answer().await.status, status, "{method}");
        assert_eq!(container.connections(), if status == 200 { 2 } else { 1 });
        let stale = gateway
            .metric("ajpgate_retries_total", &[("reason", "stale")])
            .await;
        assert_eq!(stale, if status == 200 { 1.0 } else { 0.0 });
        assert_eq!(
            gateway.metric("ajpgate_member_up", &[]).await,
            1.0,
            "nobody is blamed"
        );
    }
}

/// A container that answers CPING and requests, and counts the CPINGs.
async fn pinged(pings: &Arc<AtomicUsize>) -> Container {
    let pings = Arc::clone(pings);
    Container::start(move |_, mut wire: Wire| {
        let pings = Arc::clone(&pings);
        async move {
            loop {
                match wire.next().await {
                    Some(ToContainer::CPing) => {
                        pings.fetch_add(1, Ordering::SeqCst);
                        wire.send(FromContainer::CPong).await;
                    }
                    Some(ToContainer::ForwardRequest(_)) => wire.respond(200, &[], b"ok").await,
                    _ => return,
                }
            }
        }
    })
    .await
}

/// Takes connections and never says a word, as the kernel does for a Tomcat that hangs or starts.
async fn silent() -> Container {
    Container::start(|_, mut wire: Wire| async move {
        wire.until_closed().await;
    })
    .await
}

#[tokio::test]
async fn k05_a_connection_is_pinged_behind_its_connect_and_before_it_is_used_again() {
    let pings = Arc::default();
    let container = pinged(&pings).await;
    let gateway = Running::before(&[&container], "", "ping: 5s");
    let mut client = gateway.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/", "").await.status, 200);
    }
    assert_eq!(
        (container.connections(), pings.load(Ordering::SeqCst)),
        (1, 3)
    );
}

#[tokio::test]
async fn k05_nobody_is_pinged_without_ping() {
    let pings = Arc::default();
    let container = pinged(&pings).await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/", "").await.status, 200);
    }
    assert_eq!(pings.load(Ordering::SeqCst), 0);
}

/// Nothing of the request has reached the member, so that it moves on, whatever its method.
#[tokio::test]
async fn k05_a_request_leaves_a_member_that_takes_connections_and_says_nothing() {
    for method in ["GET", "POST"] {
        let silent = silent().await;
        let other = Container::hello("n2").await;
        // Only `ping` can end the wait.
        let member = "ping: 100ms, timeout: 1h, connectiontimeout: 1h";
        let gateway = Running::before(&[&silent, &other], "", member);
        let mut client = gateway.client().await;
        client
            .send(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nCookie: JSESSIONID=x.n1\r\n\r\n"
            ))
            .await;
        assert_eq!(
            client.answer().await.field("x-node"),
            Some("n2"),
            "{method}"
        );
        assert_eq!(silent.connections(), 1);
        assert_eq!(gateway.metric(ERRORS, &[("kind", "ping")]).await, 1.0);
        let moved_on = gateway.metric("ajpgate_retries_total", &[("reason", "ping")]);
        assert_eq!(moved_on.await, 1.0);
        let up = gateway.metric("ajpgate_member_up", &[("route", "n1")]);
        assert_eq!(up.await, 0.0, "a member that gives no CPONG is in error");
    }
}

#[tokio::test]
async fn k05_a_cluster_that_takes_connections_and_says_nothing_is_503() {
    let (one, other) = (silent().await, silent().await);
    let gateway = Running::before(&[&one, &other], "", "ping: 100ms, timeout: 1h");
    let answer = gateway.get("/", "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some());
    assert_eq!((one.connections(), other.connections()), (1, 1));
}

/// The first connection stops answering CPING: another one is tried, which must answer too.
#[tokio::test]
async fn k05_without_cpong_another_connection_is_tried_and_then_another_member() {
    let mute = Container::start(|number, mut wire: Wire| async move {
        if number == 1 {
            wire.request().await;
            wire.respond(200, &[("X-Node", "n1")], b"ok").await;
        }
        wire.until_closed().await;
    })
    .await;
    let other = Container::hello("n2").await;
    let gateway = Running::before(&[&mute, &other], "", "ping: 100ms");
    let session = "Cookie: JSESSIONID=x.n1\r\n";
    assert_eq!(gateway.get("/", session).await.field("x-node"), Some("n1"));
    assert_eq!(gateway.get("/", session).await.field("x-node"), Some("n2"));
    assert_eq!(mute.connections(), 2);
    assert_eq!(gateway.metric(ERRORS, &[("kind", "ping")]).await, 1.0);
    assert_eq!(
        gateway
            .metric("ajpgate_retries_total", &[("reason", "ping")])
            .await,
        1.0
    );
    assert_eq!(
        gateway
            .metric("ajpgate_member_up", &[("route", "n1")])
            .await,
        0.0
    );
}

#[tokio::test]
async fn k05_a_member_is_back_as_soon_as_it_answers_a_ping() {
    let frozen = Arc::new(AtomicBool::new(true));
    let is_frozen = Arc::clone(&frozen);
    let container = Container::start(move |_, mut wire: Wire| {
        let frozen = Arc::clone(&is_frozen);
        async move {
            if frozen.load(Ordering::SeqCst) {
                wire.until_closed().await;
            } else {
                hello("n1", wire).await;
            }
        }
    })
    .await;
    let other = Container::hello("n2").await;
    let member = "ping: 100ms, retry: 100ms, timeout: 1h";
    let gateway = Running::before(&[&container, &other], "", member);
    let session = "Cookie: JSESSIONID=x.n1\r\n";
    // After `retry`, each request that probes the member pings on a new connection, and does not wait for `timeout`.
    until("three probes", async || {
        assert_eq!(gateway.get("/", session).await.field("x-node"), Some("n2"));
        gateway.metric(ERRORS, &[("kind", "ping")]).await >= 3.0
    })
    .await;
    frozen.store(false, Ordering::SeqCst);
    until("it is back", async || {
        gateway.get("/", session).await.field("x-node") == Some("n1")
    })
    .await;
}

#[tokio::test]
async fn k05_connections_that_min_keeps_are_pinged_too() {
    let pings = Arc::default();
    let (well, silent) = (pinged(&pings).await, silent().await);
    let gateway = Running::before(&[&well, &silent], "", "ping: 100ms, min: 2, timeout: 1h");
    let idle = |route| [("state", "idle"), ("route", route)];
    gateway.metric_becomes(CONNECTIONS, &idle("n1"), 2.0).await;
    assert_eq!(pings.load(Ordering::SeqCst), 2);
    until("the silent member was asked", async || {
        silent.connections() > 0
    })
    .await;
    gateway
        .metric_becomes(CONNECTIONS, &[("route", "n2")], 0.0)
        .await;
}

/// Else the CPONG would meet the next request.
#[tokio::test]
async fn k05_a_connection_whose_request_went_away_before_cpong_is_closed() {
    let asked = Arc::new(Semaphore::new(0));
    let closed = Arc::new(Semaphore::new(0));
    let (told, ended) = (Arc::clone(&asked), Arc::clone(&closed));
    let container = Container::start(move |_, mut wire: Wire| {
        let (told, ended) = (Arc::clone(&told), Arc::clone(&ended));
        async move {
            wire.request().await;
            wire.respond(200, &[], b"ok").await;
            assert_eq!(wire.next().await, Some(ToContainer::CPing));
            told.add_permits(1);
            assert_eq!(wire.until_closed().await, b"");
            ended.add_permits(1);
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "ping: 1h");
    assert_eq!(gateway.get("/", "").await.status, 200);
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    soon("CPING", asked.acquire()).await.unwrap().forget();
    client.vanish();
    soon("the gateway closes", closed.acquire())
        .await
        .unwrap()
        .forget();
    gateway.quiet().await;
    assert_eq!(gateway.metric(CONNECTIONS, &[]).await, 0.0);
}

/// Late answers, CPONGs and errors: bytes that come on an idle connection belong to no request.
#[tokio::test]
async fn k06_bytes_on_an_idle_connection_close_it() {
    for stray in [&b"AB\0\x01\x09"[..], b"AB\0\x02\x05\x01", b"x"] {
        let (idle, sent) = (Gate::new(), Gate::new());
        let gates = (idle.clone(), sent.clone());
        let container = Container::start(move |number, mut wire: Wire| {
            let (idle, sent) = gates.clone();
            async move {
                if number > 1 {
                    return hello("second", wire).await;
                }
                wire.request().await;
                wire.respond(200, &[("X-Node", "first")], b"ok").await;
                idle.opened(1).await;
                wire.raw(stray).await;
                sent.open();
                wire.until_closed().await;
            }
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        assert_eq!(client.get("/", "").await.field("x-node"), Some("first"));
        gateway
            .metric_becomes(CONNECTIONS, &[("state", "idle")], 1.0)
            .await;
        idle.open();
        sent.opened(1).await;
        assert_eq!(client.get("/", "").await.field("x-node"), Some("second"));
    }
}

/// The same where the bytes come together with the end of the answer.
#[tokio::test]
async fn k06_bytes_behind_an_answer_close_its_connection() {
    let container = Container::start(|number, mut wire: Wire| async move {
        wire.request().await;
        let node = number.to_string();
        let mut answer = Vec::new();
        for message in [
            crate::support::container::head(200, &[("X-Node", &node), ("Content-Length", "0")]),
            FromContainer::EndResponse { reuse: true },
            crate::support::container::head(200, &[("X-Node", "stolen")]),
            FromContainer::EndResponse { reuse: true },
        ] {
            let mut out = bytes::BytesMut::new();
            let mut codec = ajp13::codec::ContainerCodec::new(ajp13::PacketSize::DEFAULT);
            tokio_util::codec::Encoder::encode(&mut codec, message, &mut out).unwrap();
            answer.extend_from_slice(&out);
        }
        wire.raw(&answer).await;
        wire.until_closed().await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    for number in ["1", "2", "3"] {
        assert_eq!(client.get("/", "").await.field("x-node"), Some(number));
    }
}

#[tokio::test]
async fn k07_a_late_answer_reaches_no_client() {
    let (given_up, late) = (Gate::new(), Gate::new());
    let gates = (given_up.clone(), late.clone());
    let container = Container::start(move |number, mut wire: Wire| {
        let (given_up, late) = gates.clone();
        async move {
            if number > 1 {
                return hello("second", wire).await;
            }
            wire.request().await;
            given_up.opened(1).await;
            wire.respond(200, &[("X-Node", "late")], b"late").await;
            late.open();
            wire.until_closed().await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "timeout: 200ms");
    let mut client = gateway.client().await;
    assert_eq!(client.get("/", "").await.status, 504);
    assert_eq!(client.get("/", "").await.field("x-node"), Some("second"));
    given_up.open();
    late.opened(1).await;
    for _ in 0..5 {
        assert_eq!(client.get("/", "").await.field("x-node"), Some("second"));
    }
}

#[tokio::test]
async fn k08_a_client_that_leaves_ends_its_exchange_at_once() {
    let closed = Gate::new();
    let gate = closed.clone();
    let container = Container::start(move |_, mut wire: Wire| {
        let gate = gate.clone();
        async move {
            let request = wire.request().await;
            if request.uri.as_deref() == Some(b"/streaming") {
                wire.head(200, &[]).await;
                wire.data(b"begun").await;
                wire.flush().await;
            }
            wire.until_closed().await;
            gate.open();
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    for (round, target) in ["/streaming", "/waiting"].into_iter().enumerate() {
        let mut client = gateway.client().await;
        client
            .send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        if target == "/streaming" {
            client.raw_until("begun").await;
        } else {
            gateway
                .metric_becomes("ajpgate_member_busy", &[], 1.0)
                .await;
            until("the request has arrived", async || {
                container.connections() == 2
            })
            .await;
        }
        client.vanish();
        closed.opened(round + 1).await;
        gateway.quiet().await;
        assert_eq!(gateway.metric(CONNECTIONS, &[]).await, 0.0);
    }
    assert_eq!(gateway.metric(ERRORS, &[]).await, 0.0, "nobody is blamed");
    assert_eq!(gateway.metric("ajpgate_member_up", &[]).await, 1.0);
}

/// Tomcat stops during an answer.
#[tokio::test]
async fn k09_a_container_that_stops_during_an_answer_resets_the_client() {
    for fields in [&[("Content-Length", "100")][..], &[]] {
        let seen = Gate::new();
        let container = Container::broken_off(&seen, fields).await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.raw_until("partial").await;
        seen.open();
        assert!(client.ended_by_reset().await);
        gateway.quiet().await;
        assert_eq!(gateway.metric(ERRORS, &[("kind", "closed")]).await, 1.0);
    }
}

#[tokio::test]
async fn k10_a_refused_connection_is_503() {
    let gone = nobody().await;
    let alone = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{gone}\" }}] }} }}\nproxy_pass: [{{ path: /, to: \"balancer://b/\" }}]\n"
    ));
    let answer = alone.get("/", "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(
        alone
            .metric("ajpgate_connects_total", &[("result", "refused")])
            .await,
        1.0
    );
}

#[tokio::test]
async fn k10_after_a_refused_connection_the_next_member_is_tried() {
    let gone = nobody().await;
    let other = Container::hello("n2").await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{gone}\", route: n1 }}, {{ url: \"ajp://{}\", route: n2 }}] }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://b/\" }}]\n",
        other.address
    ));
    // A request that reached no backend is tried on the next member, with any method and with its body.
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    assert_eq!(client.answer().await.field("x-node"), Some("n2"));
    for _ in 0..4 {
        assert_eq!(
            gateway
                .get("/", "Cookie: JSESSIONID=x.n1\r\n")
                .await
                .field("x-node"),
            Some("n2")
        );
    }
    assert_eq!(
        gateway
            .metric("ajpgate_retries_total", &[("reason", "connect")])
            .await,
        1.0
    );
    assert_eq!(
        gateway
            .metric("ajpgate_connects_total", &[("result", "refused")])
            .await,
        1.0,
        "left alone"
    );
    assert_eq!(
        gateway
            .metric("ajpgate_member_up", &[("route", "n1")])
            .await,
        0.0
    );
    assert_eq!(
        gateway
            .metric(
                "ajpgate_member_status",
                &[("route", "n1"), ("status", "error")]
            )
            .await,
        1.0
    );
}

/// A connection that is neither accepted nor refused. On loopback, a listener with a full backlog has this effect.
#[tokio::test]
async fn k10_a_connection_that_is_not_accepted_is_given_up_after_connect_timeout() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    // Fill the backlog until a connection is not accepted.
    while let Ok(Ok(stream)) = tokio::time::timeout(
        Duration::from_millis(300),
        tokio::net::TcpStream::connect(address),
    )
    .await
    {
        waiting.push(stream);
    }
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{address}\", connectiontimeout: 200ms }}] }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://b/\" }}]\n"
    ));
    assert_eq!(gateway.get("/", "").await.status, 503);
    assert_eq!(
        gateway
            .metric("ajpgate_connects_total", &[("result", "timeout")])
            .await,
        1.0
    );
}

#[tokio::test]
async fn k11_half_a_packet_and_silence_is_504() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.raw(b"AB\0\x20\x04\0\xc8").await;
        wire.until_closed().await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "timeout: 300ms");
    assert_eq!(gateway.get("/", "").await.status, 504);
    gateway.quiet().await;
    assert_eq!(gateway.metric(CONNECTIONS, &[]).await, 0.0);
}

/// mod_jk with its defaults sends such a request again, and the client gets the beginning of the answer twice.
#[tokio::test]
async fn k12_nothing_is_repeated_once_the_head_has_gone_out() {
    let seen = Gate::new();
    let dying = || {
        let gate = seen.clone();
        Container::start(move |_, mut wire: Wire| {
            let gate = gate.clone();
            async move {
                wire.request().await;
                wire.head(200, &[("Content-Length", "10")]).await;
                wire.data(b"half").await;
                wire.flush().await;
                gate.opened(1).await;
                wire.reset();
            }
        })
    };
    let nodes = [dying().await, dying().await];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "", "");
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.raw_until("half").await;
    seen.open();
    assert!(client.ended_by_reset().await);
    gateway.quiet().await;
    assert_eq!(nodes[0].connections() + nodes[1].connections(), 1);
}

#[tokio::test]
async fn k13_a_full_pool_queues_and_then_refuses_without_an_error_state() {
    let gate = Arc::new(Semaphore::new(0));
    let hold = Arc::clone(&gate);
    let container = Container::start(move |_, mut wire: Wire| {
        let hold = Arc::clone(&hold);
        async move {
            while wire.next_request().await.is_some() {
                hold.acquire().await.unwrap().forget();
                wire.respond(200, &[], b"ok").await;
            }
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "max: 1, acquire: 400ms");
    let (mut first, mut second) = (gateway.client().await, gateway.client().await);
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the first request has the connection", async || {
        container.connections() == 1
    })
    .await;
    // The second request waits longer than `acquire`.
    second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let refused = second.answer().await;
    assert_eq!(refused.status, 503);
    assert!(refused.field("retry-after").is_some());
    // The third request waits for the connection of the first.
    second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    gate.add_permits(2);
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(second.answer().await.status, 200);
    assert_eq!(container.connections(), 1);
    assert_eq!(gateway.metric("ajpgate_member_up", &[]).await, 1.0);
    assert_eq!(gateway.metric(ERRORS, &[]).await, 0.0);
    assert_eq!(
        gateway.metric("ajpgate_pool_wait_seconds_count", &[]).await,
        3.0
    );
}

#[tokio::test]
async fn idle_connections_above_min_are_closed_after_idle_timeout() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "ttl: 300ms");
    assert_eq!(gateway.get("/", "").await.status, 200);
    assert_eq!(gateway.metric(CONNECTIONS, &[("state", "idle")]).await, 1.0);
    gateway
        .metric_becomes(CONNECTIONS, &[("state", "idle")], 0.0)
        .await;

    let gateway = Running::before(&[&container], "", "min: 3, ttl: 300ms");
    gateway
        .metric_becomes(CONNECTIONS, &[("state", "idle")], 3.0)
        .await;
    let before = container.connections();
    until("they are renewed", async || {
        container.connections() >= before + 3
    })
    .await;
    gateway
        .metric_becomes(CONNECTIONS, &[("state", "idle")], 3.0)
        .await;
}

/// A name with two addresses, of which only the second listens.
#[tokio::test]
async fn all_addresses_of_a_name_are_tried() {
    let container = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /, to: \"ajp://localhost:{}/\" }}]\n",
        container.address.port()
    ));
    assert_eq!(gateway.get("/", "").await.status, 200);
}
