//! Upgrades: which other protocol a request asks for (RFC 9110 section 7.8).

use http::{Method, Version};

use crate::head::{Known, RequestHead};
use crate::headers::Nominated;

/// The protocol that a request asks for, when it may be asked for through a gateway.
///
/// A request of HTTP/2 has these fields only where the front has read another request as this one (RFC 8441).
///
/// Not HTTP itself in another version: behind `h2c` a client could send requests that nobody here looks at.
pub(crate) fn asked<'a>(head: &'a RequestHead, nominated: &Nominated<'_>) -> Option<&'a str> {
    // Most requests name no option in `Connection` that matters here: the first look is enough.
    if !nominated.contains(b"upgrade")
        || head.method != Method::GET
        || head.version < Version::HTTP_11
    {
        return None;
    }
    let has_body = [Known::ContentLength, Known::TransferEncoding]
        .into_iter()
        .any(|name| head.fields.get(name).is_some_and(|value| value != b"0"));
    if has_body {
        return None;
    }
    let mut protocols = head.fields.all(Known::Upgrade);
    let text = std::str::from_utf8(protocols.next()?).ok()?;
    if !text.is_ascii() {
        return None;
    }
    let name = text.split('/').next().unwrap_or_default();
    let allowed = !text.is_empty()
        && !text.contains(',')
        && !["h2c", "h2", "http", "tls"]
            .iter()
            .any(|not| name.eq_ignore_ascii_case(not));
    (allowed && protocols.next().is_none()).then_some(text)
}
