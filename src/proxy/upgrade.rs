//! Upgrades: which other protocol a request asks for (RFC 9110 section 7.8).

use http::{Method, Version};

use crate::head::{Known, RequestHead, is_name};
use crate::headers::Nominated;

/// The protocol that a request asks for, when it may be asked for through a gateway.
///
/// A request of HTTP/2 has these fields only where the front has read another request as this one (RFC 8441).
///
/// Not HTTP itself in another version, whatever its draft was called: behind `h2c` a client could send requests that nobody here looks at.
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
    // A name and perhaps a version, each a token.
    let (name, version) = text.split_once('/').unwrap_or((text, "1"));
    let is_http = |name: &str| {
        let begin = name.get(..2).unwrap_or_default();
        begin.eq_ignore_ascii_case("h2")
            || ["http", "tls"]
                .iter()
                .any(|it| name.eq_ignore_ascii_case(it))
    };
    let allowed = is_name(name.as_bytes()) && is_name(version.as_bytes()) && !is_http(name);
    (allowed && protocols.next().is_none()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::RequestHead;

    #[test]
    fn a_protocol_is_a_name_and_perhaps_a_version_and_never_http() {
        for (text, expected) in [
            ("websocket", true),
            ("chat/1.0", true),
            ("IRC/6.9", true),
            ("h2c", false),
            ("H2C", false),
            ("h2c-14", false),
            ("h2", false),
            ("h2c;q=1", false),
            ("\"h2c\"", false),
            ("(h2c)", false),
            ("h2c/1", false),
            ("chat;x", false),
            ("chat/1/2", false),
            ("chat/", false),
            ("/1", false),
            ("chat, websocket", false),
            ("HTTP/2.0", false),
            ("TLS/1.0", false),
            ("", false),
        ] {
            let request = http::Request::builder()
                .header("connection", "upgrade")
                .header("upgrade", text);
            let head: RequestHead = request.body(()).unwrap().into_parts().0.into();
            let asked = asked(&head, &Nominated::of(&head.fields));
            assert_eq!(asked, Some(text).filter(|_| expected), "{text}");
        }
    }
}
