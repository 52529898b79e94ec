//! Whether `ajpgate convert` can be trusted: the configurations of `testdata/convert/real`, each in Debian's httpd as it is,
//! and in ajpgate as `convert` turns it, before the same scripted backends.
//!
//! The same requests must reach the same backends with the same path, query, attributes and fields, and the same answers must
//! come back. A difference is one that is [meant](meant::Row), or `convert` names it on standard error; the
//! configuration says which of both, and a reason that explains nothing fails. Nobody whom httpd keeps out may come in,
//! whatever the reason.
//!
//! The first word of a file's name says which test it belongs to. `AJPGATE_CONVERT_ONLY=proxy-order` runs one file and
//! shows what it becomes and what httpd answers; `AJPGATE_CONVERT_FOLDER` names another folder of files.

mod case;
mod duel;
mod meant;
mod nodes;
mod places;
mod seen;

use places::Places;

/// The first words of the names of the files: a test for each.
const GROUPS: [&str; 7] = [
    "access", "fields", "hosts", "modjk", "proxy", "rewrite", "whole",
];

/// Runs the configurations whose names begin so.
async fn group(first: &str) {
    let only = std::env::var("AJPGATE_CONVERT_ONLY").ok();
    let places = Places::new().await;
    let mut wrong = Vec::new();
    let (mut requests, mut count) = (0, 0);
    for case in case::all() {
        let is_here = case.name.split('-').next() == Some(first);
        if !is_here || only.as_ref().is_some_and(|only| *only != case.name) {
            continue;
        }
        let outcome = duel::fight(&case, &places).await;
        requests += outcome.requests;
        count += 1;
        wrong.extend(outcome.wrong);
    }
    println!("{count} configurations, {requests} requests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 0 || only.is_some(), "no configuration {first}-…");
}

#[test]
fn each_configuration_belongs_to_a_test() {
    let cases = case::all();
    for case in &cases {
        let first = case.name.split('-').next().unwrap_or_default();
        assert!(GROUPS.contains(&first), "{}: no test takes it", case.name);
    }
    assert!(cases.len() >= 60, "only {} configurations", cases.len());
}

#[tokio::test]
async fn access_rules_keep_out_whom_httpd_keeps_out() {
    group("access").await;
}

#[tokio::test]
async fn mod_proxy_sends_requests_where_httpd_sends_them() {
    group("proxy").await;
}

#[tokio::test]
async fn virtual_hosts_answer_as_those_of_httpd() {
    group("hosts").await;
}

#[tokio::test]
async fn rewritten_paths_and_redirects_are_those_of_httpd() {
    group("rewrite").await;
}

#[tokio::test]
async fn fields_of_requests_and_answers_are_those_of_httpd() {
    group("fields").await;
}

#[tokio::test]
async fn requests_go_where_mod_jk_sends_them() {
    group("modjk").await;
}

#[tokio::test]
async fn whole_servers_of_distributions_do_the_same() {
    group("whole").await;
}
