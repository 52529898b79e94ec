//! Tables of session ids in paths, queries and cookies (`src/sticky/SESSIONS.md`). Where httpd reads one otherwise, a
//! comment names the row of `docs/balancing.md`, "Differences from httpd and mod_jk".

use proptest::prelude::*;

use super::*;

const NAMES: Names<'static> = Names {
    cookie: "JSESSIONID",
    parameter: "jsessionid",
    separator: Some('.'),
};

/// n1 and n2 are members' routes, and so are two with a dot in them.
fn known(route: &str) -> bool {
    ["n1", "n2", "n.3", "y.n2"].contains(&route)
}

fn session<'a>(target: &'a str, cookies: &[&'a str]) -> Option<Found<'a>> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let cookies = cookies.iter().map(|cookie| cookie.as_bytes());
    find(NAMES, path, query, cookies, known)
}

/// Session and route in a request target; `-` for no session or no route.
fn in_target(target: &str) -> (&str, &str) {
    in_request(target, &[])
}

fn in_request<'a>(target: &'a str, cookies: &[&'a str]) -> (&'a str, &'a str) {
    session(target, cookies).map_or(("-", "-"), |found| {
        (found.session, found.route.unwrap_or("-"))
    })
}

#[test]
fn path_parameters() {
    let cases = [
        ("/a;jsessionid=S.n1", ("S.n1", "n1")),
        ("/;jsessionid=S.n1", ("S.n1", "n1")),
        // Row "session id in the path": `;` and `/` end it (httpd: `n1;v=2`, `n1/b`).
        ("/a;jsessionid=S.n1;v=2", ("S.n1", "n1")),
        ("/a;jsessionid=S.n1/b", ("S.n1", "n1")),
        ("/a;jsessionid=S.n1/b.jsp;v=2/c", ("S.n1", "n1")),
        ("/a;v=2;jsessionid=S.n1", ("S.n1", "n1")),
        ("/a/b;x/c;jsessionid=S.n2", ("S.n2", "n2")),
        ("/a;jsessionid=S.n1&x=1", ("S.n1", "n1")),
        ("/a;jsessionid=S.n9", ("S.n9", "n9")),
        ("/a;jsessionid=S=T.n1", ("S=T.n1", "n1")),
        // No route: no separator, or nothing behind it.
        ("/a;jsessionid=S", ("S", "-")),
        ("/a;jsessionid=S.", ("S.", "")),
        ("/a;jsessionid=.n1", (".n1", "n1")),
        // No session.
        ("/a", ("-", "-")),
        ("/a;JSESSIONID=S.n1", ("-", "-")),
        ("/a;jsessionid=", ("-", "-")),
        ("/a;jsessionid", ("-", "-")),
        ("/a;jsessionid;S.n1", ("-", "-")),
        // Same row: an empty value is none (httpd skips the delimiter and takes `foo=a.b`).
        ("/a;jsessionid=&foo=a.b", ("-", "-")),
        ("/a;jsessionid=;foo=a.b", ("-", "-")),
        // Same row: the name is matched whole (httpd finds n1 in each of these).
        ("/x/myjsessionid=abc.n1", ("-", "-")),
        ("/x;myjsessionid=abc.n1", ("-", "-")),
        ("/jsessionid=abc.n1", ("-", "-")),
        ("/a;x=jsessionid=abc.n1", ("-", "-")),
        ("/a;v=1&jsessionid=abc.n1", ("-", "-")),
        ("/a;jsessionid =abc.n1", ("-", "-")),
        // Nothing is decoded.
        ("/a%3Bjsessionid=S.n1", ("-", "-")),
        ("/a;jsession%69d=S.n1", ("-", "-")),
        ("/a;jsessionid=S%2En1", ("S%2En1", "-")),
        ("/a;jsessionid=S.n%31", ("S.n%31", "n%31")),
        // Several: the first that has a route.
        ("/a;jsessionid=S.n1;jsessionid=T.n2", ("S.n1", "n1")),
        ("/a;jsessionid=S.n9/b;jsessionid=T.n2", ("S.n9", "n9")),
        ("/a;jsessionid=S/b;jsessionid=T.n2", ("T.n2", "n2")),
        ("/a;jsessionid=/b;jsessionid=T.n2", ("T.n2", "n2")),
        ("/a;jsessionid=S;jsessionid=T.", ("S", "-")),
    ];
    for (target, expected) in cases {
        assert_eq!(in_target(target), expected, "{target}");
    }
}

#[test]
fn query_parameters() {
    // Row "query parameter": as httpd up to 2.4.61 and its manual have it.
    let cases = [
        ("/a?jsessionid=S.n1", ("S.n1", "n1")),
        ("/a?x=1&jsessionid=S.n1&y=2", ("S.n1", "n1")),
        ("/a?jsessionid=S.n1;y=2", ("S.n1", "n1")),
        ("/a?jsessionid=S.n1?y", ("S.n1", "n1")),
        ("/a?jsessionid=S=T.n1", ("S=T.n1", "n1")),
        ("/a?jsessionid=S.n1/b", ("S.n1/b", "n1/b")),
        ("/a?JSESSIONID=S.n1", ("-", "-")),
        ("/a?xjsessionid=S.n1", ("-", "-")),
        ("/a?x=jsessionid=S.n1", ("-", "-")),
        ("/a?jsession%69d=S.n1", ("-", "-")),
        // Row "session id inside a query parameter's value" (httpd finds n1 in each of these).
        ("/a?next=/b;jsessionid=S.n1", ("-", "-")),
        ("/a?next=/b?jsessionid=S.n1", ("-", "-")),
        ("/a?next=/b%3Bjsessionid=S.n1", ("-", "-")),
        ("/a?x=1;jsessionid=S.n1;y=2", ("-", "-")),
        ("/a?x;jsessionid=S.n1", ("-", "-")),
        ("/a?;jsessionid=S.n1", ("-", "-")),
        ("/a?x?jsessionid=S.n1", ("-", "-")),
        ("/a?next=/b;jsessionid=S.n1&jsessionid=T.n2", ("T.n2", "n2")),
        ("/a?jsessionid=", ("-", "-")),
        ("/a?jsessionid", ("-", "-")),
        ("/a?jsessionid=&jsessionid=S.n1", ("S.n1", "n1")),
        ("/a?", ("-", "-")),
    ];
    for (target, expected) in cases {
        assert_eq!(in_target(target), expected, "{target}");
    }
}

#[test]
fn cookies() {
    let cases = [
        ("JSESSIONID=T.n2", ("T.n2", "n2")),
        ("a=1; JSESSIONID=T.n2", ("T.n2", "n2")),
        ("a=1;JSESSIONID=T.n2;b=2", ("T.n2", "n2")),
        ("a=1,JSESSIONID=T.n2", ("T.n2", "n2")),
        ("a=1\tJSESSIONID=T.n2", ("T.n2", "n2")),
        ("JSESSIONID=T.n2,b=1", ("T.n2", "n2")),
        ("JSESSIONID = T.n2", ("T.n2", "n2")),
        ("JSESSIONID\t=T.n2", ("T.n2", "n2")),
        ("JSESSIONID=T", ("T", "-")),
        ("JSESSIONID=T.", ("T.", "")),
        // Tomcat cuts blanks around a value (httpd: `n2 `).
        ("JSESSIONID=T.n2 ; a=1", ("T.n2", "n2")),
        ("a=1; JSESSIONID=T.n2 ", ("T.n2", "n2")),
        ("JSESSIONID=\tT.n2\t;a=1", ("T.n2", "n2")),
        ("JSESSIONID=T.n2 \t ,a=1", ("T.n2", "n2")),
        ("JSESSIONID=T=U.n2; a=1", ("T=U.n2", "n2")),
        // Row "several cookies of the name, quoted values" (httpd: `n9`, and `n2"`).
        ("JSESSIONID=T.n9; JSESSIONID=U.n1", ("U.n1", "n1")),
        ("JSESSIONID=T.n9; JSESSIONID=U.n8", ("T.n9", "n9")),
        ("JSESSIONID=T; JSESSIONID=U.n9", ("U.n9", "n9")),
        ("JSESSIONID=T.; JSESSIONID=U.n1", ("U.n1", "n1")),
        ("JSESSIONID=T; JSESSIONID=U.", ("T", "-")),
        ("JSESSIONID=\"T.n2\"", ("T.n2", "n2")),
        ("JSESSIONID= \"T.n2\" ; a=1", ("T.n2", "n2")),
        ("JSESSIONID=\"T.n2", ("T.n2", "n2")),
        ("JSESSIONID=\"\"; JSESSIONID=T.n2", ("T.n2", "n2")),
        // Same row: an empty value does not stop the search (httpd stops at `JSESSIONID=;`).
        ("JSESSIONID=; JSESSIONID=T.n2", ("T.n2", "n2")),
        ("JSESSIONID= ; JSESSIONID=T.n2", ("T.n2", "n2")),
        // Row "route after the separator".
        ("JSESSIONID=T.n1.n2", ("T.n1.n2", "n2")),
        ("JSESSIONID=T.n1.n9", ("T.n1.n9", "n1.n9")),
        ("JSESSIONID=T.n.3", ("T.n.3", "n.3")),
        ("JSESSIONID=T.x.n.3", ("T.x.n.3", "x.n.3")),
        ("JSESSIONID=T.y.n2", ("T.y.n2", "y.n2")),
        ("JSESSIONID=T..n1", ("T..n1", "n1")),
        ("JSESSIONID=T.n1.", ("T.n1.", "n1.")),
        // No session.
        ("jsessionid=T.n2", ("-", "-")),
        ("XJSESSIONID=T.n2", ("-", "-")),
        ("JSESSIONIDX=T.n2", ("-", "-")),
        ("a=JSESSIONID=T.n2", ("-", "-")),
        ("JSESSIONID", ("-", "-")),
        ("JSESSIONID=", ("-", "-")),
        ("JSESSIONID; JSESSIONID=", ("-", "-")),
        ("", ("-", "-")),
    ];
    for (cookie, expected) in cases {
        assert_eq!(in_request("/a", &[cookie]), expected, "{cookie}");
    }
}

#[test]
fn several_cookie_fields_are_one_list() {
    let fields = ["JSESSIONID=T.n9", "a=1", "b=2; JSESSIONID=U.n2"];
    assert_eq!(in_request("/", &fields), ("U.n2", "n2"));
    assert_eq!(in_request("/", &fields[..2]), ("T.n9", "n9"));
    let reversed = ["JSESSIONID=U.n2", "JSESSIONID=T.n1"];
    assert_eq!(in_request("/", &reversed), ("U.n2", "n2"));
}

#[test]
fn path_before_query_before_cookie() {
    let cookie = ["JSESSIONID=T.n2"];
    let cases = [
        ("/a;jsessionid=S.n1?jsessionid=Q.n2", ("S.n1", "n1")),
        ("/a?jsessionid=Q.n1", ("Q.n1", "n1")),
        // A route that nobody has hides the cookie, as in httpd.
        ("/a;jsessionid=S.n9", ("S.n9", "n9")),
        ("/a?jsessionid=Q.n9", ("Q.n9", "n9")),
        // Row "parameter with a value but no route" (httpd ignores the cookie).
        ("/a;jsessionid=S", ("T.n2", "n2")),
        ("/a;jsessionid=S.", ("T.n2", "n2")),
        ("/a?jsessionid=Q", ("T.n2", "n2")),
        ("/a;jsessionid=S?jsessionid=Q.n1", ("Q.n1", "n1")),
    ];
    for (target, expected) in cases {
        assert_eq!(in_request(target, &cookie), expected, "{target}");
    }
    // Nobody has a route: the first value of all.
    let routeless = ["JSESSIONID=T."];
    assert_eq!(in_request("/a;jsessionid=S", &routeless), ("S", "-"));
    assert_eq!(in_request("/a", &routeless), ("T.", ""));
    // A cookie's unknown route is better than a parameter's none.
    let unknown = ["JSESSIONID=T.n9"];
    assert_eq!(in_request("/a;jsessionid=S", &unknown), ("T.n9", "n9"));
}

#[test]
fn what_was_found_says_where() {
    let found = |target, cookie: &'static str| {
        let found = session(target, &[cookie]).unwrap();
        (found.name, found.place)
    };
    assert_eq!(
        found("/a;jsessionid=S.n1", ""),
        ("jsessionid", Place::PathParameter)
    );
    assert_eq!(
        found("/a?jsessionid=S.n1", ""),
        ("jsessionid", Place::QueryParameter)
    );
    assert_eq!(found("/a", "JSESSIONID=S"), ("JSESSIONID", Place::Cookie));
}

#[test]
fn without_separator_the_value_is_the_route() {
    let names = Names {
        cookie: "NODE",
        parameter: "node",
        separator: None,
    };
    let cookie: [&[u8]; 1] = [b"NODE=n1"];
    let found = find(names, "/", None, cookie, known).unwrap();
    assert_eq!((found.session, found.route), ("n1", Some("n1")));
    let found = find(names, "/;node=a.b", None, [], known).unwrap();
    assert_eq!(found.route, Some("a.b"));
}

#[test]
fn any_character_may_separate() {
    for separator in ['!', '-', '.', '~', 'é'] {
        let cookie = format!("JSESSIONID=S{separator}n1");
        let names = Names {
            separator: Some(separator),
            ..NAMES
        };
        let found = find(names, "/", None, [cookie.as_bytes()], known).unwrap();
        assert_eq!(found.route, Some("n1"));
    }
}

#[test]
fn an_empty_name_finds_nothing() {
    let names = Names {
        cookie: "",
        parameter: "",
        separator: Some('.'),
    };
    let cookie: [&[u8]; 1] = [b"=S.n1; a=T.n2"];
    assert_eq!(find(names, "/;=S.n1", Some("=S.n1"), cookie, known), None);
}

#[test]
fn values_that_are_not_text_are_passed_over() {
    let cookie: [&[u8]; 2] = [b"\xff; JSESSIONID=T\xff.n1", b"\xfe=1; JSESSIONID=U.n2"];
    let found = find(NAMES, "/", None, cookie, known).unwrap();
    assert_eq!(found.session, "U.n2");
}

#[test]
fn a_name_that_overlaps_itself_is_still_matched_whole() {
    let names = Names {
        cookie: "aa",
        ..NAMES
    };
    let found = |field: &'static str| {
        let found = find(names, "/", None, [field.as_bytes()], known);
        found.map(|found| found.session)
    };
    assert_eq!(found("aaa=S.n1"), None);
    assert_eq!(found("xaaa=S.n1"), None);
    assert_eq!(found("aaa=S.n1; aa=T.n1"), Some("T.n1"));
}

#[test]
fn issued_sessions() {
    let cases = [
        (
            "JSESSIONID=S.n1; Path=/; HttpOnly",
            Some(("S.n1", Some("n1"))),
        ),
        ("JSESSIONID=S.n1", Some(("S.n1", Some("n1")))),
        (" JSESSIONID = S.n1 ;Secure", Some(("S.n1", Some("n1")))),
        ("JSESSIONID=\"S.n1\"; Version=1", Some(("S.n1", Some("n1")))),
        ("JSESSIONID=S; Path=/", Some(("S", None))),
        ("JSESSIONID=S.", Some(("S.", Some("")))),
        ("JSESSIONID=S.n.3", Some(("S.n.3", Some("n.3")))),
        ("JSESSIONID=S.n1; Max-Age=1800", Some(("S.n1", Some("n1")))),
        ("JSESSIONID=S.n1; Max-Age=", Some(("S.n1", Some("n1")))),
        // Deleted.
        ("JSESSIONID=; Path=/", None),
        ("JSESSIONID=\"\"", None),
        ("JSESSIONID=S.n1; Max-Age=0", None),
        ("JSESSIONID=S.n1; max-age = -1", None),
        ("JSESSIONID=S.n1; Max-Age=\"0\"", None),
        (
            "JSESSIONID=gone; Expires=Thu, 01-Jan-1970 00:00:00 GMT",
            None,
        ),
        (
            "JSESSIONID=gone; expires=Thu, 01 Jan 1970 00:00:10 GMT; Path=/",
            None,
        ),
        (
            "JSESSIONID=S.n1; Expires=Wed, 19 Jul 2090 19:70:00 GMT",
            Some(("S.n1", Some("n1"))),
        ),
        // Another cookie, or none.
        ("jsessionid=S.n1", None),
        ("OTHER=S.n1; JSESSIONID=S.n1", None),
        ("JSESSIONID", None),
        ("", None),
        ("=S.n1", None),
    ];
    for (field, expected) in cases {
        let found = issued(NAMES, field.as_bytes());
        let found = found.map(|issued| (issued.session, issued.route));
        assert_eq!(found, expected, "{field}");
    }
    assert_eq!(issued(NAMES, b"JSESSIONID=S\xff.n1"), None);
}

#[test]
fn an_issued_session_belongs_to_whom_it_will_lead() {
    let belongs = |field: &str, member| {
        let issued = issued(NAMES, field.as_bytes()).unwrap();
        issued.belongs_to(member)
    };
    assert!(belongs("JSESSIONID=S.n1", "n1"));
    assert!(belongs("JSESSIONID=S.n.3", "n.3"));
    assert!(belongs("JSESSIONID=S.x.n1", "n1"));
    assert!(!belongs("JSESSIONID=S.n1", "n2"));
    assert!(!belongs("JSESSIONID=S", "S"));
    assert!(!belongs("JSESSIONID=S.", ""));
}

/// Bytes in which the interesting ones are frequent.
fn any_field() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "JSESSIONID",
            "=",
            ".",
            ";",
            ",",
            " ",
            "\"",
            "n1",
            "n9",
            "S",
            "; ",
            "jsessionid",
            "/",
            "?",
            "&",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..3),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn inside(text: &[u8], part: &str) -> bool {
    text.windows(part.len())
        .any(|window| window == part.as_bytes())
}

proptest! {
    #[test]
    fn what_is_found_stands_in_the_request(
        path in any_field(), query in any_field(), first in any_field(), second in any_field(),
    ) {
        let path = String::from_utf8_lossy(&path).into_owned();
        let query = String::from_utf8_lossy(&query).into_owned();
        let cookies = [first.as_slice(), second.as_slice()];
        let Some(found) = find(NAMES, &path, Some(&query), cookies, known) else {
            return Ok(());
        };
        prop_assert!(!found.session.is_empty());
        match found.place {
            Place::PathParameter => prop_assert!(path.contains(found.session)),
            Place::QueryParameter => prop_assert!(query.contains(found.session)),
            Place::Cookie => prop_assert!(cookies.iter().any(|field| inside(field, found.session))),
        }
        if let Some(route) = found.route {
            prop_assert!(found.session.ends_with(route) && found.session.len() > route.len());
        }
    }

    #[test]
    fn an_unrelated_cookie_changes_nothing(
        fields in prop::collection::vec(any_field(), 0..3),
        at in any::<prop::sample::Index>(),
        other in "[a-z]{1,8}=[A-Za-z0-9.]{0,8}(; [a-z]{1,8}=[a-z.]{0,8})?",
    ) {
        let mut cookies: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let alone = find(NAMES, "/", None, cookies.clone(), known);
        cookies.insert(at.index(fields.len() + 1), other.as_bytes());
        prop_assert_eq!(find(NAMES, "/", None, cookies, known), alone);
    }

    #[test]
    fn a_known_route_in_a_cookie_is_always_found(
        before in "([a-z]{1,8}=[a-zA-Z0-9]{0,8}; ){0,3}",
        stale in "(JSESSIONID=[A-Z0-9]{1,8}(\\.x[0-9])?; ){0,3}",
        id in "[A-F0-9]{1,16}",
        after in "(; [a-z]{1,8}=[a-z]{0,8}){0,3}",
    ) {
        let field = format!("{before}{stale}JSESSIONID={id}.n1{after}");
        let found = find(NAMES, "/", None, [field.as_bytes()], known).unwrap();
        prop_assert_eq!(found.route, Some("n1"));
        prop_assert_eq!(found.session, format!("{id}.n1"));
    }

    #[test]
    fn any_set_cookie_is_read_without_panic(field in any_field()) {
        if let Some(issued) = issued(NAMES, &field) {
            prop_assert!(inside(&field, issued.session));
        }
    }
}

#[test]
fn the_id_of_a_session_stays_when_its_route_changes() {
    for (session, separator, id) in [
        ("ABC.n1", Some('.'), "ABC"),
        ("ABC.n1.n2", Some('.'), "ABC"),
        ("ABC", Some('.'), "ABC"),
        ("ABC.n1", Some('!'), "ABC.n1"),
        ("n1", None, "n1"),
    ] {
        assert_eq!(id_of(session, separator), id, "{session}");
    }
}
