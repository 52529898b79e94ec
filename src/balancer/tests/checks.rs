//! Health checks, counted in a row (`src/balancer/SEMANTICS.md`, "Health checks").

use super::*;

fn checking(passes: u32, fails: u32) -> Play {
    with(Checks {
        passes,
        fails,
        mandatory: false,
    })
}

fn with(checks: Checks) -> Play {
    let start = Instant::now();
    Play {
        balancer: Balancer::new(Spec {
            settings: Settings {
                checks: Some(checks),
                ..settings(LbMethod::ByRequests)
            },
            seed: 0,
            members: members(&[1, 1]),
        }),
        now: start,
        start,
    }
}

impl Play {
    /// Checks of a, `+` good and `-` bad; for each `I` when it brought a in, `O` when it took it out, `.` else.
    fn checks(&mut self, results: &str) -> String {
        let a = self.id("a");
        let check = |passed| {
            let transition = self.balancer.checked(a, passed, self.now);
            self.balancer.check_invariants();
            match transition {
                None => '.',
                Some(transition) if transition.to.is_good() => 'I',
                Some(transition) if transition.to.check_failed => 'O',
                Some(_) => '?',
            }
        };
        results
            .chars()
            .map(|result| result == '+')
            .map(check)
            .collect()
    }
}

#[test]
fn checks_in_a_row_decide() {
    let cases = [
        // (passes, fails, checks, what comes of them)
        (1, 1, "+-+-", ".OIO"),
        (1, 2, "--+--", ".OI.O"),
        (1, 3, "--+--+---", "........O"),
        (3, 1, "-++-+++-", "O.....IO"),
        (2, 2, "----++++", ".O...I.."),
        (2, 3, "---++-+--++", "..O.I......"),
        (0, 0, "-+", "OI"),
    ];
    for (passes, fails, results, expected) in cases {
        let found = checking(passes, fails).checks(results);
        assert_eq!(found, expected, "{passes} {fails} {results}");
    }
}

#[test]
fn good_checks_clear_an_error_of_traffic() {
    let mut play = checking(3, 2);
    // Those before the error do not count.
    play.checks("+++++");
    play.fail("a");
    assert_eq!(play.checks("++"), "..");
    assert_eq!(play.serve(Some("a")), "b");
    assert_eq!(play.checks("+"), "I");
    assert_eq!(play.serve(Some("a")), "a");
}

#[test]
fn bad_checks_of_a_member_in_error_count() {
    let mut play = checking(1, 2);
    play.fail("a");
    assert_eq!(play.checks("--"), ".O");
    // Time alone does not bring it back, a good check does.
    assert_eq!(play.at(60_001).serve(Some("a")), "b");
    assert_eq!(play.checks("+"), "I");
}

#[test]
fn stopped_members_are_not_checked_and_disabled_ones_are() {
    let mut play = checking(1, 1);
    let a = play.id("a");
    assert!(play.balancer.is_checked(a));
    play.flags("a", |status| status.disabled = true);
    assert!(play.balancer.is_checked(a));
    play.flags("a", |status| status.stopped = true);
    assert!(!play.balancer.is_checked(a));
    assert!(!play.balancer.is_checked(MemberId::new(9)));
    assert_eq!(
        play.balancer.checked(MemberId::new(9), false, play.now),
        None
    );
}

#[test]
fn mandatory_checks_must_pass_before_the_first_request() {
    let mut play = with(Checks {
        passes: 2,
        fails: 1,
        mandatory: true,
    });
    assert_eq!(play.pick(None, &[]).unwrap_err(), NoMember::InError);
    assert!(!play.balancer.usable(play.now));
    assert_eq!(play.checks("+-++"), "...I");
    assert_eq!(play.free(2), "a a");
    // Also of a member that is added.
    play.balancer
        .apply(Command::Add(member("c")), play.now)
        .unwrap();
    assert_eq!(play.free(2), "a a");
}

#[test]
fn checks_that_ask_something_else_start_counting_from_zero() {
    let mut play = checking(1, 2);
    play.checks("-");
    play.balancer.restart_checks();
    assert_eq!(play.checks("--"), ".O");
    // A member that is out stays out until checks pass.
    play.balancer.restart_checks();
    assert_eq!(play.free(2), "b b");
    assert_eq!(play.checks("+"), "I");
}

#[test]
fn changed_checks_restart_the_count_and_without_checks_all_members_are_in() {
    let mut play = checking(1, 2);
    play.checks("-");
    assert_eq!(play.balancer.view(play.now).members[0].streak.fails, 1);
    let checks = |passes, fails| {
        Some(Checks {
            passes,
            fails,
            mandatory: false,
        })
    };
    play.set(|settings| settings.checks = checks(2, 2));
    assert_eq!(play.checks("--"), ".O");
    play.set(|settings| settings.checks = checks(5, 5));
    assert_eq!(play.free(2), "b b");
    play.set(|settings| settings.checks = None);
    assert_eq!(play.free(4).matches('a').count(), 2);
    assert_eq!(play.checks("---"), "...");
    let a = play.id("a");
    assert!(!play.balancer.is_checked(a));
}
