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
    play.balancer.add_pending();
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
        play.balancer.add_pending();
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

/// Whether the member `a` has less than its full weight after this event.
fn starts_slowly(event: impl FnOnce(&mut Play)) -> bool {
    let mut play = play(LbMethod::ByRequests, members(&[1, 1]));
    play.balancer.settings.slow_start = SLOW_START;
    event(&mut play);
    assert_eq!(weight(&play, "b"), 100);
    weight(&play, "a") < 100
}

/// Sets a flag of the member `a`, and takes it back.
fn set_and_unset(play: &mut Play, flag: impl Fn(&mut StatusChange, bool)) {
    for value in [true, false] {
        let mut change = StatusChange::default();
        flag(&mut change, value);
        play.status("a", change);
    }
}

/// Puts the member `a` in error, and opens its probe when `retry` has passed.
fn fail_and_probe(play: &mut Play) -> Pick {
    play.fail("a");
    play.at(60_001).open(Some("a"))
}

#[test]
fn a_served_probe_starts_slow_start() {
    assert!(starts_slowly(|play| {
        let probe = fail_and_probe(play);
        play.settle(probe, Outcome::Served);
    }));
    assert!(!starts_slowly(|play| {
        let probe = fail_and_probe(play);
        play.flags("a", |status| status.disabled = true);
        play.settle(probe, Outcome::Served);
    }));
}

#[test]
fn a_passed_check_of_a_member_that_is_out_starts_slow_start() {
    assert!(starts_slowly(|play| {
        play.check("a", true);
        play.check("a", false);
    }));
    assert!(starts_slowly(|play| {
        play.fail("a");
        play.check("a", false);
    }));
    assert!(!starts_slowly(|play| {
        play.check("a", false);
    }));
}

#[test]
fn an_operator_who_brings_a_member_in_starts_slow_start() {
    assert!(starts_slowly(|play| {
        set_and_unset(play, |change, value| change.disabled = Some(value));
    }));
    assert!(starts_slowly(|play| {
        play.fail("a");
        let command = Command::ClearError(play.id("a"));
        play.balancer.apply(command, play.now).unwrap();
    }));
    assert!(starts_slowly(|play| {
        for command in [
            Command::Remove(vec![play.id("a")]),
            Command::Add(member("a")),
        ] {
            play.balancer.apply(command, play.now).unwrap();
        }
    }));
}

#[test]
fn neither_the_start_nor_the_end_of_a_drain_nor_forced_recovery_starts_slow_start() {
    assert!(!starts_slowly(|_| {}));
    assert!(!starts_slowly(|play| {
        set_and_unset(play, |change, value| change.drain = Some(value));
    }));
    assert!(!starts_slowly(|play| {
        play.fail("a");
        play.fail("b");
        let pick = play.open(Some("a"));
        assert!(pick.forced);
        play.settle(pick, Outcome::Served);
    }));
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
