//! Attributes of spans, with the names of OpenTelemetry's conventions for HTTP, version 1.40.
//!
//! <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>

use http::{Method, Version};
use opentelemetry::{KeyValue, Value};

/// Longest text of an attribute, in bytes; what is longer is cut off.
const LONGEST: usize = 512;

/// Attributes of one span.
#[derive(Debug, Default)]
pub(super) struct Attributes(pub(super) Vec<KeyValue>);

impl Attributes {
    pub(super) fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push(KeyValue::new(name, value));
    }

    /// A text, unless it is empty.
    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.put(name, cut(text).to_owned());
        }
    }

    pub(super) fn optional(&mut self, name: &'static str, text: Option<&str>) {
        self.text(name, text.unwrap_or_default());
    }

    /// The method. One that is not known must not make the names of spans many.
    pub(super) fn method(&mut self, method: &Method) {
        let known = known_method(method);
        self.put("http.request.method", known);
        if known == OTHER {
            self.text("http.request.method_original", method.as_str());
        }
    }
}

/// The method of a request that is none of the usual ones.
const OTHER: &str = "_OTHER";

/// A method as an attribute names it: those of RFC 9110 and PATCH, else [`OTHER`].
fn known_method(method: &Method) -> &'static str {
    let known = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let mut known = known.into_iter();
    known.find(|it| *it == method.as_str()).unwrap_or(OTHER)
}

/// The first word of a span's name.
pub(super) fn name_of(method: &Method) -> &'static str {
    match known_method(method) {
        OTHER => "HTTP",
        known => known,
    }
}

/// A version of HTTP as `network.protocol.version` has it.
pub(super) const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// The beginning of a text, at most [`LONGEST`] bytes.
pub(super) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST))
        .unwrap_or_default()
}

/// A path without the parameters of its segments: a session id in `;jsessionid=` is a secret, and collectors are read by many.
pub(super) fn without_parameters(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let (name, _) = segment.split_once(';').unwrap_or((segment, ""));
        name
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_no_session_id() {
        for (path, shown) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a;jsessionid=1.n1/b;x=1;y", "/a/b"),
            ("/;a", "/"),
            ("*", "*"),
        ] {
            assert_eq!(without_parameters(path), shown);
        }
    }

    #[test]
    fn texts_and_methods_are_bounded() {
        assert_eq!(cut(&"\u{e9}".repeat(1000)).len(), LONGEST);
        assert_eq!(cut("abc"), "abc");
        let method = Method::from_bytes(b"PROPFIND").unwrap();
        let mut attributes = Attributes::default();
        attributes.method(&method);
        attributes.method(&Method::GET);
        attributes.text("empty", "");
        let shown = attributes.0.iter();
        let shown: Vec<_> = shown.map(|it| format!("{}={}", it.key, it.value)).collect();
        assert_eq!(
            shown,
            [
                "http.request.method=_OTHER",
                "http.request.method_original=PROPFIND",
                "http.request.method=GET"
            ]
        );
        assert_eq!((name_of(&method), name_of(&Method::GET)), ("HTTP", "GET"));
    }
}
