//! Answers of the admin listener, with the header fields that all of them have.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

pub(super) type Answer = Response<Full<Bytes>>;

/// The answer to a method that a path does not have: 405 with the methods that it has.
pub(super) fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    let methods = HeaderValue::from_static(methods);
    answer.headers_mut().insert(ALLOW, methods);
    answer
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    of_kind(status, "text/plain; charset=utf-8", body)
}

/// A JSON answer. It ends with a line end, so that it is readable in a terminal.
pub(super) fn json(status: StatusCode, value: &Value) -> Answer {
    of_kind(status, "application/json", format!("{value}\n"))
}

/// An answer that is not cached, because it changes from second to second, and whose type browsers do not guess.
pub(super) fn of_kind(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
