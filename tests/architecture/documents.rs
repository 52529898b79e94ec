//! Guards of documents and comments: what they mention exists.

use std::collections::BTreeMap;

use super::mentions::{Corpus, FOREIGN, mentions_in};
use super::source::{Source, names, root, sources, word};
use super::violations::Violations;

/// The numbered protocol cases.
const CASES: &str = "protocol/AJP13.md";

/// Files that are no Rust and whose text or comments are read, beside all documents.
const OTHERS: &[&str] = &[
    ".config/nextest.toml",
    "Cargo.toml",
    "clippy.toml",
    "config/Cargo.toml",
    "config/examples/complete.yaml",
    "config/examples/smallest.yaml",
    "config/examples/two-tomcats.yaml",
    "deny.toml",
    "docker/ajpgate.yaml",
    "docker/compose.offline.yaml",
    "docker/compose.yaml",
    "docker/prometheus/rules.yml",
    "docker/shop.yaml",
    "docker/test.sh",
    "protocol/Cargo.toml",
    "protocol/ftp/Cargo.toml",
    "protocol/fuzz/Cargo.toml",
    "tests/run.sh",
];

/// Folders with Rust code.
const CODE: &[&str] = &["src", "config", "protocol", "tests"];

#[test]
fn documents_and_comments_mention_only_what_exists() {
    let code: Vec<Source> = sources(CODE).collect();
    let others = documents().chain(OTHERS.iter().map(|path| Source::read(path)));
    let texts: Vec<Source> = others.collect();
    let corpus = Corpus::new(&code);
    let mut found = Violations::default();
    let mut foreign: Vec<&str> = FOREIGN
        .iter()
        .flat_map(|(_, words)| *words)
        .copied()
        .collect();
    for source in texts.iter().chain(&code) {
        for (number, mention) in mentions_in(source) {
            foreign.retain(|word| !mention.is(word));
            if let Some(problem) = corpus.problem(source, &mention) {
                found.add(source, number, &problem);
            }
        }
    }
    for word in foreign {
        found
            .0
            .push(format!("FOREIGN lists `{word}`, which nobody mentions"));
    }
    found.none(
        "name what there is; a word of httpd, mod_jk or Tomcat goes into FOREIGN, or is written as `file.c: function()`",
    );
}

#[test]
fn protocol_cases_and_their_tests_name_each_other() {
    let document = Source::read(CASES);
    // Case → the tests in its row.
    let mut cases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, line) in document.raw() {
        let mut cells = line.split('|').map(str::trim);
        if let (Some(""), Some(case)) = (cells.next(), cells.next())
            && is_case(case)
        {
            let tests = line
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|name| is_numbered(name));
            cases.insert(case.to_owned(), tests.map(str::to_owned).collect());
        }
    }
    assert!(cases.len() > 100, "{CASES} has {} cases", cases.len());

    let mut found = Violations::default();
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources(CODE) {
        for (number, line) in source.code() {
            let Some((_, rest)) = line.split_once("fn ") else {
                continue;
            };
            let name = word(rest);
            for case in cases_of(name) {
                if !cases.contains_key(&case) {
                    found.add(&source, number, &format!("{CASES} has no case {case}"));
                }
                named.entry(case).or_default().push(name.to_owned());
            }
        }
        check_cases(&source, &cases, &mut found);
    }
    for document in documents() {
        check_cases(&document, &cases, &mut found);
    }
    for (case, tests) in &cases {
        let mut wanted = named.remove(case).unwrap_or_default();
        wanted.sort();
        let mut tests = tests.clone();
        tests.sort();
        if wanted.is_empty() || wanted != tests {
            found.0.push(format!(
                "{CASES}: {case} names {tests:?}, and its tests are {wanted:?}"
            ));
        }
    }
    found
        .none("begin a test's name with its case, like `b01_b02_…`, and name it in the case's row");
}

/// Points of `docs/balancing.md` that the comparison with httpd leaves out.
#[test]
fn each_row_of_the_oracle_is_a_documented_difference() {
    let document = Source::read("docs/balancing.md");
    let rows = Source::read("tests/oracle/rows.rs");
    let points = rows.text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("=> \"")?;
        rest.split('"').next()
    });
    let mut count = 0;
    for point in points {
        count += 1;
        assert!(
            document.text.contains(&format!("| {point} |")),
            "{}: there is no difference \"{point}\"",
            document.path
        );
    }
    assert!(count > 0, "no rows found: this guard reads the wrong text");
}

#[test]
fn every_document_names_the_oldest_rust_that_is_built() {
    let of = |path: &str, before: &str| {
        let text = Source::read(path).text;
        let (_, rest) = text.split_once(before).expect(path);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    let oldest = of("Cargo.toml", "rust-version = \"");
    assert_eq!(of("README.md", "[Rust](https://rustup.rs) "), oldest);
    assert_eq!(of("docker/Dockerfile", "FROM rust:"), oldest);
    assert_eq!(env!("CARGO_PKG_RUST_VERSION"), oldest);
}

/// All documents of the repository, by their extension.
pub(super) fn documents() -> impl Iterator<Item = Source> {
    let mut found = Vec::new();
    let mut left = vec![String::new()];
    while let Some(folder) = left.pop() {
        let entries = std::fs::read_dir(root().join(&folder)).unwrap();
        for entry in entries.map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{folder}{name}");
            if entry.path().is_dir() {
                if !name.starts_with('.') && name != "target" {
                    left.push(format!("{path}/"));
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| Source::read(&path))
}

/// Cases that comments or a document mention.
fn check_cases(source: &Source, cases: &BTreeMap<String, Vec<String>>, found: &mut Violations) {
    for (number, line) in (1..).zip(source.comments.lines()) {
        // Escapes such as `%C3` and `\u{E007}` are no cases.
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"%{_".contains(c));
        for word in words.filter(|word| is_case(word)) {
            if !cases.contains_key(word) {
                found.add(source, number, &format!("{CASES} has no case {word}"));
            }
        }
        if names(line, "contract") {
            found.add(
                source,
                number,
                "the contract is no document of this repository",
            );
        }
    }
}

/// The cases that a test's name begins with.
fn cases_of(name: &str) -> impl Iterator<Item = String> {
    let parts = name.split('_').map(str::to_ascii_uppercase);
    parts.take_while(|part| is_case(part))
}

fn is_numbered(name: &str) -> bool {
    cases_of(name).next().is_some()
}

fn is_case(word: &str) -> bool {
    let mut characters = word.chars();
    let letter = characters.next();
    word.len() == 3
        && letter.is_some_and(|letter| "BCKPRS".contains(letter))
        && characters.all(|c| c.is_ascii_digit())
}
