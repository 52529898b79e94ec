//! Comparison with httpd: for the same requests, sessions and failures, ajpgate and httpd must decide alike.
//!
//! For each configuration Debian's httpd and ajpgate stand in front of the same scripted nodes and get the same sequence,
//! derived from a seed, one request after the other. The members that failed, the member that answered, and the six
//! variables of the balancer must be equal. Where ajpgate differs from httpd on purpose, a [row](rows::Row) says for which
//! requests; each row must have been needed.
//!
//! `AJPGATE_ORACLE_SEED=7` chooses another sequence, `AJPGATE_ORACLE_REQUESTS=20000` a longer one, and
//! `AJPGATE_ORACLE_ONLY="hot spares"` one configuration.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod configuration;
mod configurations;
mod duel;
mod front;
mod mod_jk;
mod node;
mod random;
mod render;
mod request;
mod rows;
mod sequence;
mod session;
mod verdict;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Instant;

use configuration::Configuration;
use rows::Row;
use verdict::Verdict;

const SEED: u64 = 1;
const REQUESTS: usize = 2_000;

#[tokio::test]
async fn ajpgate_decides_as_httpd_does() {
    let seed = setting("AJPGATE_ORACLE_SEED").unwrap_or(SEED);
    let requests = setting("AJPGATE_ORACLE_REQUESTS").unwrap_or(REQUESTS);
    let only: Option<String> = setting("AJPGATE_ORACLE_ONLY");
    let mut configurations = [configurations::all(), mod_jk::all()].concat();
    configurations.retain(|one| only.as_deref().is_none_or(|name| name == one.name));
    // Servers are killed with the thread that started them, so both halves run on this thread.
    let left = RefCell::new(configurations);
    let lane = || lane(&left, seed, requests);
    let (mut verdicts, others) = tokio::join!(lane(), lane());
    verdicts.extend(others);

    let mut explained = BTreeMap::new();
    for (row, count) in verdicts.iter().flat_map(|verdict| &verdict.explained) {
        *explained.entry(*row).or_insert(0) += count;
    }
    let total: usize = verdicts.iter().map(|verdict| verdict.requests).sum();
    println!("{} configurations, {total} requests", verdicts.len());
    for (row, count) in &explained {
        println!("{count:>6} differences: {}", row.point());
    }
    let unexplained: Vec<String> = verdicts
        .into_iter()
        .filter_map(|verdict| verdict.unexplained)
        .collect();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    if only.is_none() {
        let idle: Vec<&str> = Row::ALL
            .iter()
            .filter(|row| !explained.contains_key(row))
            .map(|row| row.point())
            .collect();
        assert!(idle.is_empty(), "rows that explain nothing: {idle:?}");
    }
}

/// Compares one configuration after the other.
async fn lane(left: &RefCell<Vec<Configuration>>, seed: u64, requests: usize) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let next = || left.borrow_mut().pop();
    while let Some(configuration) = next() {
        let begun = Instant::now();
        let verdict = duel::fight(&configuration, seed, requests).await;
        println!(
            "{:<32} {} of {} requests alike, explained {:?}, {:.1?}",
            configuration.name,
            verdict.equal,
            verdict.requests,
            verdict.explained,
            begun.elapsed()
        );
        verdicts.push(verdict);
    }
    verdicts
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: {text}")))
}
