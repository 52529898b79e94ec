//! Any order of packets and of the gateway's own moves: no panic, no reuse with a packet outstanding, never
//! more body than was announced.
#![no_main]

use ajp13::exchange::{Exchange, RequestBody, Step};
use ajp13::headers::Headers;
use ajp13::{FromContainer, PacketSize, SendHeaders};
use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Plan {
    Empty,
    Known(u64),
    Unknown,
}

#[derive(Debug, Arbitrary)]
enum Move {
    Head(u16),
    Data,
    Flush,
    Ask(u16),
    End(bool),
    Pong,
    Send(u16),
    Finish,
}

fuzz_target!(|input: (Plan, bool, Vec<Move>)| {
    let (plan, large, moves) = input;
    let size = if large { PacketSize::MAX } else { PacketSize::DEFAULT };
    let (body, announced) = match plan {
        Plan::Empty => (RequestBody::Empty, Some(0)),
        Plan::Known(length) => (RequestBody::Known(length), Some(length)),
        Plan::Unknown => (RequestBody::Unknown, None),
    };
    let mut exchange = Exchange::new(body, size);
    let mut sent = 0_u64;
    let mut heads = 0;
    for step in moves {
        let due = exchange.due();
        assert!(due.unwrap_or(0) <= size.max_request_data());
        let message = match step {
            Move::Send(bytes) => {
                let before = exchange.left();
                exchange.sent(usize::from(bytes));
                if exchange.due() != due || exchange.left() != before {
                    sent += u64::from(bytes);
                }
                continue;
            }
            Move::Finish => {
                exchange.ended();
                continue;
            }
            Move::Head(status) => {
                FromContainer::SendHeaders(SendHeaders { status, message: None, headers: Headers::new() })
            }
            Move::Data => FromContainer::SendBodyChunk(Bytes::from_static(b"x")),
            Move::Flush => FromContainer::SendBodyChunk(Bytes::new()),
            Move::Ask(most) => FromContainer::GetBodyChunk(most),
            Move::End(reuse) => FromContainer::EndResponse { reuse },
            Move::Pong => FromContainer::CPong,
        };
        match exchange.on(message) {
            Ok(Step::Head(_)) => heads += 1,
            Ok(Step::Done { reuse }) => {
                assert!(!reuse || due.is_none());
                assert_eq!(heads, 1);
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    if let Some(announced) = announced {
        assert!(sent <= announced);
    }
});
