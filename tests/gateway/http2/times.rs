//! How long a client may take, and how much it may leave unfinished.

use std::time::{Duration, Instant};

use super::before;
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::h2::{
    DATA, End, GOAWAY, HEADERS, Http2, PREFACE, RST_STREAM, SETTINGS, get, request,
};
use crate::support::{hpack, pause, until};

#[tokio::test]
async fn an_idle_connection_is_told_to_go_away() {
    let container = Container::hello("n1").await;
    let gateway = before(&[&container], "limits: { idle_timeout: 400ms }\n");
    let mut client = Http2::connect(gateway.front).await;
    assert_eq!(client.get("/").await.status, 200);
    let start = Instant::now();
    assert_eq!(client.goes_away().await, Some(0));
    let passed = start.elapsed();
    assert!(passed > Duration::from_millis(300), "{passed:?}");
    // PING is no request.
    let mut client = Http2::connect(gateway.front).await;
    let start = Instant::now();
    while client.ping().await {
        pause(50).await;
    }
    assert!(start.elapsed() < Duration::from_secs(3));
}

/// The answer to a request that is refused is a few bytes that `h2` would keep for ever.
#[tokio::test]
async fn a_client_that_does_not_take_its_refusal_is_cut_off_however_often_it_pings() {
    let container = Container::hello("n1").await;
    let gateway = before(&[&container], "limits: { idle_timeout: 400ms }\n");
    // Streams start with a window of 0 bytes (SETTINGS_INITIAL_WINDOW_SIZE).
    let mut client = Http2::with_settings(gateway.front, &[(4, 0)]).await;
    client.takes = false;
    let mut asked = get("/");
    asked.push(("host", "other"));
    client.open(&asked, true).await;
    let start = Instant::now();
    while client.ping().await {
        pause(50).await;
        assert!(start.elapsed() < Duration::from_secs(5), "still open");
    }
}

#[tokio::test]
async fn the_answer_to_a_head_that_is_refused_has_no_body() {
    let container = Container::hello("n1").await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    let mut asked = request("HEAD", "/");
    asked.push(("host", "other"));
    let stream = client.open(&asked, true).await;
    let answer = client.answer(stream).await;
    assert_eq!(
        (answer.status, answer.end, answer.body.len()),
        (400, End::Whole, 0)
    );
}

/// A member that is faster than its client always has more to send, so the client's window is full at each look.
#[tokio::test]
async fn a_client_that_takes_an_answer_slowly_gets_all_of_it() {
    const LENGTH: usize = 3 << 20;
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.head(200, &[("Content-Length", &LENGTH.to_string())])
                .await;
            for _ in 0..LENGTH / 4096 {
                wire.data(&[b'x'; 4096]).await;
            }
            wire.end(true).await;
        }
    })
    .await;
    let gateway = before(&[&container], "limits: { idle_timeout: 500ms }\n");
    let mut client = Http2::connect(gateway.front).await;
    let stream = client.open(&get("/"), true).await;
    let (mut read, mut paused_at) = (0, 0);
    // Longer than `idle_timeout` altogether.
    while read < LENGTH {
        let frame = client.next().await.unwrap();
        assert_ne!(frame.kind, RST_STREAM, "reset after {read} bytes");
        if frame.kind == DATA {
            read += frame.payload.len();
            let taken = u32::try_from(frame.payload.len()).unwrap();
            for whose in [0, stream] {
                client.window(whose, taken).await;
            }
        }
        if read - paused_at > 256 << 10 {
            paused_at = read;
            pause(150).await;
        }
    }
}

/// The member of an answer that fits into the buffer is free, as where a client of HTTP/1.1 does not read.
#[tokio::test]
async fn a_client_without_a_window_holds_no_member_of_an_answer_of_60_000_bytes() {
    const LENGTH: usize = 60_000;
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.head(200, &[("Content-Length", &LENGTH.to_string())])
                .await;
            for _ in 0..LENGTH / 4000 {
                wire.data(&[b'x'; 4000]).await;
            }
            wire.end(true).await;
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]
runtime: {{ threads: 1 }}
balancers: {{ test: {{ members: [{{ url: \"ajp://{}\", route: n1, max: 1, acquire: 100ms }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]
",
        container.address
    ));
    // Streams start with a window of 0 bytes (SETTINGS_INITIAL_WINDOW_SIZE).
    let mut stalled = Http2::with_settings(gateway.front, &[(4, 0)]).await;
    stalled.takes = false;
    let stream = stalled.open(&get("/"), true).await;
    until("the member is free", async || {
        let member = [("route", "n1")];
        gateway
            .metric("ajpgate_member_elected_total", &member)
            .await
            >= 1.0
            && gateway.metric("ajpgate_member_busy", &member).await == 0.0
    })
    .await;
    let mut other = Http2::connect(gateway.front).await;
    assert_eq!(other.get("/").await.body.len(), LENGTH);
    // Nothing is lost.
    stalled.takes = true;
    for whose in [0, stream] {
        stalled.window(whose, 1 << 20).await;
    }
    let answer = stalled.answer(stream).await;
    assert_eq!((answer.end, answer.body.len()), (End::Whole, LENGTH));
}

#[tokio::test]
async fn what_begins_and_does_not_end_is_cut_off_at_header_timeout() {
    let container = Container::start(|_, _| async { panic!("nothing may arrive") }).await;
    let gateway = before(&[&container], "limits: { header_timeout: 400ms }\n");
    let block = hpack::encode(&get("/"));
    let open = crate::support::h2::frame(HEADERS, 0, 1, &block);
    let whole = crate::support::h2::frame(HEADERS, 4, 1, &block);
    let settings = crate::support::h2::frame(SETTINGS, 0, 0, &[]);
    for (sent, goaway) in [
        (PREFACE[..20].to_vec(), None),
        ([PREFACE, &settings, &open].concat(), Some(11)),
        ([PREFACE, &settings, &whole[..12]].concat(), Some(11)),
        ([PREFACE, &settings, &whole[..4]].concat(), Some(11)),
    ] {
        let mut client = Http2::raw(gateway.front).await;
        client.send(&sent).await;
        let start = Instant::now();
        let mut code = None;
        // Nothing may be sent in the middle of a header block.
        while let Some(frame) = client.next().await {
            if frame.kind == GOAWAY {
                code = Some(frame.code());
            }
        }
        assert_eq!(code, goaway, "{} bytes", sent.len());
        let passed = start.elapsed();
        assert!(passed > Duration::from_millis(300), "{passed:?}");
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_408_and_the_other_requests_go_on() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            wire.read_body(&request).await;
            wire.respond(200, &[], b"hello").await;
        }
    })
    .await;
    for (limits, expected) in [
        ("idle_timeout: 500ms", 408),
        ("min_body_rate: 1MiB", 408),
        ("idle_timeout: 60s", 200),
    ] {
        let gateway = before(&[&container], &format!("limits: {{ {limits} }}\n"));
        let mut client = Http2::connect(gateway.front).await;
        let slow = client.open(&request("POST", "/"), false).await;
        client.data(slow, b"abc", false).await;
        assert_eq!(client.get("/").await.text(), "hello");
        if expected == 200 {
            pause(700).await;
            client.data(slow, b"d", true).await;
        }
        let answer = client.answer(slow).await;
        assert_eq!(
            (answer.status, answer.end),
            (expected, End::Whole),
            "{limits}"
        );
        gateway.quiet().await;
    }
}

/// One slow client of 100 holds no more than its own window; the other requests of its connection go on.
#[tokio::test]
async fn a_member_that_does_not_read_holds_one_window() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            if request.uri.as_deref() == Some(b"/silent") {
                wire.until_closed().await;
                return;
            }
            let body = wire.read_body(&request).await;
            wire.respond(200, &[], &body).await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    // The window of the connection is open behind the gateway's first frames.
    assert!(client.ping().await);
    let mut silent = Vec::new();
    for _ in 0..99 {
        let stream = client.open(&request("POST", "/silent"), false).await;
        client.data(stream, &[b'x'; 65_535], false).await;
        silent.push(stream);
    }
    let body = [b'y'; 60_000];
    for _ in 0..3 {
        let stream = client.open(&request("POST", "/"), false).await;
        client.data(stream, &body, true).await;
        let answer = client.answer(stream).await;
        assert_eq!(answer.end, End::Whole);
        assert!(answer.body == body);
    }
    // A byte beyond the window is a fault of the client, and of this stream alone.
    client.data(silent[0], b"x", false).await;
    client.data(silent[0], &[b'x'; 16_384], false).await;
    let answer = client.answer(silent[0]).await;
    assert_eq!(answer.end, End::Reset(3));
    assert!(client.ping().await);
}

/// A client that does not take an answer stops its container, and holds back no other answer.
#[tokio::test]
async fn a_client_that_does_not_take_one_answer_gets_the_others() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let length = match request.uri.as_deref() {
                Some(b"/large") => 8 << 20,
                _ => 10_000,
            };
            wire.respond(200, &[], &vec![b'x'; length]).await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    client.window(0, 1 << 30).await;
    client.takes = false;
    let large = client.open(&get("/large"), true).await;
    for _ in 0..50 {
        let answer = client.get("/").await;
        assert_eq!((answer.body.len(), answer.end), (10_000, End::Whole));
    }
    assert_eq!(client.so_far(large).body.len(), 65_535);
    let sent = gateway
        .metric("ajpgate_bytes_total", &[("direction", "from_backend")])
        .await;
    assert!(
        sent < f64::from(2 << 20),
        "{sent} bytes were taken from the container"
    );
    client.takes = true;
    client.window(large, 1 << 30).await;
    assert_eq!(client.answer(large).await.body.len(), 8 << 20);
    gateway.quiet().await;
}
