//! Request smuggling: whatever a client sends, a container gets the requests that the strictest reading of RFC 9112 finds,
//! or fewer, but never others.

#[path = "../oracle/random.rs"]
mod random;
mod strict;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ajp13::BodyPacket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::random::Random;
use self::strict::Found;
use crate::support::container::{Container, Wire, content_length, fields};
use crate::support::gateway::Running;
use crate::support::soon;

const STREAMS: usize = 1500;

/// The requests that a container got from each stream.
type Seen = Arc<Mutex<BTreeMap<String, Vec<Found>>>>;

async fn watching(seen: &Seen) -> Container {
    let seen = Arc::clone(seen);
    Container::start(move |_, mut wire: Wire| {
        let seen = Arc::clone(&seen);
        async move {
            while let Some(request) = wire.next_request().await {
                let stream = fields(&request, "x-stream").concat();
                let target = String::from_utf8_lossy(request.uri.as_deref().unwrap()).into_owned();
                let place = {
                    let mut seen = seen.lock().unwrap();
                    let seen = seen.entry(stream.clone()).or_default();
                    seen.push(Found { target, body: None });
                    seen.len() - 1
                };
                let mut body = 0;
                let mut packet = match content_length(&request) {
                    Some(0) => Some(BodyPacket::End),
                    Some(_) => wire.body_packet().await,
                    None => wire.ask(8186).await,
                };
                while let Some(BodyPacket::Data(data)) = packet {
                    body += data.len();
                    packet = wire.ask(8186).await;
                }
                if packet.is_none() {
                    return;
                }
                seen.lock().unwrap().get_mut(&stream).unwrap()[place].body = Some(body);
                wire.respond(200, &[], b"").await;
            }
        }
    })
    .await
}

/// A few requests one after the other, some with ambiguous framing, and with bodies that look like requests.
fn stream(number: usize, random: &mut Random) -> Vec<u8> {
    let hidden = format!("GET /hidden HTTP/1.1\r\nHost: a\r\nX-Stream: {number}\r\n\r\n");
    let mut stream = Vec::new();
    for _ in 0..=random.below(3) {
        let body = random.one_of(&[
            String::new(),
            hidden.clone(),
            hidden.repeat(2),
            "0\r\n\r\n".to_owned() + &hidden,
        ]);
        let mut lines = vec!["Host: a".to_owned(), format!("X-Stream: {number}")];
        let framing = random.below(5);
        if matches!(framing, 0 | 1) {
            lines.push(length(body.len(), random));
        }
        if matches!(framing, 1 | 2) {
            lines.push(encoding(random));
        }
        if random.once_in(10) {
            lines.push(
                random
                    .one_of(&[
                        "Connection: content-length",
                        "Expect: 100-continue",
                        "Content-Length: 3",
                    ])
                    .into(),
            );
        }
        let first = random.below(lines.len());
        lines.swap(0, first);
        let method = random.one_of(&["POST", "POST", "PUT", "GET", "HEAD", "OPTIONS"]);
        let version = if random.once_in(9) { "1.0" } else { "1.1" };
        let target = random.below(100);
        let sent = match framing {
            0 => body,
            1 if random.once_in(2) => body,
            1 | 2 => chunked(&body, random),
            _ => String::new(),
        };
        let head = lines.join("\r\n");
        stream.extend(format!("{method} /{target} HTTP/{version}\r\n{head}\r\n\r\n{sent}").bytes());
    }
    stream
}

fn length(length: usize, random: &mut Random) -> String {
    let name = match random.once_in(4) {
        true => random.one_of(&[
            "Content-Length :",
            "Content_Length:",
            "\u{b}Content-Length:",
            " Content-Length:",
            "content-length:\t",
        ]),
        false => "Content-Length: ",
    };
    let value = match random.below(16) {
        0 => format!("+{length}"),
        1 => format!("{length}, {length}"),
        2 => format!("0{length}"),
        3 => format!("0x{length:x}"),
        4 => format!("{length}\u{b}"),
        5 => (length + 1).to_string(),
        6 => length.saturating_sub(1).to_string(),
        _ => length.to_string(),
    };
    name.to_owned() + &value
}

fn encoding(random: &mut Random) -> String {
    if !random.once_in(3) {
        return "Transfer-Encoding: chunked".to_owned();
    }
    random
        .one_of(&[
            "transfer-encoding:CHUNKED",
            "Transfer-Encoding : chunked",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding: ,chunked",
            "Transfer-Encoding: chunked;q=1",
            "Transfer-Encoding:\u{b}chunked",
            "Transfer-Encoding:\r\n chunked",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
            "X: y\nTransfer-Encoding: chunked",
            "Transfer_Encoding: chunked",
        ])
        .to_owned()
}

fn chunked(body: &str, random: &mut Random) -> String {
    let (mut chunks, mut rest) = (String::new(), body);
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(1 + random.below(rest.len()));
        let extension = random.one_of(&["", "", "", ";a=b", " ", ";\"", "\t"]);
        let end = |random: &mut Random| match random.once_in(20) {
            true => random.one_of(&["\n", "\r", ""]),
            false => "\r\n",
        };
        chunks += &format!(
            "{:x}{extension}{}{chunk}{}",
            chunk.len(),
            end(random),
            end(random)
        );
        rest = behind;
    }
    chunks
        + random.one_of(&[
            "0\r\n\r\n",
            "0\r\n\r\n",
            "0\r\nX: y\r\n\r\n",
            "00\r\n\r\n",
            "0\n\n",
            "0\r\n",
            "0;x\r\n\r\n",
        ])
}

/// Sends a stream in pieces, and waits until the gateway has closed.
async fn send(gateway: &Running, stream: &[u8], random: &mut Random) {
    let mut client = TcpStream::connect(gateway.front).await.unwrap();
    for piece in stream.chunks(1 + random.below(stream.len())) {
        // The gateway may have closed already.
        let _ = client.write_all(piece).await;
        tokio::task::yield_now().await;
    }
    let _ = client.shutdown().await;
    let _ = soon("the end", client.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn no_request_is_hidden_in_another() {
    let seen = Seen::default();
    let container = watching(&seen).await;
    let gateway = Running::before(&[&container], "", "");
    let mut random = Random::new(1, "smuggling");
    let mut streams = Vec::new();
    for number in 0..STREAMS {
        let stream = stream(number, &mut random);
        send(&gateway, &stream, &mut random).await;
        streams.push(stream);
    }
    gateway.quiet().await;
    let seen = seen.lock().unwrap();
    let mut forwarded = 0;
    for (number, stream) in streams.iter().enumerate() {
        let (allowed, text) = (strict::read(stream), String::from_utf8_lossy(stream));
        let found = seen.get(&number.to_string()).map_or(&[][..], Vec::as_slice);
        forwarded += found.len();
        let fits = found.len() <= allowed.len()
            && found
                .iter()
                .zip(&allowed)
                .all(|(found, allowed)| found.fits(allowed));
        assert!(
            fits,
            "of {text:?}\n{found:?} was seen, and {allowed:?} is in it"
        );
    }
    assert!(
        forwarded > STREAMS / 2,
        "only {forwarded} requests got through"
    );
}
