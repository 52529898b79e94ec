//! Where the requests on a client's connection begin and end, and which must not get any further.
//!
//! What is refused here is refused before anything of the request goes on: request smuggling starts from messages
//! that two readers see different ends of. The shapes are those of [`crate::framing`].

use http::StatusCode;

pub(crate) use crate::framing::Refused;
use crate::framing::{Body, Fields, Lines};

/// Bytes of empty lines that may stand before a request line (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: usize = 8;

/// The status for the client whose request is refused.
pub(crate) const fn status(why: Refused) -> StatusCode {
    match why {
        Refused::HeadTooSlow => StatusCode::REQUEST_TIMEOUT,
        Refused::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// How far the bytes at hand may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass {
    /// So many leading bytes may be handed on.
    pub(crate) bytes: usize,
    /// What stopped there.
    pub(crate) stop: Stop,
}

/// What stands behind the bytes that may be handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing: all bytes may go.
    Nothing,
    /// The next request, or a part of its head.
    NextRequest,
    /// Something that must not get any further.
    Refused(Refused),
}

/// Follows the requests on one connection.
///
/// ```text
/// Head ──complete head──▶ Body(length or chunked) ──last byte──▶ Head
///   └───────no body──────────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub(crate) struct Framing {
    /// Over while the next byte belongs to a head.
    body: Body,
    max_head: usize,
    partial: PartialHead,
}

/// How much of an incomplete head is known.
#[derive(Debug, Default)]
struct PartialHead {
    /// `None` before the request line begins.
    lines: Option<Lines>,
    /// `None` before the request line is complete; whether it is HTTP/1.0.
    http10: Option<bool>,
    fields: Fields,
}

impl Framing {
    /// A connection whose heads have at most `max_head` bytes.
    pub(crate) fn new(max_head: usize) -> Self {
        Self {
            body: Body::Over,
            max_head,
            partial: PartialHead::default(),
        }
    }

    /// Whether the next byte belongs to a head, not to a body.
    pub(crate) const fn at_head(&self) -> bool {
        self.body.is_over()
    }

    /// Takes the head that `bytes` start with, when all of it is there: its length, empty lines before it
    /// included. What follows is its body, if it has one. While it is incomplete the next call must start
    /// with the same bytes; they are not looked at twice.
    pub(crate) fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        let PartialHead {
            lines,
            http10,
            fields,
        } = &mut self.partial;
        let lines = match lines {
            Some(lines) => lines,
            none => match request_line(bytes)? {
                Some(start) => none.insert(Lines::starting_at(start)),
                None => return Ok(None),
            },
        };
        while let Some(line) = lines.next(bytes, self.max_head)? {
            match *http10 {
                // Only a request line with something in it begins a head.
                None => *http10 = Some(line.ends_with(b"HTTP/1.0")),
                Some(http10) if line.is_empty() => {
                    let length = lines.read();
                    self.body = fields.body(http10)?.unwrap_or(Body::Over);
                    self.partial = PartialHead::default();
                    return Ok(Some(length));
                }
                Some(_) => fields.line(line)?,
            }
        }
        Ok(None)
    }

    /// How many of `bytes` belong to the body that is being read.
    pub(crate) fn body(&mut self, bytes: &[u8]) -> Pass {
        let (taken, refused) = self.body.take(bytes);
        Pass {
            bytes: taken,
            stop: match refused {
                Some(why) => Stop::Refused(why),
                None if taken < bytes.len() => Stop::NextRequest,
                None => Stop::Nothing,
            },
        }
    }
}

/// Where the request line starts, behind empty lines; `None` while nothing else has come.
fn request_line(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    match start.unwrap_or(bytes.len()) {
        0..=MAX_EMPTY_LINES => Ok(start),
        _ => Err(Refused::EmptyLines),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1000;

    fn head(text: &str) -> Result<Option<usize>, Refused> {
        Framing::new(MAX).head(text.as_bytes())
    }

    /// A request line, these fields, and the end.
    fn with(fields: &str) -> Result<Option<usize>, Refused> {
        head(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"))
    }

    #[test]
    fn a_head_ends_with_its_empty_line() {
        assert_eq!(head("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"), Ok(Some(27)));
        assert_eq!(head("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), Ok(Some(22)));
        for incomplete in [
            "",
            "\r\n",
            "G",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r",
        ] {
            assert_eq!(head(incomplete), Ok(None), "{incomplete:?}");
        }
        assert_eq!(head("\r\n\r\n\r\n\r\n\r\n"), Err(Refused::EmptyLines));
        assert_eq!(
            head("GET / HTTP/1.1\nHost: a\n\n"),
            Err(Refused::BareLineFeed)
        );
        assert_eq!(
            head("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"),
            Err(Refused::FoldedField)
        );
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX));
        assert_eq!(head(&long), Err(Refused::HeadTooLarge));
        let start = |length| Framing::new(MAX).head(&long.as_bytes()[..length]);
        assert_eq!(start(MAX + 1), Err(Refused::HeadTooLarge));
        assert_eq!(start(MAX), Ok(None));
    }

    /// B12: every shape in which two readers could see different ends of a body.
    #[test]
    fn ambiguous_framing_is_refused() {
        for (fields, refused) in [
            (
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                Refused::LengthAndEncoding,
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 5",
                Refused::LengthAndEncoding,
            ),
            (
                "content-length: 0\r\ntransfer-encoding: chunked",
                Refused::LengthAndEncoding,
            ),
            (
                "Content-Length: 5\r\nContent-Length: 5",
                Refused::SeveralLengths,
            ),
            (
                "Content-Length: 5\r\ncontent-length: 6",
                Refused::SeveralLengths,
            ),
            ("Content-Length:", Refused::BadLength),
            ("Content-Length: +5", Refused::BadLength),
            ("Content-Length: -5", Refused::BadLength),
            ("Content-Length: 0x5", Refused::BadLength),
            ("Content-Length: 5 5", Refused::BadLength),
            ("Content-Length: 5, 5", Refused::BadLength),
            ("Content-Length: 5;", Refused::BadLength),
            ("Content-Length: 99999999999999999999", Refused::BadLength),
            ("Transfer-Encoding: gzip, chunked", Refused::BadEncoding),
            ("Transfer-Encoding: chunked, chunked", Refused::BadEncoding),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                Refused::BadEncoding,
            ),
            ("Transfer-Encoding: identity", Refused::BadEncoding),
            ("Transfer-Encoding: \u{b}chunked", Refused::BadEncoding),
            ("Transfer-Encoding: chunked;q=1", Refused::BadEncoding),
            ("Transfer-Encoding:", Refused::BadEncoding),
        ] {
            assert_eq!(with(fields), Err(refused), "{fields:?}");
        }
        assert_eq!(
            head("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Err(Refused::EncodingInHttp10)
        );
        for fine in [
            "Content-Length: 5",
            "Content-Length:\t5 ",
            "TRANSFER-ENCODING: Chunked",
            // Other names, and names that hyper refuses.
            "Content-Lengths: x",
            "Content-Length : x",
            "Transfer_Encoding: gzip",
        ] {
            assert!(matches!(with(fine), Ok(Some(_))), "{fine:?}");
        }
    }

    /// Runs whole requests through and says where each part ended.
    fn split(stream: &[u8]) -> (Vec<usize>, Option<Refused>) {
        let (mut framing, mut at, mut ends) = (Framing::new(MAX), 0, Vec::new());
        loop {
            let rest = &stream[at..];
            if framing.at_head() {
                match framing.head(rest) {
                    Ok(Some(length)) => at += length,
                    Ok(None) => return (ends, None),
                    Err(refused) => return (ends, Some(refused)),
                }
            } else {
                let pass = framing.body(rest);
                at += pass.bytes;
                match pass.stop {
                    Stop::Refused(refused) => return (ends, Some(refused)),
                    Stop::Nothing if !framing.at_head() => return (ends, None),
                    _ => {}
                }
            }
            ends.push(at);
        }
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        let length = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n";
        assert_eq!(split(length), (vec![38, 43, 61], None));
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
            5\r\nhello\r\n1; ext=\"y\"\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        assert_eq!(split(chunked), (vec![47, 91, 109], None));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for chunks in [
            "\r\n",
            "g\r\n",
            " 5\r\nhello\r\n",
            "-5\r\n",
            "+5\r\n",
            "0x5\r\n",
            "5\nhello\r\n",
            "5\r\nhelloX",
            "5\r\nhello\r\r",
            "5;a\nb\r\n",
            "5;a\r\r\n",
            "5;\u{1}\r\n",
            "0\r\nX: 1\nY: 2\r\n\r\n",
            "0\r\n\r\r",
            "1234567890123456\r\n",
        ] {
            let stream = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
            assert_eq!(
                split(stream.as_bytes()).1,
                Some(Refused::BadChunk),
                "{chunks:?}"
            );
        }
        for endless in [
            "5;".to_owned() + &"x".repeat(300),
            "0\r\n".to_owned() + &"x".repeat(9000),
        ] {
            let stream = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{endless}");
            assert_eq!(split(stream.as_bytes()).1, Some(Refused::BadChunk));
        }
    }

    proptest! {
        /// However a head arrives, it ends at the same byte or is refused for the same reason.
        #[test]
        fn a_head_reads_the_same_in_pieces(
            text in "(GET|POST) /[a-z]{0,9} HTTP/1.[01]\r\n((Content-Length|Transfer-Encoding|X|Host): ?[0-9a-z,]{0,8}(\r\n|\n)){0,5}(\r\n)?[a-z]{0,5}",
            pieces in proptest::collection::vec(1..20_usize, 1..30),
        ) {
            let bytes = text.as_bytes();
            let whole = Framing::new(MAX).head(bytes);
            let (mut framing, mut end, mut split) = (Framing::new(MAX), 0, Ok(None));
            for piece in pieces.iter().cycle() {
                end = (end + piece).min(bytes.len());
                split = framing.head(&bytes[..end]);
                if split != Ok(None) || end == bytes.len() {
                    break;
                }
            }
            prop_assert_eq!(whole, split);
        }

        /// However chunks arrive, the body ends at the same byte.
        #[test]
        fn chunks_read_the_same_in_pieces(
            chunks in proptest::collection::vec(0..40_usize, 0..6),
            pieces in proptest::collection::vec(1..20_usize, 1..30),
            garbage in proptest::option::of("[0-9a-f\r\n;x]{1,10}"),
        ) {
            let mut body = String::new();
            for length in chunks.iter().filter(|length| **length > 0) {
                body += &format!("{length:x}\r\n{}\r\n", "d".repeat(*length));
            }
            body += "0\r\n\r\n";
            body += &garbage.unwrap_or_default();
            let run = |pieces: &[usize]| {
                let mut framing = Framing::new(MAX);
                framing.body = Body::Chunked(crate::framing::Chunk::START);
                let (mut at, mut sizes) = (0, pieces.iter().cycle());
                while at < body.len() && !framing.at_head() {
                    let end = (at + sizes.next().unwrap()).min(body.len());
                    let pass = framing.body(&body.as_bytes()[at..end]);
                    at += pass.bytes;
                    if let Stop::Refused(refused) = pass.stop {
                        return (at, Some(refused));
                    }
                }
                (at, None)
            };
            prop_assert_eq!(run(&[usize::MAX / 2]), run(&pieces));
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            split(&bytes);
            let _ = Framing::new(MAX).head(&bytes);
        }
    }
}
