//! `timeout` of a balancer: which requests wait, until when, and what wakes them (`src/balancer/SEMANTICS.md`, "Errors and recovery").

use super::*;

impl Play {
    fn hope(&mut self, route: Option<&str>, tried: &[&str]) -> Hope {
        let reason = self.pick(route, tried).unwrap_err();
        let tried: Tried = tried.iter().map(|route| self.id(route)).collect();
        let want = Want {
            route,
            tried: &tried,
            has_body: false,
        };
        self.balancer.hope(reason, want, self.now)
    }

    /// A [`Hope`] until this time, in milliseconds from the start.
    fn hope_at(&self, milliseconds: u64) -> Hope {
        let end = self.start + Duration::from_millis(milliseconds);
        Hope::At(end + Duration::from_nanos(1))
    }

    /// Whether waiting requests are woken.
    fn wakes<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> bool {
        let before = self.balancer.epoch();
        act(self);
        self.balancer.epoch() != before
    }
}

/// Members a, b, c without forced recovery.
fn patient() -> Play {
    let mut play = by_requests(members(&[1, 1, 1]));
    play.balancer.settings.forcerecovery = false;
    play
}

#[test]
fn a_request_waits_until_the_retry_of_a_failed_member_is_over() {
    let mut play = patient();
    for (second, route) in (0..).zip(["a", "b", "c"]) {
        play.at(second * 1_000).fail(route);
    }
    assert_eq!(play.hope(None, &[]), play.hope_at(60_000));
    assert_eq!(play.hope(Some("c"), &[]), play.hope_at(60_000));
    assert_eq!(play.hope(None, &["a"]), play.hope_at(61_000));
    let Hope::At(end) = play.hope(None, &[]) else {
        panic!("time helps");
    };
    play.now = end - Duration::from_nanos(1);
    assert!(play.pick(None, &[]).is_err());
    play.now = end;
    assert!(play.pick(None, &[]).unwrap().probe);
}

#[test]
fn waits_for_what_time_does_not_bring_back_have_no_end() {
    type Setup = fn(&mut Play);
    let cases: [(&str, Setup, Option<&str>); 6] = [
        (
            "disabled",
            |play| play.each(|play, route| play.flags(route, |status| status.disabled = true)),
            None,
        ),
        (
            "draining",
            |play| play.each(|play, route| play.flags(route, |status| status.drain = true)),
            None,
        ),
        (
            "failed its check",
            |play| {
                play.each(|play, route| {
                    play.fail(route);
                    play.check(route, true);
                });
            },
            Some("a"),
        ),
        (
            "stopped after a failure",
            |play| {
                play.each(|play, route| {
                    play.fail(route);
                    play.flags(route, |status| status.stopped = true);
                });
            },
            Some("a"),
        ),
        (
            "without a report",
            |play| play.balancer.settings.method = LbMethod::Heartbeat,
            None,
        ),
        (
            "removed",
            |play| {
                play.each(|play, route| {
                    let command = Command::Remove(vec![play.id(route)]);
                    play.balancer.apply(command, play.now).unwrap();
                });
            },
            None,
        ),
    ];
    for (case, setup, route) in cases {
        let mut play = patient();
        setup(&mut play);
        assert_eq!(play.hope(route, &[]), Hope::Change, "{case}");
    }
}

impl Play {
    fn each(&mut self, act: impl Fn(&mut Self, &str)) {
        for route in ["a", "b", "c"] {
            act(self, route);
        }
    }
}

#[test]
fn a_request_waits_for_the_end_of_a_probe() {
    let mut play = by_requests(members(&[1]));
    play.balancer.settings.forcerecovery = false;
    play.fail("a");
    let probe = play.at(60_001).open(None);
    assert_eq!(play.hope(None, &[]), Hope::Change);
    assert!(play.wakes(|play| {
        play.settle(probe, Outcome::Served);
    }));
    assert!(play.pick(None, &[]).is_ok());
}

#[test]
fn only_its_sessions_wait_for_a_draining_member() {
    let mut play = patient();
    play.each(|play, route| {
        play.fail(route);
        play.flags(route, |status| status.drain = true);
    });
    assert_eq!(play.hope(Some("a"), &[]), play.hope_at(60_000));
    assert_eq!(play.hope(None, &[]), Hope::Change);
    assert_eq!(play.hope(Some("x"), &[]), Hope::Change);
}

#[test]
fn a_request_that_tried_all_members_or_may_not_leave_does_not_wait() {
    let mut play = patient();
    assert_eq!(play.hope(None, &["a", "b", "c"]), Hope::Never);
    play.fail("a");
    play.balancer.settings.nofailover = true;
    assert_eq!(play.hope(Some("a"), &[]), Hope::Never);
}

#[test]
fn events_that_may_bring_a_member_back_wake_waiting_requests() {
    let mut play = patient();
    assert!(play.wakes(|play| play.fail("a")));
    assert!(play.wakes(|play| play.check("a", true)));
    assert!(play.wakes(|play| play.check("a", false)));
    assert!(!play.wakes(|play| play.check("a", false)));
    assert!(play.wakes(|play| play.status("b", StatusChange::default())));
    assert!(!play.wakes(|play| {
        let command = Command::Remove(vec![MemberId::new(99)]);
        assert!(play.balancer.apply(command, play.now).is_err());
    }));
    // A served request and the passing of time wake nothing.
    assert!(!play.wakes(|play| play.serve(None)));
    assert!(!play.wakes(|play| play.at(1_000).hope(None, &["a", "b", "c"])));
    // The first report of free slots wakes requests; the next one does not, unless there were none in between.
    let b = play.id("b");
    let mut reports = |ready| play.wakes(|play| play.balancer.heartbeat(b, ready, 1, play.now));
    assert_eq!(
        [3, 3, 0, 0, 1].map(&mut reports),
        [true, false, false, false, true]
    );
    play.at(11_000);
    assert!(play.wakes(|play| play.balancer.heartbeat(b, 1, 1, play.now)));
}

#[test]
fn forced_recovery_and_lifted_probes_wake_waiting_requests() {
    let mut play = by_requests(members(&[1]));
    play.fail("a");
    assert!(play.wakes(|play| play.open(None)));
    let mut play = by_requests(members(&[1]));
    play.fail("a");
    let _probe = play.at(60_001).open(None);
    assert!(play.wakes(|play| play.open(None)));
}
