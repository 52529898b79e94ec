//! What is known of the sources of a balancer, when members or sources come and go.

use std::path::Path;

use ajpgate_config::{Standing, parse, parse_member};

use super::*;

const ROOM: fn(&Balancer) -> Room = |_| Room::default();

/// A configuration with these sources, each with its factor as `loadfactor`.
fn file(sources: &[(&str, u32)]) -> Config {
    let sources: Vec<String> = sources
        .iter()
        .map(|(name, factor)| {
            format!("{{ dns: \"ajp://{name}.test:8009\", member: {{ loadfactor: {factor} }} }}")
        })
        .collect();
    let text = format!(
        "listeners: [{{ bind: \"[::1]:1\" }}]
balancers:
  shop:
    members: [{{ url: \"ajp://own:1\" }}]
    discover: [{}]
proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]
",
        sources.join(", ")
    );
    parse(&text, Path::new("ajpgate.yaml"), &|_| None)
        .unwrap()
        .config
}

fn found(host: &str) -> Found {
    let keys = format!("url: \"ajp://{host}:8009\"");
    Found {
        url: parse_member(&keys, Path::new("m")).unwrap().url,
        member: None,
        route: None,
        loadfactor: None,
        lbset: None,
        standing: Standing::Ready,
        part: "A".to_owned(),
    }
}

/// What a source says: these hosts.
fn says(all: &mut Discovered, file: &Config, source: usize, hosts: &[&str]) {
    let source = &file.balancers[0].discover[source];
    let answer = SourceAnswer::Named {
        found: hosts.iter().map(|host| found(host)).collect(),
        unheard: Default::default(),
    };
    all.answered("shop", &source.subject());
    let known = all.known("shop", &source.subject());
    let members = reconcile(known, &answer, Room::default()).members;
    all.set("shop", source, members);
}

/// The discovered members: host and factor, with `-` before those that drain.
fn shown(all: &Discovered, file: &Config) -> Vec<String> {
    let config = all.over(file);
    let members = config.balancers[0].members.iter().skip(1);
    let line = |member: &Member| {
        let sign = if member.status.drain { "-" } else { "" };
        format!("{sign}{} {}", member.url.host, member.loadfactor)
    };
    members.map(line).collect()
}

#[test]
fn a_member_that_vanishes_from_its_last_source_drains_as_it_was_last() {
    let file = file(&[("old", 5), ("new", 7)]);
    let mut all = Discovered::default();
    says(&mut all, &file, 0, &["a"]);
    says(&mut all, &file, 1, &["a", "b"]);
    assert_eq!(shown(&all, &file), ["a 5", "b 7"]);
    says(&mut all, &file, 0, &["c"]);
    assert_eq!(shown(&all, &file), ["c 5", "a 7", "b 7"]);
    says(&mut all, &file, 1, &["b"]);
    assert_eq!(shown(&all, &file), ["c 5", "b 7", "-a 7"]);
    // It comes back with the first one, and vanishes from there.
    says(&mut all, &file, 0, &["c", "a"]);
    assert_eq!(shown(&all, &file), ["c 5", "a 5", "b 7"]);
    says(&mut all, &file, 0, &["c"]);
    assert_eq!(shown(&all, &file), ["c 5", "b 7", "-a 5"]);
}

#[test]
fn members_of_a_source_that_is_replaced_serve_until_each_new_source_has_named_members() {
    let before = file(&[("old", 5)]);
    let mut all = Discovered::default();
    says(&mut all, &before, 0, &["a", "b"]);
    let after = file(&[("new", 6), ("more", 7)]);
    all.follow(&Before::of(&before), &after, ROOM);
    assert_eq!(shown(&all, &after), ["a 5", "b 5"]);
    // A further reload changes nothing, and one source more is awaited too.
    all.follow(&Before::of(&after), &after, ROOM);
    assert_eq!(shown(&all, &after), ["a 5", "b 5"]);
    says(&mut all, &after, 0, &["a"]);
    assert_eq!(shown(&all, &after), ["a 6", "b 5"]);
    let renamed = file(&[("new", 6), ("third", 8)]);
    all.follow(&Before::of(&after), &renamed, ROOM);
    assert_eq!(shown(&all, &renamed), ["a 6", "b 5"]);
    says(&mut all, &renamed, 1, &["c"]);
    assert_eq!(shown(&all, &renamed), ["a 6", "c 8", "-b 5"]);
}

/// A file with these members of its own, and a source where there is one.
fn listed(members: &str, source: &str) -> Config {
    let text = format!(
        "listeners: [{{ bind: \"[::1]:1\" }}]
balancers:
  shop:
    members: [{members}]
    discover: [{source}]
proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]
"
    );
    parse(&text, Path::new("ajpgate.yaml"), &|_| None)
        .unwrap()
        .config
}

/// All members: their source, host, factor and route, with `-` before those that drain.
fn all_shown(all: &Discovered, file: &Config) -> Vec<String> {
    let config = all.over(file);
    let line = |member: &Member| {
        let sign = if member.status.drain { "-" } else { "" };
        let (host, route) = (&member.url.host, &member.route);
        let source = member.origin.source.name();
        format!("{sign}{source} {host} {} {route}", member.loadfactor)
    };
    config.balancers[0].members.iter().map(line).collect()
}

#[test]
fn members_of_the_file_that_sources_replace_serve_until_each_of_these_has_named_members() {
    let a = "{ url: \"ajp://a:8009\", route: a, loadfactor: 2 }";
    let both = format!("{a}, {{ url: \"ajp://b:8009\", route: b }}");
    let dns = "{ dns: \"ajp://x.test:8009\" }";
    let before = listed(&both, "");
    let after = listed("", dns);
    let mut all = Discovered::default();
    all.follow(&Before::of(&before), &after, ROOM);
    let serve = ["config a 2 a", "config b 1 b"];
    assert_eq!(all_shown(&all, &after), serve);
    // A further reload changes nothing, also with a source more; an empty answer neither.
    all.follow(&Before::of(&after), &after, ROOM);
    assert_eq!(all_shown(&all, &after), serve);
    let more = listed("", &format!("{dns}, {{ dns: \"ajp://y.test:8009\" }}"));
    all.follow(&Before::of(&after), &more, ROOM);
    says(&mut all, &more, 0, &["b"]);
    assert_eq!(all_shown(&all, &more), ["dns b 1 ", "config a 2 a"]);
    says(&mut all, &more, 1, &["c"]);
    let named = ["dns b 1 ", "dns c 1 ", "-config a 2 a"];
    assert_eq!(all_shown(&all, &more), named);
    // The file has it again.
    let again = listed(a, dns);
    all.follow(&Before::of(&more), &again, ROOM);
    assert_eq!(
        all_shown(&all, &again),
        ["config a 2 a", "dns b 1 ", "-dns c 1 "]
    );
    // Where nothing new is asked, members that the file no longer has are gone at once.
    all.follow(&Before::of(&again), &after, ROOM);
    assert_eq!(all_shown(&all, &after), ["dns b 1 ", "-dns c 1 "]);
}

#[test]
fn members_of_the_file_go_where_the_source_in_their_place_is_taken_back() {
    let before = listed("{ url: \"ajp://a:8009\" }", "");
    let silent = listed("", "{ dns: \"ajp://x.test:8009\" }");
    let mut all = Discovered::default();
    all.follow(&Before::of(&before), &silent, ROOM);
    let mut back = all.clone();
    back.follow(&Before::of(&silent), &before, ROOM);
    assert_eq!(all_shown(&back, &before), ["config a 1 "]);
    let other = listed("{ url: \"ajp://b:8009\" }", "");
    all.follow(&Before::of(&silent), &other, ROOM);
    assert_eq!(all_shown(&all, &other), ["config b 1 ", "-config a 1 "]);
    // What the program after this one must know is in the file.
    assert_eq!(all.to_json(), serde_json::json!({ "shop": {} }));
}

#[test]
fn members_of_a_source_that_nothing_replaces_drain_at_once() {
    let before = file(&[("old", 5), ("silent", 6)]);
    let mut all = Discovered::default();
    says(&mut all, &before, 0, &["a"]);
    // The one that is left has been asked before.
    let after = file(&[("silent", 6)]);
    let mut left = all.clone();
    left.follow(&Before::of(&before), &after, ROOM);
    assert_eq!(shown(&left, &after), ["-a 5"]);
    // The new one is taken back before it has named anybody.
    let new = file(&[("new", 7)]);
    all.follow(&Before::of(&before), &new, ROOM);
    assert_eq!(shown(&all, &new), ["a 5"]);
    let none = file(&[]);
    all.follow(&Before::of(&new), &none, ROOM);
    assert_eq!(shown(&all, &none), ["-a 5"]);
}

#[test]
fn a_source_that_comes_back_is_awaited_where_its_members_have_vanished() {
    let (one, other) = (file(&[("one", 5)]), file(&[("other", 6)]));
    let mut all = Discovered::default();
    says(&mut all, &one, 0, &["a"]);
    all.follow(&Before::of(&one), &other, ROOM);
    all.follow(&Before::of(&other), &one, ROOM);
    assert_eq!(shown(&all, &one), ["a 5"]);
    all.follow(&Before::of(&one), &other, ROOM);
    says(&mut all, &other, 0, &["b"]);
    assert_eq!(shown(&all, &other), ["b 6", "-a 5"]);
    all.follow(&Before::of(&other), &one, ROOM);
    assert_eq!(shown(&all, &one), ["b 6", "-a 5"]);
    says(&mut all, &one, 0, &["a"]);
    assert_eq!(shown(&all, &one), ["a 5", "-b 6"]);
}

/// What a program that starts with this file knows, where the one before knew `all`.
fn restarted(all: &Discovered, file: &Config) -> Discovered {
    let (known, sources) = (all.to_json(), all.sources_to_json());
    let mut all = Discovered::from_json(&known, &sources, file, Path::new(""));
    let before = all.asked_before();
    all.follow(&before, file, ROOM);
    all
}

#[test]
fn a_start_without_a_source_is_a_reload_without_it() {
    let before = file(&[("old", 5)]);
    let mut all = Discovered::default();
    says(&mut all, &before, 0, &["a", "b"]);
    let none = file(&[]);
    let gone = restarted(&all, &none);
    assert_eq!(shown(&gone, &none), ["-a 5", "-b 5"]);
    let after = file(&[("new", 6)]);
    let gone = restarted(&gone, &after);
    assert_eq!(shown(&gone, &after), ["-a 5", "-b 5"]);
    // Where another source takes its place, its members serve until that one answers, over one more start too.
    let mut all = restarted(&restarted(&all, &after), &after);
    assert_eq!(shown(&all, &after), ["a 5", "b 5"]);
    says(&mut all, &after, 0, &["b", "c"]);
    assert_eq!(shown(&all, &after), ["b 6", "c 6", "-a 5"]);
    let all = restarted(&all, &after);
    assert_eq!(shown(&all, &after), ["b 6", "c 6", "-a 5"]);
}

#[test]
fn a_source_that_the_file_no_longer_has_is_forgotten_with_its_last_member() {
    let (before, after) = (file(&[("old", 5)]), file(&[]));
    let mut all = Discovered::default();
    says(&mut all, &before, 0, &["a"]);
    all.follow(&Before::of(&before), &after, ROOM);
    all.forget("shop", &[found("a").url]);
    assert_eq!(all.sources().count(), 0);
}
