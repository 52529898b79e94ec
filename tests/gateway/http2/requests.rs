//! Requests and answers: the same promises as those of HTTP/1.1.

use super::before;
use crate::support::container::{Container, Wire, fields};
use crate::support::gateway::Running;
use crate::support::h2::{
    END_HEADERS, END_STREAM, End, HEADERS, Http2, PREFACE, SETTINGS, get, request,
};
use crate::support::hpack;
use crate::support::{Gate, pause};

fn text(text: &Option<bytes::Bytes>) -> &str {
    std::str::from_utf8(text.as_deref().unwrap_or_default()).unwrap()
}

/// A container that answers with what it has read.
async fn echo() -> Container {
    Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let body = wire.read_body(&request).await;
            wire.respond(200, &[], &body).await;
        }
    })
    .await
}

#[tokio::test]
async fn http_1_1_and_http_2_are_told_apart_by_their_first_bytes() {
    let container = Container::hello("n1").await;
    let gateway = before(&[&container], "");
    let old = gateway.get("/", "").await;
    assert_eq!(old.status, 200);
    // One byte at a time: the preface, and a method that begins like it.
    let mut slow = Http2::raw(gateway.front).await;
    for byte in PREFACE {
        slow.send(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    slow.frame(SETTINGS, 0, 0, &[]).await;
    assert_eq!(slow.get("/").await.status, 200);
    let mut client = gateway.client().await;
    for piece in ["P", "R", "OPFIND / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_request_reaches_its_member_as_one_of_http_1_1_does() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let seen = format!(
                "{} {} {} host={} cookie={:?} x={}",
                text(&request.protocol),
                text(&request.uri),
                request.method,
                fields(&request, "host").concat(),
                fields(&request, "cookie"),
                fields(&request, "x-a").concat(),
            );
            wire.respond(
                200,
                &[("X-Node", "n1"), ("Connection", "close")],
                seen.as_bytes(),
            )
            .await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    let mut head = get("/a;x=1/b?c");
    head.extend([("cookie", "a=1"), ("x-a", "b"), ("cookie", "c=2; d=3")]);
    let stream = client.open(&head, true).await;
    let answer = client.answer(stream).await;
    assert_eq!(
        answer.text(),
        "HTTP/2.0 /a;x=1/b 2 host=localhost cookie=[\"a=1; c=2; d=3\"] x=b"
    );
    assert_eq!((answer.status, answer.end), (200, End::Whole));
    assert_eq!(answer.field("x-node"), Some("n1"));
    assert_eq!(answer.field("connection"), None);
    assert!(answer.field("date").is_some());
    gateway.quiet().await;
}

#[tokio::test]
async fn a_head_that_must_not_go_on_reaches_no_member() {
    let container = Container::start(|_, _| async { panic!("nothing may arrive") }).await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    let many: Vec<(String, String)> = (0..101)
        .map(|at| (format!("x-{at}"), String::new()))
        .collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let large = "a".repeat(70_000);
    for (added, status) in [
        (&[("host", "other")][..], 400),
        (&[("x", " a")], 400),
        (&many, 431),
        (&[("x", &large)], 431),
    ] {
        let stream = client.open(&[&get("/"), added].concat(), true).await;
        let answer = client.answer(stream).await;
        assert_eq!(
            (answer.status, answer.end),
            (status, End::Whole),
            "{}",
            added.len()
        );
    }
    for (name, value) in [
        ("connection", "close"),
        ("keep-alive", "5"),
        ("proxy-connection", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
    ] {
        let stream = client
            .open(&[&get("/")[..], &[(name, value)]].concat(), true)
            .await;
        let answer = client.answer(stream).await;
        assert_eq!(answer.end, End::Reset(1), "{name}");
    }
    let without = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
    let stream = client.open(&without, true).await;
    assert_eq!(client.answer(stream).await.status, 400);
    let stream = client
        .open(&[(":method", "CONNECT"), (":authority", "a:443")], true)
        .await;
    assert_eq!(client.answer(stream).await.status, 405);
    let refused = gateway
        .metric("ajpgate_requests_total", &[("code", "4xx")])
        .await;
    assert_eq!(refused, 6.0);
    gateway.quiet().await;
}

#[tokio::test]
async fn bodies_pass_in_both_directions_and_windows_are_opened_again() {
    let container = echo().await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    let body: Vec<u8> = (0..=255).cycle().take(60_000).collect();
    for length in [Some(60_000), None] {
        let mut head = request("POST", "/");
        let text = length.unwrap_or_default().to_string();
        if length.is_some() {
            head.push(("content-length", &text));
        }
        // More than a window in all, on one connection.
        for _ in 0..5 {
            let stream = client.open(&head, false).await;
            client.data(stream, &body, true).await;
            let answer = client.answer(stream).await;
            assert!(
                answer.body == body && answer.end == End::Whole,
                "{length:?}"
            );
        }
    }
    gateway.quiet().await;
}

#[tokio::test]
async fn answers_without_a_body_end_with_their_head() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let status = text(&request.uri).trim_start_matches('/').parse().unwrap();
            wire.head(status, &[("Content-Length", "5")]).await;
            wire.end(true).await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    for (method, path, length) in [
        ("HEAD", "/200", Some("5")),
        ("GET", "/204", None),
        ("GET", "/304", None),
    ] {
        let stream = client.open(&request(method, path), true).await;
        let answer = client.answer(stream).await;
        assert_eq!(answer.end, End::Whole, "{method} {path}");
        assert_eq!(answer.field("content-length"), length, "{method} {path}");
        assert_eq!(answer.body, b"");
    }
    gateway.quiet().await;
}

#[tokio::test]
async fn a_reset_stream_frees_its_member_at_once_and_the_others_go_on() {
    let gate = Gate::new();
    let container = Container::gated(&gate).await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    let (first, second) = (
        client.open(&get("/"), true).await,
        client.open(&get("/"), true).await,
    );
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 2.0)
        .await;
    client.reset(first, 8).await;
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 1.0)
        .await;
    // Its connection is closed, for that is the only way to stop a container.
    gateway
        .metric_becomes("ajpgate_pool_connections", &[], 1.0)
        .await;
    gate.open();
    assert_eq!(client.answer(second).await.status, 200);
    gateway.quiet().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_resets_its_stream_only() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            if text(&request.uri) == "/whole" {
                wire.respond(200, &[], b"whole").await;
                continue;
            }
            wire.head(200, &[("Content-Length", "100")]).await;
            wire.data(b"half").await;
            pause(100).await;
            return;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    let broken = client.open(&get("/broken"), true).await;
    let answer = client.answer(broken).await;
    assert_eq!((answer.status, answer.end), (200, End::Reset(2)));
    assert_eq!(client.get("/whole").await.text(), "whole");
    gateway.quiet().await;
}

#[tokio::test]
async fn a_whole_answer_comes_before_the_body_has_been_read() {
    let container = Container::hello("n1").await;
    let gateway = before(&[&container], "limits: { max_body: 1000 }\n");
    let mut client = Http2::connect(gateway.front).await;
    let head = [&request("POST", "/")[..], &[("content-length", "100000")]].concat();
    let refused = client.open(&head, false).await;
    let answer = client.answer(refused).await;
    assert_eq!((answer.status, answer.end), (413, End::Whole));
    assert_eq!(client.get("/").await.status, 200);
    // Not announced, and too long in the end.
    let grows = client.open(&request("POST", "/"), false).await;
    client.data(grows, &[b'x'; 2000], false).await;
    let answer = client.answer(grows).await;
    assert_eq!((answer.status, answer.end), (413, End::Whole));
    // Who goes on sending for a while is told to stop.
    let stopped = client
        .next_of(crate::support::h2::RST_STREAM)
        .await
        .unwrap();
    assert_eq!(stopped.code(), 0);
    gateway.quiet().await;
}

/// curl 7.88 and Java 17 wait for ever behind a good answer that has ended while they send: the end waits for theirs.
#[tokio::test]
async fn a_good_answer_to_a_body_that_nobody_reads_ends_behind_the_body() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let body: &[u8] = if request.uri.as_deref() == Some(b"/empty") {
                b""
            } else {
                b"early"
            };
            wire.respond(200, &[], body).await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    for (path, body) in [("/", &b"early"[..]), ("/empty", b"")] {
        let mut client = Http2::connect(gateway.front).await;
        let stream = client.open(&request("POST", path), false).await;
        let head = client.next_of(HEADERS).await.unwrap();
        assert!(!head.has(END_STREAM), "{path}");
        for _ in 0..20 {
            client.data(stream, &[b'x'; 2000], false).await;
        }
        client.data(stream, b"x", true).await;
        let answer = client.answer(stream).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole), "{path}");
        assert_eq!(answer.body, body, "{path}");
        assert_eq!(answer.field("content-length"), None, "{path}");
        // A client that sends nothing more is not waited for.
        let stream = client.open(&request("POST", path), false).await;
        let reset = client
            .next_of(crate::support::h2::RST_STREAM)
            .await
            .unwrap();
        assert_eq!((reset.stream, reset.code()), (stream, 0), "{path}");
    }
    gateway.quiet().await;
}

/// curl 7.88 reads no more behind such an answer, and waits for ever for room to send.
#[tokio::test]
async fn an_early_answer_that_ends_with_its_head_comes_behind_the_body() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let status = match request.uri.as_deref() {
                Some(b"/204") => 204,
                _ => 200,
            };
            wire.respond(status, &[], b"").await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    for (method, path, status) in [("POST", "/204", 204), ("HEAD", "/", 200)] {
        let mut client = Http2::connect(gateway.front).await;
        let stream = client.open(&request(method, path), false).await;
        for _ in 0..20 {
            client.data(stream, &[b'x'; 2000], false).await;
        }
        assert!(client.ping().await);
        assert_eq!(client.so_far(stream).status, 0, "{path}");
        client.data(stream, b"x", true).await;
        let answer = client.answer(stream).await;
        assert_eq!((answer.status, answer.end), (status, End::Whole), "{path}");
        // A client that sends nothing more is not waited for (RFC 9113 section 8.1).
        let stream = client.open(&request(method, path), false).await;
        client.data(stream, b"x", false).await;
        let head = client.next_of(HEADERS).await.unwrap();
        assert!(head.stream == stream && head.has(END_STREAM), "{path}");
        let reset = client.next_of(crate::support::h2::RST_STREAM).await;
        let reset = reset.unwrap();
        assert_eq!((reset.stream, reset.code()), (stream, 0), "{path}");
    }
    gateway.quiet().await;
}

/// curl stops sending when it reads such a status, and takes the end of the answer.
#[tokio::test]
async fn an_early_answer_of_300_or_more_ends_at_once() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let uri = text(&request.uri).to_owned();
            let status = uri.trim_start_matches('/').parse().unwrap();
            let body: &[u8] = if status == 304 { b"" } else { b"early" };
            wire.respond(status, &[("Location", "/login")], body).await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    for status in [300, 302, 303, 304, 308, 401, 500] {
        let path = format!("/{status}");
        let head = [&request("POST", &path)[..], &[("content-length", "900000")]].concat();
        let stream = client.open(&head, false).await;
        client.data(stream, &[b'x'; 2000], false).await;
        // The body neither ends nor pauses.
        let answer = client.answer(stream).await;
        assert_eq!((answer.status, answer.end), (status, End::Whole));
    }
    gateway.quiet().await;
}

#[tokio::test]
async fn an_early_answer_ends_when_as_many_bytes_have_come_as_were_announced() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let status = match request.uri.as_deref() {
                Some(b"/204") => 204,
                _ => 200,
            };
            wire.respond(status, &[], b"").await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    for path in ["/", "/204"] {
        let head = [&request("POST", path)[..], &[("content-length", "5")]].concat();
        let stream = client.open(&head, false).await;
        client.data(stream, b"hello", false).await;
        let start = std::time::Instant::now();
        let answer = client.answer(stream).await;
        assert_eq!(answer.end, End::Whole, "{path}");
        // Without it, END_STREAM comes after a pause of 1 s.
        assert!(start.elapsed().as_millis() < 900, "{path}");
        client.data(stream, b"", true).await;
    }
    assert!(client.ping().await);
    gateway.quiet().await;
}

#[tokio::test]
async fn a_stop_lets_requests_complete_and_takes_no_more() {
    let gate = Gate::new();
    let container = Container::gated(&gate).await;
    let gateway = before(&[&container], "");
    let (mut busy, mut idle) = (
        Http2::connect(gateway.front).await,
        Http2::connect(gateway.front).await,
    );
    assert!(idle.ping().await);
    let stream = busy.open(&get("/"), true).await;
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 1.0)
        .await;
    let stop = tokio::spawn(Running::shutdown(gateway));
    assert_eq!(idle.goes_away().await, Some(0));
    let away = busy.next_of(crate::support::h2::GOAWAY).await.unwrap();
    assert_eq!(away.code(), 0);
    // The client has answered the PING behind the first GOAWAY: a stream that it opens then is ignored.
    let away = busy.next_of(crate::support::h2::GOAWAY).await.unwrap();
    assert_eq!(away.last_stream(), stream);
    busy.open(&get("/"), true).await;
    pause(50).await;
    gate.open();
    assert_eq!(busy.answer(stream).await.status, 200);
    assert_eq!(busy.goes_away().await, None);
    assert!(stop.await.unwrap());
}

/// What a member has got of such a body never has a proper end.
#[tokio::test]
async fn a_body_that_is_not_as_long_as_announced_is_no_request() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        let sent = wire.until_closed().await;
        // The end of a body is a packet without data.
        assert!(!sent.ends_with(&[0x12, 0x34, 0, 0]), "{sent:?}");
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    for (length, sent) in [("3", &b"abcd"[..]), ("5", b"abcd"), ("1", b"")] {
        let head = [&request("POST", "/")[..], &[("content-length", length)]].concat();
        let stream = client.open(&head, false).await;
        client.data(stream, sent, true).await;
        assert_eq!(client.answer(stream).await.end, End::Reset(1), "{length}");
    }
    // Announced, and no body at all.
    let head = [&request("POST", "/")[..], &[("content-length", "3")]].concat();
    let stream = client.open(&head, true).await;
    assert_eq!(client.answer(stream).await.end, End::Reset(1));
    gateway.quiet().await;
}

#[tokio::test]
async fn a_body_that_is_waited_for_is_asked_for_with_100_and_trailers_are_dropped() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            assert_eq!(fields(&request, "x-trailer"), [""; 0]);
            let body = wire.read_body(&request).await;
            wire.respond(200, &[], &body).await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    let head = [&request("POST", "/")[..], &[("expect", "100-continue")]].concat();
    let stream = client.open(&head, false).await;
    while client.so_far(stream).interim.is_empty() {
        client.next_of(HEADERS).await.unwrap();
    }
    client.data(stream, b"body", false).await;
    let trailers = hpack::encode(&[("x-trailer", "a")]);
    client
        .frame(HEADERS, END_HEADERS | END_STREAM, stream, &trailers)
        .await;
    let answer = client.answer(stream).await;
    assert_eq!((answer.text(), answer.end), ("body", End::Whole));
    assert_eq!(answer.interim, [100]);
    gateway.quiet().await;
}
