//! Where HTTP/1 requests begin and end on a connection, and which must not get any further.
//!
//! hyper parses requests, and it is strict; but a Content-Length that stands beside Transfer-Encoding it drops
//! without a word, and that pair is what request smuggling starts from. So the bytes are looked at before
//! hyper sees them: each head as a whole, then its body only as far as needed to know where the next head
//! starts. What is refused here is refused before anything of the request goes on.
//!
//! Only framing is judged. Whatever else is wrong with a head (bytes that may not be in a name or a value,
//! say) is left to hyper, which refuses the head as a whole and so cannot see other framing than this.

use http::StatusCode;
use memchr::memchr;

/// Bytes of empty lines that may stand before a request line (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: usize = 8;

/// Longest line with a chunk's size and extensions, in bytes.
const MAX_CHUNK_LINE: usize = 256;

/// Longest trailer section, in bytes. Trailers are dropped.
const MAX_TRAILERS: usize = 8 * 1024;

/// Why a request is refused before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndEncoding,
    #[error("more than one Content-Length")]
    SeveralLengths,
    #[error("Content-Length is not a number")]
    BadLength,
    #[error("Transfer-Encoding is not chunked")]
    BadEncoding,
    #[error("Transfer-Encoding in HTTP/1.0")]
    EncodingInHttp10,
    #[error("line does not end with CR LF")]
    BareLineFeed,
    #[error("header field on more than one line")]
    FoldedField,
    #[error("too many empty lines before a request")]
    EmptyLines,
    #[error("request head too large")]
    HeadTooLarge,
    #[error("request head too slow")]
    HeadTooSlow,
    #[error("malformed chunk")]
    BadChunk,
}

impl Refused {
    /// The status for the client.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::HeadTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
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
    state: State,
    max_head: usize,
    partial: PartialHead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunk),
}

/// Where in a chunked body (RFC 9112 section 7.1) the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    /// In the line that holds the size.
    Size {
        value: u64,
        digits: u8,
        length: u16,
    },
    /// In the rest of that line, after the size.
    Extension {
        value: u64,
        length: u16,
    },
    /// At the LF of that line.
    SizeLf {
        value: u64,
    },
    /// In the data.
    Data(u64),
    /// At the CR, then the LF, behind the data.
    DataCr,
    DataLf,
    /// In the trailer section: bytes so far, and whether the line has any.
    Trailer {
        total: u16,
        line: bool,
    },
    /// At the LF of a trailer line; of an empty one when `last`.
    TrailerLf {
        total: u16,
        last: bool,
    },
}

impl Framing {
    /// A connection whose heads have at most `max_head` bytes.
    pub(crate) fn new(max_head: usize) -> Self {
        Self {
            state: State::Head,
            max_head,
            partial: PartialHead::default(),
        }
    }

    /// Whether the next byte belongs to a head, not to a body.
    pub(crate) const fn at_head(&self) -> bool {
        matches!(self.state, State::Head)
    }

    /// Takes the head that `bytes` start with, when all of it is there: its length, empty lines before it
    /// included. What follows is its body, if it has one. While it is incomplete the next call must start
    /// with the same bytes; they are not looked at twice.
    pub(crate) fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        let mut head = std::mem::take(&mut self.partial);
        if head.line_at == 0 {
            let Some(start) = request_line(bytes)? else {
                return Ok(None);
            };
            head.line_at = start;
        }
        loop {
            let from = head.searched.max(head.line_at);
            let Some(offset) = memchr(b'\n', bytes.get(from..).unwrap_or_default()) else {
                break;
            };
            let line = bytes
                .get(head.line_at..from + offset)
                .and_then(<[u8]>::split_last);
            let Some((b'\r', line)) = line else {
                return Err(Refused::BareLineFeed);
            };
            head.line_at = from + offset + 1;
            if head.line_at > self.max_head {
                return Err(Refused::HeadTooLarge);
            }
            if line.is_empty() {
                self.state = head.fields.body()?;
                return Ok(Some(head.line_at));
            }
            head.fields.line(line)?;
        }
        if bytes.len() > self.max_head {
            return Err(Refused::HeadTooLarge);
        }
        head.searched = bytes.len();
        self.partial = head;
        Ok(None)
    }

    /// How many of `bytes` belong to the body that is being read.
    pub(crate) fn body(&mut self, bytes: &[u8]) -> Pass {
        match self.state {
            State::Head => Pass {
                bytes: 0,
                stop: next_request(bytes),
            },
            State::Length(left) => {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left.saturating_sub(here as u64);
                self.state = if left == 0 {
                    State::Head
                } else {
                    State::Length(left)
                };
                let rest = bytes.get(here..).unwrap_or_default();
                Pass {
                    bytes: here,
                    stop: next_request(rest),
                }
            }
            State::Chunked(chunk) => self.chunks(chunk, bytes),
        }
    }

    fn chunks(&mut self, mut chunk: Chunk, bytes: &[u8]) -> Pass {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Chunk::Data(left) = chunk {
                let here = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - at);
                at += here;
                let left = left.saturating_sub(here as u64);
                chunk = if left == 0 {
                    Chunk::DataCr
                } else {
                    Chunk::Data(left)
                };
                continue;
            }
            match chunk.next(byte) {
                Some(Some(next)) => chunk = next,
                Some(None) => {
                    self.state = State::Head;
                    let rest = bytes.get(at + 1..).unwrap_or_default();
                    return Pass {
                        bytes: at + 1,
                        stop: next_request(rest),
                    };
                }
                None => {
                    return Pass {
                        bytes: at,
                        stop: Stop::Refused(Refused::BadChunk),
                    };
                }
            }
            at += 1;
        }
        self.state = State::Chunked(chunk);
        Pass {
            bytes: at,
            stop: Stop::Nothing,
        }
    }
}

const fn next_request(rest: &[u8]) -> Stop {
    if rest.is_empty() {
        Stop::Nothing
    } else {
        Stop::NextRequest
    }
}

impl Chunk {
    const START: Self = Self::Size {
        value: 0,
        digits: 0,
        length: 0,
    };

    /// The state behind one byte: `Some(None)` behind the last byte of the body, `None` for a byte that may
    /// not stand here.
    fn next(self, byte: u8) -> Option<Option<Self>> {
        Some(Some(match (self, byte) {
            (Self::Size { value, digits, .. }, b'\r') if digits > 0 => Self::SizeLf { value },
            (
                Self::Size {
                    value,
                    digits,
                    length,
                },
                b';' | b' ' | b'\t',
            ) if digits > 0 => Self::Extension {
                value,
                length: length + 1,
            },
            (
                Self::Size {
                    value,
                    digits,
                    length,
                },
                _,
            ) => {
                let digit = char::from(byte).to_digit(16)?;
                if digits == 15 {
                    return None;
                }
                let value = value * 16 + u64::from(digit);
                Self::Size {
                    value,
                    digits: digits + 1,
                    length: length + 1,
                }
            }
            (Self::Extension { value, .. }, b'\r') => Self::SizeLf { value },
            (Self::Extension { value, length }, b'\t' | b' '..=b'~' | 0x80..)
                if usize::from(length) < MAX_CHUNK_LINE =>
            {
                Self::Extension {
                    value,
                    length: length + 1,
                }
            }
            (Self::SizeLf { value: 0 }, b'\n') => Self::Trailer {
                total: 0,
                line: false,
            },
            (Self::SizeLf { value }, b'\n') => Self::Data(value),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::START,
            (Self::Trailer { total, line }, b'\r') => Self::TrailerLf { total, last: !line },
            (Self::Trailer { total, .. }, b'\t' | b' '..=b'~' | 0x80..)
                if usize::from(total) < MAX_TRAILERS =>
            {
                Self::Trailer {
                    total: total + 1,
                    line: true,
                }
            }
            (Self::TrailerLf { last: true, .. }, b'\n') => return Some(None),
            (Self::TrailerLf { total, last: false }, b'\n') => Self::Trailer { total, line: false },
            _ => return None,
        }))
    }
}

/// How much of an incomplete head is known.
#[derive(Debug, Default)]
struct PartialHead {
    fields: Fields,
    /// Where the first line starts that has not been read; 0 before the request line is found.
    line_at: usize,
    /// So many bytes hold no further end of a line.
    searched: usize,
}

/// Where the request line starts, behind empty lines; `None` while nothing else has come.
fn request_line(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    match start.unwrap_or(bytes.len()) {
        0..=MAX_EMPTY_LINES => Ok(start),
        _ => Err(Refused::EmptyLines),
    }
}

/// What the lines of a head say about its body.
#[derive(Debug, Default)]
struct Fields {
    has_request_line: bool,
    http10: bool,
    length: Option<u64>,
    chunked: bool,
}

impl Fields {
    fn line(&mut self, line: &[u8]) -> Result<(), Refused> {
        if !self.has_request_line {
            self.has_request_line = true;
            self.http10 = line.ends_with(b"HTTP/1.0");
            return Ok(());
        }
        match line.first() {
            Some(b' ' | b'\t') => Err(Refused::FoldedField),
            Some(b'c' | b'C') => match field(line, b"content-length") {
                Some(value) => self.content_length(value),
                None => Ok(()),
            },
            Some(b't' | b'T') => match field(line, b"transfer-encoding") {
                Some(value) => self.transfer_encoding(value),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Refused> {
        if self.length.is_some() {
            return Err(Refused::SeveralLengths);
        }
        // 19 digits always fit.
        if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
            return Err(Refused::BadLength);
        }
        let length = value
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        self.length = Some(length);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refused> {
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refused::BadEncoding);
        }
        self.chunked = true;
        Ok(())
    }

    fn body(&self) -> Result<State, Refused> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Refused::LengthAndEncoding),
            (_, true) if self.http10 => Err(Refused::EncodingInHttp10),
            (_, true) => Ok(State::Chunked(Chunk::START)),
            (None | Some(0), false) => Ok(State::Head),
            (Some(length), false) => Ok(State::Length(length)),
        }
    }
}

/// The value of a field of this name, without the white space around it.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
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
                framing.state = State::Chunked(Chunk::START);
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
