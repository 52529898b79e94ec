//! Modules import only modules of the rows above them, and name nothing that they must not know.

use std::collections::BTreeSet;

use super::source::{names, sources};
use super::violations::Violations;

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
    (&["head", "random"], NO_BALANCING),
    (
        &[
            "client",
            "cores",
            "clock",
            "in_box",
            "timer",
            "turn",
            "revision",
            "variables",
            "framing",
            "distinguished_name",
            "trace_context",
        ],
        NO_BALANCING,
    ),
    (&["facts"], NO_BALANCING),
    (
        &[
            "connection_state",
            "field_names",
            "handover",
            "headers",
            "supervisor",
            "upload",
            "telemetry",
            "unbuilt",
        ],
        NO_BALANCING,
    ),
    (&["tls"], NO_BALANCING),
    (&["acme", "traces"], NO_BALANCING),
    (&["site"], NO_BALANCING),
    (&["access", "identity"], NO_BALANCING),
    (&["backend"], NO_BALANCING),
    (&["discovery", "cluster"], NO_BALANCING),
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

/// Files that are as pure as the first row, in modules that are not.
const PURE_FILES: &[&str] = &["src/cluster/machine.rs"];

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

/// What a file of a module with other tasks must not know, where its own is pure.
fn pure_words(path: &str) -> &'static [&'static str] {
    match PURE_FILES.contains(&path) {
        true => PURE,
        false => &[],
    }
}

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
            for forbidden in ROWS[row].1.iter().chain(pure_words(&source.path)) {
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
