//! What holds for any path, against models of servers.

use proptest::prelude::*;

use super::*;

/// Paths in which everything that is cut, decoded or resolved is frequent.
fn any_path() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let segment = prop::sample::select(vec![
        "a", "b", "shop", "private", "plain", "", "", ".", "..", "..", "...",
        ";", ";p=1", "shop;p=1", "private;p", "a;p;q", ".;", ".;p", "..;", "..;p=1",
        "%2e", "%2E%2e", ".%2e", "%2e.;p", "%61", "%73hop", "%70rivate", "a%20b", "a%3Bb", "%3b",
        "%25", "%252e%252e", "%C3%A9", "a%3Fb", "~+@:", "x.y", "%09", "%7f",
        "gr%C3%B6%C3%9Fe", "gr%F6%DFe", "gr%C3%BCn", "gr%FCn", "gr%f6%C3%9fe", "%E9", "%FF",
    ]);
    path_of(segment)
}

/// Paths that have encoded slashes and backslashes too.
fn any_path_with_encoded_slashes() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let segment = prop::sample::select(vec![
        "a", "shop", "private", "", "..", ".", "..;p", "%2e%2e", "private;p", ";p", "%70rivate", "gr%F6%DFe", "gr%FCn",
        "%2F", "%2f%2F", "a%2Fb", "%2Fprivate", "private%2F", "private%2Fa", "shop%2Fprivate", "private%5Ca", "%5Cprivate",
        "shop%5c%2fprivate", "a;p=%2F", ";%2Fprivate", ";p=%2Fprivate", "a%2F..x", "%252Fprivate", "gr%FCn%2Fgr%F6%DFe",
        "..%2F", "%2F..", ".%2Fprivate", "%5C..%5Cprivate", "a;%2F..",
    ]);
    path_of(segment)
}

fn path_of(segment: impl Strategy<Value = &'static str>) -> impl Strategy<Value = String> {
    prop::collection::vec(segment, 1..8).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// How a Tomcat is set to read encoded slashes (`encodedSolidusHandling`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Solidus {
    Decode,
    Passthrough,
}

/// Tomcat's order of work, done on whole paths instead of segments. A backslash is a slash to it (`allowBackslash`).
fn tomcat(raw: &str, solidus: Solidus) -> Option<Vec<u8>> {
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
    if solidus == Solidus::Passthrough {
        cut = cut.replace("%2F", "%252F").replace("%2f", "%252f");
        cut = cut.replace("%5C", "%255C").replace("%5c", "%255c");
    }
    let mut path = percent_decoded(&cut);
    path.iter_mut()
        .filter(|byte| **byte == b'\\')
        .for_each(|byte| *byte = b'/');
    path.dedup_by(|second, first| *second == b'/' && *first == b'/');
    if path.ends_with(b"/.") || path.ends_with(b"/..") {
        path.push(b'/');
    }
    while let Some(at) = find(&path, b"/./") {
        path.drain(at..at + 2);
    }
    while let Some(at) = find(&path, b"/../") {
        let parent = path[..at].iter().rposition(|&byte| byte == b'/')?;
        path.drain(parent..at + 3);
    }
    Some(path)
}

fn find(path: &[u8], part: &[u8]) -> Option<usize> {
    path.windows(part.len()).position(|window| window == part)
}

/// A server that knows no parameters: RFC 3986 section 5.2.4, with or without collapsing slashes first. It decodes
/// encoded slashes before that.
fn plain_server(raw: &str, collapse: bool) -> Vec<u8> {
    let mut out: Vec<&[u8]> = Vec::new();
    let decoded = percent_decoded(raw);
    for segment in decoded.split(|byte| b"/\\".contains(byte)).skip(1) {
        match segment {
            b"." => {}
            b".." => drop(out.pop()),
            b"" if collapse => {}
            _ => out.push(segment),
        }
    }
    [b"/", out.join(&b'/').as_slice()].concat()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let (digits, behind) = escape.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        rest = behind;
    }
    bytes.extend(rest.bytes());
    bytes
}

/// Whether a server that reads bytes as UTF-8 or as ISO-8859-1 sees the path at or below these names.
fn is_read_as(path: &[u8], names: &[&str]) -> bool {
    let latin1: String = path.iter().map(|&byte| char::from(byte)).collect();
    let utf8 = String::from_utf8_lossy(path).into_owned();
    let prefix = format!("/{}", names.join("/"));
    [latin1, utf8].iter().any(|text| {
        let rest = text.strip_prefix(&prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn normal_form_is_tomcats(raw in any_path()) {
        let normal = normalize(&raw).ok().map(|normal| normal.as_bytes().to_vec());
        prop_assert_eq!(normal, tomcat(&raw, Solidus::Decode));
    }

    #[test]
    fn normal_form_is_final(raw in prop_oneof![any_path(), any_path_with_encoded_slashes()]) {
        if let Ok(normal) = normalize(&raw) {
            let escaped = normal.escaped();
            let again = normalize(&escaped).unwrap();
            prop_assert_eq!(again.as_bytes(), normal.as_bytes());
            prop_assert_eq!(again.escaped(), escaped.clone());
        }
    }

    #[test]
    fn any_text_is_normalized_or_refused(raw in "(/|[ -~])?(%2[fF]|%5[cC]|%0[0-9aD]|%2e|\\PC){0,40}") {
        if let Ok(normal) = normalize(&raw) {
            let path = normal.as_bytes();
            prop_assert!(path.starts_with(b"/") && find(path, b"//").is_none());
            prop_assert!(path.split(|&byte| byte == b'/').all(|segment| segment != b"." && segment != b".."));
            prop_assert!(!path.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
        }
    }

    #[test]
    fn the_backend_sees_the_same_rest(
        raw in prop_oneof![any_path(), any_path_with_encoded_slashes()],
        front in prop::sample::select(vec!["/", "/shop", "/a/b", "/plain", "/é", "/a b", "/grün"]),
        back in prop::sample::select(vec!["", "/app", "/shop", "/a/b", "/gr%FCn"]),
        literal in any::<bool>(),
    ) {
        let front = Front::new(front);
        let raw = if literal { format!("{}{raw}", front.escaped()) } else { raw };
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let rest = normal.as_bytes().strip_prefix(front.prefix().as_bytes());
        let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(b"/"))
        else { return Ok(()) };
        let sent = rewrite(&front, back, &raw, &normal);
        let back_seen = percent_decoded(back);
        let seen = normalize(&sent).unwrap();
        let expected = [&back_seen, rest].concat();
        let expected = if expected.is_empty() { b"/".to_vec() } else { expected };
        prop_assert_eq!(seen.as_bytes(), expected, "{} as {}", raw, sent);
        // And nobody else sees anything outside of `back`, a parameter of its own aside.
        for collapse in [false, true] {
            let seen = plain_server(&sent, collapse);
            let inside = seen.strip_prefix(&*back_seen);
            prop_assert!(
                inside.is_some_and(|inside| matches!(inside.first(), None | Some(b'/' | b';'))),
                "{} as {}", raw, sent
            );
        }
        for solidus in [Solidus::Decode, Solidus::Passthrough] {
            let seen = tomcat(&sent, solidus).unwrap();
            let inside = seen.strip_prefix(&*back_seen);
            prop_assert!(
                inside.is_some_and(|inside| matches!(inside.first(), None | Some(b'/'))),
                "{} as {}", raw, sent
            );
        }
        // The seam.
        prop_assert!(!sent.starts_with("//") || front.escaped() == back);
    }

    #[test]
    fn bytes_are_unchanged_where_they_can_only_mean_one_thing(rest in any_path()) {
        let raw = format!("/shop{rest}");
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let odd = rest.contains("..") || rest.contains("%2") || rest.contains("/.;")
            || rest.split('/').any(|segment| segment == ".");
        if !odd {
            prop_assert_eq!(rewrite(&Front::new("/shop"), "/shop", &raw, &normal), &*raw);
        }
    }

    #[test]
    fn an_excluded_path_is_never_sent(
        raw in prop_oneof![any_path(), any_path_with_encoded_slashes()],
        below in any::<bool>(),
    ) {
        let raw = if below { format!("/shop{raw}") } else { raw };
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let rules = [("/", ""), ("/shop", "/shop"), ("/grün", "/gr%FCn")];
        let excluded = ["/shop/private", "/private", "/größe", "/shop/größe", "/grün/größe"];
        let mut all: Vec<Rule> = rules.iter().map(|(path, _)| rule(path, false)).collect();
        all.extend(excluded.iter().map(|path| rule(path, true)));
        let Some(Match::Mapping(index)) = Table::new(all).find("h", &normal) else { return Ok(()) };
        let (front, back) = rules[index];
        let sent = rewrite(&Front::new(front), back, &raw, &normal);
        let readings = [
            tomcat(&sent, Solidus::Decode).unwrap(),
            tomcat(&sent, Solidus::Passthrough).unwrap(),
            plain_server(&sent, false),
            plain_server(&sent, true),
        ];
        for seen in readings {
            for excluded in excluded {
                let names: Vec<&str> = excluded.split('/').skip(1).collect();
                prop_assert!(!is_read_as(&seen, &names), "{} as {}", raw, sent);
            }
        }
    }
}

/// Whether a server reads a path, in any of its letters, as one that an expression is found in, or at or below a path.
fn is_guarded(seen: &[u8], paths: &[&str], expressions: &[&str]) -> bool {
    let by_path = paths.iter().any(|path| {
        let names: Vec<&str> = path.split('/').skip(1).collect();
        is_read_as(seen, &names)
    });
    let texts = texts(seen);
    by_path
        || expressions.iter().any(|text| {
            let expression = regex::Regex::new(text).unwrap();
            texts.iter().any(|text| expression.is_match(text))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// No spelling leads to what a mapping guards (`auth`, `allow`, `rate`) by another mapping, whichever way a server reads
    /// what it is sent.
    #[test]
    fn a_guarded_path_is_reached_by_its_guard_only(
        raw in prop_oneof![any_path(), any_path_with_encoded_slashes()],
        below in any::<bool>(),
        by_pattern in any::<bool>(),
    ) {
        let raw = if below { format!("/shop{raw}") } else { raw };
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let open = [("/", ""), ("/shop", "/shop"), ("/grün", "/gr%FCn")];
        let (paths, expressions): (&[&str], &[&str]) = match by_pattern {
            true => (&[], &["^/shop/private", "/priv[a-z]+(/|$)", "^/grün/gr..e$"]),
            false => (&["/shop/private", "/private", "/größe", "/shop/größe", "/grün/größe"], &[]),
        };
        let guard = |rule: Rule| Rule { guards: true, ..rule };
        let mut all: Vec<Rule> = open.iter().map(|(path, _)| rule(path, false)).collect();
        all.extend(paths.iter().map(|path| guard(rule(path, false))));
        all.extend(expressions.iter().map(|text| guard(Rule {
            pattern: Some(pattern(text)),
            ..Rule::default()
        })));
        let Some(Match::Mapping(index)) = Table::new(all).find("h", &normal) else { return Ok(()) };
        let Some((front, back)) = open.get(index) else { return Ok(()) };
        let sent = rewrite(&Front::new(front), back, &raw, &normal);
        let readings = [
            tomcat(&sent, Solidus::Decode).unwrap(),
            tomcat(&sent, Solidus::Passthrough).unwrap(),
            plain_server(&sent, false),
            plain_server(&sent, true),
        ];
        let servers = if by_pattern { &readings[..2] } else { &readings[..] };
        for seen in servers {
            prop_assert!(!is_guarded(seen, paths, expressions), "{} as {}", raw, sent);
        }
        // A server that does not resolve dot segments sees none.
        let has_dots = sent.split('/').any(|segment| matches!(segment, "." | ".."));
        prop_assert!(!has_dots, "{} as {}", raw, sent);
    }
}

/// An expression, as the configuration compiles it.
fn pattern(text: &str) -> Pattern {
    let bytes = regex::bytes::RegexBuilder::new(text).unicode(false).build();
    Pattern::new(bytes.unwrap(), regex::Regex::new(text).unwrap())
}

/// How a server that reads bytes as UTF-8 or as ISO-8859-1 reads a path.
fn texts(path: &[u8]) -> [String; 2] {
    let latin1 = path.iter().map(|&byte| char::from(byte)).collect();
    [latin1, String::from_utf8_lossy(path).into_owned()]
}

const EXCLUDED_MATCHES: [&str; 5] = [
    "^/shop/private",
    "/priv[a-z]+(/|$)",
    "größe",
    "^/grün/gr..e$",
    "/a.{3}b$",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// No spelling gets around an exclusion by `match`, whichever way a server reads what it is sent. The back of each
    /// mapping is its front, so that expressions say the same of both.
    #[test]
    fn a_path_excluded_by_match_is_never_sent(
        raw in prop_oneof![any_path(), any_path_with_encoded_slashes()],
        below in any::<bool>(),
    ) {
        let raw = if below { format!("/shop{raw}") } else { raw };
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let rules = [("/", ""), ("/shop", "/shop"), ("/grün", "/gr%FCn")];
        let mut all: Vec<Rule> = rules.iter().map(|(path, _)| rule(path, false)).collect();
        all.extend(EXCLUDED_MATCHES.map(|text| Rule {
            pattern: Some(pattern(text)),
            exclude: true,
            ..Rule::default()
        }));
        let Some(Match::Mapping(index)) = Table::new(all).find("h", &normal) else { return Ok(()) };
        let (front, back) = rules[index];
        let sent = rewrite(&Front::new(front), back, &raw, &normal);
        let readings = [
            tomcat(&sent, Solidus::Decode).unwrap(),
            tomcat(&sent, Solidus::Passthrough).unwrap(),
        ];
        for seen in readings {
            for text in texts(&seen) {
                for excluded in EXCLUDED_MATCHES {
                    let expression = regex::Regex::new(excluded).unwrap();
                    prop_assert!(!expression.is_match(&text), "{} as {}: {}", raw, sent, excluded);
                }
            }
        }
    }

    /// What is made of captures stays behind the text in front of them, has no dot segment, and adds no parameter.
    #[test]
    fn captures_never_leave_the_path_of_the_target(
        raw in prop_oneof![any_path(), any_path_with_encoded_slashes()],
        expression in prop::sample::select(vec!["^/(.*)$", "^(.*)/([^/]*)$", "(.)(.)$", "shop(.*)", "/([^/]*)/?([^/]*)"]),
        front in prop::sample::select(vec!["/app/", "/app", "/app/x.", ""]),
        between in prop::sample::select(vec!["", "/", ".", "/."]),
    ) {
        let Ok(normal) = normalize(&raw) else { return Ok(()) };
        let captured = pattern(expression).captured(&normal);
        let template = Template {
            parts: vec![
                Part::Text(front.to_owned()),
                Part::Group(1),
                Part::Text(between.to_owned()),
                Part::Group(2),
            ],
        };
        let Ok(filled) = template.path(&captured, &normal) else { return Ok(()) };
        let path = filled.path;
        prop_assert!(path.starts_with('/') && !path.starts_with("//"), "{}", path);
        prop_assert!(path.starts_with(front) && !path.contains([';', '?', '#', '\\']), "{}", path);
        for collapse in [false, true] {
            let seen = plain_server(&path, collapse);
            prop_assert!(front != "/app/" || seen == b"/app" || seen.starts_with(b"/app/"), "{}", path);
        }
        for solidus in [Solidus::Decode, Solidus::Passthrough] {
            let seen = tomcat(&path, solidus).unwrap();
            prop_assert!(front != "/app/" || seen == b"/app" || seen.starts_with(b"/app/"), "{}", path);
        }
        let query = template.query(&captured);
        let bare = query.strip_prefix(front).unwrap();
        prop_assert!(!bare.contains(['&', '=', '#', ' ', '+', ';']), "{}", query);
    }
}

fn rule(path: &str, exclude: bool) -> Rule {
    Rule {
        path: path.to_owned(),
        exclude,
        ..Rule::default()
    }
}
