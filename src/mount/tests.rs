//! Tables and properties of paths.

use proptest::prelude::*;

use super::*;

fn normal(raw: &str) -> Result<String, BadPath> {
    normalize(raw).map(|normal| normal.as_str().to_owned())
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
        ("/a%2Fb", BadPath::EncodedSlash),
        ("/a%2fb", BadPath::EncodedSlash),
        ("/a;x=%2f", BadPath::EncodedSlash),
        ("/a%5Cb", BadPath::EncodedBackslash),
        ("/a%5cb", BadPath::EncodedBackslash),
        ("/a\\b", BadPath::Backslash),
        ("/a%00", BadPath::Nul),
        ("/a\0", BadPath::Nul),
        ("/a;x=%00", BadPath::Nul),
        ("/a%0d%0a", BadPath::Control),
        ("/a%09", BadPath::Control),
        ("/a%1f", BadPath::Control),
        ("/a%7F", BadPath::Control),
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
        ("/%ff", BadPath::NotUtf8),
        ("/%C3", BadPath::NotUtf8),
        ("/%C3/%A9", BadPath::NotUtf8),
        ("/%C0%AF", BadPath::NotUtf8),
        ("/%ED%A0%80", BadPath::NotUtf8),
    ];
    for (raw, expected) in cases {
        assert_eq!(normal(raw), Err(expected), "{raw:?}");
        assert!(expected.to_string().starts_with("the path "));
    }
}

#[test]
fn escapes_that_are_gone_are_not_decoded() {
    // What `..` leaves, and what a parameter holds, is nobody's text.
    assert_eq!(normal("/%ff/../a").as_deref(), Ok("/a"));
    assert_eq!(normal("/a;x=%ff").as_deref(), Ok("/a"));
}

#[test]
fn normal_paths_are_borrowed() {
    for raw in [
        "/",
        "/shop",
        "/shop/",
        "/shop/a.jsp",
        "/.well-known/a",
        "/a..b/...",
    ] {
        let normal = normalize(raw).unwrap();
        assert!(std::ptr::eq(normal.as_str(), raw), "{raw}");
    }
}

fn rule(path: &str, hosts: &[&str], exclude: bool) -> Rule {
    Rule {
        path: path.to_owned(),
        hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        exclude,
    }
}

/// Paths for every host; `!` before an exclusion.
fn table(rules: &[&str]) -> Table {
    let rules = rules
        .iter()
        .map(|text| match text.strip_prefix('!') {
            Some(path) => rule(path, &[], true),
            None => rule(text, &[], false),
        })
        .collect();
    Table::new(rules)
}

/// The rule that lets the path through; `None` when there is none or an exclusion wins.
fn find(table: &Table, host: &str, raw: &str) -> Option<usize> {
    let found = table.find(host, &normalize(raw).unwrap())?;
    (!found.exclude).then_some(found.index)
}

#[test]
fn a_path_matches_whole_segments() {
    let shop = table(&["/shop"]);
    for raw in [
        "/shop",
        "/shop/",
        "/shop/x",
        "/shop;x=1",
        "//shop/x",
        "/a/../shop",
        "/%73hop",
    ] {
        assert_eq!(find(&shop, "h", raw), Some(0), "{raw}");
    }
    for raw in [
        "/",
        "/shopx",
        "/sho",
        "/Shop",
        "/x/shop",
        "/shop/..",
        "/shop%3Bx",
    ] {
        assert_eq!(find(&shop, "h", raw), None, "{raw}");
    }
    let root = table(&["/"]);
    for raw in ["/", "/x", "/x/y/", "//"] {
        assert_eq!(find(&root, "h", raw), Some(0), "{raw}");
    }
    // A slash at the end of a rule does not matter.
    assert_eq!(find(&table(&["/shop/"]), "h", "/shop"), Some(0));
}

#[test]
fn the_longest_path_wins_whatever_the_order() {
    for rules in [
        ["/", "/shop", "/shop/a"],
        ["/shop/a", "/shop", "/"],
        ["/shop", "/shop/a", "/"],
    ] {
        let table = table(&rules);
        for (raw, path) in [
            ("/x", "/"),
            ("/shop/b", "/shop"),
            ("/shop/a/b", "/shop/a"),
            ("/shop/ab", "/shop"),
        ] {
            assert_eq!(find(&table, "h", raw).map(|index| rules[index]), Some(path));
        }
    }
    assert_eq!(find(&Table::new(Vec::new()), "h", "/"), None);
}

#[test]
fn an_exclusion_wins_like_any_other_rule() {
    let table = table(&[
        "/shop",
        "!/shop/private",
        "/shop/private/public",
        "!/shop/private/public/not",
    ]);
    let cases = [
        ("/shop/a", Some(0)),
        ("/shop/private", None),
        ("/shop/private/a", None),
        ("/shop/privates", Some(0)),
        ("/shop/private/public/a", Some(2)),
        ("/shop/private/public/not", None),
        // As Tomcat sees it.
        ("/shop//private", None),
        ("/shop/private;x=1/a", None),
        ("/shop/a/..;x/private", None),
        ("/shop/%70rivate", None),
        ("/shop/./private/", None),
        ("/shop/private/../a", Some(0)),
        ("/shop/private/..;/a", Some(0)),
    ];
    for (raw, expected) in cases {
        assert_eq!(find(&table, "h", raw), expected, "{raw}");
    }
}

#[test]
fn hosts_choose_among_rules_of_one_path() {
    let table = Table::new(vec![
        rule("/", &[], false),
        rule("/", &["*.example.com"], false),
        rule("/", &["shop.example.com", "[::1]"], false),
        rule("/", &["SHOP.example.com"], false),
        rule("/only", &["other.example.com"], false),
        rule("/long", &[], false),
        rule("/gone", &["shop.example.com"], true),
        rule("/gone", &[], false),
    ]);
    let cases = [
        ("shop.example.com", "/", Some(2)),
        ("Shop.Example.COM", "/", Some(2)),
        ("shop.example.com:8080", "/", Some(2)),
        ("shop.example.com.", "/", Some(2)),
        ("shop.example.com.:80", "/", Some(2)),
        ("[::1]", "/", Some(2)),
        ("[::1]:80", "/", Some(2)),
        ("::1", "/", Some(2)),
        ("a.example.com", "/", Some(1)),
        ("a.b.example.com:1", "/", Some(1)),
        ("example.com", "/", Some(0)),
        (".example.com", "/", Some(0)),
        ("notexample.com", "/", Some(0)),
        ("[::2]", "/", Some(0)),
        ("10.0.0.1:80", "/", Some(0)),
        ("", "/", Some(0)),
        ("é", "/", Some(0)),
        // A longer path wins, whoever is asked.
        ("shop.example.com", "/long/x", Some(5)),
        // A rule of another host does not count.
        ("shop.example.com", "/only", Some(2)),
        ("other.example.com", "/only", Some(4)),
        // An exclusion for one host.
        ("shop.example.com", "/gone", None),
        ("a.example.com", "/gone", Some(7)),
    ];
    for (host, raw, expected) in cases {
        assert_eq!(find(&table, host, raw), expected, "{host} {raw}");
    }
}

fn rewritten(front: &str, back: &str, raw: &str) -> String {
    rewrite(front, back, raw, &normalize(raw).unwrap()).into_owned()
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
fn the_clients_bytes_are_kept() {
    let cases = [
        (
            "/plain",
            "",
            "/plain/a%20b;v=1/c%C3%A9;jsessionid=S.n1",
            "/a%20b;v=1/c%C3%A9;jsessionid=S.n1",
        ),
        ("/plain", "", "/plain/%61%7E~", "/%61%7E~"),
        ("/plain", "/app", "/plain/a//b/./c", "/app/a//b/./c"),
        ("/plain", "/app", "/plain/a/../b", "/app/a/../b"),
        ("/plain", "/app", "/plain/a/..", "/app/a/.."),
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
        // Nothing is touched where nothing is replaced.
        (
            "/shop",
            "/shop",
            "/shop;a=1/b;c/%2561/./d/..//",
            "/shop;a=1/b;c/%2561/./d/..//",
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
fn where_the_prefix_is_hidden_the_normal_path_is_sent() {
    let cases = [
        ("/plain", "", "//plain/x", "/x"),
        ("/plain", "/app", "/%70lain/x;v=1", "/app/x"),
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
        // Dot segments that some servers do not see.
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
        let rewritten = rewrite(front, back, raw, &normalize(raw).unwrap());
        assert!(matches!(rewritten, std::borrow::Cow::Borrowed(_)), "{raw}");
    }
}

#[test]
fn a_path_of_another_rule_still_gets_a_path() {
    // The caller's mistake; nothing outside `back` may come of it.
    assert_eq!(rewritten("/shop", "/app", "/other/x"), "/app/other/x");
}

/// Paths in which everything that is cut, decoded or resolved is frequent.
fn any_path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec![
        "a",
        "b",
        "shop",
        "private",
        "plain",
        "",
        "",
        ".",
        "..",
        "..",
        "...",
        ";",
        ";p=1",
        "shop;p=1",
        "private;p",
        "a;p;q",
        ".;",
        ".;p",
        "..;",
        "..;p=1",
        "%2e",
        "%2E%2e",
        ".%2e",
        "%2e.;p",
        "%61",
        "%73hop",
        "%70rivate",
        "a%20b",
        "a%3Bb",
        "%3b",
        "%25",
        "%252e%252e",
        "%C3%A9",
        "a%3Fb",
        "~+@:",
        "x.y",
    ]);
    prop::collection::vec(segment, 1..8).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// Tomcat's order of work, done on whole strings instead of segments.
fn tomcat(raw: &str) -> Option<String> {
    let mut cut = String::new();
    let mut in_parameter = false;
    for character in raw.chars() {
        in_parameter = match character {
            ';' => true,
            '/' => false,
            _ => in_parameter,
        };
        if !in_parameter {
            cut.push(character);
        }
    }
    let mut path = percent_decoded(&cut);
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        path.push('/');
    }
    while path.contains("/./") {
        path = path.replace("/./", "/");
    }
    while let Some(at) = path.find("/../") {
        let parent = path.split_at(at).0.rfind('/')?;
        path.replace_range(parent..at + 3, "");
    }
    Some(path)
}

/// A server that knows no parameters: RFC 3986 section 5.2.4, with or without collapsing slashes first.
fn plain_server(raw: &str, collapse: bool) -> String {
    let mut out: Vec<String> = Vec::new();
    for segment in raw.split('/').skip(1).map(percent_decoded) {
        match &*segment {
            "." => {}
            ".." => {
                out.pop();
            }
            "" if collapse => {}
            _ => out.push(segment),
        }
    }
    format!("/{}", out.join("/"))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let (digits, behind) = escape.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        rest = behind;
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes).unwrap()
}

fn is_under(path: &str, prefix: &str) -> bool {
    path == prefix || path.starts_with(&format!("{prefix}/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn normal_form_is_tomcats(raw in any_path()) {
        prop_assert_eq!(normal(&raw).ok(), tomcat(&raw));
    }

    #[test]
    fn normal_form_is_final(raw in any_path()) {
        if let Ok(normal) = normalize(&raw) {
            let encoded = normal.encoded();
            let again = normalize(&encoded).unwrap();
            prop_assert_eq!(again.as_str(), normal.as_str());
            prop_assert_eq!(again.encoded(), encoded.clone());
        }
    }

    #[test]
    fn any_text_is_normalized_or_refused(raw in "(/|[ -~])?\\PC{0,40}") {
        if let Ok(normal) = normalize(&raw) {
            let path = normal.as_str();
            prop_assert!(path.starts_with('/') && !path.contains("//"));
            prop_assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
        }
    }

    #[test]
    fn the_backend_sees_the_same_rest(
        raw in any_path(),
        front in prop::sample::select(vec!["/", "/shop", "/a/b", "/plain", "/é", "/a b"]),
        back in prop::sample::select(vec!["", "/app", "/shop", "/a/b"]),
        literal in any::<bool>(),
    ) {
        let prefix = front.trim_end_matches('/');
        let raw = if literal && front.is_ascii() && !front.contains(' ') { format!("{prefix}{raw}") } else { raw };
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let Some(rest) = normal.as_str().strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
        else { return Ok(()) };
        let sent = rewrite(front, back, &raw, &normal);
        let seen = normalize(&sent).unwrap();
        let expected = if back.is_empty() && rest.is_empty() { "/".to_owned() } else { format!("{back}{rest}") };
        prop_assert_eq!(seen.as_str(), expected, "{} as {}", raw, sent);
        // And nobody else sees anything outside of `back`, a parameter of its own aside.
        let mine = [back.to_owned(), format!("{back};p=1"), format!("{back};p"), format!("{back};p;q")];
        for collapse in [false, true] {
            let seen = plain_server(&sent, collapse);
            prop_assert!(mine.iter().any(|mine| is_under(&seen, mine)), "{} as {}", raw, sent);
        }
        // The seam.
        prop_assert!(!sent.starts_with("//") || prefix == back);
    }

    #[test]
    fn bytes_are_unchanged_where_they_can_only_mean_one_thing(rest in any_path()) {
        let raw = format!("/shop{rest}");
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let odd = rest.contains("..") || rest.contains("%2") || rest.contains("/.;");
        if !odd {
            prop_assert_eq!(rewrite("/shop", "/shop", &raw, &normal), &*raw);
        }
    }

    #[test]
    fn an_excluded_path_is_never_sent(raw in any_path(), below in any::<bool>()) {
        let raw = if below { format!("/shop{raw}") } else { raw };
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let rules = [("/", ""), ("/shop", "/shop"), ("/shop/private", ""), ("/private", "")];
        let table = table(&["/", "/shop", "!/shop/private", "!/private"]);
        let Some(Match { index, exclude: false }) = table.find("h", &normal) else { return Ok(()) };
        let (front, back) = rules[index];
        let sent = rewrite(front, back, &raw, &normal);
        let readings = [tomcat(&sent).unwrap(), plain_server(&sent, false), plain_server(&sent, true)];
        for seen in readings {
            prop_assert!(!is_under(&seen, "/shop/private") && !is_under(&seen, "/private"), "{} as {}", raw, sent);
        }
    }
}
