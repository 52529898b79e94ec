//! The head of an answer, from SEND_HEADERS to HTTP.

use ajp13::SendHeaders;
use ajp13::tables::HeaderCode as _;
use http::{Method, StatusCode};

use super::codes;
use crate::backend::error::BadHead;
use crate::backend::head::{Head, MAX_FIELDS, finish};
use crate::head::{Fields, Known, is_name, is_value};

/// Checks and converts a head. Heads that AJP13 allows and HTTP does not are refused: a value with CR LF (Tomcat 10.1.60
/// sends it unchanged), a name that is no token, a status that is not final.
pub(crate) fn convert(sent: &SendHeaders, method: &Method) -> Result<Head, BadHead> {
    let status = match sent.status {
        200..=999 => StatusCode::from_u16(sent.status),
        other => return Err(BadHead::Status(other)),
    }
    .map_err(|_| BadHead::Status(sent.status))?;
    if sent.headers.len() > MAX_FIELDS {
        return Err(BadHead::TooMany);
    }
    let mut fields = Fields::with_capacity(sent.headers.len(), sent.headers.bytes());
    for (code, name, value) in sent.headers.entries() {
        let (known, name) = match code {
            Some(code) => (codes::of_answer(code), code.name().as_bytes()),
            None => (Known::of(name), name),
        };
        // A name that is known is a token.
        if !known.is_one_name() && !is_name(name) {
            return Err(BadHead::Name);
        }
        if !is_value(value) {
            return Err(BadHead::Value);
        }
        fields.push_known(known, name, value);
    }
    finish(status, fields, method)
}

#[cfg(test)]
mod tests {
    use ajp13::headers::{HeaderName as AjpName, Headers};
    use bytes::Bytes;

    use super::*;
    use crate::backend::head::Length;

    fn head(status: u16, fields: &[(&str, &str)], method: &Method) -> Result<Head, BadHead> {
        let mut builder = Headers::builder();
        for (name, value) in fields {
            let name = AjpName::Text(Bytes::copy_from_slice(name.as_bytes()));
            builder
                .push_raw(&name, Some(&Bytes::copy_from_slice(value.as_bytes())))
                .unwrap();
        }
        convert(
            &SendHeaders {
                status,
                message: None,
                headers: builder.build(),
            },
            method,
        )
    }

    fn texts(head: &Head) -> Vec<String> {
        let fields = head.answer.fields.iter();
        let texts = fields.map(|(name, value)| [name, b": ", value].concat());
        texts
            .map(|text| String::from_utf8(text).unwrap().to_lowercase())
            .collect()
    }

    #[test]
    fn a_body_has_one_length_or_none() {
        let get = &Method::GET;
        assert_eq!(
            head(200, &[("Content-Length", "10")], get).unwrap().length,
            Length::Known(10)
        );
        assert_eq!(head(200, &[], get).unwrap().length, Length::Unknown);
        let twice = head(
            200,
            &[("Content-Length", "10"), ("content-length", "10")],
            get,
        )
        .unwrap();
        assert_eq!(
            (twice.length, texts(&twice)),
            (Length::Known(10), vec!["content-length: 10".into()])
        );
        for bad in ["", "x", "+10", "10, 10", "-1", "99999999999999999999"] {
            assert_eq!(
                head(200, &[("Content-Length", bad)], get).unwrap_err(),
                BadHead::Length,
                "{bad}"
            );
        }
        let both = [("Content-Length", "10"), ("Content-Length", "11")];
        assert_eq!(head(200, &both, get).unwrap_err(), BadHead::Length);
    }

    /// P05: what Tomcat sends with statuses that have no body.
    #[test]
    fn statuses_without_body_get_no_length() {
        let fields = [
            ("Content-Type", "text/plain"),
            ("ETag", "\"x\""),
            ("Content-Length", "10"),
        ];
        for (status, method, kept) in [
            (
                204,
                Method::GET,
                &["content-type: text/plain", "etag: \"x\""][..],
            ),
            (304, Method::GET, &["etag: \"x\""]),
            (
                205,
                Method::GET,
                &[
                    "content-type: text/plain",
                    "etag: \"x\"",
                    "content-length: 0",
                ],
            ),
            (
                200,
                Method::HEAD,
                &[
                    "content-type: text/plain",
                    "etag: \"x\"",
                    "content-length: 10",
                ],
            ),
        ] {
            let head = head(status, &fields, &method).unwrap();
            assert_eq!(
                (head.length, texts(&head)),
                (Length::None, kept.iter().map(|&t| t.into()).collect())
            );
        }
    }

    /// P07, P10: what is not a final answer, and what could end a line.
    #[test]
    fn what_http_does_not_allow_is_refused() {
        let get = &Method::GET;
        for status in [0, 100, 101, 199, 1000, 65535] {
            assert_eq!(head(status, &[], get).unwrap_err(), BadHead::Status(status));
        }
        for status in [200, 299, 418, 599, 999] {
            assert_eq!(
                head(status, &[], get).unwrap().answer.status.as_u16(),
                status
            );
        }
        for value in ["a\r\nInjected: yes", "a\nb", "a\0b", "a\x7f"] {
            assert_eq!(head(200, &[("X", value)], get).unwrap_err(), BadHead::Value);
        }
        for name in ["", "X Y", "X:", "X\r\nY", "é"] {
            assert_eq!(
                head(200, &[(name, "v")], get).unwrap_err(),
                BadHead::Name,
                "{name:?}"
            );
        }
    }

    /// P09, P11, C17: repeated fields stay apart, connection fields go, bytes above ASCII stay.
    #[test]
    fn fields_come_through_and_connection_fields_do_not() {
        let fields = [
            ("Set-Cookie", "a=1"),
            ("Connection", "close, X-Hop"),
            ("Transfer-Encoding", "chunked"),
            ("Keep-Alive", "timeout=5"),
            ("X-Hop", "1"),
            ("Set-Cookie", "b=2"),
        ];
        let head = head(200, &fields, &Method::GET).unwrap();
        assert_eq!(texts(&head), ["set-cookie: a=1", "set-cookie: b=2"]);
        let umlaut = self::head(200, &[("X", "caf\u{e9}\tx")], &Method::GET).unwrap();
        assert_eq!(
            umlaut.answer.fields.get("x").unwrap(),
            "caf\u{e9}\tx".as_bytes()
        );
    }

    /// P08: the reason phrase is never the backend's.
    #[test]
    fn the_message_is_not_looked_at() {
        for message in [
            None,
            Some(Bytes::new()),
            Some(Bytes::from_static(b"200\r\nX: y")),
        ] {
            let sent = SendHeaders {
                status: 200,
                message,
                headers: Headers::new(),
            };
            assert_eq!(
                convert(&sent, &Method::GET).unwrap().answer.status,
                StatusCode::OK
            );
        }
    }
}
