//! HTTP members behind HTTP/2: interim answers, and WebSocket over a stream (RFC 8441).

use crate::support::container::Container;
use crate::support::gateway::Running;
use crate::support::h2::{CANCEL, DATA, End, GOAWAY, Http2, NO_ERROR, SETTINGS, get};
use crate::support::origin::{Conn, Origin};

fn before(url: &str, member: &str) -> Running {
    Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]\n\
         proxy_pass: [{{ path: /, to: \"{url}/\", member: {{ {member} }} }}]\n"
    ))
}

/// The header list that opens a WebSocket.
fn websocket(protocol: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        (":method", "CONNECT"),
        (":protocol", protocol),
        (":scheme", "http"),
        (":path", "/ws"),
        (":authority", "localhost"),
        ("sec-websocket-version", "13"),
    ]
}

/// A server that switches the protocol, sends a greeting, and then echoes every four bytes in capitals.
async fn shouting() -> Origin {
    Origin::start(|_, mut conn: Conn| async move {
        let request = conn.request().await;
        assert_eq!(request.all("upgrade"), ["websocket"]);
        assert_eq!(request.all("connection"), ["upgrade"]);
        assert_eq!(request.all("sec-websocket-version"), ["13"]);
        assert_eq!(request.all("sec-websocket-key")[0].len(), 24);
        conn.raw(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: a\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello\n",
        )
        .await;
        while let Some(bytes) = conn.bytes(4).await {
            conn.raw(bytes.to_ascii_uppercase()).await;
        }
    })
    .await
}

/// Reads until so much has come on a stream.
async fn until(client: &mut Http2, stream: u32, text: &str) {
    while client.so_far(stream).text() != text {
        client.next_of(DATA).await.expect("more of the stream");
    }
}

#[tokio::test]
async fn a_websocket_is_a_stream_and_others_go_on_beside_it() {
    let origin = shouting().await;
    let gateway = before(&format!("http://{}", origin.address), "");
    let mut client = Http2::connect(gateway.front).await;
    let settings = client.next_of(SETTINGS).await.unwrap();
    assert!(
        settings
            .payload
            .chunks(6)
            .any(|it| it == [0, 8, 0, 0, 0, 1])
    );
    let (one, two) = (
        client.open(&websocket("websocket"), false).await,
        client.open(&websocket("websocket"), false).await,
    );
    for stream in [one, two] {
        until(&mut client, stream, "hello\n").await;
        client.data(stream, b"abcdwxyz", false).await;
        until(&mut client, stream, "hello\nABCDWXYZ").await;
        let answer = client.so_far(stream);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.field("sec-websocket-protocol"), Some("chat"));
        for gone in ["sec-websocket-accept", "upgrade", "connection"] {
            assert_eq!(answer.field(gone), None);
        }
    }
    // One ends, the other is given up.
    client.data(one, b"", true).await;
    assert_eq!(client.answer(one).await.end, End::Whole);
    gateway
        .metric_becomes("ajpgate_pool_connections", &[], 1.0)
        .await;
    client.reset(two, CANCEL).await;
    gateway.quiet().await;
    assert_eq!(gateway.metric("ajpgate_pool_connections", &[]).await, 0.0);
}

/// The client is told that no further streams are taken, and its WebSocket goes on.
#[tokio::test]
async fn a_stop_waits_for_a_websocket_over_a_stream() {
    let origin = shouting().await;
    let gateway = before(&format!("http://{}", origin.address), "");
    let mut client = Http2::connect(gateway.front).await;
    let stream = client.open(&websocket("websocket"), false).await;
    until(&mut client, stream, "hello\n").await;
    let stop = tokio::spawn(gateway.shutdown());
    assert_eq!(client.next_of(GOAWAY).await.unwrap().code(), NO_ERROR);
    client.data(stream, b"abcd", false).await;
    until(&mut client, stream, "hello\nABCD").await;
    client.data(stream, b"", true).await;
    assert_eq!(client.answer(stream).await.end, End::Whole);
    assert!(stop.await.unwrap());
}

#[tokio::test]
async fn a_member_that_does_not_switch_is_not_taken_for_one_that_does() {
    let container = Container::hello("n1").await;
    let gateway = before(&format!("ajp://{}", container.address), "");
    let mut client = Http2::connect(gateway.front).await;
    for protocol in ["websocket", "connect-udp"] {
        let stream = client.open(&websocket(protocol), false).await;
        let answer = client.answer(stream).await;
        assert_eq!((answer.status, answer.end), (501, End::Whole), "{protocol}");
    }
    assert_eq!(client.get("/").await.status, 200);
    gateway.quiet().await;
}

#[tokio::test]
async fn interim_answers_reach_the_client() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        conn.request().await;
        conn.raw("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: x\r\n\r\n")
            .await;
        conn.raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            .await;
    })
    .await;
    let gateway = before(&format!("http://{}", origin.address), "");
    let mut client = Http2::connect(gateway.front).await;
    let stream = client.open(&get("/"), true).await;
    let answer = client.answer(stream).await;
    assert_eq!((answer.text(), &*answer.interim), ("hi", &[103][..]));
}
