//! Client connections: what clients may send, how long they may take, and the gateway's own answers.

use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::origin::Origin;
use crate::support::{pause, until};

/// `nc -N` and `socat` do so at the end of their input. httpd answers them too, however long it takes.
#[tokio::test]
async fn a_client_that_closes_its_sending_side_gets_its_answers() {
    for (requests, milliseconds) in [(1, 2500), (2, 100), (3, 100)] {
        let container = Container::start(move |_, mut wire: Wire| async move {
            while wire.next_request().await.is_some() {
                pause(milliseconds).await;
                wire.respond(200, &[], b"hello").await;
            }
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(requests))
            .await;
        client.finish().await;
        for _ in 0..requests {
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.text()), (200, "hello"));
        }
        assert!(client.is_closed().await);
    }
}

/// A reset says that the client is gone. A client that has closed its side may still want its answer; the gateway waits for
/// it no longer than `idle_timeout`.
#[tokio::test]
async fn a_client_that_has_left_frees_its_member() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.until_closed().await;
    })
    .await;
    for (limits, resets) in [("", true), ("limits: { idle_timeout: 500ms }\n", false)] {
        let gateway = Running::start(&format!(
            "{limits}proxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
            container.address
        ));
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        gateway
            .metric_becomes("ajpgate_member_busy", &[], 1.0)
            .await;
        match resets {
            true => client.vanish(),
            false => drop(client),
        }
        gateway.quiet().await;
        assert_eq!(gateway.metric("ajpgate_pool_connections", &[]).await, 0.0);
    }
}

#[tokio::test]
async fn requests_may_be_pipelined() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for _ in 0..3 {
        assert_eq!(client.answer().await.status, 200);
    }
}

#[tokio::test]
async fn a_slow_head_is_cut_off_at_header_timeout() {
    let container = Container::start(|_, _| async { panic!("nothing may arrive") }).await;
    let gateway = Running::start(&format!(
        "limits: {{ header_timeout: 500ms }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    let mut client = gateway.client().await;
    let started = Instant::now();
    let dripping = async {
        loop {
            client.send("X").await;
            pause(20).await;
            if started.elapsed() > Duration::from_millis(700) {
                return;
            }
        }
    };
    dripping.await;
    assert_eq!(client.answer().await.status, 408);
    assert!(client.is_closed().await);
    gateway
        .metric_becomes("ajpgate_requests_total", &[("code", "4xx")], 1.0)
        .await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            pause(1200).await;
            wire.respond(200, &[], b"slow").await;
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "limits: {{ idle_timeout: 800ms }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    let mut client = gateway.client().await;
    assert_eq!(client.get("/", "").await.text(), "slow");
    let started = Instant::now();
    assert!(client.is_closed().await);
    assert!(started.elapsed() >= Duration::from_millis(750));
    let mut silent = gateway.client().await;
    assert!(silent.is_closed().await, "nothing was ever said");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let container = Container::start(|_, _| async { panic!("nothing may arrive") }).await;
    let gateway = Running::start(&format!(
        "limits: {{ max_header_bytes: 4KiB }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    let mut client = gateway.client().await;
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
            "x".repeat(5000)
        ))
        .await;
    assert_eq!(client.answer().await.status, 431);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn bytes_that_are_not_http_are_400_and_the_connection_is_closed() {
    let container = Container::start(|_, _| async { panic!("nothing may arrive") }).await;
    let gateway = Running::before(&[&container], "", "");
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "garbage\r\n\r\n",
        "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        // Tomcat's own connector refuses these targets too.
        "GET /x?q=C#&page=2 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a?<b> HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /caf\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7f}b\r\n\r\n",
    ] {
        let mut client = gateway.client().await;
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 400, "{request:?}");
        assert!(client.is_closed().await, "{request:?}");
    }
    let mut client = gateway.client().await;
    client
        .send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 405);
    assert!(answer.field("allow").is_some());
    assert!(client.is_closed().await);
    assert_eq!(container.connections(), 0);
}

#[tokio::test]
async fn clients_beyond_max_connections_wait() {
    let container = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "limits: {{ max_connections: 2 }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    let (mut one, mut two) = (gateway.client().await, gateway.client().await);
    assert_eq!(one.get("/", "").await.status, 200);
    assert_eq!(two.get("/", "").await.status, 200);
    let mut three = gateway.client().await;
    three.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    pause(100).await;
    assert_eq!(gateway.metric("ajpgate_client_connections", &[]).await, 2.0);
    drop(one);
    assert_eq!(three.answer().await.status, 200);
}

#[tokio::test]
async fn http_1_0_is_closed_and_connection_close_too() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    for request in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ] {
        let mut client = gateway.client().await;
        client.send(request).await;
        assert_eq!(client.answer().await.text(), "n1");
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn shutdown_completes_requests_and_accepts_no_new_ones() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        pause(300).await;
        wire.respond(200, &[], b"finished").await;
        wire.until_closed().await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut idle = gateway.client().await;
    let mut busy = gateway.client().await;
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request is under way", async || {
        container.connections() == 1
    })
    .await;
    let front = gateway.front;
    let shutdown = tokio::spawn(gateway.shutdown());
    assert_eq!(busy.answer().await.text(), "finished");
    assert!(busy.is_closed().await);
    assert!(idle.is_closed().await);
    assert!(shutdown.await.unwrap(), "everything was completed");
    assert!(tokio::net::TcpStream::connect(front).await.is_err());
}

#[tokio::test]
async fn shutdown_ends_after_shutdown_timeout() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.until_closed().await;
    })
    .await;
    let gateway = Running::start(&format!(
        "shutdown_timeout: 300ms\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request is under way", async || {
        container.connections() == 1
    })
    .await;
    assert!(!gateway.shutdown().await);
}

/// Back-pressure: a client that does not read stops the container's sending, and memory stays bounded.
#[tokio::test]
async fn a_client_that_does_not_read_stops_the_container() {
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&sent);
    let container = Container::start(move |_, mut wire: Wire| {
        let counter = std::sync::Arc::clone(&counter);
        async move {
            wire.request().await;
            wire.head(200, &[]).await;
            for _ in 0..100_000 {
                wire.data(&[b'x'; 8184]).await;
                counter.fetch_add(8184, std::sync::atomic::Ordering::SeqCst);
            }
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "timeout: 20s");
    let mut client = Client::connect(gateway.front).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.raw_until("200 OK").await;
    let read = || sent.load(std::sync::atomic::Ordering::SeqCst);
    let mut before = usize::MAX;
    until("the container stands still", async || {
        pause(200).await;
        let now = read();
        let still = now == before;
        before = now;
        still
    })
    .await;
    // The socket buffers on both sides, and little more.
    assert!(read() < 32 << 20, "{} bytes were taken", read());
    client.vanish();
    gateway.quiet().await;
}

/// Old clients compare names of fields with their case.
#[tokio::test]
async fn names_of_fields_are_spelt_as_the_container_wrote_them() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            let fields = [
                ("Set-Cookie", "a=1"),
                ("ETag", "\"x\""),
                ("x-lower", "1"),
                ("X-RequestID", "1"),
            ];
            wire.respond(200, &fields, b"").await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let answer = gateway.get("/", "").await;
    let names: Vec<&str> = answer.fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        [
            "Set-Cookie",
            "ETag",
            "x-lower",
            "X-RequestID",
            "Content-Length",
            "Date",
            "Connection"
        ]
    );
}

#[tokio::test]
async fn names_of_fields_are_spelt_as_an_http_member_wrote_them() {
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nx-lower: 1\r\nX-RequestID: 1\r\nServer: x\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let answer = gateway.get("/", "").await;
    let names: Vec<&str> = answer.fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names[..3], ["x-lower", "X-RequestID", "Server"]);
}

#[tokio::test]
async fn a_connection_of_http_1_0_is_kept_where_the_client_asks_for_it() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client
            .send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            .await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.text(), answer.field("connection")),
            ("n1", Some("keep-alive"))
        );
    }
}
