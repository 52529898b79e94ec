//! Paths of backends, and what clients know for them.

use super::super::Rule;
use super::*;

/// Mappings without hosts that all send to one member at `node:8009`.
struct Setup {
    table: Table,
    paths: PublicPaths,
    mappings: Vec<(&'static str, &'static str)>,
}

impl Setup {
    fn new(mappings: &[(&'static str, &'static str)]) -> Self {
        Self::with(mappings, vec![target("", mappings)])
    }

    fn with(mappings: &[(&'static str, &'static str)], targets: Vec<Target>) -> Self {
        let rules = mappings.iter().map(|(front, _)| rule(front, &[]));
        Self {
            table: Table::new(rules.collect()),
            paths: PublicPaths::new(targets),
            mappings: mappings.to_vec(),
        }
    }

    /// The public form of a path in an answer to a request of the first mapping; `None` when there is none.
    fn public(&self, path: &str) -> Option<String> {
        self.answered(|answered| {
            let public = answered.public(path.as_bytes())?;
            Some(public.escape_ascii().to_string())
        })
    }

    fn answered<T>(&self, ask: impl FnOnce(&Answered<'_>) -> T) -> T {
        let (front, back) = self.mappings[0];
        ask(&Answered {
            table: &self.table,
            paths: &self.paths,
            site: "h".into(),
            address: "node:8009",
            front: &Front::new(front),
            back,
        })
    }
}

fn target(member: &str, mappings: &[(&str, &str)]) -> Target {
    let mappings = mappings.iter().enumerate();
    Target {
        members: vec![("node:8009".to_owned(), member.to_owned())],
        mappings: mappings
            .map(|(rule, (front, path))| sending(rule, front, path))
            .collect(),
    }
}

fn sending(rule: usize, front: &str, path: &str) -> Sending {
    Sending {
        rule,
        front: Front::new(front),
        path: path.to_owned(),
    }
}

fn rule(path: &str, hosts: &[&str]) -> Rule {
    Rule {
        path: path.to_owned(),
        hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        ..Rule::default()
    }
}

/// `-` where no mapping leads to the path.
fn check(setup: &Setup, cases: &[(&str, &str)]) {
    for (path, expected) in cases {
        let public = setup.public(path);
        assert_eq!(public.as_deref().unwrap_or("-"), *expected, "{path}");
    }
}

#[test]
fn paths_of_the_own_mapping() {
    check(
        &Setup::new(&[("/shop", "/app")]),
        &[
            ("/app/x", "/shop/x"),
            ("/app", "/shop"),
            ("/app/", "/shop/"),
            ("/app;jsessionid=1.n1/x", "/shop;jsessionid=1.n1/x"),
            ("/app/a;x/b//c", "/shop/a;x/b//c"),
            ("/apple", "-"),
            ("/other", "-"),
            ("/", "-"),
        ],
    );
    check(
        &Setup::new(&[("/plain", "")]),
        &[
            ("/x", "/plain/x"),
            ("/", "/plain/"),
            ("", "/plain"),
            ("/plain", "/plain/plain"),
        ],
    );
    check(
        &Setup::new(&[("/", "/app")]),
        &[("/app/x", "/x"), ("/app", "/"), ("/app;x", "/;x")],
    );
}

#[test]
fn spellings_do_not_matter_and_what_is_written_is_escaped() {
    check(
        &Setup::new(&[("/my app", "/myapp")]),
        &[
            ("/myapp/x%20y", "/my%20app/x%20y"),
            ("/%6dyapp", "/my%20app"),
        ],
    );
    // The same path on both sides stays as it is.
    let same = Setup::new(&[("/my app", "/my%20app")]);
    for path in ["/my%20app/x", "/my app/x", "/m%79%20app;x"] {
        assert_eq!(same.public(path).as_deref(), Some(path));
    }
    check(
        &Setup::new(&[("/große Läden", "/caf%c3%a9")]),
        &[
            ("/caf%C3%A9/x", "/gro%C3%9Fe%20L%C3%A4den/x"),
            ("/caf%c3%a9/%c3%bc", "/gro%C3%9Fe%20L%C3%A4den/%c3%bc"),
            ("/café/ü", "/gro%C3%9Fe%20L%C3%A4den/\\xc3\\xbc"),
            ("/caf%E9/x", "-"),
        ],
    );
}

#[test]
fn dot_segments_and_empty_segments_are_resolved_as_clients_do() {
    check(
        &Setup::new(&[("/shop", "/app/one"), ("/sso", "/cas")]),
        &[
            ("/app/./one/x", "/shop/x"),
            ("/x/../app/one/y/", "/shop/y/"),
            ("/app/one/../../cas/login", "/sso/login"),
            ("/app/one/%2e%2E/one/x", "/shop/x"),
            ("/app/one/x/..", "/shop/"),
            ("/app/one/..", "-"),
            ("//app///one//x", "/shop/x"),
            ("/app/one/x//y", "/shop/x//y"),
            ("/cas/x//y", "/sso/x//y"),
        ],
    );
}

#[test]
fn paths_of_other_mappings() {
    check(
        &Setup::new(&[
            ("/shop", "/bugs"),
            ("/sso", "/cas"),
            ("/admin", "/cas/admin"),
            ("/files", "/cas/a"),
        ]),
        &[
            ("/bugs/x", "/shop/x"),
            ("/cas/login", "/sso/login"),
            ("/cas", "/sso"),
            ("/cas/admin/x", "/admin/x"),
            ("/cas/administration", "/sso/administration"),
            ("/casino", "-"),
        ],
    );
    // A mapping of everything sends the shortest part.
    check(
        &Setup::new(&[("/shop", "/bugs"), ("/all", ""), ("/sso", "/cas")]),
        &[("/cas/x", "/sso/x"), ("/x", "/all/x"), ("/bugs", "/shop")],
    );
}

#[test]
fn only_mappings_to_the_same_address_count() {
    let mappings = [("/shop", "/bugs"), ("/sso", "/cas"), ("/far", "/far")];
    let elsewhere = Target {
        members: vec![("other:8009".to_owned(), String::new())],
        mappings: vec![sending(2, "/far", "/far")],
    };
    // A backend that a mapping names itself, at the address of the balancer's member.
    let alone = Target {
        members: vec![("node:8009".to_owned(), "/cas".to_owned())],
        mappings: vec![sending(1, "/sso", "")],
    };
    let targets = vec![target("", &mappings[..1]), elsewhere, alone];
    check(
        &Setup::with(&mappings, targets),
        &[("/cas/x", "/sso/x"), ("/far/x", "-")],
    );
}

/// As httpd's ProxyPassReverse to a balancer, which looks at all members.
#[test]
fn paths_at_other_addresses() {
    let mappings = [("/shop", "/bugs"), ("/also", "/bugs"), ("/far", "/far")];
    let mut own = target("", &mappings[..2]);
    own.members
        .push(("other:8080".to_owned(), "/ctx".to_owned()));
    let far = Target {
        members: vec![("far:80".to_owned(), String::new())],
        mappings: vec![sending(2, "/far", "/far")],
    };
    let setup = Setup::with(&mappings, vec![own, far]);
    for (address, path, public) in [
        ("other:8080", "/ctx/bugs/x", Some("/shop/x")),
        ("other:8080", "/ctx//bugs/./x", Some("/shop/x")),
        ("other:8080", "/bugs/x", None),
        ("far:80", "/far/x", Some("/far/x")),
        ("far:80", "/x", None),
        ("nobody:80", "/bugs/x", None),
    ] {
        let found = setup.answered(|answered| answered.public_at(address, path.as_bytes()));
        let found = found.map(|path| String::from_utf8(path).unwrap());
        assert_eq!(found.as_deref(), public, "{address}{path}");
    }
}

#[test]
fn the_path_of_a_member_stands_in_front() {
    let mappings = [("/shop", "/ctx/bugs"), ("/sso", "/cas")];
    let targets = vec![target("/ctx", &[("/shop", "/bugs"), ("/sso", "/cas")])];
    check(
        &Setup::with(&mappings, targets),
        &[
            ("/ctx/bugs/x", "/shop/x"),
            ("/ctx/cas/x", "/sso/x"),
            ("/cas/x", "-"),
        ],
    );
}

#[test]
fn only_mappings_of_the_same_host_count() {
    let mut setup = Setup::new(&[("/shop", "/bugs"), ("/one", "/cas"), ("/two", "/cas")]);
    setup.table = Table::new(vec![
        rule("/shop", &["h"]),
        rule("/one", &["other"]),
        rule("/two", &["h"]),
    ]);
    check(&setup, &[("/cas/x", "/two/x")]);
    // Another mapping of this host has taken the place of the one that leads there.
    setup.table = Table::new(vec![
        rule("/shop", &["h"]),
        rule("/one", &["*.h"]),
        rule("/two", &[]),
        rule("/two", &["h"]),
    ]);
    check(&setup, &[("/cas/x", "-")]);
}

#[test]
fn no_path_becomes_another_host() {
    check(
        &Setup::new(&[("/", "/app")]),
        &[
            ("/app//evil.example", "/evil.example"),
            ("/app/\\evil.example", "/evil.example"),
            ("/app/\t/evil.example", "/evil.example"),
            ("/app/..//app//evil.example", "/evil.example"),
        ],
    );
    check(&Setup::new(&[("/app", "/app")]), &[("/app//x", "/app//x")]);
}

#[test]
fn relative_references() {
    for (base, reference, expected) in [
        ("/app/a/b", "c", "/app/a/c"),
        ("/app/a/", "../c", "/app/c"),
        ("/app", "x/y", "/x/y"),
        ("/app/a", "../../../c", "/c"),
        ("/app/a", ".", "/app/"),
        ("/app/a;x=1/b", "c", "/app/a;x=1/c"),
    ] {
        let resolved = resolve_reference(base.as_bytes(), reference.as_bytes());
        assert_eq!(resolved, expected.as_bytes(), "{base} {reference}");
    }
}
