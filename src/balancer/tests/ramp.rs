//! `slow_start`.

use super::*;

const SLOW_START: Duration = Duration::from_secs(10);

/// a and b; a returned at second 100.
fn returning(method: LbMethod, factors: &[u32]) -> Play {
    let mut play = play(method, members(factors));
    play.balancer.settings.slow_start = SLOW_START;
    play.at(0).fail("a");
    let probe = play.at(100_000).open(Some("a"));
    assert!(probe.probe);
    play.settle(probe, Outcome::Served);
    for member in &mut play.balancer.members {
        member.lbstatus = 0;
    }
    play
}

impl Play {
    /// Each member reports its number of free slots.
    fn hear(&mut self, slots: &[u32]) {
        let ids: Vec<MemberId> = self.balancer.members.iter().map(|m| m.id).collect();
        for (id, slots) in ids.into_iter().zip(slots) {
            self.balancer.heartbeat(id, *slots, 1, self.now);
        }
    }
}

fn weight(play: &Play, route: &str) -> u32 {
    let view = play.balancer.view(play.now);
    let member = view.members.iter().find(|member| &*member.route == route);
    member.unwrap().weight
}

#[test]
fn the_weight_rises_with_time_from_a_tenth() {
    let mut play = returning(LbMethod::ByRequests, &[3, 1]);
    let table = [
        (0, 30),
        (999, 30),
        (1_000, 30),
        (1_100, 33),
        (1_119, 33),
        (5_000, 150),
        (9_999, 299),
        (10_000, 300),
        (20_000, 300),
    ];
    for (milliseconds, expected) in table {
        play.at(100_000 + milliseconds);
        assert_eq!(weight(&play, "a"), expected, "after {milliseconds} ms");
        assert_eq!(weight(&play, "b"), 100);
    }
    // When the clock jumps back, the weight is the first share.
    assert_eq!(weight(play.at(0), "a"), 30);
}

#[test]
fn byrequests_counts_with_the_weight() {
    // a's weight is compared with 100: of these requests a gets that many.
    for (milliseconds, requests, share) in [(0, 110, 10), (2_500, 125, 25), (5_000, 150, 50)] {
        let mut play = returning(LbMethod::ByRequests, &[1, 1]);
        let picks = play.at(100_000 + milliseconds).free(requests);
        assert_eq!(picks.matches('a').count(), share);
        assert_eq!(play.lbstatus(), [0, 0]);
    }
    let mut play = returning(LbMethod::ByRequests, &[1, 1]);
    assert_eq!(play.at(110_000).free(4), "a b a b");
}

#[test]
fn no_method_gives_a_returning_member_more_than_its_weight() {
    for method in LbMethod::ALL {
        let mut play = returning(method, &[1, 1, 1]);
        // Every method would prefer a: the others have had traffic, have open requests and sessions, are slow, and have
        // no slots.
        for route in ["b", "c"] {
            let id = play.id(route);
            play.balancer.traffic(id, 1 << 40, 1 << 40);
            play.balancer.live_sessions(id, 1 << 40);
            play.balancer.answered(id, Duration::from_secs(3), play.now);
        }
        let _b: Vec<Pick> = (0..50).map(|_| play.open(Some("b"))).collect();
        let _c: Vec<Pick> = (0..50).map(|_| play.open(Some("c"))).collect();
        for member in &mut play.balancer.members {
            member.lbstatus = 0;
        }
        // Weights 20, 100, 100; then 50, 100, 100.
        for (milliseconds, requests, most) in [(2_000, 220, 20), (5_000, 250, 50)] {
            play.at(100_000 + milliseconds).hear(&[1_000, 1, 1]);
            let picks = play.free(requests);
            let share = picks.matches('a').count();
            assert!(share <= most + 1, "{method:?}: {share} of {requests}");
            assert!(share > 0, "{method:?}");
        }
    }
}

#[test]
fn a_lone_returning_member_gets_everything() {
    for method in LbMethod::ALL {
        let mut play = returning(method, &[1, 1]);
        play.flags("b", |status| status.disabled = true);
        play.hear(&[1, 1]);
        assert_eq!(play.free(5), "a a a a a", "{method:?}");
    }
}

#[test]
fn sessions_are_not_kept_from_a_returning_member() {
    let mut play = returning(LbMethod::ByTraffic, &[1, 1]);
    assert_eq!(play.sticky("a", 5), "a a a a a");
}

#[test]
fn earlier_claims_are_forgotten_when_a_member_returns() {
    let mut play = play(LbMethod::ByRequests, members(&[1, 1]));
    play.balancer.settings.slow_start = SLOW_START;
    play.sticky("b", 50);
    play.check("a", true);
    play.check("a", false);
    assert!(play.free(10).matches('a').count() <= 1);
}

#[test]
fn without_slow_start_nothing_changes() {
    let mut play = play(LbMethod::ByRequests, members(&[1, 1]));
    play.sticky("b", 3);
    play.check("a", true);
    play.check("a", false);
    assert_eq!(play.free(3), "a a a");
}

#[test]
fn events_that_start_slow_start_and_events_that_do_not() {
    type Act = fn(&mut Play);
    type Case = (&'static str, Box<dyn Fn(&mut Play)>, bool);
    let disable = |disabled| StatusChange {
        disabled: Some(disabled),
        ..StatusChange::default()
    };
    let drain = |drain| StatusChange {
        drain: Some(drain),
        ..StatusChange::default()
    };
    let enable: Box<dyn Fn(&mut Play)> = Box::new(move |play| {
        play.status("a", disable(true));
        play.status("a", disable(false));
    });
    let undrain: Box<dyn Fn(&mut Play)> = Box::new(move |play| {
        play.status("a", drain(true));
        play.status("a", drain(false));
    });
    let probe: Act = |play| {
        play.fail("a");
        let probe = play.at(60_001).open(Some("a"));
        play.settle(probe, Outcome::Served);
    };
    let check: Act = |play| {
        play.check("a", true);
        play.check("a", false);
    };
    let check_of_error: Act = |play| {
        play.fail("a");
        play.check("a", false);
    };
    let idle_check: Act = |play| {
        play.check("a", false);
    };
    let clear: Act = |play| {
        play.fail("a");
        let a = play.id("a");
        let command = Command::ClearError(a);
        play.balancer.apply(command, play.now).unwrap();
    };
    let forced: Act = |play| {
        play.fail("a");
        play.fail("b");
        let pick = play.open(Some("a"));
        assert!(pick.forced);
        play.settle(pick, Outcome::Served);
    };
    let disabled_probe: Act = |play| {
        play.fail("a");
        let probe = play.at(60_001).open(Some("a"));
        play.flags("a", |status| status.disabled = true);
        play.settle(probe, Outcome::Served);
    };
    let replaced: Act = |play| {
        let a = play.id("a");
        play.balancer.apply(Command::Remove(a), play.now).unwrap();
        let add = Command::Add(member("a"));
        play.balancer.apply(add, play.now).unwrap();
    };
    let cases: [Case; 11] = [
        ("start", Box::new(|_| {}), false),
        ("probe", Box::new(probe), true),
        ("check", Box::new(check), true),
        ("check of a member in error", Box::new(check_of_error), true),
        ("check of a good member", Box::new(idle_check), false),
        ("enabled", enable, true),
        ("end of drain", undrain, false),
        ("error cleared", Box::new(clear), true),
        ("forced recovery", Box::new(forced), false),
        ("probe while disabled", Box::new(disabled_probe), false),
        ("added", Box::new(replaced), true),
    ];
    for (case, act, ramps) in cases {
        let mut play = play(LbMethod::ByRequests, members(&[1, 1]));
        play.balancer.settings.slow_start = SLOW_START;
        act(&mut play);
        assert_eq!(weight(&play, "a") < 100, ramps, "{case}");
        assert_eq!(weight(&play, "b"), 100, "{case}");
    }
}

#[test]
fn a_changed_slow_start_counts_at_once() {
    let mut play = returning(LbMethod::ByRequests, &[1, 1]);
    play.at(105_000);
    assert_eq!(weight(&play, "a"), 50);
    play.set(|settings| settings.slow_start = Duration::from_secs(20));
    assert_eq!(weight(&play, "a"), 25);
    play.set(|settings| settings.slow_start = Duration::ZERO);
    assert_eq!(weight(&play, "a"), 100);
}

#[test]
fn slow_start_applies_to_a_changed_factor() {
    let mut play = returning(LbMethod::ByRequests, &[1, 1]);
    let change = Change {
        factor: LoadFactor::from_hundredths(400),
        ..Change::default()
    };
    let command = Command::Change(play.id("a"), change);
    play.at(105_000);
    play.balancer.apply(command, play.now).unwrap();
    assert_eq!(weight(&play, "a"), 200);
    play.balancer.check_invariants();
}
