//! The body of a change.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::refusal::Refusal;

/// The largest body, in bytes. All keys with their longest values take a tenth of it.
const BODY_MAX: usize = 16 * 1024;

/// The longest time until a body has arrived.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the text of a JSON object.
pub(in crate::admin) async fn json_object(
    headers: &HeaderMap,
    body: Incoming,
) -> Result<String, Refusal> {
    check_type(headers.get(CONTENT_TYPE))?;
    object(&read(body).await?)
}

/// Reads a whole body, bounded in size and time.
pub(in crate::admin) async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let collected = Limited::new(body, BODY_MAX).collect();
    match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let reason = format!("the body is larger than {BODY_MAX} bytes");
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason))
        }
        Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body has not arrived in time",
        )),
    }
}

/// Accepts JSON, JSON merge patches (RFC 7396), bodies without a type, and the type that `curl -d` gives to whatever it sends: of
/// a page's form `origin` has asked the token before.
fn check_type(given: Option<&HeaderValue>) -> Result<(), Refusal> {
    let Some(given) = given else {
        return Ok(());
    };
    let name = given.as_bytes().split(|byte| *byte == b';').next();
    let name = name.unwrap_or_default().trim_ascii();
    let known = [
        "application/json",
        "application/merge-patch+json",
        "application/x-www-form-urlencoded",
    ];
    if known
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Content-Type must be application/json",
    ))
}

/// The unchanged text of a JSON object, so that its reader can refuse a key that is given twice.
fn object(body: &[u8]) -> Result<String, Refusal> {
    let bad = |reason: String| Refusal::new(StatusCode::BAD_REQUEST, reason);
    let value: Value =
        serde_json::from_slice(body).map_err(|error| bad(format!("not JSON: {error}")))?;
    if !value.is_object() {
        return Err(bad("a JSON object is expected".to_owned()));
    }
    String::from_utf8(body.to_vec()).map_err(|error| bad(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_objects_are_read() {
        for body in [
            "",
            "lbset: 1",
            "{",
            "[]",
            "1",
            "null",
            "{\"a\": 1} x",
            "{\"a\": 01}",
        ] {
            let refusal = object(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{body}");
        }
        for (given, right) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("application/jsonp", false),
            ("application/x-www-form-urlencoded", true),
        ] {
            let given = HeaderValue::from_static(given);
            assert_eq!(check_type(Some(&given)).is_ok(), right, "{given:?}");
        }
        assert!(check_type(None).is_ok());
    }
}
