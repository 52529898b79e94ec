//! `heartbeat` and `leastlatency`: methods that draw lots (`src/balancer/SEMANTICS.md`, "Methods").

use super::*;
use crate::balancer::random::Random;

fn report(play: &mut Play, route: &str, ready: u32, busy: u32) {
    let member = play.id(route);
    play.balancer.heartbeat(member, ready, busy, play.now);
}

/// Members a, b, c … that have reported these numbers of free slots and are not idle.
fn heartbeats(ready: &[u32]) -> Play {
    let mut play = play(LbMethod::Heartbeat, members(&vec![1; ready.len()]));
    for (route, ready) in ["a", "b", "c", "d", "e"].iter().zip(ready) {
        report(&mut play, route, *ready, 1);
    }
    play
}

fn count(picks: &str, route: &str) -> usize {
    picks.matches(route).count()
}

#[test]
fn heartbeat_draws_by_free_slots() {
    let picks = heartbeats(&[10, 30, 60, 0]).free(10_000);
    for (route, expected) in [("a", 1_000_usize), ("b", 3_000), ("c", 6_000)] {
        let found = count(&picks, route);
        // Five standard deviations.
        assert!(found.abs_diff(expected) < 250, "{route}: {found}");
    }
    assert_eq!(count(&picks, "d"), 0);
}

#[test]
fn heartbeat_treats_an_idle_member_as_just_started() {
    let mut play = heartbeats(&[100, 100]);
    report(&mut play, "a", 100, 0);
    let picks = play.free(10_000);
    assert!(count(&picks, "a").abs_diff(2_000) < 200);
    // A quarter of three counts as one slot.
    for (ready, slots) in [(0, 0), (1, 1), (3, 1), (7, 1), (8, 2)] {
        report(&mut play, "a", ready, 0);
        let view = play.balancer.view(play.now);
        assert_eq!(view.members[0].slots, slots, "{ready}");
    }
}

#[test]
fn heartbeat_reports_last_ten_seconds() {
    let mut play = heartbeats(&[10, 10]);
    play.at(5_000);
    report(&mut play, "b", 10, 1);
    assert_eq!(count(&play.at(10_000).free(10), "b"), 10);
    assert!(play.balancer.usable(play.now));
    let refused = play.at(15_000).pick(None, &[]).unwrap_err();
    assert_eq!(refused, NoMember::NoSlots);
    assert!(!play.balancer.usable(play.now));
    // Requests of sessions still go to their member.
    assert_eq!(play.sticky("a", 2), "a a");
    // A report that is older than the last one changes nothing.
    report(&mut play, "a", 0, 9);
    let member = play.id("a");
    play.balancer.heartbeat(member, 50, 1, play.start);
    assert_eq!(
        play.pick(None, &[]).unwrap_err().to_string(),
        "no member has reported a free slot lately"
    );
}

#[test]
fn heartbeat_keeps_to_sets_spares_standbys_and_drain() {
    type Setup = fn(&mut Play);
    let cases: [(&str, Setup, &str); 7] = [
        ("nobody else", |_| {}, "abcd"),
        (
            "a lower set",
            |play| play.balancer.members[0].set = 1,
            "bcd",
        ),
        (
            "a spare that is not needed",
            |play| play.flags("b", |status| status.hot_spare = true),
            "acd",
        ),
        (
            "a standby that is not needed",
            |play| play.flags("b", |status| status.hot_standby = true),
            "acd",
        ),
        (
            "a drained member and its spare",
            |play| {
                play.flags("a", |status| status.drain = true);
                play.flags("b", |status| status.hot_spare = true);
            },
            "bcd",
        ),
        (
            "a full member and its spare",
            |play| {
                report(play, "a", 0, 10);
                play.flags("b", |status| status.hot_spare = true);
            },
            "bcd",
        ),
        (
            "full members and a standby",
            |play| {
                for route in ["a", "b", "c"] {
                    report(play, route, 0, 10);
                }
                play.flags("d", |status| status.hot_standby = true);
            },
            "d",
        ),
    ];
    for (case, setup, expected) in cases {
        let mut play = heartbeats(&[10; 4]);
        setup(&mut play);
        let picks = play.free(200);
        let found: String = ["a", "b", "c", "d"]
            .into_iter()
            .filter(|route| picks.contains(route))
            .collect();
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn heartbeat_counts_sticky_requests_only_as_httpd_does() {
    let mut play = heartbeats(&[10, 10]);
    play.free(3);
    assert_eq!(play.lbstatus(), [0, 0]);
    play.sticky("a", 1);
    assert_eq!(play.lbstatus(), [-100, 100]);
}

#[test]
fn the_same_seed_gives_the_same_choices() {
    for method in [LbMethod::Heartbeat, LbMethod::LeastLatency] {
        let picks = |seed| {
            let mut play = heartbeats(&[10; 5]);
            play.balancer.settings.method = method;
            play.balancer.random = Random::new(seed);
            let open: Vec<Pick> = (0..100).map(|_| play.open(None)).collect();
            open.iter()
                .map(|pick| pick.route.to_string())
                .collect::<String>()
        };
        assert_eq!(picks(7), picks(7), "{method:?}");
        assert_ne!(picks(7), picks(8), "{method:?}");
    }
}

/// Members a, b, c … whose last answers took these numbers of milliseconds.
fn latencies(milliseconds: &[u64]) -> Play {
    let ones = vec![1; milliseconds.len()];
    let mut play = play(LbMethod::LeastLatency, members(&ones));
    for (route, milliseconds) in ["a", "b", "c", "d", "e"].iter().zip(milliseconds) {
        answer(&mut play, route, *milliseconds);
    }
    play
}

fn answer(play: &mut Play, route: &str, milliseconds: u64) {
    let member = play.id(route);
    let took = Duration::from_millis(milliseconds);
    play.balancer.answered(member, took, play.now);
}

#[test]
fn leastlatency_takes_the_faster_of_two() {
    assert_eq!(latencies(&[20, 10]).free(5), "b b b b b");
    assert_eq!(latencies(&[10, 10]).free(3), "a a a");
    // The slowest of three is never the faster of two; the fastest always is.
    let picks = latencies(&[30, 10, 20]).free(3_000);
    assert_eq!(count(&picks, "a"), 0);
    assert!(count(&picks, "b").abs_diff(2_000) < 150);
    assert!(count(&picks, "c").abs_diff(1_000) < 150);
}

#[test]
fn leastlatency_counts_requests_under_way_and_weight() {
    // 10 × 1, 25 × 1; 10 × 2, 25 × 1; 10 × 3, 25 × 1; and so on.
    let mut play = latencies(&[10, 25]);
    let open: Vec<Pick> = (0..7).map(|_| play.open(None)).collect();
    let routes: Vec<&str> = open.iter().map(|pick| &*pick.route).collect();
    assert_eq!(routes.join(" "), "a a b a a a b");

    let mut play = latencies(&[10, 25]);
    play.balancer.members[1].factor = LoadFactor::from_hundredths(300).unwrap();
    let open: Vec<Pick> = (0..6).map(|_| play.open(None)).collect();
    let routes: Vec<&str> = open.iter().map(|pick| &*pick.route).collect();
    // 10 and 25/3; 10 and 50/3; 20 and 50/3; 20 and 75/3; 30 and 75/3; 30 and 100/3.
    assert_eq!(routes.join(" "), "b a b a b a");
}

#[test]
fn leastlatency_measures_an_unknown_member_with_one_request() {
    let mut play = latencies(&[10]);
    let add = Command::Add(member("b"));
    play.balancer.apply(add, play.now).unwrap();
    let scout = play.open(None);
    assert_eq!(&*scout.route, "b");
    for _ in 0..5 {
        assert_eq!(&*play.open(None).route, "a");
    }
    answer(&mut play, "b", 5);
    play.settle(scout, Outcome::Served);
    assert_eq!(&*play.open(None).route, "b");
    // Neither latency is known: the member with fewer requests.
    let mut play = latencies(&[]);
    for route in ["a", "b"] {
        play.balancer
            .apply(Command::Add(member(route)), play.now)
            .unwrap();
    }
    let open: Vec<Pick> = (0..4).map(|_| play.open(None)).collect();
    let routes: Vec<&str> = open.iter().map(|pick| &*pick.route).collect();
    assert_eq!(routes.join(" "), "a b a b");
}

#[test]
fn leastlatency_forgets_that_a_member_was_slow() {
    let mut play = latencies(&[10, 1_000]);
    assert_eq!(play.free(2), "a a");
    // a goes on answering, b does not.
    for second in 1..60 {
        play.at(second * 1_000);
        answer(&mut play, "a", 10);
    }
    assert_eq!(play.free(1), "b");
    let view = play.balancer.view(play.now);
    assert!(view.members[0].latency > Duration::from_millis(9));
    assert!(view.members[1].latency < Duration::from_millis(9));
}

#[test]
fn leastlatency_keeps_to_usable_members() {
    let mut play = latencies(&[10, 20, 30]);
    play.fail("a");
    play.flags("b", |status| status.drain = true);
    assert_eq!(play.free(3), "c c c");
    assert_eq!(play.sticky("b", 1), "b");
}
