//! The head of a request: where it ends, and what it says.
//!
//! Each line is read once, when its end has come: a head that arrives in pieces costs no more than one that arrives
//! whole. What is read here the crate `httparse` reads too, in the same way; tests compare the two.

use http::{Method, Version};

use crate::framing::{Body, BodyFields, HeadLimits, Lines, Refused};
use crate::head::{Field, Fields, Known, RequestHead, RequestTarget, is_name, is_value};

/// Bytes of empty lines that may stand before a request line (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: usize = 8;

/// Names of fields are shorter, in bytes.
const LONGEST_USUAL_NAME: usize = 64;

/// Room for the fields that a browser sends.
const USUAL_FIELDS: usize = 20;

/// A head that may be incomplete. Bytes that have been looked at are not looked at again.
#[derive(Debug, Default)]
pub(super) struct PartialHead {
    /// `None` before the request line begins.
    lines: Option<Lines>,
    /// Bytes of empty lines before it.
    start: usize,
    /// `None` before the request line is complete.
    request: Option<RequestLine>,
    /// The fields so far.
    fields: Vec<Field>,
    /// What they say about the body.
    body: BodyFields,
}

/// What a request line says (RFC 9112 section 3).
#[derive(Debug)]
struct RequestLine {
    method: Method,
    target: RequestTarget,
    version: Version,
}

/// A complete head, and the framing of the body behind it.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) head: RequestHead,
    /// Bytes up to the end of the head, those of empty lines before it included.
    pub(super) length: usize,
    pub(super) body: Body,
}

impl PartialHead {
    /// Reads the head that `bytes` start with. While it is incomplete, the next call must start with the same bytes.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<Complete>, Refused> {
        let lines = match &mut self.lines {
            Some(lines) => lines,
            none => match start_of_head(bytes)? {
                Some(start) => {
                    self.start = start;
                    none.insert(Lines::starting_at(start))
                }
                None => return Ok(None),
            },
        };
        loop {
            let start = lines.read();
            if self.request.is_some()
                && self.fields.len() < limits.max_fields
                && !lines.has_begun()
                && let Some((field, end)) = usual_field(bytes, start)
                && end <= limits.max_bytes
            {
                self.fields.push(field);
                lines.skip_to(end);
                continue;
            }
            let line = match lines.next(bytes, limits.max_bytes) {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(None),
                Err(Refused::HeadTooLarge) if self.request.is_none() => {
                    let line = bytes.get(start..).unwrap_or_default();
                    return Err(too_large_in_request_line(line, limits));
                }
                Err(why) => return Err(why),
            };
            match (&self.request, line) {
                (None, line) => {
                    self.request = Some(RequestLine::of(line, limits)?);
                    self.fields.reserve(USUAL_FIELDS);
                }
                (Some(_), []) => {
                    let length = lines.read();
                    return self.complete(bytes.get(..length).unwrap_or_default());
                }
                (Some(_), line) => {
                    limits.fields(self.fields.len() + 1)?;
                    self.fields.push(read_field(start, line, &mut self.body)?);
                }
            }
        }
    }

    /// The head, whose last line has come.
    fn complete(&mut self, bytes: &[u8]) -> Result<Option<Complete>, Refused> {
        let Some(request) = self.request.take() else {
            return Ok(None);
        };
        let body = self.body.body(request.version == Version::HTTP_10)?;
        Ok(Some(Complete {
            head: RequestHead {
                method: request.method,
                target: request.target,
                version: request.version,
                fields: Fields::within(bytes, std::mem::take(&mut self.fields)),
            },
            length: bytes.len(),
            body: body.unwrap_or(Body::Over),
        }))
    }

    /// How many of these bytes belong to the head when it is refused: up to the end of the line that it is refused for, or all
    /// where that line has no end.
    pub(super) fn received(&self, why: Refused, bytes: &[u8]) -> usize {
        let read = self.lines.as_ref().map_or(0, Lines::read);
        let has_end = !matches!(why, Refused::HeadTooLarge | Refused::HeadTooSlow);
        match has_end && read > self.start {
            true => read,
            false => bytes.len(),
        }
    }

    /// The request line, as far as it has come.
    pub(super) fn line<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let rest = bytes.get(self.start..).unwrap_or_default();
        let line = rest.split(|byte| matches!(byte, b'\r' | b'\n')).next();
        line.unwrap_or_default()
    }
}

/// Where the request line starts, behind empty lines; `None` while nothing else has come.
fn start_of_head(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let (mut start, mut rest) = (0, bytes);
    while let [b'\r', b'\n', behind @ ..] = rest {
        (start, rest) = (start + 2, behind);
        if start > MAX_EMPTY_LINES {
            return Err(Refused::EmptyLines);
        }
    }
    match rest {
        [] | [b'\r'] => Ok(None),
        [b'\n', ..] => Err(Refused::BareLineFeed),
        [b'\r', ..] => Err(Refused::BadHead),
        _ => Ok(Some(start)),
    }
}

/// Why a head is refused that is too large within its request line: mostly the target is too long.
fn too_large_in_request_line(line: &[u8], limits: &HeadLimits) -> Refused {
    let target = line
        .split(|byte| matches!(byte, b' ' | b'\r' | b'\n'))
        .nth(1);
    match limits.target(target.map_or(0, <[u8]>::len)) {
        Ok(()) => Refused::HeadTooLarge,
        Err(why) => why,
    }
}

impl RequestLine {
    fn of(line: &[u8], limits: &HeadLimits) -> Result<Self, Refused> {
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let (Some(method), Some(target), Some(version)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::BadHead);
        };
        let version = match version {
            b"HTTP/1.1" => Version::HTTP_11,
            b"HTTP/1.0" => Version::HTTP_10,
            _ => return Err(Refused::BadHead),
        };
        if target.is_empty() {
            return Err(Refused::BadHead);
        }
        limits.target(target.len())?;
        Ok(Self {
            method: Method::from_bytes(method).map_err(|_| Refused::BadHead)?,
            target: RequestTarget::parse(target)?,
            version,
        })
    }
}

/// The field of a line that starts at this place (RFC 9112 section 5), and what it says about the body.
fn read_field(start: usize, line: &[u8], body: &mut BodyFields) -> Result<Field, Refused> {
    if let [b' ' | b'\t', ..] = line {
        return Err(Refused::FoldedField);
    }
    let (name, rest) = name_and_rest(line).ok_or(Refused::BadHead)?;
    let known = Known::of(name);
    // A name that is known is a token.
    if !known.is_one_name() && !is_name(name) {
        return Err(Refused::BadHead);
    }
    let (before, value) = without_spaces(rest);
    match known {
        Known::ContentLength => body.content_length(value)?,
        Known::TransferEncoding => body.transfer_encoding(value)?,
        _ => {}
    }
    if !is_value(value) {
        return Err(Refused::BadHead);
    }
    let name = start..start + name.len();
    let at = name.end + 1 + before;
    Ok(Field {
        name,
        value: at..at + value.len(),
        known,
    })
}

/// What stands before the first colon of a line, and what stands behind it.
fn name_and_rest(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((line.get(..colon)?, line.get(colon + 1..)?))
}

/// The field that starts at this place, if it has come whole and is like most: one space between colon and value, none behind
/// it, and nothing to say about the body. And where the next line starts. `None` says nothing: [`read_field`] decides.
///
/// Eight bytes at a time: the first control character behind the colon is the end of the line.
fn usual_field(bytes: &[u8], start: usize) -> Option<(Field, usize)> {
    let line = bytes.get(start..)?;
    let length = colon(line.get(..LONGEST_USUAL_NAME).unwrap_or(line))?;
    let name = line.get(..length)?;
    let known = Known::of(name);
    match known {
        Known::ContentLength | Known::TransferEncoding => return None,
        // A name that is known is a token.
        known if known.is_one_name() || is_name(name) => {}
        _ => return None,
    }
    let rest = line.get(length + 1..)?.strip_prefix(b" ")?;
    let (value, rest) = rest.split_at_checked(control(rest)?)?;
    let has_spaces = matches!(
        (value.first(), value.last()),
        (Some(b' '), _) | (_, Some(b' '))
    );
    if value.is_empty() || has_spaces || !rest.starts_with(b"\r\n") {
        return None;
    }
    let at = start + length + 2;
    let end = at + value.len();
    let field = Field {
        name: start..start + length,
        value: at..end,
        known,
    };
    Some((field, end + 2))
}

const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Where the first colon stands, if it stands in a whole word of eight bytes.
fn colon(text: &[u8]) -> Option<usize> {
    first(text, |word| {
        let word = word ^ u64::from_ne_bytes([b':'; 8]);
        word.wrapping_sub(ONES) & !word
    })
}

/// Where the first control character stands, or another byte that has to be looked at alone; the same.
fn control(text: &[u8]) -> Option<usize> {
    first(text, |word| {
        let less = word.wrapping_sub(u64::from_ne_bytes([b' '; 8]));
        (less | word.wrapping_add(ONES)) & !word
    })
}

/// The first byte whose high bit is set in what `mark` makes of the words of a text. A carry goes to the bytes behind
/// one only, so no byte before the first that is meant has it.
fn first(text: &[u8], mark: impl Fn(u64) -> u64) -> Option<usize> {
    let (words, _) = text.as_chunks();
    let mut at = 0;
    for word in words {
        let marked = mark(u64::from_le_bytes(*word)) & HIGH_BITS;
        if marked != 0 {
            return Some(at + usize::try_from(marked.trailing_zeros() / 8).ok()?);
        }
        at += 8;
    }
    None
}

/// A value without the white space around it, and how much of that stands before it.
fn without_spaces(text: &[u8]) -> (usize, &[u8]) {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    // Mostly there is one space before and none behind.
    if let [b' ', value @ ..] = text
        && value.first().is_some_and(is_text)
        && value.last().is_some_and(is_text)
    {
        return (1, value);
    }
    let before = text.iter().position(is_text).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(is_text)
        .map_or(before, |last| last + 1);
    (before, text.get(before..end).unwrap_or_default())
}

/// Whether the client wants its connection kept (RFC 9112 section 9.3).
pub(super) fn wants_to_keep_alive(head: &RequestHead) -> bool {
    let has = |option| head.fields.lists(Known::Connection, option);
    match head.version {
        Version::HTTP_10 => has("keep-alive") && !has("close"),
        _ => !has("close"),
    }
}
