//! The head of an answer, and the framing of its body (RFC 9112 sections 4 to 7).

use http::StatusCode;

use crate::head::{AnswerHead, Fields, Known, KnownSet, has_no_body};

const CONTENT_LENGTH: &[u8] = b"Content-Length";

/// The end of a chunked body, without trailers.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What of a request decides how its answer is written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// Its method is HEAD: no body follows the head.
    pub(super) head_only: bool,
    pub(super) http10: bool,
    /// The client wants its connection kept.
    pub(super) keep_alive: bool,
}

/// An answer, as far as its head tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) fields: &'a Fields,
    /// Bytes of its body; `None`: not known.
    pub(crate) length: Option<u64>,
    /// The value of `Date`, if the answer has none.
    pub(crate) date: &'a [u8],
}

/// The framing of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// No body follows.
    None,
    /// So many bytes are still to come.
    Length(u64),
    Chunked,
    /// The body ends where the connection does.
    UntilClose,
}

impl Framing {
    /// The framing of the body of this answer.
    pub(super) fn of(answer: &Answer<'_>, asked: Asked) -> Self {
        if asked.head_only || has_no_body(answer.status) {
            return Self::None;
        }
        match answer.length {
            Some(length) => Self::Length(length),
            None if asked.http10 => Self::UntilClose,
            None => Self::Chunked,
        }
    }
}

/// Fields that are written from what is decided here, not from the answer.
const DECIDED_HERE: KnownSet = KnownSet::of(&[
    Known::Connection,
    Known::ContentLength,
    Known::TransferEncoding,
]);

/// Writes the head of an answer. `keep_alive`: the connection goes on behind it.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    answer: &Answer<'_>,
    asked: Asked,
    framing: Framing,
    keep_alive: bool,
) {
    let Answer { status, fields, .. } = *answer;
    // `: ` and the end of line of each field, and the lines that are written below.
    out.reserve(fields.bytes() + 4 * fields.len() + 256);
    out.extend_from_slice(match asked.http10 {
        true => b"HTTP/1.0 ",
        false => b"HTTP/1.1 ",
    });
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    // A status without a name has no phrase: nothing need be said (RFC 9112 section 4).
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    let mut dated = false;
    for (known, name, value) in fields.entries() {
        if !DECIDED_HERE.has(known) {
            put(out, name, value);
            dated |= known == Known::Date;
        }
    }
    put_length(out, answer, framing);
    if !dated {
        put(out, b"Date", answer.date);
    }
    match (status, keep_alive, asked.http10) {
        (StatusCode::SWITCHING_PROTOCOLS, _, _) => put(out, b"Connection", b"upgrade"),
        (_, false, _) => put(out, b"Connection", b"close"),
        (_, true, true) => put(out, b"Connection", b"keep-alive"),
        (_, true, false) => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// The value of the first field of a name in a head that was written here.
pub(crate) fn field<'h>(head: &'h [u8], name: &str) -> Option<&'h [u8]> {
    let mut lines = head.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let (own, rest) = line.split_at_checked(name.len())?;
        let value = rest.strip_prefix(b": ")?.strip_suffix(b"\r")?;
        own.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
    })
}

/// Writes the head of an interim answer.
pub(super) fn write_interim(out: &mut Vec<u8>, head: &AnswerHead) {
    let AnswerHead { status, fields } = head;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in fields.iter() {
        put(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the field that tells how long the body is.
fn put_length(out: &mut Vec<u8>, answer: &Answer<'_>, framing: Framing) {
    let mut text = itoa::Buffer::new();
    match framing {
        Framing::Chunked => put(out, b"Transfer-Encoding", b"chunked"),
        Framing::Length(length) => put(out, CONTENT_LENGTH, text.format(length).as_bytes()),
        Framing::UntilClose => {}
        Framing::None if has_no_body(answer.status) => {}
        // The length that GET would have had (RFC 9110 section 8.6).
        Framing::None => match (answer.fields.get(Known::ContentLength), answer.length) {
            (Some(length), _) => put(out, CONTENT_LENGTH, length),
            (None, Some(length @ 1..)) => put(out, CONTENT_LENGTH, text.format(length).as_bytes()),
            (None, _) => {}
        },
    }
}

fn put(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes the line before a chunk of this length in bytes.
pub(super) fn put_chunk_size(out: &mut Vec<u8>, length: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 16];
    let mut rest = length;
    let mut first = text.len();
    for (place, digit) in text.iter_mut().enumerate().rev() {
        *digit = DIGITS.get(rest % 16).copied().unwrap_or(b'0');
        first = place;
        rest /= 16;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(text.get(first..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}
