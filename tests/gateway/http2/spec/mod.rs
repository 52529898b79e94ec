//! The rules of RFC 9113 and RFC 7541, one case for each thing that a client may do right or wrong: those that the program
//! `h2spec` checks, told anew, and some more. Each case has a connection of its own, on which SETTINGS have been exchanged.
//!
//! Where `h2` answers with another code than the RFC asks for, the case says so with [`Wanted::Other`]: what matters is that
//! the fault ends the stream or the connection, and that no member sees the request.

mod frames;
mod hpack;
mod messages;
mod streams;

use super::before;
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::h2::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Http2, PING, RST_STREAM, frame, get,
    request,
};

/// What becomes of the connection and of stream 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The connection goes on, and nothing was reset.
    Alive,
    /// The connection goes on, and a stream was reset with this code.
    Reset(u32),
    /// GOAWAY with this code, and the end of the connection.
    GoAway(u32),
    /// The end of the connection, without GOAWAY.
    Closed,
}

/// What has to become of them.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// The connection goes on.
    Alive,
    /// Stream 1 is answered with this status, and the connection goes on.
    Answer(u16),
    /// An error of the stream with one of these codes; it may be one of the connection (RFC 9113 section 5.4.1).
    Stream(&'static [u32]),
    /// An error of the connection with one of these codes.
    Connection(&'static [u32]),
    /// An error of the stream or of the connection, with a code of `h2`'s own; the RFC asks for the second.
    Other(u32, u32),
}

/// A rule, what the client sends, and what has to become of it.
type Case = (&'static str, Vec<u8>, Wanted);

/// The header list of a request, in a HEADERS frame of stream `id`.
fn head(id: u32, fields: &[(&str, &str)], flags: u8) -> Vec<u8> {
    let block = crate::support::hpack::encode(fields);
    frame(HEADERS, END_HEADERS | flags, id, &block)
}

/// A whole GET.
fn asked(id: u32) -> Vec<u8> {
    head(id, &get("/"), END_STREAM)
}

/// A POST whose body follows.
fn begun(id: u32) -> Vec<u8> {
    head(id, &request("POST", "/"), 0)
}

/// A gateway before a container that answers everything, with the body that it got. No node sees more than `/`.
async fn gateway() -> (Container, Running) {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            assert_eq!(request.uri.as_deref(), Some(&b"/"[..]));
            // A body that breaks off has no end.
            match wire.try_read_body(&request).await {
                Some(body) => wire.respond(200, &[], &body).await,
                None => return,
            }
        }
    })
    .await;
    let gateway = before(&[&container], "");
    (container, gateway)
}

/// Runs cases, and lists all that have come out otherwise.
async fn check(cases: Vec<Case>) {
    let (_container, gateway) = gateway().await;
    let mut failed = Vec::new();
    for (rule, bytes, wanted) in cases {
        let (seen, status) = run(&gateway, &bytes, matches!(wanted, Wanted::Answer(_))).await;
        if !is_wanted(wanted, seen, status) {
            failed.push(format!("{rule}: {wanted:?}, but {seen:?} {status:?}"));
        }
    }
    let mut client = Http2::connect(gateway.front).await;
    assert_eq!(client.get("/").await.status, 200);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn is_wanted(wanted: Wanted, seen: Seen, status: Option<u16>) -> bool {
    match (wanted, seen) {
        (Wanted::Alive, Seen::Alive) => true,
        (Wanted::Answer(wanted), Seen::Alive) => status == Some(wanted),
        (Wanted::Stream(codes), Seen::Reset(code) | Seen::GoAway(code))
        | (Wanted::Connection(codes), Seen::GoAway(code)) => codes.contains(&code),
        (Wanted::Other(code, right), Seen::Reset(seen) | Seen::GoAway(seen)) => {
            seen == code || seen == right
        }
        _ => false,
    }
}

/// Sends the bytes on a new connection; what becomes of it, and the status on stream 1.
async fn run(gateway: &Running, bytes: &[u8], answered: bool) -> (Seen, Option<u16>) {
    let mut client = Http2::connect(gateway.front).await;
    assert!(client.ping().await);
    client.send(bytes).await;
    if answered {
        let answer = client.answer(1).await;
        if client.ping().await {
            return (Seen::Alive, Some(answer.status));
        }
        return (Seen::Closed, None);
    }
    // Behind the second answer to a PING all is written that follows from what was sent before the first.
    for payload in [b"first---", b"second--"] {
        client.frame(PING, 0, 0, payload).await;
        let mut reset = None;
        loop {
            let Some(frame) = client.next().await else {
                return (reset.map_or(Seen::Closed, Seen::Reset), None);
            };
            match frame.kind {
                GOAWAY => {
                    let code = frame.code();
                    while client.next().await.is_some() {}
                    return (Seen::GoAway(code), None);
                }
                RST_STREAM => reset = Some(frame.code()),
                PING if frame.has(ACK) && frame.payload == payload => break,
                _ => {}
            }
        }
        if let Some(code) = reset {
            return (Seen::Reset(code), None);
        }
    }
    (Seen::Alive, None)
}

/// DATA that ends its stream.
fn last(id: u32, data: &[u8]) -> Vec<u8> {
    frame(DATA, END_STREAM, id, data)
}
