//! The head of a request as an HTTP member gets it.

use ajp13::exchange::RequestBody;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};

use super::super::error::{FailureKind, Unsendable};
use super::super::forward::Forward;
use super::upload_body::UploadBody;
use crate::head::expects_100;

/// Whether the body is to wait for the member's 100, because the client waits for one (RFC 9110 section 10.1.1).
pub(super) fn awaits_100(request: &Forward<'_>, length: RequestBody) -> bool {
    length != RequestBody::Empty && expects_100(request.version, request.fields.sent)
}

/// Builds the request; `authority` is the member's, for a client that named no host.
pub(super) fn build(
    request: &Forward<'_>,
    authority: &str,
    length: RequestBody,
    body: UploadBody,
) -> Result<Request<UploadBody>, FailureKind> {
    let target = match request.query {
        Some(query) => Bytes::from([request.path, "?", query].concat()),
        None => Bytes::copy_from_slice(request.path.as_bytes()),
    };
    // What the front took for a target is one here too, unless a mapping made it too long.
    let target =
        PathAndQuery::from_maybe_shared(target).map_err(|_| Unsendable::ControlCharacter)?;
    let mut headers = request.fields.to_map(authority, request.version);
    if awaits_100(request, length) {
        headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
    }
    match length {
        RequestBody::Empty if may_have_body(request.method) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        // hyper would take a GET without a length for one without a body, and send it without.
        RequestBody::Unknown => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        RequestBody::Empty | RequestBody::Known(_) => {}
    }
    if let Some(protocol) = request.upgrade {
        let protocol = HeaderValue::from_str(protocol);
        headers.insert(UPGRADE, protocol.map_err(|_| Unsendable::ControlCharacter)?);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    let mut built = Request::new(body);
    *built.method_mut() = request.method.clone();
    *built.uri_mut() = Uri::from(target);
    *built.headers_mut() = headers;
    Ok(built)
}

/// Methods whose requests say that they have no body (RFC 9110 section 8.6).
fn may_have_body(method: &Method) -> bool {
    !matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::DELETE
    )
}
