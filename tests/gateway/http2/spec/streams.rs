//! The states of streams, their numbers and how many there may be (RFC 9113 section 5).

use super::Wanted::{Connection, Stream};
use super::{asked, before, begun, check, head, last};
use crate::support::Gate;
use crate::support::container::Container;
use crate::support::h2::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, End, Http2, PROTOCOL_ERROR,
    REFUSED_STREAM, RST_STREAM, STREAM_CLOSED, WINDOW_UPDATE, frame, get,
};
use crate::support::hpack;

const PROTOCOL: &[u32] = &[PROTOCOL_ERROR];
/// The connection may be ended instead (RFC 9113 section 5.1), and then nobody asks for the code.
const CLOSED: &[u32] = &[STREAM_CLOSED, PROTOCOL_ERROR];

fn trailers(id: u32) -> Vec<u8> {
    head(id, &[("x", "y")], END_STREAM)
}

fn more(id: u32) -> Vec<u8> {
    frame(CONTINUATION, END_HEADERS, id, &hpack::encode(&[("x", "y")]))
}

fn reset(id: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, id, &CANCEL.to_be_bytes())
}

#[tokio::test]
async fn section_5_1_states() {
    check(vec![
        (
            "idle: DATA",
            frame(DATA, END_STREAM, 1, b"x"),
            Connection(PROTOCOL),
        ),
        ("idle: RST_STREAM", reset(1), Connection(PROTOCOL)),
        (
            "idle: WINDOW_UPDATE",
            frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 100]),
            Connection(PROTOCOL),
        ),
        ("idle: CONTINUATION", more(1), Connection(PROTOCOL)),
        (
            "half closed: DATA",
            [asked(1), last(1, b"x")].concat(),
            Stream(CLOSED),
        ),
        (
            "half closed: HEADERS",
            [asked(1), asked(1)].concat(),
            Stream(CLOSED),
        ),
        (
            "half closed: CONTINUATION",
            [asked(1), more(1)].concat(),
            Connection(CLOSED),
        ),
        (
            "closed by RST_STREAM: DATA",
            [begun(1), reset(1), last(1, b"x")].concat(),
            Stream(CLOSED),
        ),
        (
            "closed by RST_STREAM: HEADERS",
            [begun(1), reset(1), trailers(1)].concat(),
            Stream(CLOSED),
        ),
        (
            "closed by RST_STREAM: CONTINUATION",
            [begun(1), reset(1), more(1)].concat(),
            Connection(CLOSED),
        ),
        ("5.1.1 an even number", asked(2), Connection(PROTOCOL)),
        (
            "5.1.1 a smaller number",
            [asked(5), asked(3)].concat(),
            Connection(PROTOCOL),
        ),
    ])
    .await;
}

/// A stream that is over on both sides.
#[tokio::test]
async fn section_5_1_closed_streams() {
    let container = Container::hello("n1").await;
    let gateway = before(&[&container], "");
    for (rule, bytes) in [
        ("DATA", last(1, b"x")),
        ("HEADERS", trailers(1)),
        ("CONTINUATION", more(1)),
    ] {
        let mut client = Http2::connect(gateway.front).await;
        assert_eq!(client.get("/").await.status, 200);
        client.send(&bytes).await;
        let answer = client.answer(1).await;
        let code = match answer.end {
            End::Reset(code) | End::GoAway(code) => code,
            other => panic!("{rule}: {other:?}"),
        };
        assert!(CLOSED.contains(&code), "{rule}: {code}");
    }
    // These two may still come for a while.
    let mut client = Http2::connect(gateway.front).await;
    assert_eq!(client.get("/").await.status, 200);
    client
        .send(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 100]))
        .await;
    client.send(&reset(1)).await;
    assert_eq!(client.get("/").await.status, 200);
}

#[tokio::test]
async fn section_5_1_2_no_more_streams_than_are_announced() {
    let gate = Gate::new();
    let container = Container::gated(&gate).await;
    let gateway = before(&[&container], "limits: { max_streams: 3 }\n");
    let mut client = Http2::connect(gateway.front).await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(client.open(&get("/"), true).await);
    }
    let refused = client.answer(streams.pop().unwrap()).await;
    assert_eq!(refused.end, End::Reset(REFUSED_STREAM));
    let limit = [("limit", "max_streams")];
    assert_eq!(gateway.metric("ajpgate_limits_total", &limit).await, 1.0);
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 3.0)
        .await;
    gate.open();
    for stream in streams {
        assert_eq!(client.answer(stream).await.status, 200);
    }
    // There is room again.
    assert_eq!(client.get("/").await.status, 200);
}

/// 5.4.1: GOAWAY names the last stream that was looked at, and the connection ends.
#[tokio::test]
async fn section_5_4_1_a_broken_connection_is_told_and_ends() {
    let container = Container::hello("n1").await;
    let gateway = before(&[&container], "");
    let mut client = Http2::connect(gateway.front).await;
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(client.get("/").await.status, 200);
    client.frame(crate::support::h2::PING, 0, 0, b"short").await;
    let away = client.next_of(crate::support::h2::GOAWAY).await.unwrap();
    assert_eq!(away.last_stream(), 3);
    assert_ne!(away.code(), 0);
    while client.next().await.is_some() {}
}
