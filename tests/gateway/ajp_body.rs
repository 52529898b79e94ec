//! B01 to B20: request bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ajp13::{BodyPacket, FromContainer, PacketSize};
use tokio::sync::Mutex;

use crate::support::client::{Answer, Client};
use crate::support::container::{Container, Wire, content_length, fields};
use crate::support::gateway::Running;
use crate::support::{pause, until};

fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| b'a' + u8::try_from(n % 26).unwrap())
        .collect()
}

fn post(length: usize) -> Vec<u8> {
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), &pattern(length)].concat()
}

fn chunked(chunks: &[&[u8]]) -> Vec<u8> {
    let mut request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in chunks {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// Sizes of the packets of a body: the unasked one first, then one for each GET_BODY_CHUNK.
async fn packets(wire: &mut Wire, unasked: bool) -> (Vec<usize>, Vec<u8>, Option<BodyPacket>) {
    let (mut sizes, mut body) = (Vec::new(), Vec::new());
    let mut packet = if unasked {
        wire.body_packet().await
    } else {
        wire.ask(8186).await
    };
    while let Some(BodyPacket::Data(data)) = packet {
        sizes.push(data.len());
        body.extend_from_slice(&data);
        packet = wire.ask(8186).await;
    }
    (sizes, body, packet)
}

#[tokio::test]
async fn b01_b02_b03_a_known_length_starts_unasked_and_goes_on_asked() {
    for (length, at_most) in [(10, 1), (8186, 2), (8187, 3), (100_000, 40)] {
        let container = Container::start(move |_, mut wire: Wire| async move {
            let request = wire.request().await;
            assert_eq!(content_length(&request), Some(length as u64));
            assert!(fields(&request, "transfer-encoding").is_empty());
            let (sizes, body, end) = packets(&mut wire, true).await;
            assert!(
                sizes.iter().all(|size| (1..=8186).contains(size)),
                "{sizes:?}"
            );
            assert!(sizes.len() <= at_most, "{sizes:?}");
            assert_eq!(end, Some(BodyPacket::End));
            assert!(body == pattern(length));
            wire.respond(200, &[], b"ok").await;
            assert!(wire.next_request().await.is_some(), "reused");
            wire.respond(200, &[], b"ok").await;
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        client.send(post(length)).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(client.get("/", "").await.status, 200);
        assert_eq!(container.connections(), 1);
    }
}

/// The first read of a connection, which gets the head too, is no bound of a packet.
#[tokio::test]
async fn b02_packets_are_filled_with_what_has_come() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        let (sizes, body, _) = packets(&mut wire, true).await;
        assert_eq!(sizes, [8186, 8186, 8186, 5442]);
        assert!(body == pattern(30_000));
        wire.respond(200, &[], b"ok").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(post(30_000)).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn b04_chunks_are_sent_only_when_asked_for() {
    let container = Container::start(|_, mut wire: Wire| async move {
        let request = wire.request().await;
        assert_eq!(content_length(&request), None);
        assert_eq!(fields(&request, "transfer-encoding"), ["chunked"]);
        let (_, body, end) = packets(&mut wire, false).await;
        assert_eq!((body.len(), end), (20_000, Some(BodyPacket::End)));
        wire.respond(200, &[], b"ok").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(chunked(&[&[b'x'; 20_000]])).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn b05_empty_chunks_are_an_end_packet() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        assert_eq!(wire.ask(8186).await, Some(BodyPacket::End));
        wire.respond(200, &[], b"ok").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(chunked(&[])).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn b06_b07_no_body_is_content_length_0_and_no_packet() {
    for head in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let container = Container::start(|_, mut wire: Wire| async move {
            for _ in 0..2 {
                let request = wire.request().await;
                assert_eq!(content_length(&request), Some(0));
                wire.respond(200, &[], b"ok").await;
            }
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        for _ in 0..2 {
            client.send(head).await;
            assert_eq!(client.answer().await.status, 200);
        }
        assert_eq!(container.connections(), 1);
    }
}

#[tokio::test]
async fn b07_a_container_that_asks_for_no_body_gets_the_end_packet() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        assert_eq!(wire.ask(8186).await, Some(BodyPacket::End));
        wire.respond(200, &[], b"ok").await;
        wire.request().await;
        wire.respond(200, &[], b"ok").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        assert_eq!(client.get("/", "").await.status, 200);
    }
    assert_eq!(container.connections(), 1);
}

#[tokio::test]
async fn b08_get_with_a_body_follows_the_same_rules() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    let with_length = String::from_utf8(post(10)).unwrap().replace("POST", "GET");
    client.send(with_length).await;
    assert_eq!(client.answer().await.status, 200);
    let in_chunks = String::from_utf8(chunked(&[b"hello"]))
        .unwrap()
        .replace("POST", "GET");
    client.send(in_chunks).await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(container.connections(), 1);
}

#[tokio::test]
async fn b09_expect_100_continue_is_answered_by_the_gateway() {
    let container = Container::start(|_, mut wire: Wire| async move {
        let request = wire.request().await;
        assert!(fields(&request, "expect").is_empty());
        let body = wire.read_body(&request).await;
        wire.respond(200, &[], &body).await;
        // A container that does not read a body of unknown length: the client need not send it.
        wire.request().await;
        wire.respond(403, &[], b"no").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().0, 100);
    client.send("hello").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "hello"));

    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().0, 403);
}

#[tokio::test]
async fn b10_an_answer_without_reading_the_body_keeps_the_connection_to_the_container() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        assert!(
            matches!(wire.body_packet().await, Some(BodyPacket::Data(data)) if !data.is_empty())
        );
        wire.respond(200, &[], b"enough").await;
        wire.request().await;
        wire.respond(200, &[], b"ok").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(post(200_000)).await;
    assert_eq!(client.answer().await.text(), "enough");
    gateway.quiet().await;
    assert_eq!(gateway.get("/", "").await.status, 200);
    assert_eq!(container.connections(), 1);
}

#[tokio::test]
async fn b11_the_answer_may_start_before_the_body_is_read() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        let Some(BodyPacket::Data(first)) = wire.body_packet().await else {
            panic!()
        };
        wire.head(200, &[]).await;
        wire.data(b"early").await;
        wire.flush().await;
        let mut count = first.len();
        while let Some(BodyPacket::Data(data)) = wire.ask(8186).await {
            count += data.len();
        }
        wire.data(format!(" {count}").as_bytes()).await;
        wire.end(true).await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    let request = post(20_000);
    client.send(&request[..10_000]).await;
    client.raw_until("early").await;
    client.send(&request[10_000..]).await;
    assert_eq!(client.answer().await.text(), "early 20000");
}

/// The forms of ambiguous framing are in the tests of `server::http1::machine`.
#[tokio::test]
async fn b12_ambiguous_framing_never_reaches_a_container() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5, 5",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length : 5",
        " Content-Length: 5",
    ] {
        let container = Container::start(|_, _| async { panic!("nothing may arrive") }).await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        client
            .send(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        assert_eq!(client.answer().await.status, 400, "{fields}");
        assert!(client.is_closed().await, "{fields}");
        assert_eq!(container.connections(), 0);
    }
}

/// A client's body breaks off: the connection to the container is closed without an end packet.
async fn broken_upload(
    request: Vec<u8>,
    unasked: bool,
    end: impl AsyncFnOnce(Client) -> Option<Answer>,
) {
    let closed = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&closed);
    let container = Container::start(move |_, mut wire: Wire| {
        let slot = Arc::clone(&slot);
        async move {
            wire.request().await;
            if unasked {
                wire.body_packet().await;
            }
            let mut last = None;
            while let Some(packet) = wire.ask(8186).await {
                last = Some(packet);
            }
            *slot.lock().await = Some(last);
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(request).await;
    until("the container has the request", async || {
        container.connections() == 1
    })
    .await;
    if let Some(answer) = end(client).await {
        assert_eq!(answer.status, 400);
    }
    until("the container's connection is closed", async || {
        closed.lock().await.is_some()
    })
    .await;
    let last = closed.lock().await.take().unwrap();
    assert!(
        !matches!(last, Some(BodyPacket::End | BodyPacket::BareEnd)),
        "{last:?}"
    );
    gateway.quiet().await;
    assert_eq!(gateway.metric("ajpgate_pool_connections", &[]).await, 0.0);
}

#[tokio::test]
async fn b13_a_client_that_resets_leaves_no_end_packet() {
    let mut request = post(100_000);
    request.truncate(20_000);
    broken_upload(request, true, async |client| {
        client.vanish();
        None
    })
    .await;
}

#[tokio::test]
async fn b14_a_client_that_half_closes_gets_400_and_leaves_no_end_packet() {
    let mut request = post(100);
    request.truncate(request.len() - 90);
    broken_upload(request, true, async |mut client| {
        client.finish().await;
        client.try_answer("POST").await
    })
    .await;
}

#[tokio::test]
async fn b15_a_malformed_chunk_is_400_and_leaves_no_end_packet() {
    let mut request =
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec();
    request.extend_from_slice(b"zz\r\n");
    broken_upload(request, false, async |mut client| {
        client.try_answer("POST").await
    })
    .await;
}

#[tokio::test]
async fn b16_a_slow_upload_is_waited_for_and_a_stalled_one_is_408() {
    let container = Container::start(|_, mut wire: Wire| async move {
        let request = wire.request().await;
        let body = wire.read_body(&request).await;
        wire.respond(200, &[], &body).await;
        wire.request().await;
        wire.body_packet().await;
        wire.send(FromContainer::GetBodyChunk(8186)).await;
        wire.until_closed().await;
    })
    .await;
    // The member's `timeout` does not run while the client is slow.
    let gateway = Running::start(&format!(
        "limits: {{ idle_timeout: 1500ms }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\", member: {{ timeout: 200ms }} }}]\n",
        container.address
    ));
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
        .await;
    for piece in ["s", "l", "o", "w"] {
        pause(250).await;
        client.send(piece).await;
    }
    assert_eq!(client.answer().await.text(), "slow");
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nst")
        .await;
    assert_eq!(client.answer().await.status, 408);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn b17_b18_a_packet_is_never_larger_than_asked_for_or_than_a_packet() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        for (asked, at_most) in [(100, 100), (1, 1), (0, 8186), (65535, 8186), (8186, 8186)] {
            let Some(BodyPacket::Data(data)) = wire.ask(asked).await else {
                panic!()
            };
            assert!(
                (1..=at_most).contains(&data.len()),
                "{asked}: {}",
                data.len()
            );
        }
        while let Some(BodyPacket::Data(_)) = wire.ask(8186).await {}
        wire.respond(200, &[], b"ok").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(chunked(&[&[b'x'; 50_000]])).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn b19_asking_after_the_end_of_the_body_is_502() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        assert_eq!(wire.ask(8186).await, Some(BodyPacket::End));
        wire.send(FromContainer::GetBodyChunk(8186)).await;
        assert_eq!(wire.until_closed().await, b"");
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(chunked(&[])).await;
    assert_eq!(client.answer().await.status, 502);
    gateway.quiet().await;
    assert_eq!(
        gateway
            .metric("ajpgate_member_errors_total", &[("kind", "protocol")])
            .await,
        1.0
    );
}

#[tokio::test]
async fn b20_a_refused_secret_is_403_and_its_connection_is_not_used_again() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let container = Container::start(move |_, mut wire: Wire| {
        let counter = Arc::clone(&counter);
        async move {
            wire.request().await;
            wire.head(403, &[("Content-Length", "2")]).await;
            wire.data(b"no").await;
            wire.end(false).await;
            counter.store(wire.until_closed().await.len(), Ordering::SeqCst);
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "secret: wrong");
    let mut client = gateway.client().await;
    client.send(post(20_000)).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (403, "no"));
    gateway.quiet().await;
    assert_eq!(gateway.metric("ajpgate_pool_connections", &[]).await, 0.0);
    until("the container saw the close", async || {
        sent.load(Ordering::SeqCst) > 0
    })
    .await;
    assert!(
        sent.load(Ordering::SeqCst) <= PacketSize::DEFAULT.bytes(),
        "only the first packet"
    );
}

#[tokio::test]
async fn a_body_larger_than_max_body_is_413() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            while let Some(BodyPacket::Data(_)) = wire.ask(8186).await {}
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "limits: {{ max_body: 1000 }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    let mut client = gateway.client().await;
    client.send(post(1001)).await;
    assert_eq!(client.answer().await.status, 413);
    assert_eq!(container.connections(), 0);
    let mut client = gateway.client().await;
    client.send(chunked(&[&[b'x'; 600], &[b'y'; 600]])).await;
    assert_eq!(client.answer().await.status, 413);
    gateway.quiet().await;
}

#[tokio::test]
async fn trailers_of_a_request_are_dropped() {
    let container = Container::start(|_, mut wire: Wire| async move {
        let request = wire.request().await;
        let body = wire.read_body(&request).await;
        wire.respond(200, &[], &body).await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.text(), "hi");
}
