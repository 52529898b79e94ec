//! Frames: their format, and the rules of each type (RFC 9113 sections 3 to 6).

use super::Wanted::{Alive, Answer, Connection, Other, Stream};
use super::{Seen, asked, begun, check, gateway, head, last, run};
use crate::support::h2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY,
    HEADERS, Http2, PADDED, PING, PREFACE, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, WITH_PRIORITY, frame, get, setting,
};
use crate::support::hpack;

const PROTOCOL: &[u32] = &[PROTOCOL_ERROR];
const SIZE: &[u32] = &[FRAME_SIZE_ERROR];
const FLOW: &[u32] = &[FLOW_CONTROL_ERROR];

fn block() -> Vec<u8> {
    hpack::encode(&get("/"))
}

#[tokio::test]
async fn section_3_4_the_preface() {
    let (_container, gateway) = gateway().await;
    // Another one is no HTTP/2, and HTTP/1.1 does not know it either.
    for bad in [&b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"[..], b"INVALID\r\n\r\n"] {
        let mut client = Http2::raw(gateway.front).await;
        client.send(bad).await;
        while client.next().await.is_some() {}
    }
    // Anything else than SETTINGS behind it is a fault that h2 lets pass: the request is answered.
    let mut client = Http2::raw(gateway.front).await;
    client.send(PREFACE).await;
    let first = client.next().await.unwrap();
    assert_eq!((first.kind, first.has(ACK)), (SETTINGS, false));
    assert_eq!(run(&gateway, b"", false).await.0, Seen::Alive);
}

#[tokio::test]
async fn section_4_1_format_and_4_2_size() {
    check(vec![
        (
            "4.1 an unknown type is ignored",
            frame(0x16, 0, 0, b"12345678"),
            Alive,
        ),
        (
            "4.1 an undefined flag is ignored",
            frame(PING, 0x16, 0, b"12345678"),
            Alive,
        ),
        (
            "4.1 the reserved bit is ignored",
            frame(PING, 0, 1 << 31, b"12345678"),
            Alive,
        ),
        (
            "4.2 DATA of 16,384 bytes",
            [begun(1), last(1, &[b'x'; 16_384])].concat(),
            Answer(200),
        ),
        (
            "4.2 DATA larger than SETTINGS_MAX_FRAME_SIZE",
            [begun(1), last(1, &[b'x'; 16_385])].concat(),
            Stream(SIZE),
        ),
        (
            "4.2 HEADERS larger than SETTINGS_MAX_FRAME_SIZE",
            head(
                1,
                &[&get("/")[..], &[("x", &"x".repeat(16_385))]].concat(),
                END_STREAM,
            ),
            Connection(SIZE),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_4_3_nothing_stands_inside_a_header_block() {
    check(vec![
        (
            "4.3 PRIORITY inside a header block",
            [
                frame(HEADERS, END_STREAM, 1, &block()),
                frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 255]),
            ]
            .concat(),
            Connection(PROTOCOL),
        ),
        (
            "4.3 HEADERS of another stream inside a header block",
            [frame(HEADERS, END_STREAM, 1, &block()), asked(3)].concat(),
            Connection(PROTOCOL),
        ),
        (
            "5.5 an unknown extension is ignored",
            frame(0xff, 0, 1, b"x"),
            Alive,
        ),
        (
            "5.5 an unknown extension inside a header block",
            [
                frame(HEADERS, END_STREAM, 1, &block()),
                frame(0xff, 0, 1, b"x"),
            ]
            .concat(),
            Connection(PROTOCOL),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_6_1_data() {
    check(vec![
        ("DATA", [begun(1), last(1, b"x")].concat(), Answer(200)),
        (
            "several DATA",
            [
                begun(1),
                frame(DATA, 0, 1, b"x"),
                frame(DATA, 0, 1, b""),
                last(1, b"y"),
            ]
            .concat(),
            Answer(200),
        ),
        (
            "DATA with padding",
            [
                begun(1),
                frame(DATA, END_STREAM | PADDED, 1, b"\x03xyz\0\0\0"),
            ]
            .concat(),
            Answer(200),
        ),
        (
            "DATA of stream 0",
            [begun(1), frame(DATA, END_STREAM, 0, b"x")].concat(),
            Connection(PROTOCOL),
        ),
        (
            "DATA with more padding than it is long",
            [begun(1), frame(DATA, END_STREAM | PADDED, 1, b"\x06xyz")].concat(),
            Connection(PROTOCOL),
        ),
        (
            "DATA without the length of its padding",
            [begun(1), frame(DATA, END_STREAM | PADDED, 1, b"")].concat(),
            Connection(&[PROTOCOL_ERROR, FRAME_SIZE_ERROR]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_6_2_headers() {
    let padded = [&[8][..], &block(), &[0; 8]].concat();
    let too_padded = [&[255][..], &block()].concat();
    let with_priority = [&[0, 0, 0, 0, 15][..], &block()].concat();
    check(vec![
        ("HEADERS", asked(1), Answer(200)),
        (
            "HEADERS with padding",
            frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, &padded),
            Answer(200),
        ),
        (
            "HEADERS with priority",
            frame(
                HEADERS,
                END_HEADERS | END_STREAM | WITH_PRIORITY,
                1,
                &with_priority,
            ),
            Answer(200),
        ),
        ("HEADERS of stream 0", asked(0), Connection(PROTOCOL)),
        (
            "HEADERS with more padding than it is long",
            frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, &too_padded),
            Connection(PROTOCOL),
        ),
        (
            "HEADERS too short for its priority",
            frame(
                HEADERS,
                END_HEADERS | END_STREAM | WITH_PRIORITY,
                1,
                &[0; 4],
            ),
            Other(PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_6_3_priority() {
    check(vec![
        (
            "PRIORITY of an idle stream",
            frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 255]),
            Alive,
        ),
        (
            "PRIORITY of a stream that is over",
            [asked(1), frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 255])].concat(),
            Answer(200),
        ),
        (
            "PRIORITY of stream 0",
            frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 255]),
            Connection(PROTOCOL),
        ),
        (
            "PRIORITY of another length than 5",
            frame(PRIORITY, 0, 1, &[0, 0, 0, 1]),
            Other(PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ),
        (
            "5.3.1 PRIORITY that depends on itself",
            frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 255]),
            Stream(PROTOCOL),
        ),
        (
            "5.3.1 HEADERS that depend on themselves",
            frame(
                HEADERS,
                END_HEADERS | END_STREAM | WITH_PRIORITY,
                1,
                &[&[0, 0, 0, 1, 15][..], &block()].concat(),
            ),
            Stream(PROTOCOL),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_6_4_rst_stream() {
    check(vec![
        (
            "RST_STREAM",
            [begun(1), frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes())].concat(),
            Alive,
        ),
        (
            "7 RST_STREAM with an unknown code",
            [begun(1), frame(RST_STREAM, 0, 1, &255_u32.to_be_bytes())].concat(),
            Alive,
        ),
        (
            "RST_STREAM of stream 0",
            frame(RST_STREAM, 0, 0, &[0, 0, 0, 8]),
            Connection(PROTOCOL),
        ),
        (
            "RST_STREAM of an idle stream",
            frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]),
            Connection(PROTOCOL),
        ),
        (
            "RST_STREAM of another length than 4",
            [begun(1), frame(RST_STREAM, 0, 1, &[0, 0, 0])].concat(),
            Other(PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_6_5_settings() {
    check(vec![
        (
            "SETTINGS are acknowledged",
            frame(SETTINGS, 0, 0, &setting(1, 100)),
            Alive,
        ),
        (
            "an unknown setting is ignored",
            frame(SETTINGS, 0, 0, &setting(0xff, 1)),
            Alive,
        ),
        (
            "ACK with a payload",
            frame(SETTINGS, ACK, 0, &setting(1, 100)),
            Other(PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ),
        (
            "SETTINGS of a stream",
            frame(SETTINGS, 0, 1, &setting(1, 100)),
            Connection(PROTOCOL),
        ),
        (
            "a length that is no multiple of 6",
            frame(SETTINGS, 0, 0, &[0, 3, 0]),
            Other(PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ),
        (
            "ENABLE_PUSH of 2",
            frame(SETTINGS, 0, 0, &setting(2, 2)),
            Connection(PROTOCOL),
        ),
        (
            "INITIAL_WINDOW_SIZE of 2^31",
            frame(SETTINGS, 0, 0, &setting(4, 1 << 31)),
            Other(PROTOCOL_ERROR, FLOW_CONTROL_ERROR),
        ),
        (
            "MAX_FRAME_SIZE of 16,383",
            frame(SETTINGS, 0, 0, &setting(5, 16_383)),
            Connection(PROTOCOL),
        ),
        (
            "MAX_FRAME_SIZE of 2^24",
            frame(SETTINGS, 0, 0, &setting(5, 1 << 24)),
            Connection(PROTOCOL),
        ),
        (
            "MAX_CONCURRENT_STREAMS of 0 and a table of no size",
            [
                frame(SETTINGS, 0, 0, &[setting(3, 0), setting(1, 0)].concat()),
                asked(1),
            ]
            .concat(),
            Answer(200),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_6_7_ping_and_6_8_goaway() {
    check(vec![
        ("PING is answered", frame(PING, 0, 0, b"abcdefgh"), Alive),
        (
            "PING that is an answer",
            frame(PING, ACK, 0, b"invalid!"),
            Alive,
        ),
        (
            "PING of a stream",
            frame(PING, 0, 1, b"abcdefgh"),
            Connection(PROTOCOL),
        ),
        (
            "PING of another length than 8",
            frame(PING, 0, 0, b"abcdef"),
            Other(PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ),
        (
            "GOAWAY of a stream",
            frame(GOAWAY, 0, 1, &[0; 8]),
            Connection(PROTOCOL),
        ),
        (
            "GOAWAY that is too short",
            frame(GOAWAY, 0, 0, &[0; 4]),
            Other(PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ),
        (
            "8.4 PUSH_PROMISE of a client",
            [
                begun(1),
                frame(
                    PUSH_PROMISE,
                    END_HEADERS,
                    1,
                    &[&[0, 0, 0, 2][..], &block()].concat(),
                ),
            ]
            .concat(),
            Connection(PROTOCOL),
        ),
    ])
    .await;
}

/// A client that goes away still gets the answers to what it has asked for.
#[tokio::test]
async fn section_6_8_goaway_lets_requests_complete() {
    let (_container, gateway) = gateway().await;
    for code in [0_u32, 255] {
        let mut client = Http2::connect(gateway.front).await;
        let payload = [&[0; 4][..], &code.to_be_bytes()].concat();
        client
            .send(&[asked(1), frame(GOAWAY, 0, 0, &payload)].concat())
            .await;
        assert_eq!(client.answer(1).await.status, 200, "{code}");
        client.goes_away().await;
    }
}

#[tokio::test]
async fn section_6_9_window_update() {
    let most = 0x7fff_ffff_u32.to_be_bytes();
    check(vec![
        (
            "WINDOW_UPDATE of the connection",
            frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
            Alive,
        ),
        (
            "WINDOW_UPDATE of a stream",
            [begun(1), frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])].concat(),
            Alive,
        ),
        (
            "0 for the connection",
            frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
            Connection(PROTOCOL),
        ),
        (
            "0 for a stream",
            [begun(1), frame(WINDOW_UPDATE, 0, 1, &[0; 4])].concat(),
            Stream(PROTOCOL),
        ),
        (
            "another length than 4",
            frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1]),
            Other(PROTOCOL_ERROR, FRAME_SIZE_ERROR),
        ),
        (
            "6.9.1 a window of the connection above 2^31 - 1",
            [
                frame(WINDOW_UPDATE, 0, 0, &most),
                frame(WINDOW_UPDATE, 0, 0, &most),
            ]
            .concat(),
            Connection(FLOW),
        ),
        (
            "6.9.1 a window of a stream above 2^31 - 1",
            [
                begun(1),
                frame(WINDOW_UPDATE, 0, 1, &most),
                frame(WINDOW_UPDATE, 0, 1, &most),
            ]
            .concat(),
            Stream(FLOW),
        ),
        (
            "6.9.2 INITIAL_WINDOW_SIZE that makes a window too large",
            [
                begun(1),
                frame(WINDOW_UPDATE, 0, 1, &0x7000_0000_u32.to_be_bytes()),
                frame(SETTINGS, 0, 0, &setting(4, 0x7fff_ffff)),
            ]
            .concat(),
            Connection(FLOW),
        ),
    ])
    .await;
}

/// The windows of the client are kept to, also when they change, and when they are less than nothing.
#[tokio::test]
async fn section_6_9_2_windows_are_kept_to() {
    let (_container, gateway) = gateway().await;
    let body = |end| frame(DATA, end, 1, b"0123456789");
    // As wide as one byte.
    let mut client = Http2::with_settings(gateway.front, &[(4, 1)]).await;
    client.takes = false;
    client.send(&[begun(1), body(END_STREAM)].concat()).await;
    let data = client.next_of(DATA).await.unwrap();
    assert_eq!(data.payload, b"0");
    // Less than nothing: one byte was sent, and nine are owed.
    let narrow = [setting(4, 3), setting(4, 0)].concat();
    client.frame(SETTINGS, 0, 0, &narrow).await;
    assert!(client.ping().await && client.ping().await);
    client.window(1, 1).await;
    assert!(client.ping().await && client.ping().await);
    assert_eq!(client.so_far(1).body, b"0");
    client.window(1, 2).await;
    let data = client.next_of(DATA).await.unwrap();
    assert_eq!(data.payload, b"12");
    // Wide again.
    client.frame(SETTINGS, 0, 0, &setting(4, 100)).await;
    let answer = client.answer(1).await;
    assert_eq!(answer.text(), "0123456789");
}

#[tokio::test]
async fn section_6_10_continuation() {
    let block = block();
    let (first, second, third) = (&block[..5], &block[5..10], &block[10..]);
    let open = || frame(HEADERS, END_STREAM, 1, first);
    check(vec![
        (
            "CONTINUATION",
            [
                open(),
                frame(CONTINUATION, 0, 1, second),
                frame(CONTINUATION, END_HEADERS, 1, third),
            ]
            .concat(),
            Answer(200),
        ),
        (
            "another frame than CONTINUATION behind it",
            [
                open(),
                frame(CONTINUATION, 0, 1, second),
                frame(DATA, 0, 1, b"x"),
            ]
            .concat(),
            Connection(PROTOCOL),
        ),
        (
            "CONTINUATION of stream 0",
            [open(), frame(CONTINUATION, END_HEADERS, 0, &block[5..])].concat(),
            Connection(PROTOCOL),
        ),
        (
            "CONTINUATION of another stream",
            [open(), frame(CONTINUATION, END_HEADERS, 3, &block[5..])].concat(),
            Connection(PROTOCOL),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_6_10_continuation_behind_the_end() {
    let block = block();
    let open = || frame(HEADERS, END_STREAM, 1, &block[..5]);
    check(vec![
        (
            "behind HEADERS with END_HEADERS",
            [
                asked(1),
                frame(CONTINUATION, END_HEADERS, 1, &hpack::encode(&[("x", "y")])),
            ]
            .concat(),
            Connection(PROTOCOL),
        ),
        (
            "behind CONTINUATION with END_HEADERS",
            [
                open(),
                frame(CONTINUATION, END_HEADERS, 1, &block[5..]),
                frame(CONTINUATION, END_HEADERS, 1, &hpack::encode(&[("x", "y")])),
            ]
            .concat(),
            Connection(PROTOCOL),
        ),
        (
            "behind DATA",
            [
                begun(1),
                frame(DATA, 0, 1, b"x"),
                frame(CONTINUATION, END_HEADERS, 1, &hpack::encode(&[("x", "y")])),
            ]
            .concat(),
            Connection(PROTOCOL),
        ),
    ])
    .await;
}
