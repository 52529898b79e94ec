//! Upgrades: which other protocol a request asks for (RFC 9110 section 7.8).

use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Version};

use crate::headers::Nominated;

/// The protocol that a request asks for, when it may be asked for through a gateway.
///
/// Not HTTP itself in another version: behind `h2c` a client could send requests that nobody here looks at.
pub(crate) fn asked<'a>(parts: &'a Parts, nominated: &Nominated) -> Option<&'a HeaderValue> {
    let has_body = [CONTENT_LENGTH, TRANSFER_ENCODING]
        .iter()
        .any(|name| parts.headers.get(name).is_some_and(|value| value != "0"));
    if parts.method != Method::GET
        || parts.version != Version::HTTP_11
        || has_body
        || !nominated.contains(&UPGRADE)
    {
        return None;
    }
    let mut protocols = parts.headers.get_all(UPGRADE).iter();
    let protocol = protocols.next()?;
    let text = protocol.to_str().ok()?;
    let name = text.split('/').next().unwrap_or_default();
    let allowed = !text.is_empty()
        && !text.contains(',')
        && !["h2c", "h2", "http", "tls"]
            .iter()
            .any(|not| name.eq_ignore_ascii_case(not));
    (allowed && protocols.next().is_none()).then_some(protocol)
}
