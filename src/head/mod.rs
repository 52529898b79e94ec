//! The heads of requests and answers, whatever protocol they came in: what the request path reads and changes.

mod fields;
mod names;
mod range;
mod target;

use http::{Method, StatusCode, Version, request};

pub(crate) use self::fields::{Field, Fields, elements, is_name, is_token, is_value};
pub(crate) use self::names::{Known, KnownSet};
pub(crate) use self::range::{Part, part};
pub(crate) use self::target::{BadTarget, RequestTarget};

/// The head of a client's request.
#[derive(Debug, Clone)]
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    pub(crate) target: RequestTarget,
    pub(crate) version: Version,
    pub(crate) fields: Fields,
}

impl From<request::Parts> for RequestHead {
    fn from(parts: request::Parts) -> Self {
        Self {
            target: RequestTarget::of(&parts.uri),
            method: parts.method,
            version: parts.version,
            fields: Fields::from(&parts.headers),
        }
    }
}

/// Whether a client with these fields waits for 100 before it sends its body, if there is one (RFC 9110 section 10.1.1).
pub(crate) fn expects_100(version: Version, fields: &Fields) -> bool {
    let expect = fields.get(Known::Expect);
    version != Version::HTTP_10
        && expect.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
}

/// The head of an answer, for the client.
#[derive(Debug, Clone)]
pub(crate) struct AnswerHead {
    pub(crate) status: StatusCode,
    pub(crate) fields: Fields,
}

/// Whether answers of this status never have a body (RFC 9110 section 6.4.1).
pub(crate) fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
