//! Answers of the gateway's own.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::backend::ResponseBody;

/// Methods that `OPTIONS *` names: those that a servlet has a method for, and PATCH.
const ALLOWED: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");

/// An answer that no backend gave.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Local {
    pub(crate) const fn new(status: StatusCode) -> Self {
        Self {
            status,
            fields: Vec::new(),
        }
    }

    /// 503, and when to come again: whole seconds, at least one.
    pub(crate) fn unavailable(after: Duration) -> Self {
        let seconds = after.as_millis().div_ceil(1000).clamp(1, 3600);
        let seconds = HeaderValue::from(u64::try_from(seconds).unwrap_or(1));
        Self::new(StatusCode::SERVICE_UNAVAILABLE).with(RETRY_AFTER, seconds)
    }

    /// The answer to `OPTIONS *`.
    pub(crate) fn options() -> Self {
        Self::new(StatusCode::OK).with(ALLOW, ALLOWED)
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The connection is closed after this answer: what the client sends next cannot be trusted.
    pub(crate) fn and_close(self) -> Self {
        self.with(CONNECTION, HeaderValue::from_static("close"))
    }

    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = self.status;
        if self.status != StatusCode::OK {
            *response.body_mut() = ResponseBody::Text(Some(text(self.status)));
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, plain);
        }
        for (name, value) in self.fields {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// `404 Not Found` and a line end.
pub(crate) fn text(status: StatusCode) -> Bytes {
    let reason = status.canonical_reason().unwrap_or("Error");
    Bytes::from(format!("{} {reason}\n", status.as_u16()))
}
