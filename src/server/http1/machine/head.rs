//! The head of a request: where it ends, and what it says.

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONNECTION, EXPECT, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Uri, Version};

use super::names::field_name;
use crate::framing::{Body, Fields, Lines, Refused};

/// Bytes of empty lines that may stand before a request line (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: usize = 8;

/// Most header fields of a request.
const MAX_FIELDS: usize = 100;

/// Longest target in bytes that the crate `http` holds.
const MAX_TARGET: usize = 65_534;

/// A head that may be incomplete. Bytes that have been looked at are not looked at again.
#[derive(Debug, Default)]
pub(super) struct PartialHead {
    /// `None` before the request line begins.
    lines: Option<Lines>,
    /// Bytes of empty lines before it.
    start: usize,
    /// `None` before the request line is complete; whether it is HTTP/1.0.
    http10: Option<bool>,
    fields: Fields,
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
    /// Takes the head from the start of `buffer`.
    pub(super) fn take(self, buffer: &mut BytesMut) -> Bytes {
        let mut head = buffer.split_to(self.end.min(buffer.len())).freeze();
        head.advance(self.start.min(head.len()));
        head
    }
}

/// Reads a complete head. Values of fields and the target are parts of it, not copies.
pub(super) fn parse(head: &Bytes) -> Result<Parts, Refused> {
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
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::from_bytes(method.as_bytes()).map_err(|_| Refused::BadHead)?;
    parts.uri = uri(head.slice_ref(target.as_bytes()))?;
    parts.version = match request.version {
        Some(0) => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for field in request.headers.iter() {
        let name = field_name(field.name.as_bytes()).map_err(|_| Refused::BadHead)?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value))
            .map_err(|_| Refused::BadHead)?;
        headers.append(name, value);
    }
    parts.headers = headers;
    Ok(parts)
}

/// The target. A fragment has no place in it, and Tomcat's own connector refuses bytes beyond ASCII, `"`, `<` and `>`
/// too (`HttpParser.isNotRequestTarget`).
fn uri(target: Bytes) -> Result<Uri, Refused> {
    if target.len() > MAX_TARGET {
        return Err(Refused::TargetTooLong);
    }
    let refused = |byte: &u8| matches!(byte, 0..=b' ' | b'#' | b'"' | b'<' | b'>' | 0x7f..);
    if target.iter().any(refused) {
        return Err(Refused::BadTarget);
    }
    Uri::from_maybe_shared(target).map_err(|_| Refused::BadTarget)
}

/// Whether the client wants its connection kept (RFC 9112 section 9.3).
pub(super) fn wants_to_keep_alive(parts: &Parts) -> bool {
    let has = |option| has_connection_option(&parts.headers, option);
    match parts.version {
        Version::HTTP_10 => has("keep-alive") && !has("close"),
        _ => !has("close"),
    }
}

/// Whether the client waits for 100 before it sends its body (RFC 9110 section 10.1.1).
pub(super) fn expects_100(parts: &Parts) -> bool {
    let expect = parts.headers.get(EXPECT);
    parts.version != Version::HTTP_10
        && expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Whether a `Connection` field names this option.
pub(super) fn has_connection_option(headers: &HeaderMap, wanted: &str) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| {
        let mut options = value.as_bytes().split(|byte| *byte == b',');
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
    })
}
