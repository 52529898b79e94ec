//! HTTP/1.1 members: the requests that they get, the answers of clients, and which connections are kept.

use crate::support::client::Client;
use crate::support::container::Container;
use crate::support::gateway::Running;
use crate::support::origin::{Conn, Origin, Received};
use crate::support::{Gate, until};
use std::sync::{Arc, Mutex};

/// A server that records requests and answers 200.
async fn remembering() -> (Origin, Arc<Mutex<Vec<Received>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let origin = Origin::start(move |_, mut conn: Conn| {
        let seen = Arc::clone(&all);
        async move {
            while let Some(request) = conn.next_request().await {
                seen.lock().unwrap().push(request);
                conn.respond(200, &[], "ok").await;
            }
        }
    })
    .await;
    (origin, seen)
}

#[tokio::test]
async fn a_request_is_forwarded_unchanged() {
    let (origin, seen) = remembering().await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    let fields = "Accept: */*\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n\
                  X-Forwarded-For: 10.0.0.1\r\nVia: 1.1 cdn\r\nProxy: http://evil\r\n";
    client
        .send(format!(
            "GET /a%20b;p=1/c?q=%2F&r HTTP/1.1\r\nHost: shop.example.com:81\r\n{fields}\r\n"
        ))
        .await;
    assert_eq!(client.answer().await.text(), "ok");
    let seen = seen.lock().unwrap();
    let request = &seen[0];
    assert_eq!(request.line, "GET /a%20b;p=1/c?q=%2F&r HTTP/1.1");
    assert_eq!(request.all("host"), ["shop.example.com:81"]);
    assert_eq!(request.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(request.all("x-forwarded-host"), ["shop.example.com:81"]);
    assert_eq!(request.all("x-forwarded-proto"), ["http"]);
    assert_eq!(request.all("x-forwarded-port"), ["81"]);
    assert_eq!(
        request.all("forwarded"),
        ["for=127.0.0.1;host=\"shop.example.com:81\";proto=http"]
    );
    assert_eq!(request.all("via"), ["1.1 cdn", "1.1 ajpgate"]);
    for gone in [
        "x-hop",
        "te",
        "proxy",
        "connection",
        "content-length",
        "transfer-encoding",
    ] {
        assert_eq!(request.all(gone), Vec::<&str>::new(), "{gone}");
    }
}

#[tokio::test]
async fn host_is_the_members_when_not_preserved() {
    let (origin, seen) = remembering().await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /app, to: \"http://{}/shop\", preserve_host: false }}]\n",
        origin.address
    ));
    assert_eq!(gateway.get("/app/x", "").await.status, 200);
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].line, "GET /shop/x HTTP/1.1");
    assert_eq!(seen[0].all("host"), [origin.address.to_string()]);
    assert_eq!(seen[0].all("x-forwarded-host"), ["localhost"]);
}

#[tokio::test]
async fn bodies_of_both_framings_arrive_complete() {
    let (origin, seen) = remembering().await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    let long = "x".repeat(300_000);
    for (head, body) in [
        ("Content-Length: 5".to_owned(), "hello".to_owned()),
        (format!("Content-Length: {}", long.len()), long.clone()),
        (
            "Transfer-Encoding: chunked".to_owned(),
            format!("5\r\nhello\r\n{:x}\r\n{long}\r\n0\r\n\r\n", long.len()),
        ),
        ("Content-Length: 0".to_owned(), String::new()),
    ] {
        client
            .send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n{body}"
            ))
            .await;
        assert_eq!(client.answer().await.status, 200);
    }
    let seen = seen.lock().unwrap();
    let lengths: Vec<usize> = seen.iter().map(|request| request.body.len()).collect();
    assert_eq!(lengths, [5, 300_000, 300_005, 0]);
    assert_eq!(seen[0].all("content-length"), ["5"]);
    assert_eq!(seen[2].all("transfer-encoding"), ["chunked"]);
    assert_eq!(seen[3].all("content-length"), ["0"]);
    assert_eq!(origin.connections(), 1);
}

/// After every form of answer with a clear end, the connection is used for the next request.
#[tokio::test]
async fn connections_are_kept_after_clean_answers() {
    for (answer, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 204 No Content\r\n\r\n", ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", ""),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
            "ok",
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "ok",
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
            "ok",
        ),
    ] {
        let origin = Origin::saying(answer).await;
        let gateway = Running::before_http(&[&origin], "", "");
        let mut client = gateway.client().await;
        for _ in 0..3 {
            let got = client.get("/", "").await;
            assert_eq!((got.text(), got.complete), (body, true), "{answer:?}");
        }
        gateway.quiet().await;
        assert_eq!(origin.connections(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn head_gets_the_head_only() {
    let origin = Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX: y\r\n\r\n").await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.try_answer("HEAD").await.unwrap();
        assert_eq!(answer.field("content-length"), Some("1000"));
    }
    assert_eq!(origin.connections(), 1);
}

/// A body that comes all the same belongs to no answer.
#[tokio::test]
async fn a_body_in_an_answer_to_head_is_discarded() {
    let origin = Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    for number in 1..4 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.try_answer("HEAD").await.unwrap();
        assert_eq!(answer.field("content-length"), Some("4"));
        gateway.quiet().await;
        assert_eq!(origin.connections(), number);
    }
}

/// The end of the connection is the end of the answer.
#[tokio::test]
async fn connections_are_not_kept_after_other_answers() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\r\n",
    ] {
        let origin = Origin::saying(answer).await;
        let gateway = Running::before_http(&[&origin], "", "");
        let mut client = gateway.client().await;
        for _ in 0..3 {
            let got = client.get("/", "").await;
            assert!(matches!(got.text(), "ok" | ""), "{answer:?}: {got:?}");
        }
        gateway.quiet().await;
        assert_eq!(origin.connections(), 3, "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_may_end_with_its_connection() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        conn.request().await;
        conn.raw("HTTP/1.1 200 OK\r\n\r\nall of it").await;
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        let answer = client.get("/", "").await;
        assert_eq!((answer.text(), answer.complete), ("all of it", true));
    }
    assert_eq!(origin.connections(), 2);
}

/// Bytes that come while a connection is idle belong to no request.
#[tokio::test]
async fn late_bytes_are_no_answer() {
    let (gate, late) = (Gate::new(), Gate::new());
    let (opened, sent) = (gate.clone(), late.clone());
    let origin = Origin::start(move |number, mut conn: Conn| {
        let (gate, late) = (opened.clone(), sent.clone());
        async move {
            while conn.next_request().await.is_some() {
                conn.respond(200, &[], &number.to_string()).await;
                if number == 1 {
                    gate.opened(1).await;
                    conn.respond(200, &[], "somebody else's").await;
                    late.open();
                }
            }
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    assert_eq!(client.get("/", "").await.text(), "1");
    gate.open();
    late.opened(1).await;
    assert_eq!(client.get("/", "").await.text(), "2");
}

/// The member closes a kept connection while it is idle.
#[tokio::test]
async fn a_request_on_a_stale_connection_is_repeated_where_that_is_safe() {
    for (method, answered) in [("GET", true), ("PUT", true), ("POST", false)] {
        let (origin, seen) = {
            let seen = Arc::new(Mutex::new(0));
            let count = Arc::clone(&seen);
            let origin = Origin::start(move |number, mut conn: Conn| {
                let count = Arc::clone(&count);
                async move {
                    while conn.next_request().await.is_some() {
                        *count.lock().unwrap() += 1;
                        // The first connection is closed at its second request.
                        if number == 1 && *count.lock().unwrap() == 2 {
                            return;
                        }
                        conn.respond(200, &[], "ok").await;
                    }
                }
            })
            .await;
            (origin, seen)
        };
        let gateway = Running::before_http(&[&origin], "", "");
        let mut client = gateway.client().await;
        assert_eq!(client.get("/", "").await.status, 200);
        client
            .send(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
            ))
            .await;
        let answer = client.answer().await;
        let (status, times) = if answered { (200, 3) } else { (502, 2) };
        assert_eq!(answer.status, status, "{method}");
        assert_eq!(*seen.lock().unwrap(), times, "{method}");
    }
}

/// A body that was read for a member that failed is sent to the next one, whatever the protocols of both.
#[tokio::test]
async fn a_body_is_replayed_across_protocols() {
    let refusing = Origin::start(|_, mut conn: Conn| async move {
        conn.next_request().await;
    })
    .await;
    let container = Container::start(|_, mut wire| async move {
        while let Some(request) = wire.next_request().await {
            let body = wire.read_body(&request).await;
            wire.respond(200, &[], &body).await;
        }
    })
    .await;
    let urls = [
        format!("http://{}", refusing.address),
        format!("ajp://{}", container.address),
    ];
    let gateway = Running::over(&urls, "stickysession: SID", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client
            .send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nCookie: SID=x.n1\r\n\r\nhello")
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (200, "hello"));
    }
}

#[tokio::test]
async fn members_of_both_protocols_stick_and_fail_over_alike() {
    let origin = Origin::hello("n1").await;
    let container = Container::hello("n2").await;
    let urls = [
        format!("http://{}", origin.address),
        format!("ajp://{}", container.address),
    ];
    let gateway = Running::over(&urls, "", "retry: 60s");
    for node in ["n1", "n2"] {
        for _ in 0..3 {
            let answer = gateway
                .get("/", &format!("Cookie: JSESSIONID=abc.{node}\r\n"))
                .await;
            assert_eq!(answer.field("x-node"), Some(node));
        }
    }
    drop(origin);
    let answer = gateway.get("/", "Cookie: JSESSIONID=abc.n1\r\n").await;
    assert_eq!(answer.field("x-node"), Some("n2"));
    let labels = [("route", "n1"), ("result", "failover")];
    assert_eq!(
        gateway
            .metric("ajpgate_sticky_requests_total", &labels)
            .await,
        1.0
    );
}

/// The client gets 100 when the member sends 100, and not before.
#[tokio::test]
async fn a_body_waits_for_the_members_100() {
    let gate = Gate::new();
    let opened = gate.clone();
    let origin = Origin::start(move |_, mut conn: Conn| {
        let gate = opened.clone();
        async move {
            let mut request = conn.head().await.unwrap();
            assert_eq!(request.field("expect"), Some("100-continue"));
            gate.open();
            conn.raw("HTTP/1.1 100 Continue\r\n\r\n").await;
            conn.read_body(&mut request).await.unwrap();
            conn.respond(200, &[], std::str::from_utf8(&request.body).unwrap())
                .await;
            conn.closed().await;
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().0, 100);
    gate.opened(1).await;
    client.send("hello").await;
    assert_eq!(client.answer().await.text(), "hello");
}

#[tokio::test]
async fn a_refused_body_is_not_asked_for() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        conn.head().await.unwrap();
        conn.respond(413, &[("Connection", "close")], "too much")
            .await;
        conn.closed().await;
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().0, 413);
}

/// The client gets the answer of a member that refuses the body and closes.
#[tokio::test]
async fn an_early_answer_is_delivered_although_the_write_failed() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        conn.head().await.unwrap();
        conn.respond(413, &[("Connection", "close")], "too much")
            .await;
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut conn.stream).await;
        conn.closed().await;
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        .await;
    client.send("x".repeat(500_000)).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (413, "too much"));
}

/// The gateway does not read ahead of a slow client.
#[tokio::test]
async fn a_client_that_does_not_read_stops_the_member() {
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let origin = Origin::start(move |_, mut conn: Conn| {
        let sent = Arc::clone(&count);
        async move {
            conn.request().await;
            conn.raw("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                .await;
            let piece = vec![b'x'; 64 * 1024];
            while tokio::io::AsyncWriteExt::write_all(&mut conn.stream, &piece)
                .await
                .is_ok()
            {
                sent.fetch_add(piece.len(), std::sync::atomic::Ordering::SeqCst);
            }
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client: Client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.raw_until("xxx").await;
    let mut before = usize::MAX;
    until("the member stops", async || {
        crate::support::pause(200).await;
        let now = sent.load(std::sync::atomic::Ordering::SeqCst);
        std::mem::replace(&mut before, now) == now
    })
    .await;
    assert!(before < 64 << 20, "{before} bytes are somewhere");
    client.vanish();
    gateway.quiet().await;
}
