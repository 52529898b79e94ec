//! Changes of a running balancer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::time::Duration;

use ajpgate_config::{
    LbMethod, StickyNames, balancer_change_from_json, member_change_from_json, member_from_json,
    parse_balancer_change, parse_member_change,
};

fn member_problems(json: &str) -> Vec<String> {
    let problems = member_change_from_json(json).unwrap_err();
    problems
        .into_iter()
        .map(|problem| problem.message)
        .collect()
}

fn balancer_problems(json: &str) -> Vec<String> {
    let problems = balancer_change_from_json(json).unwrap_err();
    problems
        .into_iter()
        .map(|problem| problem.message)
        .collect()
}

#[test]
fn a_change_of_a_member() {
    let json = r#"{"loadfactor": 2.5, "lbset": 3, "route": "", "status": {"drain": true, "disabled": false}}"#;
    let change = member_change_from_json(json).unwrap();
    assert_eq!(change.loadfactor.unwrap().to_string(), "2.5");
    assert_eq!(
        (change.lbset, change.route.as_deref(), change.redirect),
        (Some(3), Some(""), None)
    );
    assert_eq!(
        (change.drain, change.disabled, change.stopped),
        (Some(true), Some(false), None)
    );
    let nothing = member_change_from_json("{}").unwrap();
    assert_eq!(nothing, Default::default());
}

#[test]
fn a_change_of_a_balancer() {
    let json = r#"{"lbmethod": "bybusyness", "stickysession": "SID|id", "nofailover": true, "timeout": "250ms", "maxattempts": 2}"#;
    let change = balancer_change_from_json(json).unwrap();
    assert_eq!(change.lbmethod, Some(LbMethod::ByBusyness));
    assert_eq!(change.nofailover, Some(true));
    let names = StickyNames::Names {
        cookie: "SID".to_owned(),
        parameter: "id".to_owned(),
    };
    assert_eq!(change.stickysession, Some(names));
    assert_eq!(change.timeout, Some(Duration::from_millis(250)));
    assert_eq!(change.maxattempts, Some(Some(2)));
    let json = r#"{"stickysession": "", "timeout": 5, "maxattempts": null}"#;
    let change = balancer_change_from_json(json).unwrap();
    assert_eq!(change.stickysession, Some(StickyNames::Off));
    assert_eq!(change.timeout, Some(Duration::from_secs(5)));
    assert_eq!(change.maxattempts, Some(None));
}

#[test]
fn what_the_file_refuses_is_refused() {
    assert_eq!(
        member_problems(
            r#"{"loadfactor": 0, "lbset": 100, "route": "a;b", "redirect": ["n2"], "url": "ajp://x", "status": {"drian": true}}"#
        ),
        [
            "loadfactor: 0 is not a weight",
            "lbset: 100 is not a whole number from 0 to 99",
            "route: \"a;b\" cannot be part of a session id",
            "redirect: a list is not a string or null",
            "unknown key \"url\"",
            "status: unknown key \"drian\"",
        ]
    );
    assert_eq!(
        member_problems(r#"{"status": ["drain"]}"#),
        ["status: a list is not an object"]
    );
    assert_eq!(
        member_problems(r#"{"lbset": 1, "lbset": 2}"#),
        ["\"lbset\" is given twice"]
    );
    assert_eq!(
        balancer_problems(
            r#"{"lbmethod": "random", "stickysession": "a b", "timeout": "-1s", "maxattempts": 100, "members": []}"#
        ),
        [
            "lbmethod: \"random\" is not byrequests, bytraffic, bybusyness, heartbeat, leastlatency or sessions",
            "stickysession: \"a b\" does not name a session id",
            "timeout: \"-1s\" is not a duration",
            "maxattempts: 100 is not a whole number from 0 to 99",
            "unknown key \"members\"",
        ]
    );
}

/// Earlier versions wrote `loadfactor` as text into the state file.
#[test]
fn a_change_that_was_written_down_may_have_numbers_as_text() {
    let json = r#"{"loadfactor": "2.5", "lbset": "3"}"#;
    let change = parse_member_change(json, Path::new("state.json")).unwrap();
    assert_eq!(change.loadfactor.unwrap().to_string(), "2.5");
    assert_eq!(
        member_problems(json),
        [
            "loadfactor: \"2.5\" is not a number",
            "lbset: \"3\" is not a number"
        ]
    );
    let json = r#"{"maxattempts": "default", "timeout": "0.25s"}"#;
    let change = parse_balancer_change(json, Path::new("state.json")).unwrap();
    assert_eq!(change.maxattempts, Some(None));
}

#[test]
fn an_error_state_can_be_cleared_and_not_set() {
    let change = member_change_from_json(r#"{"status": {"error": false}}"#).unwrap();
    assert!(change.clear_error);
    assert_eq!(
        member_problems(r#"{"status": {"error": true}}"#),
        ["error: a member is not put in error by hand"]
    );
}

#[test]
fn a_new_member_takes_nothing_from_the_environment() {
    let member = |json: &str| {
        let member = member_from_json(json, Path::new(""));
        member.map_err(|problems| problems.iter().next().unwrap().message.clone())
    };
    let built = member(r#"{"url": "ajp://h", "max": 1e1, "status": ["drain"]}"#).unwrap();
    assert_eq!((built.max, built.status.drain), (10, true));
    for (json, message) in [
        (
            r#"{"url": "ajp://h", "secret": "${HOME}"}"#,
            "secret: ${HOME}: the environment is not read here",
        ),
        (r#"{"route": "n1"}"#, "a member needs `url`"),
        (
            r#"{"url": "ajp://h", "<<": {"max": 1}}"#,
            "unknown key \"<<\"",
        ),
    ] {
        assert_eq!(member(json).unwrap_err(), message, "{json}");
    }
}
