//! Answers that come before the body of the request has been read: they arrive whole and at once, and the connection goes
//! on where at most 256 KiB of the body are known to be left; else the answer says that it does not.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::container::{Container, Wire, content_length};
use crate::support::gateway::Running;
use crate::support::origin::{Conn, Origin};
use crate::support::{ReservedPort, pause, soon};

/// More than the systems on both sides buffer.
const LARGE: usize = 2_000_000;

/// Sends a head and a body in these pieces before it reads anything, as Java's HttpURLConnection does. Panics when the
/// gateway does not take all of it.
async fn upload(gateway: &Running, head: &str, piece: &[u8], count: usize, wait: u64) -> Client {
    let mut stream = TcpStream::connect(gateway.front).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..count {
        if wait > 0 {
            pause(wait).await;
        }
        let sent = stream.write_all(piece);
        soon("the gateway reads on", sent).await.unwrap();
    }
    Client::over(stream)
}

fn with_length(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A chunk of 1000 bytes.
fn chunk() -> Vec<u8> {
    [&b"3e8\r\n"[..], &[b'x'; 1000], b"\r\n"].concat()
}

/// Answers with this status and 1000 bytes, and reads no more of a body than its first packet, which comes unasked.
async fn refusing(status: u16) -> Container {
    Container::start(move |_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            if content_length(&request).is_some_and(|length| length > 0) {
                wire.body_packet().await;
            }
            wire.respond(status, &[], &[b'n'; 1000]).await;
        }
    })
    .await
}

/// The answer has arrived whole although all of the body was sent before it was read.
async fn arrives_whole(mut client: Client, status: u16, length: usize) {
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.body.len(), answer.complete),
        (status, length, true)
    );
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn the_gateways_own_413_arrives_whole_12_times_of_12() {
    let port = ReservedPort::new();
    let gateway = Running::start(&format!(
        "limits: {{ max_body: 1000 }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        port.addr()
    ));
    let text = "413 Payload Too Large\n".len();
    for _ in 0..12 {
        let client = upload(&gateway, &with_length(LARGE), &[b'x'; LARGE], 1, 0).await;
        arrives_whole(client, 413, text).await;
    }
    // The length of chunks is not announced: the member has part of them already.
    let container = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "limits: {{ max_body: 1000 }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    let client = upload(&gateway, CHUNKED, &chunk(), LARGE / 1000, 0).await;
    arrives_whole(client, 413, text).await;
}

#[tokio::test]
async fn a_404_and_a_503_of_the_gateway_arrive_whole() {
    let port = ReservedPort::new();
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /app, to: \"ajp://{}/\" }}]\n",
        port.addr()
    ));
    for (target, status, text) in [
        ("/", 404, "404 Not Found\n"),
        ("/app", 503, "503 Service Unavailable\n"),
    ] {
        let head = with_length(LARGE).replace("POST /", &format!("POST {target}"));
        let client = upload(&gateway, &head, &[b'x'; LARGE], 1, 0).await;
        arrives_whole(client, status, text.len()).await;
    }
}

#[tokio::test]
async fn answers_of_ajp_members_arrive_whole() {
    for status in [200, 302, 401, 413] {
        let container = refusing(status).await;
        let gateway = Running::before(&[&container], "", "");
        let client = upload(&gateway, &with_length(LARGE), &[b'x'; LARGE], 1, 0).await;
        arrives_whole(client, status, 1000).await;
        let client = upload(&gateway, CHUNKED, &chunk(), LARGE / 1000, 0).await;
        arrives_whole(client, status, 1000).await;
        gateway.quiet().await;
    }
}

#[tokio::test]
async fn answers_of_http_members_arrive_whole() {
    let refusing = |answer: &'static str| {
        Origin::start(move |_, mut conn: Conn| async move {
            conn.head().await;
            conn.raw(answer).await;
            conn.closed().await;
        })
    };
    for answer in [
        "HTTP/1.1 413 X\r\nContent-Length: 5\r\n\r\nlarge",
        "HTTP/1.1 413 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlarge\r\n0\r\n\r\n",
    ] {
        let origin = refusing(answer).await;
        let gateway = Running::before_http(&[&origin], "", "");
        let client = upload(&gateway, &with_length(LARGE), &[b'x'; LARGE], 1, 0).await;
        arrives_whole(client, 413, 5).await;
        let client = upload(&gateway, CHUNKED, &chunk(), LARGE / 1000, 0).await;
        arrives_whole(client, 413, 5).await;
        gateway.quiet().await;
    }
}

/// The client is slow, and the answer is there long before its last byte.
#[tokio::test]
async fn a_slow_upload_is_read_to_its_end_and_the_connection_goes_on() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            if content_length(&request).is_some_and(|length| length > 0) {
                wire.body_packet().await;
            }
            let status = match request.uri.as_deref() {
                Some(b"/next") => 200,
                _ => 413,
            };
            wire.respond(status, &[], b"").await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = upload(&gateway, &with_length(60_000), &[b'x'; 1000], 60, 15).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.field("connection")), (413, None));
    assert_eq!(client.get("/next", "").await.status, 200);
    // Nobody knows how long the other is.
    let client = upload(&gateway, CHUNKED, &chunk(), 60, 15).await;
    arrives_whole(client, 413, 0).await;
}

#[tokio::test]
async fn a_body_that_comes_behind_its_503_is_no_next_request() {
    let port = ReservedPort::new();
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        port.addr()
    ));
    let mut client = gateway.client().await;
    for _ in 0..3 {
        client.send(with_length(10)).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.field("connection")), (503, None));
        pause(100).await;
        client.send("GET / HTTP").await;
    }
    assert_eq!(client.get("/", "").await.status, 503);
}

/// What is known of a client that waits for 100 is that it has sent no body.
#[tokio::test]
async fn a_client_that_waits_for_100_is_not_asked_for_a_body_that_nobody_reads() {
    let port = ReservedPort::new();
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /app, to: \"ajp://{}/\" }}]\n",
        port.addr()
    ));
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    let (status, _, fields) = client.head().await.unwrap();
    assert_eq!(status, 404);
    assert!(fields.contains(&("Connection".to_owned(), "close".to_owned())));
}
