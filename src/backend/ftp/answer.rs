//! An answer before it is sent: status, fields and body.

use ajpgate_ftp::listing::Format;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::fault::FtpError;
use super::transfer::Transfer;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: AnswerBody,
    /// Bytes of the request's body that the server was sent.
    pub(super) uploaded: u64,
}

/// Where the body comes from.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// The gateway has it.
    Text(Bytes),
    /// The server sends a file.
    File(Transfer),
    /// The server sends a listing, which becomes a page when it is complete.
    Listing(Transfer, Format),
}

impl Default for AnswerBody {
    /// No body.
    fn default() -> Self {
        Self::Text(Bytes::new())
    }
}

impl Answer {
    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: AnswerBody::default(),
            uploaded: 0,
        }
    }

    /// An answer whose body is the text of its status.
    pub(super) fn status(status: StatusCode) -> Self {
        let text = status.canonical_reason().unwrap_or("error").to_lowercase();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        let mut answer = Self::empty(status).with(CONTENT_TYPE, plain);
        answer.body = AnswerBody::Text(Bytes::from(format!("{text}\n")));
        answer
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The body, where the gateway has it; the answer has none any more.
    pub(super) fn take_text(&mut self) -> Bytes {
        match std::mem::take(&mut self.body) {
            AnswerBody::Text(text) => text,
            AnswerBody::File(_) | AnswerBody::Listing(..) => Bytes::new(),
        }
    }
}

/// A field's value from text that may not be one.
pub(super) fn value(text: &str) -> Result<HeaderValue, FtpError> {
    HeaderValue::from_str(text).map_err(|_| FtpError::Refused(StatusCode::BAD_REQUEST))
}
