//! The head of an answer as the client gets it, whatever protocol the member speaks.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use super::error::BadHead;
use crate::field_names::FieldNames;
use crate::headers::{Nominated, is_hop_by_hop};

/// Most fields of an answer. hyper and most clients stop far below what 64 KiB can hold.
pub(crate) const MAX_FIELDS: usize = 512;

/// An answer's head, and the length of its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) length: Length,
    /// How the member spelt the names of its fields.
    pub(crate) names: FieldNames,
}

impl Head {
    /// The head with its body.
    pub(super) fn into_response<B>(self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if !self.names.is_empty() {
            response.extensions_mut().insert(self.names);
        }
        response
    }
}

/// The body that a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// None, whatever the backend sends.
    None,
    /// This number of bytes, which Content-Length announces.
    Known(u64),
    /// Until the backend ends it.
    Unknown,
}

/// Prepares a head for the client: removes the fields that belong to one connection, and determines the length.
pub(crate) fn finish(
    status: StatusCode,
    mut headers: HeaderMap,
    method: &Method,
) -> Result<Head, BadHead> {
    drop_hop_by_hop(&mut headers);
    let length = frame(status, method, &mut headers)?;
    Ok(Head {
        status,
        headers,
        length,
        names: FieldNames::default(),
    })
}

pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let nominated = if headers.contains_key(header::CONNECTION) {
        Nominated::of(headers)
    } else {
        Nominated::default()
    };
    let dropped: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_hop_by_hop(name.as_str()) || nominated.contains(name))
        .cloned()
        .collect();
    for name in dropped {
        headers.remove(name);
    }
}

/// Decides the body's length and makes Content-Length agree with it (RFC 9110 section 8.6).
fn frame(status: StatusCode, method: &Method, headers: &mut HeaderMap) -> Result<Length, BadHead> {
    let stated = content_length(headers)?;
    match status {
        StatusCode::NO_CONTENT => {
            headers.remove(header::CONTENT_LENGTH);
            return Ok(Length::None);
        }
        StatusCode::NOT_MODIFIED => {
            headers.remove(header::CONTENT_LENGTH);
            headers.remove(header::CONTENT_TYPE);
            return Ok(Length::None);
        }
        StatusCode::RESET_CONTENT => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            return Ok(Length::None);
        }
        _ => {}
    }
    Ok(match stated {
        _ if method == Method::HEAD => Length::None,
        Some(length) => Length::Known(length),
        None => Length::Unknown,
    })
}

/// The one Content-Length; the same one twice counts as one.
fn content_length(headers: &mut HeaderMap) -> Result<Option<u64>, BadHead> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    let length = parse_length(first.as_bytes()).ok_or(BadHead::Length)?;
    let mut several = false;
    for value in values {
        several = true;
        if parse_length(value.as_bytes()) != Some(length) {
            return Err(BadHead::Length);
        }
    }
    if several {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(Some(length))
}

fn parse_length(value: &[u8]) -> Option<u64> {
    // 19 digits always fit.
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        value
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')),
    )
}
