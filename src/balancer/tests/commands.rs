//! Changes by an operator (`src/balancer/SEMANTICS.md`, "Changes while running").

use super::*;

fn apply(play: &mut Play, command: Command) -> Result<Applied, Refused> {
    let applied = play.balancer.apply(command, play.now);
    play.balancer.check_invariants();
    applied
}

fn change(play: &mut Play, route: &str, change: Change) -> Result<Applied, Refused> {
    let member = play.id(route);
    apply(play, Command::Change(member, change))
}

fn factor(hundredths: u32) -> Change {
    Change {
        factor: LoadFactor::from_hundredths(hundredths),
        ..Change::default()
    }
}

#[test]
fn a_changed_factor_restarts_the_shares() {
    let mut play = by_requests(members(&[1, 1]));
    play.free(1);
    change(&mut play, "a", factor(300)).unwrap();
    assert_eq!(play.lbstatus(), [300, 100]);
    assert_eq!(play.free(8).matches('a').count(), 6);
    // The same factor again changes nothing.
    play.free(1);
    let before = play.lbstatus();
    change(&mut play, "a", factor(300)).unwrap();
    assert_eq!(play.lbstatus(), before);
}

#[test]
fn enabling_a_member_restarts_the_counters() {
    let mut play = by_requests(members(&[1, 1, 1]));
    let disabled = |disabled| StatusChange {
        disabled: Some(disabled),
        ..StatusChange::default()
    };
    play.free(1);
    play.status("b", disabled(true));
    assert_eq!(play.lbstatus(), [-200, 100, 100]);
    play.status("b", disabled(false));
    assert_eq!(play.lbstatus(), [0, 0, 0]);
    // The beginning and end of a drain do not: a draining member is usable.
    play.free(1);
    let before = play.lbstatus();
    for drain in [true, false] {
        play.status(
            "b",
            StatusChange {
                drain: Some(drain),
                ..StatusChange::default()
            },
        );
        assert_eq!(play.lbstatus(), before);
    }
}

#[test]
fn a_reset_forgets_traffic_but_not_totals_and_not_busy() {
    let mut play = play(LbMethod::ByTraffic, members(&[1, 1]));
    let open = play.open(Some("a"));
    let a = play.id("a");
    play.balancer.traffic(a, 5_000, 5_000);
    assert_eq!(play.free(2), "b b");
    for disabled in [true, false] {
        play.status(
            "b",
            StatusChange {
                disabled: Some(disabled),
                ..StatusChange::default()
            },
        );
    }
    let view = play.balancer.view(play.now);
    assert_eq!(
        (view.members[0].to_backend, view.members[0].busy),
        (5_000, 1)
    );
    assert_eq!(play.serve(None), "a");
    play.settle(open, Outcome::Served);
}

#[test]
fn a_new_method_starts_from_zero() {
    let mut play = by_requests(members(&[1, 1]));
    play.free(1);
    play.set(|settings| settings.method = LbMethod::ByRequests);
    assert_eq!(play.lbstatus(), [-100, 100]);
    play.set(|settings| settings.method = LbMethod::ByBusyness);
    assert_eq!(play.lbstatus(), [0, 0]);
    assert_eq!(play.balancer.settings().method, LbMethod::ByBusyness);
}

#[test]
fn an_error_can_be_cleared_by_hand() {
    let mut play = by_requests(members(&[1, 1]));
    play.fail("a");
    let a = play.id("a");
    let applied = apply(&mut play, Command::ClearError(a)).unwrap();
    let transition = applied.transition.unwrap();
    assert_eq!(transition.cause, Cause::Operator);
    assert_eq!(transition.to.health, Health::Ok);
    assert_eq!(play.lbstatus(), [0, 0]);
    assert_eq!(play.serve(Some("a")), "a");
    assert_eq!(
        apply(&mut play, Command::ClearError(a)),
        Ok(Applied::default())
    );
}

#[test]
fn settings_change_one_by_one() {
    let mut play = by_requests(members(&[1, 1]));
    let new = Change {
        route: Some("x".to_owned()),
        redirect: Some("b".to_owned()),
        domain: Some("east".to_owned()),
        set: Some(3),
        retry: Some(Duration::from_secs(1)),
        ..Change::default()
    };
    change(&mut play, "a", new).unwrap();
    change(&mut play, "x", Change::default()).unwrap();
    let view = play.balancer.view(play.now);
    let x = &view.members[0];
    assert_eq!((&*x.route, &*x.redirect, &*x.domain), ("x", "b", "east"));
    assert_eq!((x.set, x.retry.as_secs()), (3, 1));
    assert!(play.balancer.knows_route("x") && !play.balancer.knows_route("a"));
    let cleared = Change {
        route: Some(String::new()),
        redirect: Some(String::new()),
        ..Change::default()
    };
    change(&mut play, "x", cleared).unwrap();
    assert_eq!(play.balancer.view(play.now).members[0].redirect, "");
}

#[test]
fn a_shorter_retry_ends_a_wait_sooner() {
    let mut play = by_requests(members(&[1, 1]));
    play.fail("a");
    let shorter = Change {
        retry: Some(Duration::from_secs(2)),
        ..Change::default()
    };
    change(&mut play, "a", shorter).unwrap();
    assert_eq!(play.at(2_000).serve(Some("a")), "b");
    assert_eq!(play.at(2_001).serve(Some("a")), "a");
}

#[test]
fn all_settings_of_a_balancer_are_replaced_at_once() {
    let mut play = by_requests(members(&[1]));
    let wanted = Settings {
        method: LbMethod::Sessions,
        sticky: false,
        nofailover: true,
        forcerecovery: false,
        slow_start: Duration::from_secs(10),
        checks: Some(Checks {
            passes: 2,
            fails: 3,
            mandatory: true,
        }),
    };
    apply(&mut play, Command::Settings(wanted.clone())).unwrap();
    assert_eq!(play.balancer.settings(), &wanted);
    assert_eq!(play.balancer.view(play.now).settings, wanted);
}

#[test]
fn the_same_settings_again_change_no_counter() {
    let mut play = by_requests(members(&[1, 1]));
    play.set(|settings| {
        settings.checks = Some(Checks {
            passes: 1,
            fails: 2,
            mandatory: false,
        });
    });
    play.free(1);
    let a = play.id("a");
    play.balancer.checked(a, false, play.now);
    let before = play.balancer.view(play.now);
    play.set(|_| ());
    assert_eq!(play.balancer.view(play.now), before);
}

#[test]
fn a_member_is_changed_by_exactly_what_differs() {
    let old = MemberSpec {
        redirect: "b".to_owned(),
        ..member("a")
    };
    assert_eq!(old.change_to(&old), Change::default());
    let new = MemberSpec {
        route: "x".to_owned(),
        redirect: "y".to_owned(),
        domain: "z".to_owned(),
        factor: LoadFactor::from_hundredths(250).unwrap(),
        set: 3,
        status: Status {
            drain: true,
            ignore_errors: true,
            ..Status::default()
        },
        retry: Duration::from_secs(1),
    };
    let change = old.change_to(&new);
    assert_eq!(
        change.status,
        StatusChange {
            drain: Some(true),
            ignore_errors: Some(true),
            ..StatusChange::default()
        }
    );
    // Applied to a member with the old settings it gives one with the new settings.
    let mut play = by_requests(vec![old]);
    let id = play.id("a");
    apply(&mut play, Command::Change(id, change)).unwrap();
    let wanted = by_requests(vec![new]).balancer.view(play.now);
    let changed = play.balancer.view(play.now);
    let settings = |view: &View| {
        let member = &view.members[0];
        MemberSpec {
            route: member.route.to_string(),
            redirect: member.redirect.clone(),
            domain: member.domain.clone(),
            factor: member.factor,
            set: member.set,
            status: member.status,
            retry: member.retry,
        }
    };
    assert_eq!(settings(&changed), settings(&wanted));
}

#[test]
fn a_refused_command_does_nothing() {
    let mut play = by_requests(members(&[1, 1]));
    let (a, b) = (play.id("a"), play.id("b"));
    let before = play.balancer.view(play.now);
    let half_good = Change {
        route: Some("x".to_owned()),
        set: Some(100),
        ..Change::default()
    };
    let stranger = MemberId::new(17);
    let far = MemberSpec {
        set: 100,
        ..member("c")
    };
    let cases = [
        (Command::Change(a, half_good), Refused::SetOutOfRange),
        (Command::Add(far), Refused::SetOutOfRange),
        (
            Command::Change(stranger, Change::default()),
            Refused::NoSuchMember,
        ),
        (Command::ClearError(stranger), Refused::NoSuchMember),
        (Command::Remove(vec![stranger]), Refused::NoSuchMember),
        (Command::Order(vec![a]), Refused::NotAnOrder),
        (Command::Order(vec![a, a]), Refused::NotAnOrder),
        (Command::Order(vec![a, stranger]), Refused::NotAnOrder),
        (Command::Order(vec![a, b, b]), Refused::NotAnOrder),
    ];
    for (command, refused) in cases {
        assert_eq!(apply(&mut play, command), Err(refused));
        assert_eq!(play.balancer.view(play.now), before);
    }
    assert_eq!(
        Refused::SetOutOfRange.to_string(),
        "lbset must be from 0 to 99"
    );
}

#[test]
fn an_added_member_takes_its_share_at_once_and_no_more() {
    for method in [LbMethod::ByRequests, LbMethod::ByTraffic] {
        let mut play = play(method, members(&[1, 1]));
        for _ in 0..10 {
            let pick = play.open(None);
            play.balancer.traffic(pick.member, 10_000, 10_000);
            play.settle(pick, Outcome::Served);
        }
        let added = apply(&mut play, Command::Add(member("c"))).unwrap().added;
        assert_eq!(added, Some(MemberId::new(2)));
        let mut routes = String::new();
        for _ in 0..6 {
            let pick = play.open(None);
            routes.push_str(&pick.route);
            play.balancer.traffic(pick.member, 10_000, 10_000);
            play.settle(pick, Outcome::Served);
        }
        assert_eq!(routes, "abcabc");
    }
}

#[test]
fn requests_of_a_removed_member_end_without_effect() {
    let mut play = by_requests(members(&[1, 1, 1]));
    let open = play.open(Some("b"));
    let b = play.id("b");
    apply(&mut play, Command::Remove(vec![b])).unwrap();
    assert!(!play.balancer.knows_route("b"));
    assert_eq!(play.serve(Some("b")), "a");
    assert_eq!(play.free(2), "c a");
    // A new member with the same route is another member: the old ticket does not concern it.
    apply(&mut play, Command::Add(member("b"))).unwrap();
    assert_ne!(play.id("b"), b);
    play.balancer.traffic(b, 1, 1);
    assert_eq!(play.settle(open, Outcome::Failed), None);
    assert_eq!(play.balancer.health(b, true, play.now), None);
    let view = play.balancer.view(play.now);
    let again = view.members.last().unwrap();
    assert_eq!((again.busy, again.errors, again.to_backend), (0, 0, 0));
    assert_eq!(play.free(3), "a c b");
}

#[test]
fn the_order_of_members_breaks_ties() {
    let mut play = by_requests(members(&[1, 1, 1]));
    let order = ["c", "a", "b"].map(|route| play.id(route)).to_vec();
    apply(&mut play, Command::Order(order)).unwrap();
    assert_eq!(play.free(3), "c a b");
}

#[test]
fn flags_are_changed_one_by_one() {
    let all = Status {
        disabled: true,
        stopped: true,
        drain: true,
        hot_standby: true,
        hot_spare: true,
        ignore_errors: true,
    };
    assert_eq!(StatusChange::default().over(all), all);
    assert_eq!(StatusChange::from(all).over(Status::default()), all);
    let none = StatusChange::from(Status::default());
    assert_eq!(none.over(all), Status::default());
}
