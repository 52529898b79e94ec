//! S01 to S14: the embedded node and gateways that break the protocol, by mistake or on purpose.

use std::net::SocketAddr;
use std::pin::Pin;

use ajp13::codec::GatewayCodec;
use ajp13::encode::{RequestEncoder, RequestLine};
use ajp13::request::Attribute;
use ajp13::{FromContainer, PacketSize, Unencodable};
use ajpgate::{Node, NodeOptions};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::Decoder;

use crate::support::soon;

async fn node(secret: Option<&str>) -> Node {
    let bind = SocketAddr::from(([127, 0, 0, 1], 0));
    let secret = secret.map(str::to_owned);
    Node::start(NodeOptions {
        bind,
        route: "n1".to_owned(),
        secret,
    })
    .await
    .unwrap()
}

/// The gateway's side of a connection, which sends any bytes.
struct Gate {
    stream: TcpStream,
    input: BytesMut,
}

impl Gate {
    async fn to(node: &Node) -> Self {
        Self {
            stream: TcpStream::connect(node.address()).await.unwrap(),
            input: BytesMut::new(),
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next packet; `None` when the node has closed.
    async fn next(&mut self) -> Option<FromContainer> {
        let mut codec = GatewayCodec::new(PacketSize::DEFAULT);
        loop {
            if let Some(message) = codec.decode(&mut self.input).unwrap() {
                return Some(message);
            }
            let read = self.stream.read_buf(&mut self.input);
            if soon("the node answers", Pin::from(Box::new(read)))
                .await
                .unwrap_or(0)
                == 0
            {
                return None;
            }
        }
    }

    /// Status and reuse of the next answer; `None` without an answer.
    async fn answer(&mut self) -> Option<(u16, bool)> {
        let mut status = 0;
        loop {
            match self.next().await? {
                FromContainer::SendHeaders(head) => status = head.status,
                FromContainer::EndResponse { reuse } => return Some((status, reuse)),
                _ => {}
            }
        }
    }

    async fn is_closed(&mut self) -> bool {
        self.next().await.is_none()
    }
}

/// A request with these fields and attributes.
fn request(
    line: &RequestLine<'_>,
    fill: impl FnOnce(&mut RequestEncoder<'_>) -> Result<(), Unencodable>,
) -> BytesMut {
    let mut out = Vec::new();
    let mut head = RequestEncoder::begin(&mut out, PacketSize::DEFAULT, line).unwrap();
    fill(&mut head).unwrap();
    head.finish().unwrap();
    BytesMut::from(&out[..])
}

const LINE: RequestLine<'_> = RequestLine {
    method: b"GET",
    protocol: b"HTTP/1.1",
    uri: b"/session",
    remote_addr: b"192.0.2.7",
    remote_host: None,
    server_name: b"a",
    server_port: 80,
    is_ssl: false,
};

fn get() -> BytesMut {
    request(&LINE, |head| head.header(b"content-length", b"0"))
}

fn post(fields: &[(&str, &str)]) -> BytesMut {
    request(
        &RequestLine {
            method: b"POST",
            uri: b"/upload",
            ..LINE
        },
        |head| {
            fields
                .iter()
                .try_for_each(|(name, value)| head.header(name.as_bytes(), value.as_bytes()))
        },
    )
}

#[tokio::test]
async fn s01_a_missing_or_wrong_secret_is_403_and_closes() {
    let node = node(Some("right")).await;
    for (secrets, accepted) in [
        (&[][..], false),
        (&["wrong"], false),
        (&["right"], true),
        (&["right", "wrong"], false),
        (&["wrong", "right"], false),
        (&["right", "right"], true),
        (&[""], false),
    ] {
        let mut gate = Gate::to(&node).await;
        let bytes = request(&LINE, |head| {
            head.header(b"content-length", b"0")?;
            secrets
                .iter()
                .try_for_each(|secret| head.attribute(Attribute::Secret, secret.as_bytes()))
        });
        gate.send(&bytes).await;
        assert_eq!(
            gate.answer().await,
            Some(if accepted { (200, true) } else { (403, false) }),
            "{secrets:?}"
        );
        if !accepted {
            assert!(gate.is_closed().await);
        }
    }
}

#[tokio::test]
async fn s02_cping_needs_no_secret() {
    let node = node(Some("right")).await;
    let mut gate = Gate::to(&node).await;
    for _ in 0..5 {
        gate.send(b"\x12\x34\0\x01\x0a").await;
        assert_eq!(gate.next().await, Some(FromContainer::CPong));
    }
}

#[tokio::test]
async fn s03_s04_a_packet_that_is_no_request_closes_without_an_answer() {
    let node = node(None).await;
    let types = [0, 1, 3, 7, 8, 9, 11, 16, 255].map(|code| vec![0x12, 0x34, 0, 1, code]);
    for bytes in types
        .into_iter()
        .chain([b"GET / HTTP/1.1\r\n\r\n".to_vec(), b"AB\0\x01\x09".to_vec()])
    {
        let mut gate = Gate::to(&node).await;
        gate.send(&bytes).await;
        assert!(gate.is_closed().await, "{bytes:02x?}");
    }
}

#[tokio::test]
async fn s05_unknown_attributes_are_403() {
    let node = node(None).await;
    for (name, status) in [
        ("AJP_REMOTE_PORT", 200),
        ("JK_LB_ACTIVATION", 200),
        ("X_OTHER", 403),
        ("jakarta.servlet.include.request_uri", 403),
        ("javax.servlet.include.path_info", 403),
        ("REMOTE_USER", 403),
    ] {
        let mut gate = Gate::to(&node).await;
        let bytes = request(&LINE, |head| {
            head.header(b"content-length", b"0")?;
            head.named_attribute(name.as_bytes(), b"1")
        });
        gate.send(&bytes).await;
        assert_eq!(gate.answer().await, Some((status, status == 200)), "{name}");
    }
}

#[tokio::test]
async fn s06_an_invalid_or_repeated_content_length_is_400() {
    let node = node(None).await;
    for fields in [
        &[("content-length", "+5")][..],
        &[("content-length", "")],
        &[("content-length", "5, 5")],
        &[("content-length", "99999999999999999999")],
        &[("content-length", "5"), ("content-length", "5")],
    ] {
        let mut gate = Gate::to(&node).await;
        gate.send(&post(fields)).await;
        assert_eq!(gate.answer().await, Some((400, false)), "{fields:?}");
        assert!(gate.is_closed().await);
    }
}

#[tokio::test]
async fn s07_both_forms_of_the_end_of_a_body_are_accepted() {
    let node = node(None).await;
    for end in [&b"\x12\x34\0\x02\0\0"[..], b"\x12\x34\0\0"] {
        let mut gate = Gate::to(&node).await;
        gate.send(&post(&[("transfer-encoding", "chunked")])).await;
        assert!(matches!(
            gate.next().await,
            Some(FromContainer::GetBodyChunk(8186))
        ));
        gate.send(b"\x12\x34\0\x07\0\x05hello").await;
        assert!(matches!(
            gate.next().await,
            Some(FromContainer::GetBodyChunk(8186))
        ));
        gate.send(end).await;
        assert_eq!(gate.answer().await, Some((200, true)));
    }
}

/// The page does not read the body; the node reads its first packet all the same before END_RESPONSE.
#[tokio::test]
async fn s08_an_announced_body_is_read_before_the_end() {
    let node = node(None).await;
    let mut gate = Gate::to(&node).await;
    let bytes = request(
        &RequestLine {
            method: b"POST",
            ..LINE
        },
        |head| head.header(b"content-length", b"5"),
    );
    gate.send(&bytes).await;
    gate.send(b"\x12\x34\0\x07\0\x05hello").await;
    assert_eq!(gate.answer().await, Some((200, true)));
    gate.send(&get()).await;
    assert_eq!(
        gate.answer().await,
        Some((200, true)),
        "nothing was left over"
    );
}

/// A body that was not announced, whose bytes are a request.
#[tokio::test]
async fn s09_an_unannounced_body_is_never_executed_as_a_request() {
    let node = node(None).await;
    // The packet's length word, 0x0202, reads as FORWARD_REQUEST and GET; the rest of a request follows.
    let inner = get();
    let mut smuggled = vec![0x12, 0x34];
    smuggled.extend_from_slice(&u16::try_from(inner.len() - 4).unwrap().to_be_bytes());
    smuggled.extend_from_slice(&inner[4..]);
    for fields in [&[("transfer-encoding", "chunked")][..], &[]] {
        let outer = request(
            &RequestLine {
                method: b"POST",
                ..LINE
            },
            |head| {
                fields
                    .iter()
                    .try_for_each(|(name, value)| head.header(name.as_bytes(), value.as_bytes()))
            },
        );
        let mut gate = Gate::to(&node).await;
        gate.send(&[&outer[..], &smuggled].concat()).await;
        assert_eq!(gate.answer().await, Some((200, false)));
        assert!(gate.is_closed().await, "the second request was not run");
    }
}

#[tokio::test]
async fn s10_an_unasked_end_packet_closes_the_connection() {
    let node = node(None).await;
    for end in [&b"\x12\x34\0\x02\0\0"[..], b"\x12\x34\0\0"] {
        let mut gate = Gate::to(&node).await;
        gate.send(&[&get()[..], end].concat()).await;
        assert_eq!(gate.answer().await, Some((200, true)));
        assert!(gate.is_closed().await, "no second answer");
    }
}

#[tokio::test]
async fn s11_a_body_that_breaks_off_is_an_error() {
    let node = node(None).await;
    let mut gate = Gate::to(&node).await;
    gate.send(&post(&[("content-length", "10")])).await;
    gate.send(b"\x12\x34\0\x07\0\x05hello").await;
    assert!(matches!(
        gate.next().await,
        Some(FromContainer::GetBodyChunk(_))
    ));
    gate.stream.shutdown().await.unwrap();
    assert!(gate.is_closed().await, "no answer that says five bytes");
    // An end packet before the announced length is an error too.
    let mut gate = Gate::to(&node).await;
    gate.send(&post(&[("content-length", "10")])).await;
    gate.send(b"\x12\x34\0\x07\0\x05hello").await;
    assert!(matches!(
        gate.next().await,
        Some(FromContainer::GetBodyChunk(_))
    ));
    gate.send(b"\x12\x34\0\x02\0\0").await;
    assert!(gate.is_closed().await);
}

#[tokio::test]
async fn s12_malformed_requests_get_an_answer_and_close() {
    let node = node(None).await;
    let many = request(&LINE, |head| {
        (0..101).try_for_each(|number| head.header(format!("x-{number}").as_bytes(), b"1"))
    });
    let mut bad_code = request(&LINE, |head| head.header(b"content-length", b"0"));
    let at = bad_code
        .windows(2)
        .position(|window| window == [0xA0, 8])
        .unwrap();
    bad_code[at + 1] = 0xFF;
    let mut bad_method = get();
    bad_method[5] = 0;
    for bytes in [many, bad_code, bad_method] {
        let mut gate = Gate::to(&node).await;
        gate.send(&bytes).await;
        assert_eq!(gate.answer().await, Some((400, false)));
        assert!(gate.is_closed().await);
    }
}

#[tokio::test]
async fn s13_illegal_methods_and_paths_are_400() {
    let node = node(None).await;
    for line in [
        RequestLine {
            method: b"GE T",
            ..LINE
        },
        RequestLine {
            method: b"G(T)",
            ..LINE
        },
        RequestLine {
            uri: b"/a b",
            ..LINE
        },
        RequestLine {
            uri: b"/a\x01b",
            ..LINE
        },
        RequestLine {
            uri: b"relative",
            ..LINE
        },
        RequestLine {
            uri: b"http://other/",
            ..LINE
        },
    ] {
        let mut gate = Gate::to(&node).await;
        gate.send(&request(&line, |head| head.header(b"content-length", b"0")))
            .await;
        assert_eq!(gate.answer().await, Some((400, false)), "{line:?}");
    }
}

#[tokio::test]
async fn s14_chunks_fit_into_their_packets() {
    let node = node(None).await;
    let mut gate = Gate::to(&node).await;
    let bytes = request(
        &RequestLine {
            uri: b"/bytes",
            ..LINE
        },
        |head| {
            head.header(b"content-length", b"0")?;
            head.attribute(Attribute::QueryString, b"n=100000")
        },
    );
    gate.send(&bytes).await;
    let mut count = 0;
    loop {
        match gate.next().await.unwrap() {
            FromContainer::SendBodyChunk(data) => {
                assert!(data.len() <= PacketSize::DEFAULT.max_response_data());
                count += data.len();
            }
            FromContainer::EndResponse { .. } => break,
            _ => {}
        }
    }
    assert_eq!(count, 100_000);
}
