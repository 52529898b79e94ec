//! How the names of answer fields are spelt towards HTTP/1 clients. Some old clients compare names with their case.

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;

use crate::head::Fields;

/// Names whose usual spelling is not that of [`capitalize`].
const EXCEPTIONS: [&str; 11] = [
    "ETag",
    "WWW-Authenticate",
    "Content-MD5",
    "DNT",
    "P3P",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "X-UA-Compatible",
    "X-XSS-Protection",
];

fn exception(name: &[u8]) -> Option<&'static [u8]> {
    let mut exceptions = EXCEPTIONS.iter().map(|exception| exception.as_bytes());
    exceptions.find(|exception| exception.eq_ignore_ascii_case(name))
}

/// Gives a name in small letters the usual spelling: each word begins with a capital letter (`Set-Cookie`).
fn capitalize(name: &mut [u8]) {
    for word in name.split_mut(|byte| *byte == b'-') {
        if let Some(first) = word.first_mut() {
            first.make_ascii_uppercase();
        }
    }
}

/// Whether a name has the spelling that [`put_name`] gives it without a note.
fn is_usual(name: &[u8]) -> bool {
    if let Some(exception) = exception(name) {
        return exception == name;
    }
    let mut words = name.split(|byte| *byte == b'-');
    words.all(|word| match word.split_first() {
        Some((first, rest)) => {
            !first.is_ascii_lowercase() && !rest.iter().any(u8::is_ascii_uppercase)
        }
        None => true,
    })
}

/// Names of one answer that its sender spelt in another way than the usual one. Mostly empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldNames(Vec<Bytes>);

impl FieldNames {
    /// Takes note of a name as its sender spelt it.
    pub(crate) fn note(&mut self, name: &[u8]) {
        if !is_usual(name) {
            self.0.push(Bytes::copy_from_slice(name));
        }
    }

    /// The fields of an answer with their names spelt as its sender spelt them, which the map has in small letters.
    pub(crate) fn spell(&self, map: &HeaderMap) -> Fields {
        let mut fields = Fields::default();
        let mut spelt = BytesMut::new();
        for (name, value) in map {
            spelt.clear();
            put_name(Some(self), name.as_str(), &mut spelt);
            fields.push(&spelt, value.as_bytes());
        }
        fields
    }

    fn get(&self, name: &str) -> Option<&Bytes> {
        self.0
            .iter()
            .find(|noted| noted.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// A name in its usual spelling, given in small letters: for a field that the gateway adds.
pub(crate) fn usual(name: &str) -> String {
    let mut out = BytesMut::new();
    put_name(None, name, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes a name, which is given in small letters, as its sender spelt it; else in the usual way.
fn put_name(noted: Option<&FieldNames>, name: &str, out: &mut BytesMut) {
    if let Some(noted) = noted.and_then(|noted| noted.get(name)) {
        out.extend_from_slice(noted);
    } else if let Some(exception) = exception(name.as_bytes()) {
        out.extend_from_slice(exception);
    } else {
        let start = out.len();
        out.extend_from_slice(name.as_bytes());
        capitalize(out.get_mut(start..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_as_noted_and_else_in_the_usual_way() {
        let mut noted = FieldNames::default();
        for name in [
            "Set-Cookie",
            "X-Node",
            "x-lower",
            "X-Request-ID",
            "X--Odd-",
            "ETag",
            "Dnt",
        ] {
            noted.note(name.as_bytes());
        }
        // The others are spelt so without a note.
        assert_eq!(noted.0, ["x-lower", "X-Request-ID", "Dnt"]);
        for (name, spelt) in [
            ("set-cookie", "Set-Cookie"),
            ("x-node", "X-Node"),
            ("x-lower", "x-lower"),
            ("x-request-id", "X-Request-ID"),
            ("x--odd-", "X--Odd-"),
            ("etag", "ETag"),
            ("dnt", "Dnt"),
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
