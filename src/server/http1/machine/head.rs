//! The head of a request: where it ends, and what it says.

use std::mem::MaybeUninit;
use std::ops::Range;

use http::{Method, Version};

use crate::framing::{Body, BodyFields, Lines, Refused};
use crate::head::{BadTarget, Fields, RequestHead, RequestTarget};

/// Bytes of empty lines that may stand before a request line (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: usize = 8;

/// Most header fields of a request.
const MAX_FIELDS: usize = 100;

/// A head that may be incomplete. Bytes that have been looked at are not looked at again.
#[derive(Debug, Default)]
pub(super) struct PartialHead {
    /// `None` before the request line begins.
    lines: Option<Lines>,
    /// Bytes of empty lines before it.
    start: usize,
    /// `None` before the request line is complete; whether it is HTTP/1.0.
    http10: Option<bool>,
    fields: BodyFields,
}

/// Where a complete head stands, and the framing of the body behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Complete {
    /// Bytes of empty lines before the head.
    start: usize,
    /// Bytes up to the end of the head, those of empty lines included.
    end: usize,
    pub(super) body: Body,
}

impl PartialHead {
    /// Looks for the end of the head that `bytes` start with. While it is incomplete, the next call must start with
    /// the same bytes. A head has at most `max` bytes.
    pub(super) fn scan(&mut self, bytes: &[u8], max: usize) -> Result<Option<Complete>, Refused> {
        let lines = match &mut self.lines {
            Some(lines) => lines,
            none => match request_line(bytes)? {
                Some(start) => {
                    self.start = start;
                    none.insert(Lines::starting_at(start))
                }
                None => return Ok(None),
            },
        };
        while let Some(line) = lines.next(bytes, max)? {
            match self.http10 {
                // Only a request line with something in it begins a head.
                None => self.http10 = Some(line.ends_with(b"HTTP/1.0")),
                Some(http10) if line.is_empty() => {
                    return Ok(Some(Complete {
                        start: self.start,
                        end: lines.read(),
                        body: self.fields.body(http10)?.unwrap_or(Body::Over),
                    }));
                }
                Some(_) => self.fields.line(line)?,
            }
        }
        Ok(None)
    }

    /// The request line, as far as it has come.
    pub(super) fn line<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let rest = bytes.get(self.start..).unwrap_or_default();
        let line = rest.split(|byte| matches!(byte, b'\r' | b'\n')).next();
        line.unwrap_or_default()
    }
}

/// Where the request line starts, behind empty lines; `None` while nothing else has come.
fn request_line(bytes: &[u8]) -> Result<Option<usize>, Refused> {
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

impl Complete {
    /// The head, which `bytes` start with.
    pub(super) fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Bytes up to the end of the head.
    pub(super) const fn len(&self) -> usize {
        self.end
    }
}

/// Reads a complete head.
pub(super) fn parse(head: &[u8]) -> Result<RequestHead, Refused> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(Refused::BadHead),
        Err(httparse::Error::TooManyHeaders) => return Err(Refused::TooManyFields),
        Err(_) => return Err(Refused::BadHead),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(Refused::BadHead);
    };
    let mut fields = Fields::within(head, request.headers.len());
    for field in request.headers.iter() {
        fields.push_within(place(head, field.name.as_bytes()), place(head, field.value));
    }
    Ok(RequestHead {
        method: Method::from_bytes(method.as_bytes()).map_err(|_| Refused::BadHead)?,
        target: RequestTarget::parse(target.as_bytes()).map_err(|why| match why {
            BadTarget::TooLong => Refused::TargetTooLong,
            BadTarget::Malformed => Refused::BadTarget,
        })?,
        version: match request.version {
            Some(0) => Version::HTTP_10,
            _ => Version::HTTP_11,
        },
        fields,
    })
}

/// Where a part of a text stands in it.
fn place(text: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    start..start.saturating_add(part.len())
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
