//! Answers of the gateway's own.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::backend::ResponseBody;
use crate::head::{AnswerHead, Fields};
use crate::site::FixedAnswer;

/// Methods that `OPTIONS *` names: those that a servlet has a method for, and PATCH.
const ALLOWED: &str = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

/// An answer that no backend gave.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) status: StatusCode,
    fields: Fields,
    /// Whether this is the mapping's own answer, such as 404 for a missing file. Then the mapping's header rules apply to it.
    pub(super) is_of_mapping: bool,
}

impl Local {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self {
            status,
            fields: Fields::default(),
            is_of_mapping: false,
        }
    }

    /// The same as an answer of what the mapping is for.
    pub(super) fn of_mapping(mut self) -> Self {
        self.is_of_mapping = true;
        self
    }

    /// 503, and when to come again: whole seconds, at least one.
    pub(crate) fn unavailable(after: Duration) -> Self {
        let seconds = after.as_millis().div_ceil(1000).clamp(1, 3600);
        Self::new(StatusCode::SERVICE_UNAVAILABLE).with("Retry-After", &seconds.to_string())
    }

    /// 503, and when a server has said that it is ready: whole seconds.
    pub(super) fn later(wait: Duration) -> Self {
        let seconds = wait.as_secs().to_string();
        Self::new(StatusCode::SERVICE_UNAVAILABLE).with("Retry-After", &seconds)
    }

    /// 429, and when to come again: whole seconds, at least one (RFC 6585 section 4).
    pub(crate) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).clamp(1, 86_400);
        Self::new(StatusCode::TOO_MANY_REQUESTS).with("Retry-After", &seconds.to_string())
    }

    /// The answer to `OPTIONS *`.
    pub(crate) fn options() -> Self {
        Self::new(StatusCode::OK).with("Allow", ALLOWED)
    }

    /// The answer to CONNECT, which is for proxies of another kind (RFC 9110 section 15.5.6 asks for the field).
    pub(crate) fn connect() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED).with("Allow", ALLOWED)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push(name.as_bytes(), value.as_bytes());
        self
    }

    /// The connection is closed after this answer: what the client sends next cannot be trusted.
    pub(crate) fn and_close(self) -> Self {
        self.with("Connection", "close")
    }

    /// The head of the answer, and its body.
    pub(crate) fn into_answer(self) -> (AnswerHead, ResponseBody) {
        let Self {
            status, mut fields, ..
        } = self;
        let body = match status {
            StatusCode::OK => ResponseBody::empty(),
            status => {
                fields.set("Content-Type", b"text/plain; charset=utf-8");
                ResponseBody::Text(Some(text(status)))
            }
        };
        (AnswerHead { status, fields }, body)
    }
}

/// The answer of `respond`.
pub(super) fn fixed(answer: &FixedAnswer) -> (AnswerHead, ResponseBody) {
    let mut fields = Fields::default();
    let body = match &answer.body {
        Some(body) => {
            fields.set("Content-Type", answer.content_type.as_bytes());
            ResponseBody::Text(Some(Bytes::clone(body)))
        }
        None => ResponseBody::empty(),
    };
    let status = answer.status;
    (AnswerHead { status, fields }, body)
}

/// `404 Not Found` and a line end.
fn text(status: StatusCode) -> Bytes {
    let reason = status.canonical_reason().unwrap_or("Error");
    Bytes::from(format!("{} {reason}\n", status.as_u16()))
}
