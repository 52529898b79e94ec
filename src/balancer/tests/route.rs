//! Routes, redirects and domains (`src/balancer/SEMANTICS.md`, "The member of a session's route").

use super::*;

/// The member of a request of this route, the reason, and whether `BALANCER_ROUTE_CHANGED` is set.
fn who(play: &mut Play, route: Option<&str>) -> Result<(String, How, bool), NoMember> {
    let pick = play.pick(route, &[])?;
    let found = (pick.route.to_string(), pick.how, pick.route_changed);
    play.settle(pick, Outcome::Neutral);
    Ok(found)
}

fn found(route: &str, how: How, changed: bool) -> Result<(String, How, bool), NoMember> {
    Ok((route.to_owned(), how, changed))
}

/// a and b; b gets the next free request.
fn pair() -> Play {
    by_requests(members(&[1, 2]))
}

#[test]
fn consequences_of_a_route() {
    // (change of a, route, nofailover, result)
    type Setup = fn(&mut Play);
    let nothing: Setup = |_| {};
    let drain: Setup = |play| play.flags("a", |status| status.drain = true);
    let disable: Setup = |play| play.flags("a", |status| status.disabled = true);
    let stop: Setup = |play| play.flags("a", |status| status.stopped = true);
    let error: Setup = |play| {
        play.fail("a");
    };
    let check: Setup = |play| {
        play.check("a", true);
    };
    let free = || found("b", How::Free, true);
    let own = || found("a", How::Sticky, false);
    let refused = || Err(NoMember::RouteForced);
    let cases: [(&str, Setup, Option<&str>, bool, _); 16] = [
        ("no session", nothing, None, false, free()),
        ("unknown", nothing, Some("x"), false, free()),
        ("unknown, forced", nothing, Some("x"), true, free()),
        ("empty", nothing, Some(""), false, free()),
        ("empty, forced", nothing, Some(""), true, free()),
        ("usable", nothing, Some("a"), false, own()),
        ("draining", drain, Some("a"), false, own()),
        ("draining, forced", drain, Some("a"), true, own()),
        ("disabled", disable, Some("a"), false, free()),
        ("disabled, forced", disable, Some("a"), true, refused()),
        ("stopped", stop, Some("a"), false, free()),
        ("stopped, forced", stop, Some("a"), true, refused()),
        ("in error", error, Some("a"), false, free()),
        ("in error, forced", error, Some("a"), true, refused()),
        ("check failed", check, Some("a"), false, free()),
        ("check failed, forced", check, Some("a"), true, refused()),
    ];
    for (case, setup, route, nofailover, expected) in cases {
        let mut play = pair();
        setup(&mut play);
        play.balancer.settings.nofailover = nofailover;
        assert_eq!(who(&mut play, route), expected, "{case}");
    }
}

#[test]
fn routes_are_compared_with_case_and_as_a_whole() {
    let mut play = by_requests(vec![member("node1"), member("node10")]);
    for route in ["Node1", "node", "node100", "node1 "] {
        assert_eq!(who(&mut play, Some(route)).unwrap().1, How::Free);
        assert!(!play.balancer.knows_route(route));
    }
    assert_eq!(who(&mut play, Some("node10")).unwrap().1, How::Sticky);
    assert!(play.balancer.knows_route("node10"));
}

#[test]
fn a_member_without_a_route_gets_no_session() {
    let mut play = by_requests(vec![member(""), member("b")]);
    assert!(!play.balancer.knows_route(""));
    assert_eq!(who(&mut play, Some("")), found("", How::Free, true));
    assert_eq!(who(&mut play, Some("b")), found("b", How::Sticky, false));
}

#[test]
fn without_stickysession_routes_are_not_looked_at() {
    let mut play = pair();
    play.balancer.settings.sticky = false;
    play.balancer.settings.nofailover = true;
    assert_eq!(who(&mut play, Some("a")), found("b", How::Free, false));
    assert_eq!(who(&mut play, None), found("a", How::Free, false));
}

fn redirecting(routes: &[(&str, &str)]) -> Play {
    let specs = routes
        .iter()
        .map(|(route, redirect)| MemberSpec {
            redirect: (*redirect).to_owned(),
            ..member(route)
        })
        .collect();
    by_requests(specs)
}

#[test]
fn a_redirect_is_preferred_to_a_free_choice_even_with_nofailover() {
    for nofailover in [false, true] {
        let mut play = redirecting(&[("a", "c"), ("b", ""), ("c", "")]);
        play.balancer.settings.nofailover = nofailover;
        assert_eq!(who(&mut play, Some("a")), found("a", How::Sticky, false));
        play.fail("a");
        assert_eq!(who(&mut play, Some("a")), found("c", How::Redirect, true));
        // Counted as a sticky request: for all usable members and no others.
        assert_eq!(play.lbstatus()[0], -400);
    }
}

#[test]
fn redirects_are_followed_from_member_to_member() {
    let mut play = redirecting(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "")]);
    for down in ["a", "b", "c"] {
        play.flags(down, |status| status.disabled = true);
    }
    assert_eq!(who(&mut play, Some("a")), found("d", How::Redirect, true));
}

#[test]
fn a_redirect_goes_no_deeper_than_there_are_members() {
    // The lookup of the route itself is the first of two.
    let mut play = redirecting(&[("a", "b"), ("b", "")]);
    play.flags("a", |status| status.disabled = true);
    assert_eq!(who(&mut play, Some("a")), found("b", How::Redirect, true));
    let mut alone = redirecting(&[("a", "a")]);
    alone.flags("a", |status| status.disabled = true);
    assert_eq!(who(&mut alone, Some("a")), Err(NoMember::OutOfService));
}

#[test]
fn redirect_cycles_end() {
    let mut play = redirecting(&[("a", "b"), ("b", "a"), ("c", "")]);
    play.flags("a", |status| status.disabled = true);
    play.flags("b", |status| status.disabled = true);
    assert_eq!(who(&mut play, Some("a")), found("c", How::Free, true));
    play.balancer.settings.nofailover = true;
    assert_eq!(who(&mut play, Some("a")), Err(NoMember::RouteForced));
}

#[test]
fn redirect_cycles_of_shared_routes_end_soon() {
    // Without the memory of dead ends, this would take 40⁴⁰ steps.
    let mut play = redirecting(&[("x", "x"); 40]);
    for member in &mut play.balancer.members {
        member.status.disabled = true;
    }
    assert_eq!(who(&mut play, Some("x")), Err(NoMember::OutOfService));
}

#[test]
fn of_several_members_of_a_route_the_first_usable_is_taken() {
    let mut play = redirecting(&[("x", ""), ("x", ""), ("x", ""), ("b", "")]);
    let mut firsts = Vec::new();
    for _ in 0..4 {
        let pick = play.open(Some("x"));
        firsts.push((pick.member.get(), pick.how));
        play.settle(pick, Outcome::Served);
        let taken = firsts.last().unwrap().0 as usize;
        play.balancer.add_pending();
        play.balancer.members[taken].status.disabled = true;
    }
    let sticky = |id| (id, How::Sticky);
    assert_eq!(firsts, [sticky(0), sticky(1), sticky(2), (3, How::Free)]);
}

#[test]
fn standbys_of_a_route_come_last_and_sets_do_not_matter() {
    let mut specs = vec![member("x"), member("x"), member("b")];
    specs[0].status.hot_standby = true;
    specs[1].set = 5;
    let mut play = by_requests(specs);
    assert_eq!(play.open(Some("x")).member.get(), 1);
    play.balancer.add_pending();
    play.balancer.members[1].status.stopped = true;
    let pick = play.open(Some("x"));
    assert_eq!((pick.member.get(), pick.how), (0, How::Sticky));
}

#[test]
fn the_redirect_of_the_first_comes_before_the_second_of_the_route() {
    let mut play = redirecting(&[("x", "c"), ("x", ""), ("c", "")]);
    play.balancer.members[0].status.disabled = true;
    assert_eq!(who(&mut play, Some("x")), found("c", How::Redirect, true));
    play.flags("c", |status| status.disabled = true);
    assert_eq!(who(&mut play, Some("x")), found("x", How::Sticky, false));
}

#[test]
fn a_session_leaves_its_member_after_a_failed_try() {
    let mut play = redirecting(&[("a", "c"), ("b", ""), ("c", "")]);
    let pick = play.pick(Some("a"), &["a"]).unwrap();
    assert_eq!((&*pick.route, pick.how), ("c", How::Redirect));
    let pick = play.pick(Some("a"), &["a", "c"]).unwrap();
    assert_eq!((&*pick.route, pick.how), ("b", How::Free));
    play.balancer.settings.nofailover = true;
    let refused = play.pick(Some("a"), &["a", "c"]).unwrap_err();
    assert_eq!(refused, NoMember::RouteForced);
}

/// Routes, each with its domain.
fn domains(routes: &[(&str, &str)]) -> Play {
    let specs = routes
        .iter()
        .map(|(route, domain)| MemberSpec {
            domain: (*domain).to_owned(),
            ..member(route)
        })
        .collect();
    by_requests(specs)
}

#[test]
fn members_of_the_domain_come_before_all_others() {
    let mut play = domains(&[("a", "east"), ("b", ""), ("c", "west"), ("d", "east")]);
    play.fail("a");
    for _ in 0..3 {
        assert_eq!(who(&mut play, Some("a")), found("d", How::Domain, true));
    }
    play.flags("d", |status| status.drain = true);
    assert_eq!(who(&mut play, Some("a")), found("b", How::Free, true));
}

#[test]
fn a_failover_inside_the_domain_may_be_a_probe() {
    let mut play = domains(&[("a", "east"), ("b", "east"), ("c", "")]);
    play.flags("a", |status| status.disabled = true);
    play.fail("b");
    assert_eq!(who(&mut play, Some("a")), found("c", How::Free, true));
    let pick = play.at(60_001).open(Some("a"));
    assert_eq!(
        (&*pick.route, pick.how, pick.probe),
        ("b", How::Domain, true)
    );
}

#[test]
fn inside_a_domain_the_lowest_set_and_the_method_decide() {
    let mut play = domains(&[("a", "e"), ("b", "e"), ("c", "e"), ("d", "e"), ("x", "")]);
    play.balancer.members[1].set = 1;
    play.flags("a", |status| status.disabled = true);
    let mut routes = String::new();
    for _ in 0..4 {
        routes.push_str(&who(&mut play, Some("a")).unwrap().0);
    }
    assert_eq!(routes, "cdcd");
    // x has the same claim as if four requests of sessions had gone to c and d.
    assert_eq!(play.balancer.lbstatus(play.find("x")), 400);
}

#[test]
fn a_redirect_comes_before_the_domain_and_nofailover_excludes_the_domain() {
    let mut play = domains(&[("a", "east"), ("b", ""), ("d", "east")]);
    play.balancer.members[0].redirect = "b".to_owned();
    play.fail("a");
    assert_eq!(who(&mut play, Some("a")), found("b", How::Redirect, true));
    play.flags("b", |status| status.disabled = true);
    assert_eq!(who(&mut play, Some("a")), found("d", How::Domain, true));
    play.balancer.settings.nofailover = true;
    assert_eq!(who(&mut play, Some("a")), Err(NoMember::RouteForced));
}

#[test]
fn a_route_that_nobody_has_may_begin_with_a_domain() {
    let mut play = domains(&[("a", ""), ("b", "east"), ("c", "west")]);
    assert_eq!(who(&mut play, Some("west")), found("c", How::Domain, true));
    assert_eq!(
        who(&mut play, Some("west.9")),
        found("c", How::Domain, true)
    );
    assert_eq!(
        who(&mut play, Some("east.n.1")),
        found("b", How::Domain, true)
    );
    for route in ["north.1", ".west", "we", "westward"] {
        assert_eq!(who(&mut play, Some(route)).unwrap().1, How::Free, "{route}");
    }
    play.balancer.settings.nofailover = true;
    assert_eq!(who(&mut play, Some("west.9")).unwrap().1, How::Free);
}

#[test]
fn a_known_route_does_not_also_count_as_a_domain() {
    let mut play = domains(&[("east.a", ""), ("b", "east"), ("c", "")]);
    play.flags("east.a", |status| status.disabled = true);
    assert_eq!(who(&mut play, Some("east.a")).unwrap().1, How::Free);
}

#[test]
fn a_pick_says_whether_its_member_drains() {
    let mut play = pair();
    assert!(!play.open(Some("a")).draining);
    play.flags("a", |status| status.drain = true);
    assert!(play.open(Some("a")).draining);
}
