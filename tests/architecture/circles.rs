//! No circles of imports: of two files that import each other, neither can be understood first.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Crate;
use super::violations::Violations;

/// The folders of the crates.
const CRATES: &[&str] = &["src", "config/src", "protocol/src", "protocol/ftp/src"];

/// Folders that still have circles inside. Open them, and remove the entry.
const LEFT: &[&str] = &[];

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut found = Violations::default();
    let mut left: BTreeSet<&str> = LEFT.iter().copied().collect();
    for folder in CRATES {
        let source = Crate::read(folder);
        let imports = source.imports();
        for circle in circles(&imports) {
            let known = LEFT
                .iter()
                .find(|place| circle.iter().all(|file| file.starts_with(**place)));
            match known {
                Some(place) => drop(left.remove(place)),
                None => found.0.push(told(&circle, &imports)),
            }
        }
    }
    for place in left {
        found
            .0
            .push(format!("LEFT names {place}, which has no circle"));
    }
    found.none("move what they share into a file of its own");
}

type Imports<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Files each of which can be reached from every other, two or more, for each such set.
fn circles<'a>(imports: &Imports<'a>) -> Vec<Vec<&'a str>> {
    let reached: Imports<'a> = imports
        .keys()
        .map(|file| (*file, reach(file, imports)))
        .collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (file, others) in &reached {
        if seen.contains(file) {
            continue;
        }
        let back = |other: &&&str| reached.get(**other).is_some_and(|it| it.contains(file));
        let circle: Vec<&str> = others.iter().filter(back).copied().collect();
        if circle.len() > 1 {
            seen.extend(circle.iter().copied());
            found.push(circle);
        }
    }
    found
}

/// The files that can be reached from a file in one step or more.
fn reach<'a>(file: &str, imports: &Imports<'a>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&'a str> = imports.get(file).into_iter().flatten().copied().collect();
    while let Some(file) = next.pop() {
        if found.insert(file) {
            next.extend(imports.get(file).into_iter().flatten());
        }
    }
    found
}

/// A circle, and the imports that make it.
fn told(circle: &[&str], imports: &Imports<'_>) -> String {
    let mut lines = vec![format!("a circle of {} files:", circle.len())];
    for file in circle {
        let others = imports.get(file).into_iter().flatten();
        let others: Vec<&str> = others
            .filter(|other| circle.contains(other))
            .copied()
            .collect();
        lines.push(format!("    {file} imports {}", others.join(", ")));
    }
    lines.join("\n")
}

#[test]
fn a_circle_is_found_and_a_chain_is_not() {
    let imports: Imports<'_> = [
        ("a", vec!["b"]),
        ("b", vec!["c"]),
        ("c", vec!["b"]),
        ("d", vec![]),
    ]
    .into_iter()
    .map(|(file, others)| (file, others.into_iter().collect()))
    .collect();
    assert_eq!(circles(&imports), [["b", "c"]]);
}
