//! HTTP members that break the protocol: an ambiguous answer is 502, and its connection is not used again.

use std::time::Duration;

use crate::support::gateway::Running;
use crate::support::origin::{Conn, Origin};
use crate::support::{Gate, pause};

/// The gateway's answer when the member sends these bytes for each request.
async fn status_of(answer: impl Into<Vec<u8>>) -> (u16, Origin, Running) {
    let origin = Origin::saying(answer).await;
    let gateway = Running::before_http(&[&origin], "", "timeout: 1s");
    let status = gateway.get("/", "").await.status;
    gateway.quiet().await;
    (status, origin, gateway)
}

/// An answer with these bytes behind its head.
fn chunked(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

/// Checks that each of these answers is a 502, whose connection is not kept and whose member is not in error state.
async fn each_is_502<const N: usize>(answers: [String; N]) {
    for answer in answers {
        let shown: String = answer.chars().take(80).collect();
        let (status, origin, gateway) = status_of(answer).await;
        assert_eq!(status, 502, "{shown:?}");
        assert_eq!(gateway.get("/", "").await.status, 502, "{shown:?}");
        assert_eq!(origin.connections(), 2, "{shown:?}");
        assert_eq!(
            gateway
                .metric("ajpgate_member_errors_total", &[("kind", "protocol")])
                .await,
            2.0,
            "{shown:?}"
        );
    }
}

/// Rules of `src/backend/BACKENDS.md`, "HTTP members".
#[tokio::test]
async fn ambiguous_heads_are_502() {
    let ok = "HTTP/1.1 200 OK\r\n";
    each_is_502([
        format!("{ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        format!("{ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
        format!("{ok}Content-Length: 2, 2\r\n\r\nok"),
        format!("{ok}Content-Length: -2\r\n\r\nok"),
        format!("{ok}Content-Length: 99999999999999999999\r\n\r\nok"),
        format!("{ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        format!("{ok}Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        format!("{ok}Transfer-Encoding: gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        format!("{ok}Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok"),
        format!("{ok}Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n"),
        format!("{ok}Content-Length : 2\r\n\r\nok"),
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".into(),
        format!("{ok}Content-Length: 0x2\r\n\r\nok"),
        format!("{ok}Content-Length: 2;\r\n\r\nok"),
        format!("{ok}Content-Length:\r\n\r\nok"),
        format!("{ok}Content-Length\0: 2\r\n\r\nok"),
        format!("{ok}\u{b}Content-Length: 2\r\n\r\nok"),
        format!("{ok}Transfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        format!("{ok}Transfer-Encoding: \u{b}chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        format!("{ok}Transfer-Encoding: chunked;x\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn heads_with_a_bad_status_line_are_502() {
    each_is_502([
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
            .into(),
        "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n".into(),
        "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n".into(),
        "HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n".into(),
        "HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n".into(),
        "HTTP/3.0 200 X\r\nContent-Length: 0\r\n\r\n".into(),
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(11),
        "SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n".into(),
        "HTTP/1.1 200 a\0b\r\nContent-Length: 0\r\n\r\n".into(),
        "HTTP/1.1 200 a\rb\r\nContent-Length: 0\r\n\r\n".into(),
    ])
    .await;
}

#[tokio::test]
async fn heads_with_a_bad_field_are_502() {
    let ok = "HTTP/1.1 200 OK\r\n";
    each_is_502([
        format!("{ok}X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}X Y: a\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}X: a\0b\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}X: {}\r\n\r\n", "y".repeat(70_000)),
        format!("{ok}{}\r\n", "X: y\r\n".repeat(600)),
        format!("\r\n{ok}Content-Length: 0\r\n\r\n"),
        format!("{ok}X: a\rb\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}X: a\nContent-Length: 0\r\n\r\n"),
        format!("{ok}X: a\r\n\nContent-Length: 0\r\n\r\n"),
        format!("{ok}: a\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}no colon\r\nContent-Length: 0\r\n\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn bad_chunks_are_502() {
    each_is_502([
        chunked("+2\r\nok\r\n0\r\n\r\n"),
        chunked("0x2\r\nok\r\n0\r\n\r\n"),
        chunked("\r\n2\r\nok\r\n0\r\n\r\n"),
        chunked(" 2\r\nok\r\n0\r\n\r\n"),
        chunked("2\nok\n0\n\n"),
        chunked("0000000000000002\r\nok\r\n0\r\n\r\n"),
        chunked("fffffffffffffffff\r\nok"),
        chunked(&format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(300))),
        chunked("2;a\0b\r\nok\r\n0\r\n\r\n"),
        chunked("2;a\rb\r\nok\r\n0\r\n\r\n"),
        chunked("2\r\nokk\r\n0\r\n\r\n"),
        chunked("2\r\nok0\r\n\r\n"),
        chunked("0\r\nX: a\nb\r\n\r\n"),
    ])
    .await;
}

/// Even if bytes keep coming.
#[tokio::test]
async fn a_slow_head_is_502() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        conn.request().await;
        conn.raw("HTTP/1.1 200 OK\r\nX: ").await;
        for _ in 0..100 {
            conn.raw("y").await;
            pause(50).await;
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "timeout: 500ms");
    let begun = std::time::Instant::now();
    assert_eq!(gateway.get("/", "").await.status, 502);
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn silence_is_504() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        conn.request().await;
        conn.closed().await;
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "timeout: 300ms");
    assert_eq!(gateway.get("/", "").await.status, 504);
    assert_eq!(origin.connections(), 1);
    gateway
        .metric_becomes("ajpgate_member_errors_total", &[("kind", "timeout")], 1.0)
        .await;
}

#[tokio::test]
async fn a_refused_connection_is_503() {
    let origin = Origin::hello("n1").await;
    let gateway = Running::before_http(&[&origin], "", "");
    drop(origin);
    let answer = gateway.get("/", "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some());
}

#[tokio::test]
async fn a_connection_lost_before_the_head_is_502_for_a_post() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        conn.request().await;
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        .await;
    assert_eq!(client.answer().await.status, 502);
}

/// After the head has been sent, an error resets the client's connection.
#[tokio::test]
async fn an_answer_that_is_cut_off_never_looks_complete() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
        &chunked(&format!(
            "4\r\nhalf\r\n0\r\nX: {}\r\n\r\n",
            "y".repeat(9000)
        )),
    ] {
        let text = answer.to_owned();
        let origin = Origin::start(move |_, mut conn: Conn| {
            let answer = text.clone();
            async move {
                conn.request().await;
                conn.raw(answer).await;
            }
        })
        .await;
        let gateway = Running::before_http(&[&origin], "", "");
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(client.ended_by_reset().await, "{answer:?}");
        gateway.quiet().await;
    }
}

#[tokio::test]
async fn a_malformed_chunk_behind_data_resets() {
    let gate = Gate::new();
    let opened = gate.clone();
    let origin = Origin::start(move |_, mut conn: Conn| {
        let gate = opened.clone();
        async move {
            conn.request().await;
            conn.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
                .await;
            gate.opened(1).await;
            conn.raw("xyz\r\n").await;
            conn.closed().await;
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.raw_until("half").await;
    gate.open();
    assert!(client.ended_by_reset().await);
    gateway.quiet().await;
}

/// A body that the client breaks off is not completed, and the connection to the member is closed.
#[tokio::test]
async fn a_request_that_is_cut_off_never_looks_complete() {
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let (gate, got) = (Gate::new(), Gate::new());
        let (opened, seen) = (gate.clone(), got.clone());
        let origin = Origin::start(move |_, mut conn: Conn| {
            let (gate, got) = (opened.clone(), seen.clone());
            async move {
                let mut request = conn.head().await.unwrap();
                gate.open();
                assert_eq!(conn.read_body(&mut request).await, None);
                got.open();
            }
        })
        .await;
        let gateway = Running::before_http(&[&origin], "", "");
        let mut client = gateway.client().await;
        client
            .send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n4\r\nhalf\r\n"
            ))
            .await;
        gate.opened(1).await;
        client.vanish();
        got.opened(1).await;
        gateway.quiet().await;
    }
}
