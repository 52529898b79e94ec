//! Rules that the sources must keep, checked by reading them as text.
//!
//! Each violation is reported with its place (`file:line`) and what to do. A rule that no longer fits is changed here, with
//! the reason; code does not work around it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/mentions.rs"]
mod mentions;
#[path = "architecture/source.rs"]
mod source;

use std::collections::BTreeSet;

use source::{Source, names, sources, word};

// === Imports between modules ===

/// Modules of `src/`, lowest first, each with what it must not name. A row may import the rows above it and nothing
/// else, not even its own. ARCHITECTURE.md explains the table; its rows 2 and 7 are taken apart here.
const ROWS: &[(&[&str], &[&str])] = &[
    (
        &[
            "balancer",
            "sticky",
            "mount",
            "sessions",
            "heartbeat",
            "health",
        ],
        PURE,
    ),
    (
        &[
            "peer",
            "connection_state",
            "timer",
            "variables",
            "framing",
            "random",
        ],
        NO_BALANCING,
    ),
    (&["headers", "upload", "telemetry", "unbuilt"], NO_BALANCING),
    (&["backend"], NO_BALANCING),
    (&["state"], &["crate::upload", "hyper"]),
    (
        &["proxy"],
        &["TcpListener", "TcpStream", "rustls", "askama"],
    ),
    (&["server", "admin", "upkeep"], &["ajp13"]),
    (
        &["node"],
        &["crate::balancer", "crate::backend", "crate::proxy"],
    ),
    (&["reload"], &[]),
    (&["gateway"], &[]),
    (&["cli"], &[]),
    (&["lib", "main"], &[]),
];

/// What pure modules must not name. Bytes, time and seeds are their arguments, and events are return values.
const PURE: &[&str] = &[
    "tokio",
    "tokio_util",
    "hyper",
    "std::net",
    "std::fs",
    "std::io",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "rand",
    "RandomState",
    "getrandom",
    "crate::random",
    "tracing",
    "metrics",
];

const NO_BALANCING: &[&str] = &["crate::balancer", "crate::sticky", "crate::mount"];

#[test]
fn modules_import_only_modules_below_them() {
    let row_of = |module: &str| {
        ROWS.iter()
            .position(|(modules, _)| modules.contains(&module))
    };
    let mut found = Violations::default();
    let mut gone: BTreeSet<&str> = ROWS
        .iter()
        .flat_map(|(modules, _)| *modules)
        .copied()
        .collect();
    for source in sources(&["src"]) {
        let module = source.module();
        gone.remove(module.as_str());
        let Some(row) = row_of(&module) else {
            found.add(
                &source,
                0,
                &format!("give `{module}` a row in ROWS of {}", file!()),
            );
            continue;
        };
        for (number, line) in source.code() {
            if line.contains("crate::{") {
                found.add(
                    &source,
                    number,
                    "import one module per `use`: this guard reads lines",
                );
            }
            for used in source.imports(number, line) {
                let Some(other) = row_of(used) else { continue };
                if used != module && other >= row {
                    let rule = format!(
                        "`{module}` may not import `{used}`: it stands below it or beside it"
                    );
                    found.add(&source, number, &rule);
                }
            }
            if source.is_test_line(number) {
                continue;
            }
            for forbidden in ROWS[row].1 {
                if names(line, forbidden) {
                    found.add(
                        &source,
                        number,
                        &format!("`{module}` must not know `{forbidden}`"),
                    );
                }
            }
        }
    }
    assert!(
        gone.is_empty(),
        "ROWS names modules that do not exist: {gone:?}"
    );
    found.none("move the code up, or pass in what it needs");
}

// === Crates ===

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
    let mut exempt = Exempt::new(&[("config/src/parse.rs", "it parses")]);
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

// === One swap; metric handles from one folder ===

#[test]
fn a_request_reads_one_swap() {
    let mut found = Violations::default();
    for source in sources(&["src", "config/src", "protocol/src", "protocol/ftp/src"]) {
        for (number, line) in source.code() {
            if line.contains("ArcSwap<") || line.contains("ArcSwapOption<") {
                found.add(&source, number, "an ArcSwap");
            }
        }
    }
    assert_eq!(
        found.0.len(),
        1,
        "a request must never see half of a reload: put it behind Shared::snapshot\n{}",
        found.0.join("\n")
    );
}

/// The folder with the names and handles of all metrics.
const METRICS: &str = "src/telemetry/metrics/";

#[test]
fn metric_handles_are_made_in_one_folder_and_never_per_request() {
    let mut found = Violations::default();
    let mut exempt = Exempt::new(&[(METRICS, "it makes them")]);
    for source in sources(&["src"]) {
        for (number, line) in source.code() {
            for name in ["counter!", "gauge!", "histogram!"] {
                if line.contains(name) {
                    found.add(
                        &source,
                        number,
                        &format!("`{name}` looks its handle up at each call"),
                    );
                }
            }
            let makes = [
                "register_counter",
                "register_gauge",
                "register_histogram",
                "describe_",
            ];
            if makes.iter().any(|make| line.contains(make)) && !exempt.covers(&source.path) {
                found.add(&source, number, &format!("handles are made in {METRICS}"));
            }
        }
    }
    found.unused(&exempt);
    found.none("prepare a handle when the snapshot is built, and keep it there");
}

// === Vectored writes ===

#[test]
fn writers_forward_vectored_writes() {
    let mut found = Violations::default();
    let mut writers = 0;
    for source in sources(&["src", "protocol/src"]) {
        for (number, line) in source.code() {
            if !(line.contains("AsyncWrite for ") && line.trim_start().starts_with("impl")) {
                continue;
            }
            writers += 1;
            let block: Vec<&str> = source
                .code
                .lines()
                .skip(number - 1)
                .take_while(|line| *line != "}")
                .collect();
            for method in ["is_write_vectored", "poll_write_vectored"] {
                if !block
                    .iter()
                    .any(|line| line.contains(&format!("fn {method}")))
                {
                    found.add(&source, number, &format!("has no {method}"));
                }
            }
        }
    }
    assert!(
        writers > 0,
        "no writers found: this guard reads the wrong text"
    );
    found.none("forward both, or hyper flattens what it writes into a copy");
}

// === Sizes of files ===

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

// === No unsafe code ===

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

// === Ports and sleeps of tests ===

/// The folders of all integration tests.
const TESTS: &[&str] = &[
    "tests",
    "config/tests",
    "protocol/tests",
    "protocol/ftp/tests",
];

/// Files with addresses that no test binds or connects to, and why they have them.
const ADDRESSES: &[(&str, &str)] = &[
    ("tests/cli/check.rs", "configurations that are only read"),
    ("tests/cli/usage.rs", "the help text shows the defaults"),
    ("tests/support/ajpgate.rs", "a comment with an example"),
    ("config/tests/", "configurations that are only read"),
];

#[test]
fn tests_take_free_ports() {
    let mut found = Violations::default();
    let mut exempt = Exempt::new(ADDRESSES);
    for source in sources(TESTS) {
        for (number, line) in source.raw() {
            for host in ["127.0.0.1:", "0.0.0.0:"] {
                let mut behind = line
                    .match_indices(host)
                    .map(|(at, _)| &line[at + host.len()..]);
                let fixed =
                    behind.any(|port| port.starts_with(|c: char| c.is_ascii_digit() && c != '0'));
                if fixed && !exempt.covers(&source.path) {
                    found.add(&source, number, "a port that another process may have");
                }
            }
        }
    }
    found.unused(&exempt);
    found
        .none("bind port 0, or take a ReservedPort; a file that binds nothing goes into ADDRESSES");
}

/// Folders whose helpers wait for the tests, and why they sleep.
const SLEEPS: &[(&str, &str)] = &[
    ("tests/support/", "`until` looks again after a moment"),
    (
        "tests/gateway/support/",
        "`until` looks again after a moment",
    ),
];

#[test]
fn tests_wait_for_an_event_and_not_for_a_time() {
    let mut found = Violations::default();
    let mut exempt = Exempt::new(SLEEPS);
    for source in sources(TESTS) {
        for (number, line) in source.code() {
            let sleeps = names(line, "sleep") || names(line, "sleep_until");
            if sleeps && !exempt.covers(&source.path) {
                found.add(&source, number, "a sleep");
            }
        }
    }
    found.unused(&exempt);
    found.none("wait with `until`, or say with `support::pause` why a time has to pass");
}

// === State machines ===

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

// === The oldest Rust ===

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

// === The configuration ===

/// Structs of the configuration whose fields nobody reads yet, since `run` refuses the key that holds them.
const UNBUILT: &[(&str, &str)] = &[("ListenerTls", "`tls` of a listener is refused")];

/// `tests/cli/keys.rs` lists the keys that `run` acts on; this checks that their fields are read.
#[test]
fn every_field_of_the_configuration_is_read() {
    let program: String = sources(&["src"]).map(|source| source.code).collect();
    let mut found = Violations::default();
    let mut exempt = Exempt::new(UNBUILT);
    for source in sources(&["config/src/model", "config/src/model.rs"]) {
        let mut owner = String::new();
        for (number, line) in source.code() {
            if let Some(rest) = line.strip_prefix("pub struct ") {
                owner = word(rest).to_owned();
            }
            let field = line
                .strip_prefix("    pub ")
                .and_then(|rest| rest.split_once(": "));
            let Some((field, kind)) = field.filter(|(field, _)| word(field) == *field) else {
                continue;
            };
            let read = program.contains(&format!(".{field}"));
            if !read && !exempt.covers(&owner) && !exempt.covers(word(kind)) {
                found.add(
                    &source,
                    number,
                    &format!("nobody reads `{field}` of `{owner}`"),
                );
            }
        }
    }
    found.unused(&exempt);
    found.none("act on it, or refuse it in src/unbuilt.rs: nothing is ignored in silence");
}

/// Violations, one line each.
#[derive(Default)]
struct Violations(Vec<String>);

impl Violations {
    fn add(&mut self, source: &Source, line: usize, what: &str) {
        self.0.push(format!("{}:{line}: {what}", source.path));
    }

    /// An exemption that exempts nothing is a violation: what it was made for has gone.
    fn unused(&mut self, exempt: &Exempt) {
        for (place, why) in exempt.places {
            if !exempt.used.contains(place) {
                let what =
                    format!("{place} is exempt (\"{why}\") and need not be: remove the entry");
                self.0.push(what);
            }
        }
    }

    fn none(self, advice: &str) {
        assert!(self.0.is_empty(), "{}\n{advice}", self.0.join("\n"));
    }
}

/// Files, folders (with `/` at the end) or structs that a guard leaves out, each with the reason.
struct Exempt {
    places: &'static [(&'static str, &'static str)],
    /// Those that were needed so far.
    used: BTreeSet<&'static str>,
}

impl Exempt {
    fn new(places: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            places,
            used: BTreeSet::new(),
        }
    }

    /// Whether a violation in this file is allowed. Ask only where there is one.
    fn covers(&mut self, path: &str) -> bool {
        let place = self
            .places
            .iter()
            .map(|(place, _)| *place)
            .find(|place| *place == path || (place.ends_with('/') && path.starts_with(place)));
        self.used.extend(place);
        place.is_some()
    }
}

#[test]
fn an_exemption_that_nothing_needs_is_a_violation() {
    let mut exempt = Exempt::new(&[("a/", "a folder"), ("b.rs", "a file"), ("c.rs", "a file")]);
    assert!(exempt.covers("a/x.rs") && exempt.covers("b.rs"));
    assert!(!exempt.covers("d.rs") && !exempt.covers("b.rs/x.rs"));
    let mut found = Violations::default();
    found.unused(&exempt);
    assert_eq!(found.0.len(), 1);
    assert!(found.0[0].starts_with("c.rs is exempt"), "{}", found.0[0]);
}
