//! The head of an answer as the client gets it, whatever protocol the member speaks.

use http::{Method, StatusCode};

use super::error::BadHead;
use crate::head::{AnswerHead, Fields, Known};
use crate::headers::{HOP_BY_HOP, Nominated};

/// Most fields of an answer. hyper and most clients stop far below what 64 KiB can hold.
pub(crate) const MAX_FIELDS: usize = 512;

const CONTENT_LENGTH: &str = "Content-Length";

/// An answer's head, and the length of its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) answer: AnswerHead,
    pub(crate) length: Length,
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
    mut fields: Fields,
    method: &Method,
) -> Result<Head, BadHead> {
    drop_hop_by_hop(&mut fields);
    let length = frame(status, method, &mut fields)?;
    Ok(Head {
        answer: AnswerHead { status, fields },
        length,
    })
}

pub(crate) fn drop_hop_by_hop(fields: &mut Fields) {
    // Without a field of these no other one is nominated.
    if !fields.may_have(HOP_BY_HOP) {
        return;
    }
    let nominated = Nominated::of(fields);
    let goes = |known: Known, name: &[u8]| HOP_BY_HOP.has(known) || nominated.contains(name);
    let kept = fields
        .entries()
        .filter(|(known, name, _)| !goes(*known, name));
    *fields = kept.map(|(_, name, value)| (name, value)).collect();
}

/// Decides the body's length and makes Content-Length agree with it (RFC 9110 section 8.6).
fn frame(status: StatusCode, method: &Method, fields: &mut Fields) -> Result<Length, BadHead> {
    let stated = content_length(fields)?;
    match status {
        StatusCode::NO_CONTENT => {
            fields.remove(CONTENT_LENGTH);
            return Ok(Length::None);
        }
        StatusCode::NOT_MODIFIED => {
            fields.remove(CONTENT_LENGTH);
            fields.remove("Content-Type");
            return Ok(Length::None);
        }
        StatusCode::RESET_CONTENT => {
            fields.set(CONTENT_LENGTH, b"0");
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
fn content_length(fields: &mut Fields) -> Result<Option<u64>, BadHead> {
    let mut values = fields.all(Known::ContentLength);
    let Some(first) = values.next() else {
        return Ok(None);
    };
    let length = parse_length(first).ok_or(BadHead::Length)?;
    let mut several = false;
    for value in values {
        several = true;
        if parse_length(value) != Some(length) {
            return Err(BadHead::Length);
        }
    }
    if several {
        fields.set(CONTENT_LENGTH, length.to_string().as_bytes());
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
