//! Where the answer to one request ends, and which answers are refused (`src/backend/BACKENDS.md`, "HTTP members").
//!
//! hyper accepts some answers whose end two readers could see at two places; they are refused here, see
//! [`crate::framing`]. This module has no socket and no clock.

use bytes::Bytes;

use super::super::head::MAX_FIELDS;
use crate::field_names::FieldNames;
use crate::framing::{Body, BodyFields, Lines, Refused};

/// Largest head of an answer, in bytes: the largest AJP13 packet.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// Most interim answers before the final one (`AP_MAX_INTERIM_RESPONSES` of httpd).
const MAX_INTERIM: usize = 10;

/// Follows one answer.
///
/// ```text
///  ┌─1xx─┐
///  ▼     │
/// Head ──┴─final head──▶ Body ──last byte──▶ Over
///   └──────101─────────▶ Upgraded
/// ```
#[derive(Debug)]
pub(super) struct Answer {
    state: State,
    asked: Asked,
    interim: usize,
    head: Head,
    told: Told,
}

/// What the client is told of the heads, beside the final one itself.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Heads of interim answers, as the member wrote them.
    pub(super) interim: Vec<Bytes>,
    /// How the member spelt the names of fields of the final head, once that has come.
    pub(super) names: Option<FieldNames>,
}

/// The properties of a request that decide how its answer is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The method is HEAD: no body follows, whatever the answer's head says.
    pub(super) head_only: bool,
    /// The request asks for another protocol.
    pub(super) upgrade: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Body(Body),
    /// The bytes that follow are of another protocol.
    Upgraded,
}

/// A head that may be incomplete.
#[derive(Debug, Default)]
struct Head {
    lines: Lines,
    /// Status, and whether it is HTTP/1.0; `None` before the status line is complete.
    status: Option<(u16, bool)>,
    fields: BodyFields,
    count: usize,
    names: FieldNames,
}

/// What to do with the bytes that have come, from the first one on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pass {
    /// Number of bytes that belong to interim answers and are not handed on.
    pub(super) skip: usize,
    /// Number of bytes behind those that are handed on. The bytes that follow are an incomplete head, or belong to no answer.
    pub(super) pass: usize,
    /// 100 was among the interim answers.
    pub(super) go_on: bool,
}

impl Answer {
    pub(super) fn new(asked: Asked) -> Self {
        Self {
            state: State::Head,
            asked,
            interim: 0,
            head: Head::default(),
            told: Told::default(),
        }
    }

    /// What the client is to be told since this was asked last.
    pub(super) fn take_told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }

    /// Whether the next byte belongs to a head.
    pub(super) const fn at_head(&self) -> bool {
        matches!(self.state, State::Head)
    }

    /// Whether all of the answer has come. `false` for an answer that ends with its connection.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.state, State::Body(Body::Over))
    }

    /// Whether the answer ends where its connection does.
    pub(super) const fn ends_with_connection(&self) -> bool {
        matches!(self.state, State::Body(Body::UntilClose))
    }

    /// Reads bytes. Those that are neither skipped nor passed must stand at the start of the next call's bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Pass, Refused> {
        let mut pass = Pass::default();
        while self.at_head() {
            let rest = bytes.get(pass.skip..).unwrap_or_default();
            let Some((length, status, body)) = self.head.take(rest)? else {
                return Ok(pass);
            };
            let names = std::mem::take(&mut self.head).names;
            match status {
                101 if self.asked.upgrade => self.state = State::Upgraded,
                101 => return Err(Refused::UnaskedUpgrade),
                100..200 => {
                    self.interim += 1;
                    if self.interim > MAX_INTERIM {
                        return Err(Refused::TooManyInterim);
                    }
                    let head = rest.get(..length).unwrap_or_default();
                    if status != 100 {
                        self.told.interim.push(Bytes::copy_from_slice(head));
                    }
                    pass.skip += length;
                    pass.go_on |= status == 100;
                    continue;
                }
                // RFC 9112 section 6.3, rules 1 and 8.
                204 | 304 => self.state = State::Body(Body::Over),
                _ if self.asked.head_only => self.state = State::Body(Body::Over),
                _ => self.state = State::Body(body.unwrap_or(Body::UntilClose)),
            }
            self.told.names = Some(names);
            pass.pass = length;
        }
        let from = pass.skip + pass.pass;
        let rest = bytes.get(from..).unwrap_or_default();
        match &mut self.state {
            State::Body(body) => match body.take(rest) {
                (taken, None) => pass.pass += taken,
                (_, Some(why)) => return Err(why),
            },
            State::Upgraded => pass.pass += rest.len(),
            State::Head => {}
        }
        Ok(pass)
    }
}

impl Head {
    /// Length in bytes, status and announced body of the head that `bytes` start with; `None` when it is incomplete.
    fn take(&mut self, bytes: &[u8]) -> Result<Option<(usize, u16, Option<Body>)>, Refused> {
        while let Some(line) = self.lines.next(bytes, MAX_HEAD)? {
            match self.status {
                None => self.status = Some(status_line(line).ok_or(Refused::BadStatusLine)?),
                Some((status, http10)) if line.is_empty() => {
                    let body = self.fields.body(http10)?;
                    return Ok(Some((self.lines.read(), status, body)));
                }
                Some(_) => {
                    self.count += 1;
                    if self.count > MAX_FIELDS {
                        return Err(Refused::TooManyFields);
                    }
                    self.fields.line(line)?;
                    let name = line.split(|byte| *byte == b':').next();
                    self.names.note(name.unwrap_or_default());
                }
            }
        }
        Ok(None)
    }
}

/// Status, and whether it is HTTP/1.0 (RFC 9112 section 4): `HTTP/1.1 200 OK`. The reason phrase is not read.
fn status_line(line: &[u8]) -> Option<(u16, bool)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (http10, rest) = match rest.split_at_checked(2)? {
        (b"1 ", rest) => (false, rest),
        (b"0 ", rest) => (true, rest),
        _ => return None,
    };
    let (digits, behind) = rest.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(behind.first(), None | Some(b' ')) {
        return None;
    }
    let status = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    (100..600).contains(&status).then_some((status, http10))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: Asked = Asked {
        head_only: false,
        upgrade: false,
    };

    /// Bytes passed and skipped, and whether the answer is over.
    fn take(asked: Asked, text: &str) -> Result<(usize, usize, bool), Refused> {
        let mut answer = Answer::new(asked);
        let pass = answer.take(text.as_bytes())?;
        Ok((pass.pass, pass.skip, answer.is_over()))
    }

    /// The answer to a GET with these fields and this behind the head.
    fn with(fields: &str, body: &str) -> Result<(usize, usize, bool), Refused> {
        take(GET, &format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}"))
            .map(|(pass, skip, over)| (pass - 21 - fields.len(), skip, over))
    }

    #[test]
    fn an_answer_ends_where_its_framing_says() {
        assert_eq!(with("Content-Length: 3", "abcd"), Ok((3, 0, true)));
        assert_eq!(with("Content-Length: 3", "ab"), Ok((2, 0, false)));
        assert_eq!(with("content-length: 0", "x"), Ok((0, 0, true)));
        let chunked = "Transfer-Encoding: chunked";
        assert_eq!(with(chunked, "1\r\na\r\n0\r\n\r\nx"), Ok((11, 0, true)));
        assert_eq!(with(chunked, "1\r\na\r\n0\r\n"), Ok((9, 0, false)));
        assert_eq!(with("X: y", "all the rest"), Ok((12, 0, false)));
        let head = Asked {
            head_only: true,
            ..GET
        };
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx";
        assert_eq!(take(head, long), Ok((38, 0, true)));
        for status in ["204 No Content", "304 Not Modified"] {
            let text = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\nx");
            assert_eq!(take(GET, &text), Ok((text.len() - 1, 0, true)));
        }
    }

    /// Each of these answers is 502.
    #[test]
    fn ambiguous_framing_is_refused() {
        for (fields, refused) in [
            (
                "Content-Length: 3\r\nTransfer-Encoding: chunked",
                Refused::LengthAndEncoding,
            ),
            (
                "Content-Length: 3\r\nContent-Length: 3",
                Refused::SeveralLengths,
            ),
            ("Content-Length: 3, 3", Refused::BadLength),
            ("Content-Length: +3", Refused::BadLength),
            ("Transfer-Encoding: chunked, chunked", Refused::BadEncoding),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                Refused::BadEncoding,
            ),
            ("Transfer-Encoding: gzip, chunked", Refused::BadEncoding),
            ("Transfer-Encoding: xyz", Refused::BadEncoding),
            ("X: a\r\n b", Refused::FoldedField),
            ("X: a\nY: b", Refused::BareLineFeed),
        ] {
            assert_eq!(with(fields, ""), Err(refused), "{fields:?}");
        }
        assert_eq!(
            take(GET, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Err(Refused::EncodingInHttp10)
        );
        assert_eq!(
            with("Transfer-Encoding: chunked", "zz\r\n"),
            Err(Refused::BadChunk)
        );
    }

    #[test]
    fn a_status_has_three_digits_from_100_to_599() {
        for line in [
            "HTTP/1.1 200",
            "HTTP/1.1 200 ",
            "HTTP/1.1 599 Whatever",
            "HTTP/1.0 204 OK",
        ] {
            assert!(take(GET, &format!("{line}\r\n\r\n")).is_ok(), "{line}");
        }
        for line in [
            "HTTP/1.1 099 X",
            "HTTP/1.1 600 X",
            "HTTP/1.1 999 X",
            "HTTP/1.1 20 X",
            "HTTP/1.1 2000 X",
            "HTTP/1.1 2e2 X",
            "HTTP/1.1  200 X",
            "HTTP/1.1\t200 X",
            "HTTP/2.0 200 X",
            "HTTP/1.2 200 X",
            "http/1.1 200 X",
            "ICY 200 OK",
            "",
            "<html>",
        ] {
            let read = take(GET, &format!("{line}\r\n\r\n"));
            assert_eq!(read, Err(Refused::BadStatusLine), "{line:?}");
        }
    }

    #[test]
    fn interim_answers_are_told_from_the_answer_and_are_at_most_ten() {
        let last = "HTTP/1.1 204 No Content\r\n\r\n";
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        let mut answer = Answer::new(GET);
        let text = [hints, go_on, last].concat();
        let pass = answer.take(text.as_bytes()).unwrap();
        assert_eq!(
            pass,
            Pass {
                skip: hints.len() + go_on.len(),
                pass: last.len(),
                go_on: true
            }
        );
        let many = hints.repeat(11) + last;
        assert_eq!(take(GET, &many), Err(Refused::TooManyInterim));
        assert!(take(GET, &(hints.repeat(10) + last)).is_ok());
    }

    #[test]
    fn another_protocol_only_when_asked_for() {
        let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nxy";
        assert_eq!(take(GET, switching), Err(Refused::UnaskedUpgrade));
        let asked = Asked {
            upgrade: true,
            ..GET
        };
        assert_eq!(take(asked, switching), Ok((switching.len(), 0, false)));
    }

    #[test]
    fn a_head_is_bounded() {
        let fields = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert!(take(GET, &fields(MAX_FIELDS)).is_ok());
        assert_eq!(
            take(GET, &fields(MAX_FIELDS + 1)),
            Err(Refused::TooManyFields)
        );
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(MAX_HEAD));
        assert_eq!(take(GET, &long), Err(Refused::HeadTooLarge));
    }

    proptest! {
        #[test]
        fn an_answer_in_pieces_is_read_like_the_whole(
            text in "(HTTP/1.1 10[03] X\r\n\r\n){0,2}HTTP/1.[01] (200|204|404) X\r\n((Content-Length|Transfer-Encoding|X): ?(chunked|[0-9]{1,2})(\r\n|\n)){0,3}\r\n([0-9a-f]{1,2}\r\n[a-z]{0,9}){0,3}",
            pieces in proptest::collection::vec(1..30_usize, 1..30),
        ) {
            let bytes = text.as_bytes();
            let whole = take(GET, &text);
            let mut answer = Answer::new(GET);
            let (mut passed, mut skipped, mut from, mut end) = (0, 0, 0, 0);
            let mut failed = None;
            for piece in pieces.iter().cycle() {
                if end == bytes.len() {
                    break;
                }
                end = (end + piece).min(bytes.len());
                match answer.take(&bytes[from..end]) {
                    Ok(pass) => {
                        (passed, skipped) = (passed + pass.pass, skipped + pass.skip);
                        from += pass.pass + pass.skip;
                    }
                    Err(why) => {
                        failed = Some(why);
                        break;
                    }
                }
            }
            match failed {
                Some(why) => prop_assert_eq!(whole, Err(why)),
                None => prop_assert_eq!(whole, Ok((passed, skipped, answer.is_over()))),
            }
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Answer::new(GET).take(&bytes);
        }
    }
}
