//! Rules, and which of them decides.

use super::*;

fn rule(path: &str, hosts: &[&str], exclude: bool) -> Rule {
    Rule {
        path: path.to_owned(),
        hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        exclude,
        ..Rule::default()
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

/// The mapping of a path; `None` when there is none or an exclusion wins.
fn find(table: &Table, host: &str, raw: &str) -> Option<usize> {
    match table.find(host, &normalize(raw).unwrap())? {
        Match::Mapping(index) => Some(index),
        Match::Exclusion(_) | Match::Guarded(_) => None,
    }
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
fn an_exclusion_wins_over_everything_below_it() {
    let table = table(&["/shop", "!/shop/private", "/shop/private/public"]);
    let cases = [
        ("/shop/a", Some(0)),
        ("/shop/private", None),
        ("/shop/private/a", None),
        ("/shop/privates", Some(0)),
        ("/shop/private/public/a", None),
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
        rule("/", &["*.b.example.com", "*.com"], false),
        rule("/", &["q.b.example.com"], false),
    ]);
    let cases = [
        // Of two wildcards the longer one counts, wherever it stands.
        ("a.b.example.com", "/", Some(8)),
        ("q.b.example.com", "/", Some(9)),
        ("a.q.b.example.com:1", "/", Some(8)),
        ("example.com", "/", Some(8)),
        ("shop.example.com", "/", Some(2)),
        ("Shop.Example.COM", "/", Some(2)),
        ("shop.example.com:8080", "/", Some(2)),
        ("shop.example.com.", "/", Some(2)),
        ("shop.example.com.:80", "/", Some(2)),
        ("[::1]", "/", Some(2)),
        ("[::1]:80", "/", Some(2)),
        ("::1", "/", Some(2)),
        ("a.example.com", "/", Some(1)),
        ("a.c.example.com:1", "/", Some(1)),
        ("example.org", "/", Some(0)),
        (".example.org", "/", Some(0)),
        ("notexample.org", "/", Some(0)),
        ("notexample.com", "/", Some(8)),
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

#[test]
fn an_exclusion_holds_however_encoded_slashes_are_read() {
    let table = table(&["/", "/shop", "!/shop/private", "!/a/b/c"]);
    for raw in [
        "/shop/private%2Fx",
        "/shop/private%5Cx",
        "/shop%2Fprivate",
        "/shop/%2Fprivate/x",
        "/shop%5c%2fprivate%2f",
        "/a%2Fb/c",
        "/a/b%2fc",
        "/shop/;%2Fprivate",
        "/x/../shop%2Fprivate",
    ] {
        assert_eq!(find(&table, "h", raw), None, "{raw}");
    }
    for (raw, expected) in [
        ("/shop/privates%2Fx", 1),
        ("/shop/x%2Fprivate", 1),
        ("/shop%2Fx", 0),
        ("/a%2Fb/d", 0),
        ("/a/%252Fb/c", 0),
    ] {
        assert_eq!(find(&table, "h", raw), Some(expected), "{raw}");
    }
}

#[test]
fn an_exclusion_holds_in_both_encodings() {
    let table = table(&["/", "!/größe", "!/a/ключ", "!/grün/größe", "!/a/\u{80}"]);
    for raw in [
        "/gr%C3%B6%C3%9Fe",
        "/gr%F6%DFe/x",
        "/%67r%f6%dfe",
        "/gr%C3%BCn/gr%F6%DFe",
        "/gr%FCn/gr%C3%B6%C3%9Fe",
        "/a/%D0%BA%D0%BB%D1%8E%D1%87",
        "/a/%80",
        "/x%2F..x/../gr%F6%DFe",
    ] {
        assert_eq!(find(&table, "h", raw), None, "{raw}");
    }
    // One decoder reads a name in one encoding.
    for raw in ["/gr%C3%B6%DFe", "/gr%F6%DFes", "/a/%BA", "/grosse"] {
        assert_eq!(find(&table, "h", raw), Some(0), "{raw}");
    }
    // A mapping is in UTF-8 only.
    let only = self::table(&["/größe"]);
    assert_eq!(find(&only, "h", "/gr%C3%B6%C3%9Fe"), Some(0));
    assert_eq!(find(&only, "h", "/gr%F6%DFe"), None);
}

#[test]
fn the_exclusion_of_another_host_does_not_count() {
    let table = Table::new(vec![
        rule("/", &[], false),
        rule("/private", &["a.example.com", "*.b.example.com"], true),
        rule("/private/public", &["a.example.com"], false),
    ]);
    for (host, expected) in [
        ("a.example.com", None),
        ("A.example.com.:80", None),
        ("x.b.example.com", None),
        ("b.example.com", Some(0)),
        ("", Some(0)),
    ] {
        assert_eq!(find(&table, host, "/private/public"), expected, "{host}");
    }
}
