//! Results and times of health checks.

use std::path::Path;
use std::time::{Duration, Instant};

use ajpgate_config::HealthCheck;
use proptest::prelude::*;

use super::*;

/// The `health_check` with these keys.
fn check(keys: &str) -> HealthCheck {
    let text = format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
         balancers: {{ b: {{ members: [{{ url: \"ajp://h:1\", route: n }}], health_check: {{ {keys} }} }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://b/\" }}]\n"
    );
    let loaded = ajpgate_config::parse(&text, Path::new("ajpgate.yaml"), &|_| None).unwrap();
    loaded.config.balancers[0].health_check.clone().unwrap()
}

#[test]
fn a_check_passes_with_the_expected_status_and_text() {
    let status = |status| Err(Unexpected::Status(status));
    let cases = [
        ("method: head", 200, "", Ok(())),
        ("method: head", 399, "", Ok(())),
        ("method: head", 199, "", status(199)),
        ("method: head", 400, "", status(400)),
        ("method: head", 503, "", status(503)),
        ("method: get, expect: { status: 503 }", 503, "", Ok(())),
        (
            "method: get, expect: { status: [200, 204] }",
            204,
            "",
            Ok(()),
        ),
        (
            "method: get, expect: { status: [200, 204] }",
            302,
            "",
            status(302),
        ),
        (
            "method: get, expect: { body: UP }",
            200,
            "<b>UP</b>",
            Ok(()),
        ),
        (
            "method: get, expect: { body: UP }",
            200,
            "up",
            Err(Unexpected::Body),
        ),
        (
            "method: get, expect: { body: UP }",
            200,
            "",
            Err(Unexpected::Body),
        ),
        ("method: get, expect: { body: UP }", 500, "UP", status(500)),
        (
            "method: get, expect: { status: 500, body: UP }",
            500,
            "UP",
            Ok(()),
        ),
    ];
    for (keys, status, body, expected) in cases {
        let found = verdict(&check(keys), status, body.as_bytes());
        assert_eq!(found, expected, "{keys}: {status} {body}");
    }
}

#[test]
fn a_body_is_searched_up_to_its_limit() {
    let check = check("method: get, expect: { body: UP }");
    let mut body = vec![b'.'; LONGEST_BODY];
    body.extend(b"UP");
    assert_eq!(verdict(&check, 200, &body), Err(Unexpected::Body));
    body.drain(..2);
    assert_eq!(verdict(&check, 200, &body), Ok(()));
}

#[test]
fn checks_of_members_are_spread_over_the_interval() {
    let start = Instant::now();
    let check = check("interval: 10s");
    let at = |place, seconds| {
        let schedule = Schedule::new(&check, place, 4, start);
        let next = schedule.next(start + Duration::from_secs_f64(seconds));
        (next - start).as_secs_f64()
    };
    assert_eq!(
        [0, 1, 2, 3].map(|place| at(place, 0.0)),
        [10.0, 2.5, 5.0, 7.5]
    );
    let first = |place| Schedule::new(&check, place, 4, start).first() - start;
    assert_eq!(
        [0, 3, 5].map(first).map(|first| first.as_millis()),
        [0, 7_500, 2_500]
    );
    // After a check of half a second, and after one of 23 s.
    assert_eq!(at(1, 3.0), 12.5);
    assert_eq!(at(1, 25.5), 32.5);
    assert_eq!(at(1, 12.5), 22.5);
}

#[test]
fn mandatory_checks_begin_at_once() {
    let start = Instant::now();
    let check = check("interval: 10s, mandatory: true");
    let firsts = [0, 1, 2].map(|place| Schedule::new(&check, place, 3, start).first());
    assert_eq!(firsts, [start; 3]);
}

proptest! {
    #[test]
    fn the_next_check_is_within_an_interval_and_never_now(
        place: u32, members: u32, interval in 100_u64..100_000, later in 0_u64..10_000_000,
    ) {
        let start = Instant::now();
        let check = check(&format!("interval: {interval}ms"));
        let schedule = Schedule::new(&check, place, members, start);
        let now = start + Duration::from_millis(later);
        let next = schedule.next(now);
        prop_assert!(next > now);
        prop_assert!(next - now <= Duration::from_millis(interval));
    }
}
