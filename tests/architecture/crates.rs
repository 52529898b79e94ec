//! What the crates without sockets must not know.

use super::source::{Source, names, sources};
use super::violations::{Exempt, Violations};

/// Crates of row 0 with their folders. They must not depend on each other, nor on the runtime.
const CRATES: &[(&str, &str)] = &[
    ("protocol", "ajp13"),
    ("protocol/ftp", "ajpgate-ftp"),
    ("config", "ajpgate-config"),
];

#[test]
fn the_crates_without_sockets_know_neither_each_other_nor_the_runtime() {
    let mut found = Violations::default();
    for (folder, name) in CRATES {
        let others = CRATES.iter().map(|(_, other)| *other);
        let others: Vec<&str> = others.filter(|other| other != name).collect();
        let runtime = ["tokio", "tracing", "log", "metrics", "hyper"];
        let manifest = Source::read(&format!("{folder}/Cargo.toml"));
        let mut in_dependencies = false;
        for (number, line) in manifest.raw() {
            if line.starts_with('[') {
                in_dependencies = line == "[dependencies]";
            }
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let banned = runtime.contains(&dependency) || others.contains(&dependency);
            let more_than_codec = dependency == "tokio-util" && !line.contains("[\"codec\"]");
            if in_dependencies && (banned || more_than_codec) {
                found.add(
                    &manifest,
                    number,
                    &format!("{folder} must not depend on `{line}`"),
                );
            }
        }
        for source in sources(&[&format!("{folder}/src")]) {
            for (number, line) in source.code() {
                let others = others.iter().map(|other| other.replace('-', "_"));
                let words = ["tokio", "tracing", "metrics"].map(str::to_owned);
                for word in words.into_iter().chain(others) {
                    if names(line, &word) {
                        found.add(&source, number, &format!("{folder} must not name `{word}`"));
                    }
                }
            }
        }
    }
    found.none(
        "these crates turn bytes into meaning; whoever uses them owns sockets, tasks and logs",
    );
}

#[test]
fn one_file_names_the_yaml_crate() {
    let mut found = Violations::default();
    let mut exempt = Exempt::new(&[
        ("config/src/parse.rs", "it parses"),
        (
            "tests/cli/kubernetes.rs",
            "manifests are no configuration of ours",
        ),
    ]);
    for source in sources(&["src", "config", "protocol", "tests"]) {
        for (number, line) in source.code() {
            if names(line, "serde_yaml") && !exempt.covers(&source.path) {
                found.add(&source, number, "only config/src/parse.rs names serde_yaml");
            }
        }
    }
    found.unused(&exempt);
    found.none("go through ajpgate_config::parse");
}
