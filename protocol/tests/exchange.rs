//! The exchange: a table of every packet in every state, and random schedules by seed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use ajp13::exchange::{Exchange, RequestBody, Step};
use ajp13::headers::Headers;
use ajp13::{FromContainer, Misbehaved, PacketSize, SendHeaders};
use bytes::Bytes;

fn head() -> FromContainer {
    FromContainer::SendHeaders(SendHeaders {
        status: 200,
        message: None,
        headers: Headers::new(),
    })
}

fn data() -> FromContainer {
    FromContainer::SendBodyChunk(Bytes::from_static(b"x"))
}

fn flush() -> FromContainer {
    FromContainer::SendBodyChunk(Bytes::new())
}

fn ask() -> FromContainer {
    FromContainer::GetBodyChunk(8186)
}

fn end() -> FromContainer {
    FromContainer::EndResponse { reuse: true }
}

fn exchange(body: RequestBody) -> Exchange {
    Exchange::new(body, PacketSize::DEFAULT)
}

#[test]
fn each_packet_in_each_response_state_has_its_step_or_error() {
    let kinds = [head(), data(), flush(), ask(), end(), FromContainer::CPong];
    let await_head = [
        "head",
        "DataBeforeHead",
        "nothing",
        "body due",
        "EndBeforeHead",
        "StrayPong",
    ];
    let body = [
        "SecondHead",
        "data",
        "flush",
        "body due",
        "done",
        "StrayPong",
    ];
    let done = ["AfterEnd"; 6];
    for (prefix, expected) in [
        (vec![], await_head),
        (vec![head()], body),
        (vec![head(), end()], done),
    ] {
        for (kind, expected) in kinds.iter().zip(expected) {
            let mut exchange = exchange(RequestBody::Unknown);
            for message in &prefix {
                exchange.on(message.clone()).unwrap();
            }
            assert_eq!(
                word(&exchange.on(kind.clone())),
                expected,
                "{kind:?} after {prefix:?}"
            );
        }
    }
}

fn word(result: &Result<Step, Misbehaved>) -> String {
    match result {
        Ok(Step::Nothing) => "nothing".into(),
        Ok(Step::Head(_)) => "head".into(),
        Ok(Step::Data(_)) => "data".into(),
        Ok(Step::Flush) => "flush".into(),
        Ok(Step::BodyDue) => "body due".into(),
        Ok(Step::Done { reuse: true }) => "done".into(),
        Ok(Step::Done { reuse: false }) => "done, close".into(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn a_body_of_known_length_starts_unasked_and_continues_on_request() {
    let mut exchange = exchange(RequestBody::Known(8187));
    assert_eq!(exchange.due(), Some(8186));
    exchange.sent(8186);
    assert_eq!((exchange.due(), exchange.left()), (None, Some(1)));
    exchange.on(ask()).unwrap();
    assert_eq!(exchange.due(), Some(1));
    exchange.sent(1);
    // Tomcat asks once more, because the servlet reads to the end of the body.
    exchange.on(ask()).unwrap();
    assert_eq!(exchange.due(), Some(0));
    exchange.ended();
    assert_eq!(exchange.on(ask()), Err(Misbehaved::AskedAfterEnd));
}

#[test]
fn a_body_of_unknown_length_is_sent_only_on_request() {
    let mut exchange = exchange(RequestBody::Unknown);
    assert_eq!(exchange.due(), None);
    exchange.on(FromContainer::GetBodyChunk(100)).unwrap();
    assert_eq!(exchange.due(), Some(100));
    exchange.sent(100);
    exchange.on(ask()).unwrap();
    exchange.ended();
    exchange.on(head()).unwrap();
    assert_eq!(exchange.on(end()), Ok(Step::Done { reuse: true }));
}

#[test]
fn an_empty_body_gets_the_end_packet_when_the_container_asks() {
    let mut exchange = exchange(RequestBody::Empty);
    assert_eq!(exchange.due(), None);
    exchange.on(ask()).unwrap();
    assert_eq!(exchange.due(), Some(0));
    exchange.ended();
    exchange.on(head()).unwrap();
    assert_eq!(exchange.on(end()), Ok(Step::Done { reuse: true }));
}

#[test]
fn a_request_for_zero_bytes_or_for_too_many_is_answered_with_one_packet() {
    for wanted in [0, 65535] {
        let mut exchange = exchange(RequestBody::Unknown);
        exchange.on(FromContainer::GetBodyChunk(wanted)).unwrap();
        assert_eq!(exchange.due(), Some(8186));
    }
}

#[test]
fn a_connection_is_not_reused_while_a_promised_packet_is_missing() {
    for (body, asked) in [
        (RequestBody::Known(10), false),
        (RequestBody::Unknown, true),
    ] {
        let mut exchange = exchange(body);
        if asked {
            exchange.on(ask()).unwrap();
        }
        exchange.on(head()).unwrap();
        assert_eq!(
            exchange.on(end()),
            Ok(Step::Done { reuse: false }),
            "{body:?}"
        );
    }
    let mut unread = exchange(RequestBody::Known(20_000));
    unread.sent(8186);
    unread.on(head()).unwrap();
    assert_eq!(
        unread.on(end()),
        Ok(Step::Done { reuse: true }),
        "packets that were not asked for are not missing"
    );
    let mut refused = exchange(RequestBody::Empty);
    refused.on(head()).unwrap();
    assert_eq!(
        refused.on(FromContainer::EndResponse { reuse: false }),
        Ok(Step::Done { reuse: false })
    );
}

/// Tomcat flushes and ends without reuse when an application fails after SEND_HEADERS.
#[test]
fn an_end_without_reuse_right_after_a_flush_marks_the_answer_incomplete() {
    let flush = || FromContainer::SendBodyChunk(Bytes::new());
    let data = || FromContainer::SendBodyChunk(Bytes::from_static(b"x"));
    let end = |reuse| FromContainer::EndResponse { reuse };
    for (given_up, packets) in [
        (true, vec![data(), flush(), end(false)]),
        (true, vec![data(), flush(), flush(), end(false)]),
        (true, vec![flush(), end(false)]),
        (false, vec![data(), flush(), end(true)]),
        (false, vec![flush(), data(), end(false)]),
        (false, vec![data(), end(false)]),
        (false, vec![end(false)]),
    ] {
        let mut exchange = exchange(RequestBody::Empty);
        exchange.on(head()).unwrap();
        for packet in packets.clone() {
            assert!(!exchange.is_given_up());
            exchange.on(packet).unwrap();
        }
        assert_eq!(exchange.is_given_up(), given_up, "{packets:?}");
    }
}

#[test]
fn a_second_request_for_body_before_the_first_is_answered_is_an_error() {
    let mut exchange = exchange(RequestBody::Unknown);
    exchange.on(ask()).unwrap();
    assert_eq!(exchange.on(ask()), Err(Misbehaved::AskedTwice));
}

#[test]
fn the_end_packet_is_not_accepted_while_announced_data_is_missing() {
    let mut exchange = exchange(RequestBody::Known(10));
    exchange.ended();
    assert_eq!(exchange.due(), Some(10));
    exchange.sent(11);
    assert_eq!(
        exchange.due(),
        Some(10),
        "a packet that was too large is not counted"
    );
}

/// Random schedules of both ends: no panic, no reuse with a packet outstanding, no more data sent than announced, and
/// nothing accepted after the end.
#[test]
fn random_schedules_never_allow_reuse_with_a_packet_outstanding() {
    for seed in 1..=20_000_u64 {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = move |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let body = match next(3) {
            0 => RequestBody::Empty,
            1 => RequestBody::Known(next(30_000)),
            _ => RequestBody::Unknown,
        };
        let mut exchange = exchange(body);
        let mut sent = 0;
        for step in 0..30 {
            if let Some(most) = exchange.due() {
                match next(3) {
                    0 => {}
                    1 if most > 0 => {
                        let bytes = usize::try_from(1 + next(most as u64)).unwrap();
                        exchange.sent(bytes);
                        sent += bytes as u64;
                        assert_eq!(exchange.due(), None);
                    }
                    _ => exchange.ended(),
                }
            }
            let message = match next(8) {
                0 => head(),
                1 | 2 => data(),
                3 => flush(),
                4 | 5 => FromContainer::GetBodyChunk(u16::try_from(next(65536)).unwrap()),
                6 => FromContainer::CPong,
                _ => end(),
            };
            let outstanding = exchange.due().is_some();
            let was_done = exchange.is_done();
            match exchange.on(message) {
                Ok(Step::Done { reuse }) => {
                    assert!(!(reuse && outstanding), "seed {seed} step {step}");
                }
                Ok(_) => assert!(!was_done, "seed {seed} step {step}"),
                Err(_) => break,
            }
            if let RequestBody::Known(length) = body {
                assert!(sent <= length, "seed {seed} step {step}");
            }
        }
    }
}
