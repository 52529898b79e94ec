//! Schedules and counters of httpd's methods (`src/balancer/SEMANTICS.md`, "Methods").

use super::*;

#[test]
fn byrequests_follows_the_published_schedules() {
    let cases: &[(&[u32], &str)] = &[
        (&[7, 3], "a b a a a b a a b a"),
        (&[70, 30], "a b a a a b a a b a"),
        (&[1, 1], "a b"),
        (&[1, 2, 1], "b a c b"),
        (&[2, 1], "a b a"),
        (&[3, 1], "a a b a"),
        (&[1, 1, 1], "a b c"),
        (&[1, 2, 3], "c b a c b c"),
        (&[4, 2, 1], "a b a c a b a"),
        (&[5, 1, 1], "a a b a c a a"),
        (&[1, 1, 1, 2], "d a b c d"),
    ];
    for (factors, period) in cases {
        let mut play = by_requests(members(factors));
        let length = period.split(' ').count();
        for turn in 0..3 {
            assert_eq!(play.free(length), *period, "{factors:?}, turn {turn}");
            assert!(play.lbstatus().iter().all(|&status| status == 0));
        }
    }
}

#[test]
fn byrequests_leaves_a_disabled_member_out() {
    let mut play = by_requests(members(&[1, 1, 1, 1]));
    play.flags("b", |status| status.disabled = true);
    assert_eq!(play.free(6), "a c d a c d");
}

#[test]
fn byrequests_updates_lbstatus() {
    let cases: &[(&[u32], &[&[i64]])] = &[
        (
            &[1, 2, 1],
            &[
                &[100, -200, 100],
                &[-200, 0, 200],
                &[-100, 200, -100],
                &[0, 0, 0],
            ],
        ),
        (
            &[3, 1],
            &[&[-100, 100], &[-200, 200], &[100, -100], &[0, 0]],
        ),
    ];
    for (factors, after) in cases {
        let mut play = by_requests(members(factors));
        for expected in *after {
            play.free(1);
            assert_eq!(play.lbstatus(), *expected, "{factors:?}");
        }
    }
}

#[test]
fn byrequests_does_not_flood_a_member_that_returns() {
    let mut play = by_requests(members(&[1, 1, 1]));
    assert_eq!(play.free(3), "a b c");
    play.check("b", true);
    assert_eq!(play.free(4), "a c a c");
    play.check("b", false);
    assert_eq!(play.free(6), "a b c a b c");
}

#[test]
fn byrequests_makes_up_for_sticky_requests() {
    let mut play = by_requests(members(&[1, 1]));
    assert_eq!(play.sticky("a", 3), "a a a");
    assert_eq!(play.lbstatus(), [-300, 300]);
    assert_eq!(play.free(5), "b b b a b");

    let mut play = by_requests(members(&[1, 2, 1]));
    assert_eq!(play.sticky("a", 2), "a a");
    // From (-600, 400, 200): b; then b and c have 400 each, and b comes first.
    assert_eq!(play.lbstatus(), [-600, 400, 200]);
    assert_eq!(play.free(6), "b b c b c b");
}

#[test]
fn sticky_requests_count_for_every_usable_member() {
    let mut play = by_requests(members(&[1, 1, 1, 1, 1]));
    play.flags("b", |status| status.hot_standby = true);
    play.flags("c", |status| status.hot_spare = true);
    play.flags("d", |status| status.drain = true);
    play.flags("e", |status| status.disabled = true);
    play.sticky("a", 1);
    assert_eq!(play.lbstatus(), [-300, 100, 100, 100, 0]);
}

#[test]
fn fractions_of_a_load_factor_count() {
    let factors = [250, 100].map(|hundredths| LoadFactor::from_hundredths(hundredths).unwrap());
    let mut specs = members(&[1, 1]);
    for (spec, factor) in specs.iter_mut().zip(factors) {
        spec.factor = factor;
    }
    let mut play = by_requests(specs);
    let picks = play.free(7);
    assert_eq!(picks.matches('a').count(), 5);
    assert_eq!(picks.matches('b').count(), 2);
}

/// Serves one request with an answer of `bytes` and returns its member.
fn transfer(play: &mut Play, to_backend: u64, from_backend: u64) -> String {
    let pick = play.open(None);
    let route = pick.route.to_string();
    play.balancer.traffic(pick.member, to_backend, from_backend);
    play.settle(pick, Outcome::Served);
    route
}

fn transfers(play: &mut Play, sizes: &[u64]) -> String {
    let routes: Vec<String> = sizes.iter().map(|&size| transfer(play, 0, size)).collect();
    routes.join(" ")
}

#[test]
fn bytraffic_follows_the_published_schedules() {
    let traffic = |factors: &[u32]| play(LbMethod::ByTraffic, members(factors));
    let mut equal = traffic(&[1, 2, 1]);
    assert_eq!(transfers(&mut equal, &[10_000; 8]), "a b c b a b c b");
    let mut sizes = traffic(&[1, 1]);
    let answers = [90_000, 10_000, 20_000, 30_000, 40_000, 5_000, 5_000];
    assert_eq!(transfers(&mut sizes, &answers), "a b b b b a a");
    // Less than one byte for a hundredth of a factor does not count.
    let mut tiny = traffic(&[1, 2, 1]);
    assert_eq!(transfers(&mut tiny, &[50; 8]), "a a b b b b c c");
}

#[test]
fn bytraffic_divides_each_direction_on_its_own() {
    let mut play = play(LbMethod::ByTraffic, members(&[1, 1]));
    // 99 / 100 + 99 / 100 is 0; 198 / 100 would be 1.
    assert_eq!(transfer(&mut play, 99, 99), "a");
    assert_eq!(transfer(&mut play, 1, 0), "a");
    assert_eq!(transfer(&mut play, 0, 0), "b");
    assert_eq!(play.lbstatus(), [0, 0]);
}

#[test]
fn bybusyness_is_byrequests_without_concurrent_requests() {
    let mut play = play(LbMethod::ByBusyness, members(&[1, 2, 1]));
    assert_eq!(play.free(8), "b a c b b a c b");
}

#[test]
fn bybusyness_does_not_weigh_capacity() {
    let mut play = play(LbMethod::ByBusyness, members(&[1, 2, 1]));
    let open: Vec<Pick> = (0..12).map(|_| play.open(None)).collect();
    let routes: Vec<&str> = open.iter().map(|pick| &*pick.route).collect();
    assert_eq!(routes.join(" "), "b a c b a c b a c b a c");
    assert_eq!(play.lbstatus(), [-400, 800, -400]);
}

#[test]
fn bybusyness_prefers_the_member_whose_request_has_ended() {
    let mut play = play(LbMethod::ByBusyness, members(&[1, 1, 1]));
    let _a = play.open(None);
    let b = play.open(None);
    let _c = play.open(None);
    play.settle(b, Outcome::Served);
    assert_eq!(&*play.open(None).route, "b");
}

#[test]
fn elected_counts_sticky_and_free_picks() {
    let mut play = by_requests(members(&[1, 1]));
    play.sticky("a", 2);
    play.free(4);
    let view = play.balancer.view(play.now);
    let elected: Vec<u64> = view.members.iter().map(|m| m.elected).collect();
    assert_eq!(elected, [3, 3]);
}
