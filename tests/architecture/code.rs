//! How the code is written: short files, nothing unsafe, state machines with charts.

use super::source::{Source, names, sources};
use super::violations::{Exempt, Violations};

/// Lines of a file before its tests.
const LONGEST: usize = 500;
const LONG: usize = 350;

#[test]
fn files_are_short() {
    let mut found = Violations::default();
    for source in sources(&["src", "config/src", "protocol/src", "protocol/ftp/src"]) {
        if source.is_test() {
            continue;
        }
        let lines = source.length;
        if lines > LONGEST {
            found.add(
                &source,
                lines,
                &format!("{lines} lines, more than {LONGEST}"),
            );
        } else if lines > LONG {
            println!("{}: {lines} lines", source.path);
        }
    }
    found.none("one file, one thought: take it apart");
}

#[test]
fn there_is_no_unsafe_code() {
    let lints = Source::read("Cargo.toml");
    assert!(
        lints.text.contains("unsafe_code = \"forbid\"")
            || lints.text.contains("unsafe_code = \"deny\"")
    );
    let mut found = Violations::default();
    let mut exempt = Exempt::new(UNSAFE);
    for source in sources(&["src", "config", "protocol", "tests"]) {
        for (number, line) in source.code() {
            if names(line, "unsafe") && !exempt.covers(&source.path) {
                found.add(&source, number, "unsafe");
            }
        }
    }
    found.unused(&exempt);
    found.none("there is a crate for it, or another way");
}

/// Files that may contain unsafe code, and why.
const UNSAFE: &[(&str, &str)] = &[];

#[test]
fn state_machines_have_a_chart() {
    let mut found = Violations::default();
    for source in sources(&["src", "protocol/src", "protocol/ftp/src"]) {
        for (number, line) in source.code() {
            let Some((_, rest)) = line.split_once("enum ") else {
                continue;
            };
            let name = rest
                .split(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap_or_default();
            if name.ends_with("State") && !source.is_charted(name) {
                found.add(&source, number, &format!("`{name}` has no chart"));
            }
        }
    }
    found.none("draw it in a ```text block above the enum, or above the struct that holds it");
}
