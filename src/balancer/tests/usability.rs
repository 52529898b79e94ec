//! The whole truth table of usability, for requests with and without a session
//! (`src/balancer/SEMANTICS.md`, "When a member is usable").

use super::*;

const HEALTHS: [Health; 5] = [
    Health::Ok,
    Health::Error,
    Health::Recovering,
    Health::Probing,
    Health::Forced,
];

/// A lone member with this health, and its open tickets. Forced recovery is off.
fn in_health(health: Health) -> (Play, Option<Pick>) {
    let mut play = by_requests(members(&[1]));
    let mut open = None;
    if health != Health::Ok {
        play.fail("a");
    }
    match health {
        Health::Ok | Health::Error => {}
        Health::Recovering => {
            play.at(60_001);
            let probe = play.open(None);
            play.settle(probe, Outcome::Neutral);
        }
        Health::Probing => {
            play.at(60_001);
            open = Some(play.open(None));
        }
        Health::Forced => {
            let forced = play.open(None);
            play.settle(forced, Outcome::Neutral);
        }
    }
    assert_eq!(play.health("a"), health);
    play.balancer.settings.forcerecovery = false;
    (play, open)
}

fn all_flags() -> impl Iterator<Item = Status> {
    (0_u8..64).map(|bits| Status {
        disabled: bits & 1 != 0,
        stopped: bits & 2 != 0,
        drain: bits & 4 != 0,
        hot_standby: bits & 8 != 0,
        hot_spare: bits & 16 != 0,
        ignore_errors: bits & 32 != 0,
    })
}

#[test]
fn a_lone_member_is_usable_as_the_table_says() {
    for health in HEALTHS {
        for status in all_flags() {
            if status.ignore_errors && health != Health::Ok {
                continue; // Impossible: see `a_member_that_ignores_errors_is_never_in_error`.
            }
            for check_failed in [false, true] {
                let case = format!("{health:?} {status:?} check_failed={check_failed}");
                let usable = !status.disabled
                    && !status.stopped
                    && !check_failed
                    && matches!(health, Health::Ok | Health::Recovering | Health::Forced);
                // There is no member for a spare to replace.
                let free = usable && !status.drain && !status.hot_spare;

                let with_flags = || {
                    let (mut play, open) = in_health(health);
                    play.flags("a", |flags| *flags = status);
                    play.check_bit(check_failed);
                    (play, open)
                };
                let (mut play, _open) = with_flags();
                assert_eq!(play.balancer.usable(play.now), free, "usable: {case}");
                let serves = usable && status.drain;
                assert_eq!(
                    play.balancer.serves_sessions(play.now),
                    serves,
                    "serves sessions: {case}"
                );
                assert_eq!(play.balancer.view(play.now).members[0].usable, usable);
                assert_eq!(play.pick(None, &[]).is_ok(), free, "free: {case}");
                let (mut play, _open) = with_flags();
                let by_route = play.pick(Some("a"), &[]);
                assert_eq!(by_route.is_ok(), usable, "sticky: {case}");
                let (mut play, _open) = with_flags();
                assert!(play.pick(None, &["a"]).is_err(), "tried: {case}");
                assert!(play.pick(Some("a"), &["a"]).is_err(), "tried: {case}");
            }
        }
    }
}

impl Play {
    /// Sets only the failure of health checks.
    fn check_bit(&mut self, failed: bool) {
        self.balancer.add_pending();
        self.balancer.members[0].check_failed = failed;
    }
}

#[test]
fn a_member_that_ignores_errors_is_never_in_error() {
    let mut play = by_requests(members(&[1]));
    play.flags("a", |status| status.ignore_errors = true);
    assert_eq!(play.fail("a"), None);
    assert_eq!(play.health("a"), Health::Ok);
    assert_eq!(play.balancer.view(play.now).members[0].errors, 1);

    let mut play = by_requests(members(&[1, 1]));
    play.fail("a");
    play.status(
        "a",
        StatusChange {
            ignore_errors: Some(true),
            ..StatusChange::default()
        },
    );
    assert_eq!(play.health("a"), Health::Ok);
}

#[test]
fn each_reason_for_no_member_is_given() {
    let mut empty = by_requests(Vec::new());
    assert_eq!(empty.pick(None, &[]).unwrap_err(), NoMember::Empty);
    assert!(!empty.balancer.usable(empty.now));

    let mut play = by_requests(members(&[1, 1]));
    assert_eq!(play.pick(None, &["a", "b"]).unwrap_err(), NoMember::Tried);
    play.flags("b", |status| status.stopped = true);
    assert_eq!(play.pick(None, &["a"]).unwrap_err(), NoMember::Tried);
    play.flags("a", |status| status.drain = true);
    assert_eq!(play.pick(None, &[]).unwrap_err(), NoMember::OutOfService);
    play.flags("a", |status| *status = Status::default());
    play.check("a", true);
    // The other one is stopped, so that not all members are in error.
    assert_eq!(play.pick(None, &[]).unwrap_err(), NoMember::InError);
    assert_eq!(
        NoMember::InError.to_string(),
        "all members in service are in error or failed their health checks"
    );
    play.flags("a", |status| status.hot_spare = true);
    play.check("a", false);
    play.flags("b", |status| status.hot_spare = true);
    assert_eq!(play.pick(None, &[]).unwrap_err(), NoMember::OutOfService);
    assert_eq!(
        NoMember::OutOfService.to_string(),
        "all members are disabled, stopped or draining"
    );
}
