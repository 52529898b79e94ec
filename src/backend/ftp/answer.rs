//! An answer before it is sent: status, fields, and what there is for a body.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::download::Transfer;
use super::entry::Format;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: AnswerBody,
}

#[derive(Debug)]
pub(super) enum AnswerBody {
    Text(Bytes),
    /// Bytes of a file, as they come.
    File(Transfer),
    /// Lines of a directory, which become a page when they are all there.
    Listing(Transfer, Format),
}

impl Answer {
    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: AnswerBody::Text(Bytes::new()),
        }
    }

    /// A status and its words.
    pub(super) fn status(status: StatusCode) -> Self {
        let words = status.canonical_reason().unwrap_or("error").to_lowercase();
        let mut answer = Self::empty(status).with(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        answer.body = AnswerBody::Text(Bytes::from(format!("{words}\n")));
        answer
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}
