//! The head of a request: where it ends, and what it says.
//!
//! Each line is read once, when its end has come: a head that arrives in pieces costs no more than one that arrives
//! whole. What is read here the crate `httparse` reads too, in the same way; tests compare the two.

use http::{Method, Version};

use crate::framing::{Body, BodyFields, Lines, Refused};
use crate::head::{BadTarget, Field, Fields, RequestHead, RequestTarget, is_token, is_value};

/// Bytes of empty lines that may stand before a request line (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: usize = 8;

/// Most header fields of a request.
const MAX_FIELDS: usize = 100;

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
    /// Reads the head that `bytes` start with. While it is incomplete, the next call must start with the same bytes. A
    /// head has at most `max` bytes.
    pub(super) fn read(&mut self, bytes: &[u8], max: usize) -> Result<Option<Complete>, Refused> {
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
            let Some(line) = lines.next(bytes, max)? else {
                return Ok(None);
            };
            match (&self.request, line) {
                (None, line) => {
                    self.request = Some(RequestLine::of(line)?);
                    self.fields.reserve(USUAL_FIELDS);
                }
                (Some(_), []) => {
                    let length = lines.read();
                    return self.complete(bytes.get(..length).unwrap_or_default());
                }
                (Some(_), line) => {
                    self.body.line(line)?;
                    if self.fields.len() == MAX_FIELDS {
                        return Err(Refused::TooManyFields);
                    }
                    self.fields
                        .push(field(start, line).ok_or(Refused::BadHead)?);
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

impl RequestLine {
    fn of(line: &[u8]) -> Result<Self, Refused> {
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
        Ok(Self {
            method: Method::from_bytes(method).map_err(|_| Refused::BadHead)?,
            target: RequestTarget::parse(target).map_err(|why| match why {
                BadTarget::TooLong => Refused::TargetTooLong,
                BadTarget::Malformed => Refused::BadTarget,
            })?,
            version,
        })
    }
}

/// Where name and value stand in a line that starts at this place; `None` for what is no field (RFC 9112 section 5).
fn field(start: usize, line: &[u8]) -> Option<Field> {
    let name = line.iter().position(|byte| !is_token(*byte))?;
    let rest = line.get(name..)?.strip_prefix(b":")?;
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let value = match rest.iter().position(is_text) {
        Some(first) => first..rest.iter().rposition(is_text)? + 1,
        None => 0..0,
    };
    let is_field = name > 0 && is_value(rest.get(value.clone())?);
    let at = start + name + 1;
    is_field.then(|| Field {
        name: start..start + name,
        value: at + value.start..at + value.end,
    })
}

/// Whether the client wants its connection kept (RFC 9112 section 9.3).
pub(super) fn wants_to_keep_alive(head: &RequestHead) -> bool {
    let has = |option| head.fields.lists("connection", option);
    match head.version {
        Version::HTTP_10 => has("keep-alive") && !has("close"),
        _ => !has("close"),
    }
}

/// Whether the client waits for 100 before it sends its body (RFC 9110 section 10.1.1).
pub(super) fn expects_100(head: &RequestHead) -> bool {
    let expect = head.fields.get("expect");
    head.version != Version::HTTP_10
        && expect.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
}
