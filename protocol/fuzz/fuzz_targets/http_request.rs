//! Any bytes from a client: no panic, the same requests however the bytes were split, and heads and bodies as httparse
//! reads them from the same bytes.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the modules have more than the target needs")]

#[path = "../../../src/framing/mod.rs"]
mod framing;
#[path = "../../../src/head/mod.rs"]
mod head;
#[path = "../../../src/server/http1/machine/mod.rs"]
mod machine;

use bytes::BytesMut;
use http::StatusCode;
use libfuzzer_sys::fuzz_target;

use framing::{Body, HeadLimits, Refused};
use head::Fields;
use machine::{Answer, Machine, Queue, Read};

const LIMITS: HeadLimits = HeadLimits {
    max_bytes: 2000,
    max_fields: 100,
    max_target: 500,
};

/// What a stream is read as.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// Method and target, fields, and the announced length of the body.
    heads: Vec<(String, Vec<(Vec<u8>, Vec<u8>)>, Body)>,
    /// Bodies, each with whether its end has come.
    bodies: Vec<(Vec<u8>, bool)>,
    refused: Option<Refused>,
}

/// Reads a stream that arrives in two pieces, and answers each request once it is complete.
fn read(stream: &[u8], split: usize) -> Seen {
    let (mut machine, mut buffer, mut seen) = (Machine::new(LIMITS), BytesMut::new(), Seen::default());
    let (first, second) = stream.split_at(split);
    for piece in [first, second] {
        buffer.extend_from_slice(piece);
        loop {
            let ended = match machine.read(&mut buffer) {
                Ok(Some(Read::Head(head, framing))) => {
                    let request = format!("{} {}", head.method, head.target);
                    let fields = head.fields.iter();
                    let fields = fields.map(|(name, value)| (name.to_vec(), value.to_vec()));
                    seen.heads.push((request, fields.collect(), framing));
                    seen.bodies.push((Vec::new(), framing.is_over()));
                    framing.is_over()
                }
                Ok(Some(Read::Data(data))) => {
                    assert!(!data.is_empty());
                    let (body, over) = seen.bodies.last_mut().expect("a head came before");
                    assert!(!*over);
                    body.extend_from_slice(&data);
                    false
                }
                Ok(Some(Read::End)) => {
                    let (body, over) = seen.bodies.last_mut().expect("a head came before");
                    if let Some((_, _, Body::Length(length))) = seen.heads.last() {
                        assert_eq!(*length, body.len() as u64);
                    }
                    *over = true;
                    true
                }
                Ok(None) => break,
                Err(refusal) => {
                    seen.refused = Some(refusal.why);
                    return seen;
                }
            };
            if ended {
                answer(&mut machine);
            }
        }
    }
    seen
}

fn answer(machine: &mut Machine) {
    let mut out = Queue::default();
    let answer = Answer {
        status: StatusCode::OK,
        fields: &Fields::default(),
        length: Some(0),
        date: b"now",
    };
    machine.answer(&answer, false, &mut out, |_| ());
    machine.end(&mut out).expect("nothing was announced");
    assert!(machine.next() && !out.is_empty());
}

fuzz_target!(|input: (u16, &[u8])| {
    let (split, stream) = input;
    let whole = read(stream, stream.len());
    let pieces = read(stream, usize::from(split).min(stream.len()));
    // An incomplete head may already be too large where the whole of it is refused for another reason.
    let early = [Some(Refused::HeadTooLarge), Some(Refused::TargetTooLong)];
    if !early.contains(&pieces.refused) && !early.contains(&whole.refused) {
        assert_eq!(pieces, whole);
    }
    // httparse finds the first head in the same bytes.
    let mut fields = [httparse::EMPTY_HEADER; 200];
    let mut request = httparse::Request::new(&mut fields);
    if let Some((line, read, _)) = whole.heads.first() {
        assert!(request.parse(stream).expect("a head").is_complete());
        let expected = format!("{} {}", request.method.unwrap_or_default(), request.path.unwrap_or_default());
        let theirs = request.headers.iter();
        assert!(theirs.map(|field| (field.name.as_bytes(), field.value)).eq(read.iter().map(|(name, value)| (&**name, &**value))));
        // The crate `http` writes a URL without a path with one.
        assert!(*line == expected || *line == expected + "/");
    }
});
