//! Fixed answers (`respond`).

use ajpgate_config::Respond;
use bytes::Bytes;
use http::StatusCode;

use super::media_type;

/// A fixed answer, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct FixedAnswer {
    configured: Respond,
    pub(crate) status: StatusCode,
    /// The type of the body, whether there is one or not.
    pub(crate) content_type: String,
    /// `None` where the answer has no body.
    pub(crate) body: Option<Bytes>,
}

impl FixedAnswer {
    pub(crate) fn new(configured: &Respond) -> Self {
        let body = configured.body.as_deref();
        let by_name = || {
            let file = configured.file.as_deref();
            media_type::of_body(file, "text/plain", body.unwrap_or_default())
        };
        Self {
            status: StatusCode::from_u16(configured.status).unwrap_or(StatusCode::OK),
            content_type: configured.content_type.clone().unwrap_or_else(by_name),
            body: body.map(Bytes::copy_from_slice),
            configured: configured.clone(),
        }
    }

    /// Whether the file holds what it held when it was read. True without a file.
    pub(crate) fn is_current(&self) -> bool {
        self.configured.is_current()
    }
}
