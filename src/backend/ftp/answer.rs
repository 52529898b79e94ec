//! An answer before it is sent: status, fields and body.

use ajpgate_ftp::listing::Format;
use bytes::Bytes;
use http::StatusCode;

use super::fault::FtpError;
use super::transfer::Transfer;
use crate::head::{Fields, is_value};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) fields: Fields,
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
            fields: Fields::default(),
            body: AnswerBody::default(),
            uploaded: 0,
        }
    }

    /// An answer whose body is the text of its status. 503 says when to come again: the server is busy, or has no space now.
    pub(super) fn status(status: StatusCode) -> Self {
        let text = status.canonical_reason().unwrap_or("error").to_lowercase();
        let mut answer = Self::empty(status).with("Content-Type", "text/plain; charset=utf-8");
        answer.body = AnswerBody::Text(Bytes::from(format!("{text}\n")));
        match status {
            StatusCode::SERVICE_UNAVAILABLE => answer.with("Retry-After", "1"),
            _ => answer,
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.set(name, value.as_ref());
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
pub(super) fn value(text: &str) -> Result<&str, FtpError> {
    match is_value(text.as_bytes()) {
        true => Ok(text),
        false => Err(FtpError::Refused(StatusCode::BAD_REQUEST)),
    }
}
