//! How the names of answer fields are spelt towards HTTP/1 clients. Some old clients compare names with their case.

use bytes::{Bytes, BytesMut};

/// Names whose usual spelling is not that of [`usual`]'s rule.
fn exception(name: &str) -> Option<&'static str> {
    Some(match name {
        "content-md5" => "Content-MD5",
        "dnt" => "DNT",
        "etag" => "ETag",
        "p3p" => "P3P",
        "sec-websocket-accept" => "Sec-WebSocket-Accept",
        "sec-websocket-extensions" => "Sec-WebSocket-Extensions",
        "sec-websocket-protocol" => "Sec-WebSocket-Protocol",
        "sec-websocket-version" => "Sec-WebSocket-Version",
        "www-authenticate" => "WWW-Authenticate",
        "x-ua-compatible" => "X-UA-Compatible",
        "x-xss-protection" => "X-XSS-Protection",
        _ => return None,
    })
}

/// The usual spelling of a name, byte by byte: each word begins with a capital letter (`Set-Cookie`).
fn usual(name: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut begins = true;
    name.iter().map(move |byte| {
        let spelt = match begins {
            true => byte.to_ascii_uppercase(),
            false => byte.to_ascii_lowercase(),
        };
        begins = *byte == b'-';
        spelt
    })
}

/// Names of one answer that its sender spelt in another way than the usual one. Mostly empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldNames(Vec<Bytes>);

impl FieldNames {
    /// Takes note of a name as its sender spelt it.
    pub(crate) fn note(&mut self, name: &[u8]) {
        if !usual(name).eq(name.iter().copied()) {
            self.0.push(Bytes::copy_from_slice(name));
        }
    }

    /// Whether every name has the usual spelling.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, name: &str) -> Option<&Bytes> {
        self.0
            .iter()
            .find(|noted| noted.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// Writes a name, which is given in small letters, as its sender spelt it; else in the usual way.
pub(crate) fn put_name(noted: Option<&FieldNames>, name: &str, out: &mut BytesMut) {
    if let Some(noted) = noted.and_then(|noted| noted.get(name)) {
        out.extend_from_slice(noted);
    } else if let Some(exception) = exception(name) {
        out.extend_from_slice(exception.as_bytes());
    } else {
        out.extend(usual(name.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_as_noted_and_else_in_the_usual_way() {
        let mut noted = FieldNames::default();
        for name in ["Set-Cookie", "X-Node", "x-lower", "X-Request-ID", "X--Odd-"] {
            noted.note(name.as_bytes());
        }
        assert_eq!(noted.0.len(), 2);
        for (name, spelt) in [
            ("set-cookie", "Set-Cookie"),
            ("x-node", "X-Node"),
            ("x-lower", "x-lower"),
            ("x-request-id", "X-Request-ID"),
            ("x--odd-", "X--Odd-"),
            ("etag", "ETag"),
            ("www-authenticate", "WWW-Authenticate"),
        ] {
            let mut out = BytesMut::new();
            put_name(Some(&noted), name, &mut out);
            assert_eq!(out, spelt.as_bytes());
        }
        let mut out = BytesMut::new();
        put_name(None, "x-lower", &mut out);
        assert_eq!(&out[..], b"X-Lower");
    }
}
