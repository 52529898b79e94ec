//! Whether an answer is compressed, and what its fields say then.

use ajpgate_config::Compress;
use http::{Method, StatusCode};

use super::super::coding::{Coding, Likes};
use super::encoder::Encoder;
use crate::head::{AnswerHead, Fields, Known, RequestHead, elements, has_no_body};

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// It stays as it is, and would for every client: nothing is added to its fields.
    Leave,
    /// It stays as it is, for this client or for now. Caches are told that this differs.
    NotAsked,
    /// 304: the client has the compressed answer, whose tag is weak.
    Unchanged,
    /// HEAD was asked: the fields are those of the compressed answer, as far as they are known.
    HeadOnly,
    /// It is compressed.
    Compress(Coding),
}

impl Choice {
    /// `length`: bytes of the body, where they are known.
    pub(crate) fn of(
        rule: &Compress,
        request: &RequestHead,
        answer: &AnswerHead,
        length: Option<u64>,
    ) -> Self {
        let fields = &answer.fields;
        match answer.status {
            StatusCode::NOT_MODIFIED => return Self::of_unchanged(rule, request, fields),
            StatusCode::PARTIAL_CONTENT if is_named(rule, fields) => return Self::NotAsked,
            _ => {}
        }
        let head_only = request.method == Method::HEAD;
        let length = match head_only {
            // A body of the gateway's own is there, though nobody gets it.
            true => announced(fields).or(length.filter(|length| *length > 0)),
            false => length,
        };
        let compressible = may_have_coding(answer.status)
            && length.is_none_or(|length| length > 0 && length >= rule.min)
            && is_named(rule, fields)
            && is_whole_and_plain(fields)
            && !forbids(&request.fields)
            && !forbids(fields);
        if !compressible {
            return Self::Leave;
        }
        let likes = Likes::of(&request.fields);
        match likes.best(Coding::CHEAPEST_FIRST.into_iter()) {
            None => Self::NotAsked,
            Some(_) if head_only => Self::HeadOnly,
            Some(coding) => Self::Compress(coding),
        }
    }

    /// What a 304 says is what the 200 would have said (RFC 9110 section 15.4.5). Most have no media type, so that it is not
    /// known whether a rule names it.
    fn of_unchanged(rule: &Compress, request: &RequestHead, fields: &Fields) -> Self {
        let has_type = fields.get(Known::ContentType).is_some();
        if has_type && !is_named(rule, fields) || forbids(fields) || forbids(&request.fields) {
            return Self::Leave;
        }
        let Some(tag) = fields.get("etag").filter(|tag| !tag.starts_with(b"W/")) else {
            return Self::NotAsked;
        };
        let weak = [b"W/", tag].concat();
        let has =
            |wanted: &[u8]| elements(request.fields.all("if-none-match")).any(|it| it == wanted);
        match has(&weak) && !has(tag) {
            true => Self::Unchanged,
            false => Self::NotAsked,
        }
    }

    /// An encoder, where one is needed. While too many are at work the answer stays as it is.
    pub(crate) fn with_encoder(self) -> (Self, Option<Encoder>) {
        let Self::Compress(coding) = self else {
            return (self, None);
        };
        match Encoder::new(coding) {
            Some(encoder) => (self, Some(encoder)),
            None => (Self::NotAsked, None),
        }
    }

    /// Makes the fields of the answer say what becomes of it.
    pub(crate) fn apply(self, fields: &mut Fields) {
        if self == Self::Leave {
            return;
        }
        vary(fields);
        if self == Self::NotAsked {
            return;
        }
        // The bytes are others, which only a weak tag allows (RFC 9110 section 8.8.1).
        fields.map_named("etag", weakened);
        if self == Self::Unchanged {
            return;
        }
        for name in [
            "accept-ranges",
            "content-digest",
            "content-md5",
            "digest",
            "repr-digest",
        ] {
            fields.remove(name);
        }
        fields.remove(Known::ContentLength);
        if let Self::Compress(coding) = self {
            fields.set("Content-Encoding", coding.name().as_bytes());
        }
    }
}

/// Whether answers of this status are compressed.
fn may_have_coding(status: StatusCode) -> bool {
    !has_no_body(status)
        && status != StatusCode::PARTIAL_CONTENT
        && status != StatusCode::RESET_CONTENT
}

/// The length that an answer to HEAD announces.
fn announced(fields: &Fields) -> Option<u64> {
    str::from_utf8(fields.get(Known::ContentLength)?)
        .ok()?
        .parse()
        .ok()
}

/// Whether the rule names the media type.
fn is_named(rule: &Compress, fields: &Fields) -> bool {
    let media_type = fields.get(Known::ContentType).unwrap_or_default();
    let media_type = media_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    let Ok(media_type) = str::from_utf8(media_type.trim_ascii()) else {
        return false;
    };
    rule.types.iter().any(|range| range.covers(media_type))
}

/// Whether it is all of a representation, without a coding.
fn is_whole_and_plain(fields: &Fields) -> bool {
    let mut codings = elements(fields.all("content-encoding"));
    let plain = codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"));
    plain && fields.get("content-range").is_none()
}

/// Whether `Cache-Control` forbids to change a body (RFC 9111 sections 5.2.1.6 and 5.2.2.6).
fn forbids(fields: &Fields) -> bool {
    let mut directives = elements(fields.all("cache-control"));
    directives.any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

/// Tells caches that the answer depends on `Accept-Encoding`.
fn vary(fields: &mut Fields) {
    let is_said = |name: &[u8]| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding");
    if elements(fields.all("vary")).any(is_said) {
        return;
    }
    let named = fields.all("vary").chain([&b"Accept-Encoding"[..]]);
    let value = named.collect::<Vec<_>>().join(&b", "[..]);
    fields.set("Vary", &value);
}

/// An entity tag as a weak one (RFC 9110 section 8.8.3); `None` where it is one already.
fn weakened(tag: &[u8]) -> Option<Vec<u8>> {
    (!tag.starts_with(b"W/")).then(|| [b"W/", tag].concat())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn rule() -> Compress {
        let yaml = "listeners: [{ bind: \"127.0.0.1:0\" }]\nproxy_pass:\n  - path: /\n    to: \"ajp://a:1/\"\n    \
                    compress: { types: [text/*, application/json], min: 100 }\n";
        let loaded = ajpgate_config::parse(yaml, std::path::Path::new("x"), &|_| None).unwrap();
        loaded.config.mappings[0].compress.clone().unwrap()
    }

    fn fields(list: &[(&str, &str)]) -> Fields {
        list.iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect()
    }

    /// `name: value|name: value`
    fn parsed(text: &str) -> Fields {
        let list: Vec<_> = text
            .split('|')
            .filter_map(|field| field.split_once(": "))
            .collect();
        fields(&list)
    }

    fn check(method: &Method, rows: &[(&str, u16, &str, Option<u64>, Choice)]) {
        for (sent, status, answered, length, expected) in rows {
            let request = Request::builder().method(method).body(()).unwrap();
            let mut request: RequestHead = request.into_parts().0.into();
            request.fields = parsed(sent);
            let answer = AnswerHead {
                status: StatusCode::from_u16(*status).unwrap(),
                fields: parsed(answered),
            };
            let found = Choice::of(&rule(), &request, &answer, *length);
            assert_eq!(
                found, *expected,
                "{method} {sent} {status} {answered} {length:?}"
            );
        }
    }

    const ZIP: &str = "accept-encoding: gzip";
    const TEXT: &str = "content-type: text/html; charset=utf-8";

    #[test]
    fn what_is_compressed() {
        const ZIPPED: Choice = Choice::Compress(Coding::Gzip);
        let rows = [
            (ZIP, 200, TEXT, Some(100), ZIPPED),
            (ZIP, 200, TEXT, None, ZIPPED),
            (ZIP, 404, TEXT, None, ZIPPED),
            (ZIP, 200, "content-type: application/json", None, ZIPPED),
            (
                ZIP,
                200,
                "content-type: text/a|content-encoding: identity",
                None,
                ZIPPED,
            ),
            ("", 200, TEXT, None, Choice::NotAsked),
            (
                "accept-encoding: deflate",
                200,
                TEXT,
                None,
                Choice::NotAsked,
            ),
        ];
        check(&Method::GET, &rows);
        check(&Method::POST, &rows);
    }

    #[test]
    fn what_is_left_alone() {
        let left = |sent, status, answered, length| (sent, status, answered, length, Choice::Leave);
        check(
            &Method::GET,
            &[
                left(ZIP, 200, TEXT, Some(99)),
                left(ZIP, 200, TEXT, Some(0)),
                left(ZIP, 200, "", None),
                left(ZIP, 200, "content-type: image/png", None),
                left(ZIP, 200, "content-type: text/event-stream", None),
                left(ZIP, 200, "content-type: text/a|content-encoding: br", None),
                left(
                    ZIP,
                    200,
                    "content-type: text/a|cache-control: public, No-Transform",
                    None,
                ),
                left(
                    ZIP,
                    200,
                    "content-type: text/a|content-range: bytes 0-1/2",
                    None,
                ),
                left(ZIP, 206, "content-type: image/png", None),
                (ZIP, 206, TEXT, None, Choice::NotAsked),
                left(ZIP, 204, TEXT, None),
                left(ZIP, 304, "content-type: image/png", None),
                left(ZIP, 304, "cache-control: no-transform", None),
                (ZIP, 304, "", None, Choice::NotAsked),
                (
                    "if-none-match: \"a\", W/\"x\"",
                    304,
                    "etag: \"x\"",
                    None,
                    Choice::Unchanged,
                ),
                (
                    "if-none-match: \"x\", W/\"x\"",
                    304,
                    "etag: \"x\"",
                    None,
                    Choice::NotAsked,
                ),
                left(
                    "accept-encoding: gzip|cache-control: no-transform",
                    200,
                    TEXT,
                    None,
                ),
            ],
        );
    }

    #[test]
    fn an_answer_to_head_is_not_compressed() {
        let of_length = "content-type: text/a|content-length: 500";
        let short = "content-type: text/a|content-length: 5";
        check(
            &Method::HEAD,
            &[
                (ZIP, 200, of_length, Some(0), Choice::HeadOnly),
                (ZIP, 200, short, Some(0), Choice::Leave),
                ("", 200, of_length, Some(0), Choice::NotAsked),
                // A member that does not say how long the body is, and a body of the gateway's own.
                (ZIP, 200, TEXT, Some(0), Choice::HeadOnly),
                (ZIP, 404, TEXT, Some(99), Choice::Leave),
                (ZIP, 404, TEXT, Some(100), Choice::HeadOnly),
            ],
        );
    }

    #[test]
    fn the_fields_say_what_was_done() {
        let of_answer = [
            ("Content-Length", "5"),
            ("ETag", "\"x\""),
            ("Vary", "Cookie"),
            ("Accept-Ranges", "bytes"),
        ];
        for (choice, expected) in [
            (
                Choice::Leave,
                "Content-Length: 5|ETag: \"x\"|Vary: Cookie|Accept-Ranges: bytes",
            ),
            (
                Choice::NotAsked,
                "Content-Length: 5|ETag: \"x\"|Vary: Cookie, Accept-Encoding|Accept-Ranges: bytes",
            ),
            (
                Choice::Unchanged,
                "Content-Length: 5|ETag: W/\"x\"|Vary: Cookie, Accept-Encoding|Accept-Ranges: bytes",
            ),
            (
                Choice::HeadOnly,
                "ETag: W/\"x\"|Vary: Cookie, Accept-Encoding",
            ),
            (
                Choice::Compress(Coding::Br),
                "ETag: W/\"x\"|Vary: Cookie, Accept-Encoding|Content-Encoding: br",
            ),
        ] {
            let mut fields = fields(&of_answer);
            choice.apply(&mut fields);
            let shown = fields.iter().map(|(name, value)| {
                format!(
                    "{}: {}",
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value)
                )
            });
            assert_eq!(shown.collect::<Vec<_>>().join("|"), expected, "{choice:?}");
        }
    }

    #[test]
    fn vary_is_said_once_and_weak_tags_stay() {
        for (vary, expected) in [
            ("*", "*"),
            ("accept-encoding", "accept-encoding"),
            ("Cookie, ACCEPT-ENCODING", "Cookie, ACCEPT-ENCODING"),
        ] {
            let mut fields = fields(&[("Vary", vary), ("ETag", "W/\"x\"")]);
            Choice::Compress(Coding::Gzip).apply(&mut fields);
            assert_eq!(fields.get("vary"), Some(expected.as_bytes()));
            assert_eq!(fields.get("etag"), Some(&b"W/\"x\""[..]));
        }
    }
}
