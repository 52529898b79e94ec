//! Any bytes from a client: no panic, the same requests however the bytes were split, and heads and lengths as
//! httparse reads them, which hyper uses behind this framing.
#![no_main]
#![allow(dead_code, reason = "the framing has more than the target needs")]

#[path = "../../../src/framing/mod.rs"]
mod framing;
#[path = "../../../src/server"]
mod server {
    pub(crate) mod framing;
}

use libfuzzer_sys::fuzz_target;
use server::framing::{Framing, Refused, Stop};

const MAX_HEAD: usize = 2000;

/// Where heads and bodies end, in bytes from the start, and why reading stopped before the end.
#[derive(Debug, Default, PartialEq)]
struct Read {
    heads: Vec<(usize, usize)>,
    bodies: Vec<usize>,
    refused: Option<Refused>,
}

/// Reads a stream that arrives in two pieces.
fn read(stream: &[u8], split: usize) -> Read {
    let (mut framing, mut at, mut read) = (Framing::new(MAX_HEAD), 0, Read::default());
    for end in [split, stream.len()] {
        loop {
            let rest = &stream[at..end];
            if framing.at_head() {
                match framing.head(rest) {
                    Ok(Some(length)) => {
                        read.heads.push((at, at + length));
                        at += length;
                        if framing.at_head() {
                            read.bodies.push(at);
                        }
                    }
                    Ok(None) => break,
                    Err(refused) => return Read { refused: Some(refused), ..read },
                }
            } else {
                let pass = framing.body(rest);
                assert!(pass.bytes <= rest.len());
                at += pass.bytes;
                if let Stop::Refused(refused) = pass.stop {
                    return Read { refused: Some(refused), ..read };
                }
                if !framing.at_head() {
                    break;
                }
                read.bodies.push(at);
            }
        }
    }
    read
}

/// The length of a head and of the body that it announces with Content-Length, as httparse reads them.
fn reference(bytes: &[u8]) -> Option<(usize, Option<usize>)> {
    let mut fields = [httparse::EMPTY_HEADER; 200];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else { return None };
    let named = |name: &str| request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    let length = match (named("content-length"), named("transfer-encoding")) {
        (Some(field), None) => std::str::from_utf8(field.value).ok()?.trim().parse().ok(),
        (None, None) => Some(0),
        _ => None,
    };
    Some((head, length))
}

fuzz_target!(|input: (u16, &[u8])| {
    let (split, stream) = input;
    let whole = read(stream, stream.len());
    let pieces = read(stream, usize::from(split).min(stream.len()));
    // An incomplete head may already be too large where the whole of it is refused for another reason.
    if pieces.refused != Some(Refused::HeadTooLarge) && whole.refused != Some(Refused::HeadTooLarge) {
        assert_eq!(pieces, whole);
    }
    for (index, (from, to)) in whole.heads.iter().enumerate() {
        let Some((head, length)) = reference(&stream[*from..]) else { continue };
        assert_eq!(from + head, *to, "the head");
        if let (Some(length), Some(end)) = (length, whole.bodies.get(index)) {
            assert_eq!(to + length, *end, "the body");
        }
    }
});
