//! What is known of the sources of a balancer, when members or sources come and go.

use std::path::Path;

use ajpgate_config::{Standing, parse, parse_member};

use super::*;
use crate::discovery::SourceAnswer;

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
