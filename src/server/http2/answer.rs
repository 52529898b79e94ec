//! The head of an answer as HTTP/2 has it (RFC 9113 section 8.3.2).

use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use crate::head::{AnswerHead, Known, KnownSet, has_no_body};
use crate::headers::HOP_BY_HOP;

/// Fields that the gateway adds: Content-Length and Date.
const ADDED: usize = 2;

/// Fields that concern one connection (RFC 9113 section 8.2.2), or tell where a body ends.
const LEFT_OUT: KnownSet = HOP_BY_HOP.with(Known::ContentLength);

/// The head of an interim answer.
pub(super) fn interim(head: &AnswerHead) -> Response<()> {
    response(head, fields(head))
}

/// The head of a final answer. `length`: bytes of its body, where they are known; `head_only`: the request's method is HEAD.
/// `date` is the value of `Date`, if the answer has none.
pub(super) fn last(
    head: &AnswerHead,
    length: Option<u64>,
    head_only: bool,
    date: &[u8],
) -> Response<()> {
    let mut map = fields(head);
    let length = match (has_no_body(head.status), head_only, length) {
        (true, ..) => None,
        // The length that GET would have had (RFC 9110 section 8.6).
        (false, true, length) => match (head.fields.get(Known::ContentLength), length) {
            (Some(length), _) => HeaderValue::from_bytes(length).ok(),
            (None, length) => length.filter(|length| *length > 0).and_then(number),
        },
        (false, false, length) => length.and_then(number),
    };
    if let Some(length) = length {
        map.append(CONTENT_LENGTH, length);
    }
    if head.fields.get(Known::Date).is_none()
        && let Ok(date) = HeaderValue::from_bytes(date)
    {
        map.append(DATE, date);
    }
    response(head, map)
}

/// A number as a value, in one allocation: the crate `http` takes two.
fn number(number: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(itoa::Buffer::new().format(number)).ok()
}

/// The fields that go on.
fn fields(head: &AnswerHead) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(head.fields.len() + ADDED);
    for (known, name, value) in head.fields.entries() {
        if LEFT_OUT.has(known) {
            continue;
        }
        // What the request path hands on has been checked.
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name),
            HeaderValue::from_bytes(value.trim_ascii()),
        ) {
            map.append(name, value);
        }
    }
    map
}

fn response(head: &AnswerHead, fields: HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.headers_mut() = fields;
    response
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::head::Fields;

    fn shown(
        status: u16,
        fields: &[(&str, &str)],
        length: Option<u64>,
        head_only: bool,
    ) -> Vec<String> {
        let fields: Fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        let response = last(&AnswerHead { status, fields }, length, head_only, b"now");
        assert_eq!(response.status(), status);
        let fields = response.headers().iter();
        let fields = fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        fields.collect()
    }

    #[test]
    fn fields_of_one_connection_are_left_out_and_names_are_small() {
        let fields = [
            ("Set-Cookie", "a"),
            ("Connection", "close"),
            ("Transfer-Encoding", "chunked"),
            ("Keep-Alive", "5"),
            ("Content-Length", "99"),
            ("Set-Cookie", "b"),
        ];
        assert_eq!(
            shown(200, &fields, Some(3), false),
            [
                "set-cookie: a",
                "set-cookie: b",
                "content-length: 3",
                "date: now"
            ]
        );
    }

    #[test]
    fn the_length_is_said_where_it_is_known() {
        for (status, given, length, head_only, expected) in [
            (200, None, None, false, None),
            (200, None, Some(0), false, Some("0")),
            (204, None, Some(0), false, None),
            (304, Some("7"), Some(0), false, None),
            (200, Some("7"), Some(0), true, Some("7")),
            (200, None, Some(0), true, None),
        ] {
            let fields: Vec<_> = given.map(|it| ("content-length", it)).into_iter().collect();
            let shown = shown(status, &fields, length, head_only);
            let expected = expected.map(|length| format!("content-length: {length}"));
            let found = shown
                .into_iter()
                .find(|it| it.starts_with("content-length"));
            assert_eq!(found, expected, "{status} {given:?} {length:?} {head_only}");
        }
    }
}
