//! What may be changed of a running balancer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::time::Duration;

use ajpgate_config::{LbMethod, NewSticky, parse_balancer_change, parse_member_change};

fn member_problems(json: &str) -> Vec<String> {
    let problems = parse_member_change(json, Path::new("body")).unwrap_err();
    problems.headlines().collect()
}

fn balancer_problems(json: &str) -> Vec<String> {
    let problems = parse_balancer_change(json, Path::new("body")).unwrap_err();
    problems.headlines().collect()
}

#[test]
fn a_change_of_a_member() {
    let json = r#"{"loadfactor": 2.5, "lbset": 3, "route": "", "status": {"drain": true, "disabled": false}}"#;
    let change = parse_member_change(json, Path::new("body")).unwrap();
    assert_eq!(change.loadfactor.unwrap().to_string(), "2.5");
    assert_eq!(
        (change.lbset, change.route.as_deref(), change.redirect),
        (Some(3), Some(""), None)
    );
    assert_eq!(
        (change.drain, change.disabled, change.stopped),
        (Some(true), Some(false), None)
    );
    let nothing = parse_member_change("{}", Path::new("body")).unwrap();
    assert_eq!(nothing, Default::default());
}

#[test]
fn a_change_of_a_balancer() {
    let json = r#"{"lbmethod": "bybusyness", "stickysession": "SID|id", "nofailover": true, "timeout": "250ms", "maxattempts": 2}"#;
    let change = parse_balancer_change(json, Path::new("body")).unwrap();
    assert_eq!(change.lbmethod, Some(LbMethod::ByBusyness));
    assert_eq!(change.nofailover, Some(true));
    let sticky = change.stickysession.unwrap().with(Some('!')).unwrap();
    assert_eq!(
        (&*sticky.cookie, &*sticky.parameter, sticky.separator),
        ("SID", "id", Some('!'))
    );
    assert_eq!(change.timeout, Some(Duration::from_millis(250)));
    assert_eq!(change.maxattempts, Some(Some(2)));
    let json = r#"{"stickysession": "", "timeout": 5, "maxattempts": "default"}"#;
    let change = parse_balancer_change(json, Path::new("body")).unwrap();
    assert_eq!(change.stickysession, Some(NewSticky::Off));
    assert_eq!(change.timeout, Some(Duration::from_secs(5)));
    assert_eq!(change.maxattempts, Some(None));
}

#[test]
fn what_the_file_refuses_is_refused() {
    assert_eq!(
        member_problems(
            r#"{"loadfactor": 0, "lbset": 100, "route": "a;b", "redirect": null, "url": "ajp://x", "status": {"drian": true}}"#
        ),
        [
            "body:1:16: loadfactor: 0 is not a weight",
            "body:1:28: lbset: 100 is not a whole number from 0 to 99",
            "body:1:44: route: \"a;b\" cannot be part of a session id",
            "body:1:49: redirect: has no value",
            "body:1:67: unknown key \"url\"",
            "body:1:96: status: unknown key \"drian\"",
        ]
    );
    assert_eq!(
        member_problems(r#"{"status": ["drain"]}"#),
        ["body:1:12: status: expected a map of keys, found a list"]
    );
    assert_eq!(
        member_problems(r#"{"lbset": 1, "lbset": 2}"#),
        ["body:1:14: \"lbset\" is given twice"]
    );
    assert_eq!(
        balancer_problems(
            r#"{"lbmethod": "random", "stickysession": "a b", "timeout": "-1s", "maxattempts": 100, "members": []}"#
        ),
        [
            "body:1:14: lbmethod: \"random\" is not byrequests, bytraffic, bybusyness, heartbeat, leastlatency or sessions",
            "body:1:41: stickysession: \"a b\" does not name a session id",
            "body:1:59: timeout: \"-1s\" is not a duration",
            "body:1:81: maxattempts: 100 is not a whole number from 0 to 99",
            "body:1:86: unknown key \"members\"",
        ]
    );
}
