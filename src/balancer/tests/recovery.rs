//! Errors, probes, back-off and forced recovery (`src/balancer/SEMANTICS.md`, "Errors and recovery").

use super::*;

fn pair() -> Play {
    by_requests(members(&[1, 1]))
}

/// Fails a now and lets its probes fail. Returns, in milliseconds after each failure, the time of the first pick.
fn waits(play: &mut Play, probes: usize) -> Vec<u64> {
    let mut failed_at = 0;
    play.at(0).fail("a");
    let mut waits = Vec::new();
    for _ in 0..probes {
        let wait = (1..1_000)
            .find(|wait| play.at(failed_at + wait * 1_000).open(Some("a")).probe)
            .unwrap();
        // The wait is over strictly after its end, hence the millisecond.
        waits.push(wait);
        failed_at += wait * 1_000;
        play.probe_fails();
    }
    waits
}

impl Play {
    /// Settles the probe of a, whose ticket the test dropped.
    fn probe_fails(&mut self) {
        let member = self.id("a");
        let generation = self.find("a").recovery.generation();
        let ticket = Ticket { member, generation };
        self.balancer.settle(ticket, Outcome::Failed, self.now);
    }
}

#[test]
fn a_failure_takes_the_member_out_until_retry_has_passed() {
    let mut play = pair();
    let transition = play.fail("a").unwrap();
    assert_eq!(transition.member, play.id("a"));
    assert_eq!(transition.from.health, Health::Ok);
    assert_eq!(transition.to.health, Health::Error);
    assert_eq!(transition.cause, Cause::Request(Outcome::Failed));
    for milliseconds in [0, 1, 59_999, 60_000] {
        assert_eq!(play.at(milliseconds).serve(Some("a")), "b");
    }
    let probe = play.at(60_001).open(Some("a"));
    assert_eq!((&*probe.route, probe.probe), ("a", true));
}

#[test]
fn without_retry_a_member_may_be_tried_at_the_next_moment() {
    let mut specs = members(&[1, 1]);
    specs[0].retry = Duration::ZERO;
    let mut play = by_requests(specs);
    play.fail("a");
    assert_eq!(play.serve(Some("a")), "b");
    assert_eq!(play.at(1).serve(Some("a")), "a");
}

#[test]
fn only_one_request_probes() {
    for (route, name) in [(None, "free"), (Some("a"), "sticky")] {
        let mut play = pair();
        play.fail("a");
        play.at(60_001);
        let probe = play.open(Some("a"));
        assert!(probe.probe && play.health("a") == Health::Probing);
        for _ in 0..3 {
            assert_eq!(play.serve(route), "b", "{name}");
        }
        let transition = play.settle(probe, Outcome::Served).unwrap();
        assert_eq!(transition.to.health, Health::Ok);
        assert_eq!(play.serve(Some("a")), "a");
        assert!(!play.open(Some("a")).probe);
    }
}

#[test]
fn free_requests_probe_too() {
    let mut play = pair();
    play.fail("a");
    play.at(60_001);
    let routes: Vec<(String, bool)> = (0..3)
        .map(|_| play.open(None))
        .map(|pick| (pick.route.to_string(), pick.probe))
        .collect();
    let expected = [("b", false), ("a", true), ("b", false)];
    assert_eq!(
        routes,
        expected.map(|(route, probe)| (route.to_owned(), probe))
    );
}

#[test]
fn a_probe_without_a_result_is_repeated_at_once() {
    let mut play = pair();
    play.fail("a");
    let probe = play.at(60_001).open(Some("a"));
    let transition = play.settle(probe, Outcome::Neutral).unwrap();
    assert_eq!(transition.to.health, Health::Recovering);
    let probe = play.open(Some("a"));
    assert!(probe.probe);
    assert_eq!(play.serve(Some("a")), "b");
}

#[test]
fn failed_probes_back_off_to_ten_times_retry() {
    assert_eq!(waits(&mut pair(), 7), [61, 121, 241, 481, 601, 601, 601]);
}

#[test]
fn a_served_request_resets_the_back_off() {
    let mut play = pair();
    waits(&mut play, 3);
    let now = 10_000_000;
    play.at(now).serve(Some("a"));
    assert_eq!(play.health("a"), Health::Ok);
    play.fail("a");
    assert_eq!(play.at(now + 60_001).serve(Some("a")), "a");
}

#[test]
fn failures_of_requests_under_way_count_as_one() {
    let mut play = pair();
    let open: Vec<Pick> = (0..5).map(|_| play.open(Some("a"))).collect();
    for (second, pick) in (0..).zip(open) {
        play.at(second * 1_000).settle(pick, Outcome::Failed);
    }
    assert_eq!(play.balancer.view(play.now).members[0].errors, 5);
    // The wait counts from the last failure, as in httpd, and is not longer.
    assert_eq!(play.at(64_000).serve(Some("a")), "b");
    assert_eq!(play.at(64_001).serve(Some("a")), "a");
}

#[test]
fn the_end_of_an_older_request_does_not_decide_a_probe() {
    for outcome in [Outcome::Served, Outcome::Neutral, Outcome::Failed] {
        let mut play = pair();
        let old = play.open(Some("a"));
        play.fail("a");
        let probe = play.at(60_001).open(Some("a"));
        assert!(probe.probe);
        assert_eq!(play.settle(old, outcome), None);
        assert_eq!(play.health("a"), Health::Probing);
        play.settle(probe, Outcome::Served);
        assert_eq!(play.health("a"), Health::Ok);
    }
}

#[test]
fn an_old_answer_does_not_end_an_error() {
    let mut play = pair();
    let old = play.open(Some("a"));
    play.fail("a");
    assert_eq!(play.settle(old, Outcome::Served), None);
    assert_eq!(play.health("a"), Health::Error);
}

#[test]
fn a_stopped_member_is_never_retried() {
    let mut play = pair();
    play.fail("a");
    play.flags("a", |status| status.stopped = true);
    play.at(600_000).free(2);
    assert_eq!(play.health("a"), Health::Error);
    play.flags("a", |status| status.stopped = false);
    play.free(2);
    assert_eq!(play.health("a"), Health::Ok);
}

#[test]
fn when_all_members_are_in_error_recovery_is_forced() {
    let mut play = pair();
    play.fail("a");
    play.fail("b");
    let pick = play.open(None);
    assert!(pick.forced && !pick.probe);
    assert_eq!(play.health("a"), Health::Forced);
    assert_eq!(play.health("b"), Health::Forced);
    // It gets its share without a probe.
    let other = play.open(Some("a"));
    assert!(!other.forced && !other.probe);
    play.settle(other, Outcome::Served);
    assert_eq!(play.health("a"), Health::Ok);
    assert_eq!(play.health("b"), Health::Forced);
}

#[test]
fn forced_recovery_can_be_turned_off() {
    let mut play = pair();
    play.balancer.settings.forcerecovery = false;
    play.fail("a");
    play.at(1_000).fail("b");
    assert_eq!(play.pick(None, &[]).unwrap_err(), NoMember::InError);
    assert_eq!(play.pick(Some("a"), &[]).unwrap_err(), NoMember::InError);
    assert_eq!(play.balancer.retry_after(None, play.now).as_secs(), 59);
    assert_eq!(play.at(60_001).serve(None), "a");
}

#[test]
fn a_member_that_is_not_in_error_prevents_forced_recovery() {
    type Setup = fn(&mut Play);
    let keepers: [Setup; 3] = [
        |play| play.flags("b", |status| status.disabled = true),
        |play| play.flags("b", |status| status.stopped = true),
        |play| {
            play.check("b", true);
        },
    ];
    for keep in keepers {
        let mut play = pair();
        play.fail("a");
        keep(&mut play);
        assert_eq!(play.pick(None, &[]).unwrap_err(), NoMember::InError);
        assert_eq!(play.health("a"), Health::Error);
    }
}

#[test]
fn a_failure_during_forced_recovery_keeps_the_back_off() {
    let mut play = pair();
    waits(&mut play, 2);
    // a waits for 4 × retry. Now b fails too.
    play.fail("b");
    let forced = play.open(Some("a"));
    assert!(forced.forced);
    play.settle(forced, Outcome::Failed);
    let start = play.now;
    let waiting = |play: &Play, seconds| {
        let now = start + Duration::from_secs(seconds);
        play.find("a").retry_in(now) != Some(Duration::ZERO)
    };
    assert!(waiting(&play, 239) && !waiting(&play, 240));
}

#[test]
fn a_request_that_tried_all_members_forces_no_recovery() {
    let mut play = pair();
    play.fail("a");
    play.fail("b");
    assert_eq!(play.pick(None, &["a", "b"]).unwrap_err(), NoMember::Tried);
    assert_eq!(play.health("a"), Health::Error);
    // A request that has not tried b gets b.
    let pick = play.pick(None, &["a"]).unwrap();
    assert_eq!((&*pick.route, pick.forced), ("b", true));
}

#[test]
fn the_first_member_whose_wait_is_over_prevents_forced_recovery() {
    let mut play = pair();
    play.fail("a");
    play.at(30_000).fail("b");
    let pick = play.at(60_001).open(None);
    assert_eq!((&*pick.route, pick.probe, pick.forced), ("a", true, false));
    assert_eq!(play.health("b"), Health::Error);
}

#[test]
fn a_request_that_no_other_member_can_serve_does_not_wait_for_a_probe() {
    let mut play = by_requests(members(&[1]));
    play.fail("a");
    let probe = play.at(60_001).open(None);
    assert!(probe.probe);
    // httpd would send this request too.
    let second = play.open(Some("a"));
    assert!(!second.probe && !second.forced);
    assert_eq!((second.how, second.route_changed), (How::Sticky, false));
    assert_eq!(play.health("a"), Health::Forced);
    play.settle(probe, Outcome::Failed);
    assert_eq!(play.health("a"), Health::Error);

    // A disabled member prevents forced recovery, but not this.
    let mut play = pair();
    play.fail("a");
    play.flags("b", |status| status.disabled = true);
    let _probe = play.at(60_001).open(None);
    assert_eq!(&*play.open(None).route, "a");
}

#[test]
fn without_forcerecovery_requests_do_wait_for_a_probe() {
    let mut play = by_requests(members(&[1]));
    play.balancer.settings.forcerecovery = false;
    play.fail("a");
    let probe = play.at(60_001).open(None);
    assert_eq!(play.pick(None, &[]).unwrap_err(), NoMember::InError);
    assert_eq!(play.pick(Some("a"), &[]).unwrap_err(), NoMember::InError);
    play.settle(probe, Outcome::Served);
    assert_eq!(play.serve(None), "a");
}

#[test]
fn sessions_that_may_not_leave_do_not_wait_for_a_probe() {
    let mut play = by_requests(members(&[1, 1, 1]));
    play.balancer.settings.nofailover = true;
    play.fail("a");
    play.fail("c");
    let _probe = play.at(60_001).open(Some("c"));
    let probe = play.open(Some("a"));
    assert!(probe.probe);
    // All other requests can go to b.
    assert_eq!(play.free(2), "b b");
    assert_eq!(play.health("a"), Health::Probing);
    assert_eq!(play.open(Some("a")).how, How::Sticky);
    assert_eq!(play.health("a"), Health::Forced);
    assert_eq!(play.health("c"), Health::Probing);
    play.balancer.settings.forcerecovery = false;
    let refused = play.pick(Some("c"), &[]).unwrap_err();
    assert_eq!(refused, NoMember::RouteForced);
}

#[test]
fn a_draining_member_that_is_probed_serves_its_sessions_when_no_other_member_can() {
    let mut play = pair();
    play.fail("a");
    play.flags("a", |status| status.drain = true);
    play.flags("b", |status| status.disabled = true);
    let _probe = play.at(60_001).open(Some("a"));
    assert_eq!(play.pick(None, &[]).unwrap_err(), NoMember::OutOfService);
    assert_eq!(play.health("a"), Health::Probing);
    assert_eq!(play.open(Some("a")).how, How::Sticky);
}

#[test]
fn retry_does_not_clear_a_failed_check_but_a_good_one_clears_an_error() {
    let mut play = pair();
    play.fail("a");
    let transition = play.check("a", true).unwrap();
    assert_eq!(transition.cause, Cause::HealthCheck);
    assert!(transition.to.check_failed);
    assert_eq!(play.check("a", true), None);
    assert_eq!(play.at(600_000).sticky("a", 2), "b b");
    let transition = play.check("a", false).unwrap();
    assert_eq!(transition.to.health, Health::Ok);
    assert_eq!(play.serve(Some("a")), "a");

    // Before `retry` has passed.
    play.fail("a");
    play.check("a", false);
    assert_eq!(play.serve(Some("a")), "a");
}

#[test]
fn a_probe_whose_member_was_cleared_meanwhile_is_an_ordinary_request() {
    let mut play = pair();
    play.fail("a");
    let probe = play.at(60_001).open(Some("a"));
    play.check("a", false);
    assert_eq!(play.health("a"), Health::Ok);
    assert_eq!(play.settle(probe, Outcome::Neutral), None);
    assert_eq!(play.health("a"), Health::Ok);
}

#[test]
fn retry_after_is_the_shortest_wait() {
    let mut specs = members(&[1, 1, 1]);
    specs[1].retry = Duration::from_secs(5);
    let mut play = by_requests(specs);
    let retry_after = |play: &Play| play.balancer.retry_after(None, play.now).as_secs();
    play.flags("c", |status| status.disabled = true);
    assert_eq!(retry_after(&play), 0);
    play.fail("a");
    // The other one may be tried now.
    assert_eq!(retry_after(&play), 0);
    play.at(2_000).fail("b");
    assert_eq!(retry_after(play.at(4_000)), 3);
    play.check("b", true);
    assert_eq!(retry_after(&play), 56);
    play.check("b", false);
    play.fail("b");
    play.flags("b", |status| status.disabled = true);
    assert_eq!(retry_after(&play), 56);
    assert_eq!(retry_after(play.at(90_000)), 0);
}

#[test]
fn retry_after_with_nofailover_is_the_wait_of_the_member_of_the_session() {
    let mut play = pair();
    play.set(|settings| settings.nofailover = true);
    play.fail("a");
    let retry_after = |play: &Play, route| play.balancer.retry_after(route, play.now).as_secs();
    assert_eq!(retry_after(&play, Some("a")), 60);
    assert_eq!(retry_after(&play, Some("b")), 0);
    assert_eq!(retry_after(&play, Some("nobody's")), 0);
    assert_eq!(retry_after(&play, None), 0);
}

#[test]
fn a_probe_ends_with_the_head_of_its_answer() {
    let mut play = pair();
    play.fail("a");
    let probe = play.at(60_001).open(Some("a"));
    assert!(probe.probe);
    assert_eq!(play.serve(Some("a")), "b");
    let transition = play.balancer.answers(&probe.ticket, play.now);
    assert_eq!(transition.unwrap().to.health, Health::Ok);
    assert_eq!(play.serve(Some("a")), "a");
    // What comes behind the head says nothing more.
    assert_eq!(play.settle(probe, Outcome::Neutral), None);
    assert_eq!(play.health("a"), Health::Ok);
    // The head of an answer to a request from before the failure shows nothing.
    let old = play.open(Some("a"));
    play.fail("a");
    let probe = play.at(200_000).open(Some("a"));
    assert_eq!(play.balancer.answers(&old.ticket, play.now), None);
    assert_eq!(play.health("a"), Health::Probing);
    drop(probe);
}

#[test]
fn a_request_with_a_body_is_no_probe() {
    let mut play = pair();
    let upload = |play: &mut Play| {
        let want = Want {
            route: Some("a"),
            tried: &Tried::new(),
            has_body: true,
        };
        play.balancer.pick(want, play.now).unwrap()
    };
    play.fail("a");
    let pick = upload(play.at(60_001));
    assert!((&*pick.route, pick.probe) == ("a", false));
    // While its client takes its time, others get the member.
    assert_eq!(play.health("a"), Health::Recovering);
    assert_eq!(play.serve(Some("a")), "a");
    play.settle(pick, Outcome::Neutral);
    // One that fails makes the next wait longer, as a failed probe does; those beside it do not.
    play.fail("a");
    let (first, second) = (upload(play.at(200_000)), upload(&mut play));
    play.settle(first, Outcome::Failed);
    play.settle(second, Outcome::Failed);
    assert_eq!(
        play.balancer.retry_after(Some("a"), play.now),
        Duration::ZERO
    );
    let view = play.balancer.view(play.now);
    assert_eq!(view.members[0].retry_in, Some(Duration::from_secs(120)));
}

#[test]
fn a_balancer_whose_only_member_is_being_probed_is_usable() {
    let mut play = by_requests(members(&[1]));
    play.fail("a");
    assert!(!play.balancer.usable(play.now));
    let probe = play.at(60_001).open(None);
    assert!(probe.probe && play.balancer.usable(play.now));
    play.set(|settings| settings.forcerecovery = false);
    assert!(!play.balancer.usable(play.now));
    play.settle(probe, Outcome::Served);
    assert!(play.balancer.usable(play.now));
}

#[test]
fn a_clock_that_stands_still_or_jumps_back_ends_no_wait() {
    let mut play = pair();
    play.at(100_000).fail("a");
    assert_eq!(play.at(0).serve(Some("a")), "b");
    assert_eq!(play.at(100_000).serve(Some("a")), "b");
    assert_eq!(play.at(160_001).serve(Some("a")), "a");
}

#[test]
fn members_in_error_count_in_sticky_requests_after_their_wait() {
    let mut play = by_requests(members(&[1, 1, 1]));
    play.fail("a");
    play.fail("c");
    play.balancer.add_pending();
    for member in &mut play.balancer.members {
        member.lbstatus = 0;
    }
    // The search for forced recovery visits a, which comes first, and then stops.
    play.at(60_001).sticky("b", 1);
    assert_eq!(play.lbstatus(), [100, -100, 0]);
    // A free pick visits all members of its set, c included.
    play.free(1);
    assert_eq!(play.lbstatus(), [-100, 0, 100]);
}
