//! Requests (RFC 9113 section 8): pseudo-fields, fields, lengths and trailers.

use super::Wanted::{Answer, Stream};
use super::{begun, check, head, last};
use crate::support::h2::{DATA, END_STREAM, PROTOCOL_ERROR, frame, get, request};

const PROTOCOL: &[u32] = &[PROTOCOL_ERROR];

/// A GET without these pseudo-fields, and with these fields behind.
fn changed(without: &[&str], added: &[(&'static str, &'static str)]) -> Vec<u8> {
    let mut fields = get("/");
    fields.retain(|(name, _)| !without.contains(name));
    fields.extend(added);
    head(1, &fields, END_STREAM)
}

/// A POST with this Content-Length.
fn announced(length: &str) -> Vec<u8> {
    head(
        1,
        &[&request("POST", "/")[..], &[("content-length", length)]].concat(),
        0,
    )
}

#[tokio::test]
async fn section_8_1_messages() {
    check(vec![
        ("GET", changed(&[], &[]), Answer(200)),
        (
            "HEAD",
            head(1, &request("HEAD", "/"), END_STREAM),
            Answer(200),
        ),
        ("POST", [begun(1), last(1, b"x")].concat(), Answer(200)),
        (
            "POST with trailers",
            [
                begun(1),
                frame(DATA, 0, 1, b"x"),
                head(1, &[("x", "y")], END_STREAM),
            ]
            .concat(),
            Answer(200),
        ),
        (
            "trailers that do not end the stream",
            [begun(1), frame(DATA, 0, 1, b"x"), head(1, &[("x", "y")], 0)].concat(),
            Stream(PROTOCOL),
        ),
        // A fault, which h2 does not show: no trailer goes anywhere.
        (
            "8.3 a pseudo-field in trailers",
            [
                begun(1),
                frame(DATA, 0, 1, b"x"),
                head(1, &[(":method", "GET")], END_STREAM),
            ]
            .concat(),
            Answer(200),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_8_1_1_the_length_of_a_body() {
    let two = |first: &[u8], second: &[u8]| [frame(DATA, 0, 1, first), last(1, second)].concat();
    check(vec![
        (
            "as announced",
            [announced("4"), last(1, b"test")].concat(),
            Answer(200),
        ),
        (
            "in two frames",
            [announced("4"), two(b"te", b"st")].concat(),
            Answer(200),
        ),
        (
            "longer",
            [announced("1"), last(1, b"test")].concat(),
            Stream(PROTOCOL),
        ),
        (
            "shorter",
            [announced("5"), last(1, b"test")].concat(),
            Stream(PROTOCOL),
        ),
        (
            "longer in two frames",
            [announced("1"), two(b"te", b"st")].concat(),
            Stream(PROTOCOL),
        ),
        (
            "no number",
            [announced("x"), last(1, b"test")].concat(),
            Stream(PROTOCOL),
        ),
        (
            "several numbers",
            [announced("4, 4"), last(1, b"test")].concat(),
            Stream(PROTOCOL),
        ),
        (
            "a sign",
            [announced("+4"), last(1, b"test")].concat(),
            Stream(PROTOCOL),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_8_2_fields() {
    check(vec![
        (
            "8.2.1 upper case in a name",
            changed(&[], &[("X-TEST", "ok")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.1 a space in a name",
            changed(&[], &[("x test", "ok")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.1 an empty name",
            changed(&[], &[("", "ok")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.1 a line end in a value",
            changed(&[], &[("x", "a\r\nb: c")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.1 NUL in a value",
            changed(&[], &[("x", "a\0b")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.1 a space before a value",
            changed(&[], &[("x", " a")]),
            Answer(400),
        ),
        (
            "8.2.1 a tab behind a value",
            changed(&[], &[("x", "a\t")]),
            Answer(400),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_8_2_2_fields_of_a_connection() {
    check(vec![
        (
            "8.2.2 Connection",
            changed(&[], &[("connection", "keep-alive")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.2 Keep-Alive",
            changed(&[], &[("keep-alive", "5")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.2 Proxy-Connection",
            changed(&[], &[("proxy-connection", "x")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.2 Transfer-Encoding",
            changed(&[], &[("transfer-encoding", "chunked")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.2 Upgrade",
            changed(&[], &[("upgrade", "h2c")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.2 TE other than trailers",
            changed(&[], &[("te", "trailers, deflate")]),
            Stream(PROTOCOL),
        ),
        (
            "8.2.2 TE: trailers",
            changed(&[], &[("te", "trailers")]),
            Answer(200),
        ),
        (
            "8.2.3 several cookies",
            changed(&[], &[("cookie", "a"), ("cookie", "b")]),
            Answer(200),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_8_3_pseudo_fields() {
    check(vec![
        (
            "an unknown one",
            changed(&[], &[(":test", "ok")]),
            Stream(PROTOCOL),
        ),
        (
            "one of answers",
            changed(&[], &[(":status", "200")]),
            Stream(PROTOCOL),
        ),
        (
            "one behind a field",
            head(1, &[&[("x", "y")][..], &get("/")].concat(), END_STREAM),
            Stream(PROTOCOL),
        ),
        (
            "an empty :path",
            head(1, &request("GET", ""), END_STREAM),
            Stream(PROTOCOL),
        ),
        ("no :method", changed(&[":method"], &[]), Stream(PROTOCOL)),
        ("no :scheme", changed(&[":scheme"], &[]), Stream(PROTOCOL)),
        ("no :path", changed(&[":path"], &[]), Stream(PROTOCOL)),
        (
            "two :method",
            changed(&[], &[(":method", "GET")]),
            Stream(PROTOCOL),
        ),
        (
            "two :scheme",
            changed(&[], &[(":scheme", "http")]),
            Stream(PROTOCOL),
        ),
        (
            "two :path",
            changed(&[], &[(":path", "/")]),
            Stream(PROTOCOL),
        ),
        (
            "two :authority",
            changed(&[], &[(":authority", "localhost")]),
            Stream(PROTOCOL),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_8_3_1_what_a_request_is_for() {
    check(vec![
        (
            "neither :authority nor Host",
            changed(&[":authority"], &[]),
            Answer(400),
        ),
        (
            "Host in place of :authority",
            changed(&[":authority"], &[("host", "localhost")]),
            Answer(200),
        ),
        (
            "Host that is :authority",
            changed(&[], &[("host", "localhost")]),
            Answer(200),
        ),
        (
            "Host that is not",
            changed(&[], &[("host", "other")]),
            Answer(400),
        ),
        (
            "two Hosts",
            changed(
                &[":authority"],
                &[("host", "localhost"), ("host", "localhost")],
            ),
            Answer(400),
        ),
        (
            "user information",
            changed(&[":authority"], &[(":authority", "a@localhost")]),
            Answer(400),
        ),
    ])
    .await;
}

#[tokio::test]
async fn section_8_3_1_paths_schemes_and_8_5_connect() {
    check(vec![
        (
            "a :path without a slash",
            head(1, &request("GET", "a"), END_STREAM),
            Stream(PROTOCOL),
        ),
        (
            "a space in :path",
            head(1, &request("GET", "/a b"), END_STREAM),
            Stream(PROTOCOL),
        ),
        (
            "a quotation mark in :path",
            head(1, &request("GET", "/\"a"), END_STREAM),
            Answer(400),
        ),
        (
            "another scheme",
            changed(&[":scheme"], &[(":scheme", "ftp")]),
            Answer(400),
        ),
        (
            "8.5 CONNECT",
            head(
                1,
                &[(":method", "CONNECT"), (":authority", "a:443")],
                END_STREAM,
            ),
            Answer(405),
        ),
        (
            "8.5 CONNECT with :path",
            changed(&[":method"], &[(":method", "CONNECT")]),
            Stream(PROTOCOL),
        ),
    ])
    .await;
}
