//! Paths and their normal form.

use super::*;

fn normal(raw: &str) -> Result<String, BadPath> {
    let normal = normalize(raw)?;
    Ok(String::from_utf8(normal.as_bytes().to_vec()).unwrap())
}

#[test]
fn paths_as_tomcat_sees_them() {
    let cases = [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a/b.jsp", "/a/b.jsp"),
        ("/.well-known/x", "/.well-known/x"),
        ("/a/...", "/a/..."),
        ("/a/..b/.c", "/a/..b/.c"),
        // Parameters go, up to the next slash.
        ("/a;x=1/b", "/a/b"),
        ("/a;x=1;y=2/b;z", "/a/b"),
        ("/a;jsessionid=S.n1", "/a"),
        ("/;x", "/"),
        ("/;x/a", "/a"),
        ("/a/;x", "/a/"),
        ("/a/;x/b", "/a/b"),
        // Decoded once.
        ("/%61", "/a"),
        ("/a%20b", "/a b"),
        ("/%C3%A9", "/é"),
        ("/a%3Bx", "/a;x"),
        ("/a%3bx/b;y", "/a;x/b"),
        ("/a%252e", "/a%2e"),
        ("/%252e%252e/a", "/%2e%2e/a"),
        ("/a%3Fb%23c", "/a?b#c"),
        ("/a+b", "/a+b"),
        // Slashes.
        ("//a", "/a"),
        ("/a//b", "/a/b"),
        ("/a///", "/a/"),
        ("///", "/"),
        // Dot segments, whatever they look like.
        ("/.", "/"),
        ("/a/.", "/a/"),
        ("/a/./b", "/a/b"),
        ("/a/..", "/"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/../", "/a/"),
        ("/a/b/../../c", "/c"),
        ("/a//../b", "/b"),
        ("/a/..;x=1/b", "/b"),
        ("/a/..;/b", "/b"),
        ("/a/.;x/b", "/a/b"),
        ("/a/%2e%2e/b", "/b"),
        ("/a/%2E./b", "/b"),
        ("/a/.%2e;x/b", "/b"),
        ("/a/%2e/b", "/a/b"),
        ("/a;x/../b", "/b"),
        // As a real Tomcat reads them (recordings 099, 106 and 117 of `testdata/captures/tomcat_raw`).
        ("/app;x=1/s/info", "/app/s/info"),
        ("//app///s//info", "/app/s/info"),
        ("/app/s/%2e%2e/s/info", "/app/s/info"),
    ];
    for (raw, expected) in cases {
        assert_eq!(normal(raw).as_deref(), Ok(expected), "{raw}");
    }
}

#[test]
fn paths_that_are_refused() {
    let cases = [
        ("", BadPath::NotAbsolute),
        ("*", BadPath::NotAbsolute),
        ("a/b", BadPath::NotAbsolute),
        ("http://host/a", BadPath::NotAbsolute),
        (";/a", BadPath::NotAbsolute),
        ("/a\\b", BadPath::Backslash),
        ("/a%00", BadPath::Nul),
        ("/a;x=%00", BadPath::Nul),
        ("/a\0", BadPath::Control),
        ("/a%0d", BadPath::LineEnd),
        ("/a%0Ab", BadPath::LineEnd),
        ("/a;x=%0a", BadPath::LineEnd),
        ("/..%2Fa", BadPath::HiddenDots),
        ("/a/..%2fb", BadPath::HiddenDots),
        ("/a%2F..", BadPath::HiddenDots),
        ("/a%2F.%2Fb", BadPath::HiddenDots),
        ("/a%2F%2e%2E%2Fb", BadPath::HiddenDots),
        ("/a%5C..%5Cb", BadPath::HiddenDots),
        ("/..%5c", BadPath::HiddenDots),
        ("/a%2F..;x", BadPath::HiddenDots),
        ("/a;x=%2F../b", BadPath::HiddenDots),
        ("/a\r\n", BadPath::Control),
        ("/a\t", BadPath::Control),
        ("/a\u{7f}", BadPath::Control),
        ("/a b", BadPath::BadByte),
        ("/é", BadPath::BadByte),
        ("/a?b", BadPath::BadByte),
        ("/a#b", BadPath::BadByte),
        ("/a%", BadPath::BadEscape),
        ("/a%2", BadPath::BadEscape),
        ("/a%zz", BadPath::BadEscape),
        ("/a%2g", BadPath::BadEscape),
        ("/a%+1", BadPath::BadEscape),
        ("/a%%32", BadPath::BadEscape),
        ("/a;x=%", BadPath::BadEscape),
        ("/..", BadPath::AboveRoot),
        ("/../a", BadPath::AboveRoot),
        ("/a/../..", BadPath::AboveRoot),
        ("/./..", BadPath::AboveRoot),
        ("//..", BadPath::AboveRoot),
        ("/..;x/a", BadPath::AboveRoot),
        ("/%2e%2e", BadPath::AboveRoot),
    ];
    for (raw, expected) in cases {
        assert_eq!(normal(raw), Err(expected), "{raw:?}");
        assert!(expected.to_string().starts_with("the path "));
    }
}

#[test]
fn escapes_need_not_be_utf8() {
    for (raw, expected) in [
        ("/caf%E9", &b"/caf\xe9"[..]),
        ("/%C3/%A9", b"/\xc3/\xa9"),
        ("/%C0%AF", b"/\xc0\xaf"),
        ("/%ff/../a", b"/a"),
        ("/a;x=%ff", b"/a"),
        // Control characters go on, but for NUL and line ends.
        ("/a%09%1f%7F", b"/a\x09\x1f\x7f"),
    ] {
        let normal = normalize(raw).unwrap();
        assert_eq!(normal.as_bytes(), expected, "{raw}");
        assert_eq!(normalize(&normal.escaped()).unwrap().as_bytes(), expected);
    }
}

#[test]
fn an_encoded_slash_is_part_of_a_segment() {
    for (raw, escaped, slash, backslash) in [
        ("/a%2fb", "/a%2Fb", true, false),
        ("/a%5cb", "/a%5Cb", false, true),
        ("/%2F%2F/%5C", "/%2F%2F/%5C", true, true),
        (
            "/http:%2F%2Fhost%2Fa.b/c",
            "/http:%2F%2Fhost%2Fa.b/c",
            true,
            false,
        ),
        ("/a%2Fb/../c", "/c", true, false),
        ("/a;x=%2F/b", "/a/b", true, false),
        ("/a%252Fb", "/a%252Fb", false, false),
    ] {
        let normal = normalize(raw).unwrap();
        let seen = (normal.has_encoded_slash(), normal.has_encoded_backslash());
        assert_eq!(
            (&*normal.escaped(), seen),
            (escaped, (slash, backslash)),
            "{raw}"
        );
    }
}

#[test]
fn a_path_is_shown_as_text_where_it_is_text() {
    for (raw, shown) in [
        ("/a%20b/%C3%A9", "/a b/é"),
        ("/caf%e9", "/caf%E9"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%5cb", "/a%5Cb"),
        ("/a%09b", "/a%09b"),
    ] {
        assert_eq!(normalize(raw).unwrap().to_string(), shown);
    }
}

#[test]
fn normal_paths_are_borrowed() {
    for raw in ["/", "/shop", "/shop/", "/shop/a.jsp", "/a..b/x..."] {
        let normal = normalize(raw).unwrap();
        assert!(std::ptr::eq(normal.as_bytes(), raw.as_bytes()), "{raw}");
    }
}

#[test]
fn what_stands_behind_a_mapping_is_decoded() {
    for (front, raw, expected) in [
        ("/static", "/static", &b""[..]),
        ("/static", "/static/", b"/"),
        ("/static", "/static/a%20b;p/c", b"/a b/c"),
        ("/static", "/x/../static/a", b"/a"),
        ("/static", "/static/a%2fb", b"/a\0b"),
        ("/static", "/static/a%5Cb", b"/a\\b"),
        ("/", "/a/b", b"/a/b"),
        ("/", "/", b"/"),
        ("/my app", "/my%20app/x", b"/x"),
    ] {
        let normal = normalize(raw).unwrap();
        assert_eq!(normal.behind(&Front::new(front)), expected, "{raw}");
    }
}

#[test]
fn an_ending_is_cut_off_in_every_reading_that_has_it() {
    for (raw, expected) in [
        ("/a.css.gz", &["/a.css"][..]),
        ("/a.gz/b", &["/a.gz/b"]),
        ("/x%5Ca.gz", &["/x\\a", "/x/a", "/x%5Ca"]),
    ] {
        let cut = normalize(raw).unwrap().without_ending(b".gz");
        let readings = cut.readings();
        let mut readings: Vec<&str> = readings.map(|it| str::from_utf8(it).unwrap()).collect();
        readings.dedup();
        assert_eq!(readings, expected, "{raw}");
    }
}

#[test]
fn a_name_behind_a_path_is_its_last_segment_in_every_reading() {
    for (raw, expected) in [
        ("/", &["/index.html"][..]),
        ("/a/", &["/a/index.html"]),
        (
            "/a%5Cb/",
            &["/a\\b/index.html", "/a/b/index.html", "/a%5Cb/index.html"],
        ),
    ] {
        let named = normalize(raw).unwrap().with_name("index.html");
        let mut readings: Vec<&str> = named
            .readings()
            .map(|reading| std::str::from_utf8(reading).unwrap())
            .collect();
        readings.dedup();
        assert_eq!(readings, expected, "{raw}");
    }
}
