//! Paths as they are sent on.

use super::*;

fn rewritten(front: &str, back: &str, raw: &str) -> String {
    let front = Front::new(front);
    rewrite(&front, back, raw, &normalize(raw).unwrap()).into_owned()
}

#[test]
fn one_slash_at_the_seam() {
    let cases = [
        ("/plain", "", "/plain/x", "/x"),
        ("/plain", "", "/plain", "/"),
        ("/plain", "", "/plain/", "/"),
        ("/files", "/pub", "/files/a", "/pub/a"),
        ("/files", "/pub", "/files", "/pub"),
        ("/files", "/pub", "/files/", "/pub/"),
        ("/", "/app", "/x", "/app/x"),
        ("/", "/app", "/", "/app/"),
        ("/", "", "/", "/"),
        ("/", "", "/x/", "/x/"),
        ("/shop", "/shop", "/shop", "/shop"),
        // Slashes that somebody wrote anyway.
        ("/plain/", "/", "/plain/x", "/x"),
        ("/files/", "/pub/", "/files/a", "/pub/a"),
        ("/plain", "", "/plain//x", "/x"),
        ("/files", "/pub", "/files///x//y", "/pub/x//y"),
        ("/", "/app", "//x", "/app/x"),
    ];
    for (front, back, raw, expected) in cases {
        assert_eq!(
            rewritten(front, back, raw),
            expected,
            "{front} {back} {raw}"
        );
    }
}

#[test]
fn the_clients_bytes_behind_the_prefix_are_kept() {
    let cases = [
        (
            "/plain",
            "",
            "/plain/a%20b;v=1/c%C3%A9;jsessionid=S.n1",
            "/a%20b;v=1/c%C3%A9;jsessionid=S.n1",
        ),
        ("/plain", "", "/plain/%61%7E~", "/%61%7E~"),
        ("/plain", "/app", "/plain/a//b/c", "/app/a//b/c"),
        // A parameter directly behind the prefix survives.
        ("/plain", "", "/plain;jsessionid=S.n1", "/;jsessionid=S.n1"),
        (
            "/plain",
            "/app",
            "/plain;jsessionid=S.n1",
            "/app;jsessionid=S.n1",
        ),
        (
            "/plain",
            "",
            "/plain;jsessionid=S.n1/x",
            "/;jsessionid=S.n1/x",
        ),
        ("/", "/app", "/;jsessionid=S.n1", "/app/;jsessionid=S.n1"),
        // Bytes that are not UTF-8, and encoded slashes.
        ("/plain", "/app", "/plain/caf%e9/%01", "/app/caf%e9/%01"),
        (
            "/plain",
            "/app",
            "/plain/a%2fb%5Cc;v=1/",
            "/app/a%2fb%5Cc;v=1/",
        ),
        // Every byte is kept where the prefix is not replaced.
        (
            "/shop",
            "/shop",
            "/shop;a=1/b;c/%2561//",
            "/shop;a=1/b;c/%2561//",
        ),
        ("/", "", "//a;x//b", "//a;x//b"),
    ];
    for (front, back, raw, expected) in cases {
        assert_eq!(
            rewritten(front, back, raw),
            expected,
            "{front} {back} {raw}"
        );
    }
}

#[test]
fn a_prefix_with_any_escapes_is_replaced() {
    let cases = [
        // The prefix needs escapes.
        (
            "/my app",
            "/my%20app",
            "/my%20app/x;jsessionid=S.n1",
            "/my%20app/x;jsessionid=S.n1",
        ),
        ("/größe", "/app", "/gr%c3%b6%C3%9fe;v=1/x", "/app;v=1/x"),
        (
            "/größe",
            "/gr%c3%b6%c3%9fe",
            "/gr%C3%B6%C3%9Fe",
            "/gr%c3%b6%c3%9fe",
        ),
        ("/100%", "", "/100%25/a", "/a"),
        // The prefix has escapes that it does not need.
        ("/plain", "/app", "/%70lain/x;v=1", "/app/x;v=1"),
        ("/shop", "/shop", "/%73hop/x;v=1", "/shop/x;v=1"),
    ];
    for (front, back, raw, expected) in cases {
        assert_eq!(
            rewritten(front, back, raw),
            expected,
            "{front} {back} {raw}"
        );
    }
}

#[test]
fn where_the_prefix_is_hidden_the_normal_path_is_sent() {
    let cases = [
        ("/plain", "", "//plain/x", "/x"),
        ("/plain", "/app", "/a/../plain/x", "/app/x"),
        ("/a/b", "/app", "/a;x=1/b/c", "/app/c"),
        ("/a/b", "", "/a/./b", "/"),
        ("/plain", "/app", "/plain/../plain/x", "/app/x"),
        ("/plain", "/app", "/plain/a/../../plain/x", "/app/x"),
        ("/plain", "/app", "/plain;x/../plain", "/app"),
        ("/shop", "/shop", "/shop/../shop/x", "/shop/x"),
        // Escaped anew, so that it is read as the same text.
        (
            "/a",
            "/b",
            "//a/%3B%3F%23%25%20%22%C3%A9+~@",
            "/b/%3B%3F%23%25%20%22%C3%A9+~@",
        ),
        ("/a", "/b", "//a/%252e%252e/x", "/b/%252e%252e/x"),
        ("/a", "/b", "//a/caf%e9/x%2fy%5c", "/b/caf%E9/x%2Fy%5C"),
        // Dot segments beside encoded slashes.
        ("/shop", "/app", "/shop/a%2Fb/../x", "/app/x"),
        ("/shop", "/app", "/shop/../shop/a%2Fb", "/app/a%2Fb"),
        // Dot segments, which some servers do not resolve.
        ("/", "", "/private/../x", "/x"),
        ("/shop", "/shop", "/shop/private/../x;v=1", "/shop/x"),
        ("/plain", "/app", "/plain/a//b/./c", "/app/a/b/c"),
        ("/plain", "/app", "/plain/a/..", "/app/"),
        ("/shop", "/shop", "/shop/private/..;/x", "/shop/x"),
        ("/shop", "/shop", "/shop/private/%2e%2e/x;v=1", "/shop/x"),
        ("/shop", "/shop", "/shop/private/.;/../x", "/shop/x"),
        ("/shop", "/shop", "/shop/private//../x", "/shop/x"),
        ("/shop", "/shop", "/shop/private/;/../x", "/shop/x"),
        ("/", "", "/private/..;/x", "/x"),
    ];
    for (front, back, raw, expected) in cases {
        assert_eq!(
            rewritten(front, back, raw),
            expected,
            "{front} {back} {raw}"
        );
    }
}

#[test]
fn unchanged_bytes_are_borrowed() {
    for (front, back, raw) in [
        ("/shop", "/shop", "/shop/a;x"),
        ("/plain", "", "/plain/a;x"),
        ("/", "", "/a"),
    ] {
        let normal = normalize(raw).unwrap();
        let rewritten = rewrite(&Front::new(front), back, raw, &normal);
        assert!(matches!(rewritten, std::borrow::Cow::Borrowed(_)), "{raw}");
    }
}

#[test]
fn a_path_of_another_rule_still_gets_a_path() {
    // The caller's mistake; nothing outside `back` may come of it.
    assert_eq!(rewritten("/shop", "/app", "/other/x"), "/app/other/x");
}
