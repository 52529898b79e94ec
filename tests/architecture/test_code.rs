//! How tests are written: no fixed ports, no sleeps, and nothing left behind.

use super::source::{names, sources};
use super::violations::{Exempt, Violations};

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
    ("tests/cli/convert.rs", "configurations that are only read"),
    (
        "tests/cli/tls.rs",
        "addresses of an example, which are replaced",
    ),
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

/// Folders whose helpers wait for the tests, and files of the benchmarks, and why they sleep.
const SLEEPS: &[(&str, &str)] = &[
    ("tests/support/", "`until` looks again after a moment"),
    (
        "tests/gateway/support/",
        "`until` looks again after a moment",
    ),
    (
        "tests/bench/backend/load.rs",
        "requests are sent at fixed times",
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

/// Files that name the system's folder for temporary files, and why.
const TEMPORARY: &[(&str, &str)] = &[(
    "src/cli/demo/certificate.rs",
    "the program's own, which it removes",
)];

#[test]
fn what_tests_write_is_removed_with_them() {
    let mut found = Violations::default();
    let mut exempt = Exempt::new(TEMPORARY);
    let folders = ["src", "config/src", "protocol/src", "protocol/ftp/src"];
    for source in sources(&[TESTS, &folders[..]].concat()) {
        for (number, line) in source.code() {
            if names(line, "temp_dir") && !exempt.covers(&source.path) {
                found.add(&source, number, "a folder that somebody has to remove");
            }
        }
    }
    found.unused(&exempt);
    found.none("take a Scratch, or in unit tests tempfile::tempdir: both are removed when they are dropped");
}
