//! What a request must not do: read two configurations, look metrics up, or copy what it writes.

use super::source::sources;
use super::violations::{Exempt, Violations};

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
            let makes = [".counter(", ".gauge(", ".histogram("];
            if makes.iter().any(|make| line.contains(make)) && !exempt.covers(&source.path) {
                found.add(&source, number, &format!("handles are made in {METRICS}"));
            }
        }
    }
    found.unused(&exempt);
    found.none("prepare a handle when the snapshot is built, and keep it there");
}

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
