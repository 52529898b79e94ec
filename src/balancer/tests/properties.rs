//! Properties of all balancers, on generated examples.

use proptest::prelude::*;

use super::*;

fn any_status() -> impl Strategy<Value = Status> {
    // Flags are rare, so that some member is usable most of the time.
    let flag = || prop::bool::weighted(0.15);
    (flag(), flag(), flag(), flag(), flag(), flag()).prop_map(
        |(disabled, stopped, drain, hot_standby, hot_spare, ignore_errors)| Status {
            disabled,
            stopped,
            drain,
            hot_standby,
            hot_spare,
            ignore_errors,
        },
    )
}

fn any_member() -> impl Strategy<Value = MemberSpec> {
    let route = prop::sample::select(vec!["", "a", "b", "c", "d"]);
    let domain = prop::sample::select(vec!["", "east", "west"]);
    let factor = 100_u32..=10_000;
    (route.clone(), route, domain, factor, 0_u8..3, any_status()).prop_map(
        |(route, redirect, domain, factor, set, status)| MemberSpec {
            route: route.to_owned(),
            redirect: redirect.to_owned(),
            domain: domain.to_owned(),
            factor: LoadFactor::from_hundredths(factor).unwrap(),
            set,
            status,
            retry: Duration::from_secs(10),
        },
    )
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let method = prop::sample::select(LbMethod::ALL.to_vec());
    let members = prop::collection::vec(any_member(), 0..7);
    let slow_start = prop::sample::select(vec![0, 1, 20_000]).prop_map(Duration::from_millis);
    (method, any::<[bool; 3]>(), slow_start, members).prop_map(
        |(method, [sticky, nofailover, forcerecovery], slow_start, members)| Spec {
            settings: Settings {
                method,
                sticky,
                nofailover,
                forcerecovery,
                slow_start,
                checks: None,
            },
            seed: 1,
            members,
        },
    )
}

/// One event: a pick, a settled ticket, a change by hand, or time.
#[derive(Debug, Clone)]
enum Event {
    Pick(Option<&'static str>, Vec<u32>),
    Settle(usize, Outcome, u64),
    Check(u32, bool),
    Report(u32, u32),
    Wait(u64),
    Change(u32, Change),
}

fn any_change() -> impl Strategy<Value = Change> {
    let flag = || prop::option::weighted(0.2, any::<bool>());
    let factor = prop::option::weighted(0.2, 100_u32..=300);
    let domain = prop::option::weighted(0.2, prop::sample::select(vec!["", "east"]));
    let set = prop::option::weighted(0.2, 0_u8..3);
    let flags = (flag(), flag(), flag(), flag());
    (flags, factor, domain, set).prop_map(
        |((disabled, drain, hot_standby, hot_spare), factor, domain, set)| Change {
            factor: factor.map(|factor| LoadFactor::from_hundredths(factor).unwrap()),
            domain: domain.map(str::to_owned),
            set,
            status: StatusChange {
                disabled,
                drain,
                hot_standby,
                hot_spare,
                ..StatusChange::default()
            },
            ..Change::default()
        },
    )
}

fn any_event() -> impl Strategy<Value = Event> {
    let routes = vec![
        None,
        Some(""),
        Some("a"),
        Some("b"),
        Some("east.x"),
        Some("z"),
    ];
    let outcomes = vec![Outcome::Served, Outcome::Neutral, Outcome::Failed];
    prop_oneof![
        4 => (prop::sample::select(routes), prop::collection::vec(0_u32..7, 0..3))
            .prop_map(|(route, tried)| Event::Pick(route, tried)),
        3 => (any::<usize>(), prop::sample::select(outcomes), 0_u64..100_000)
            .prop_map(|(which, outcome, bytes)| Event::Settle(which, outcome, bytes)),
        1 => (0_u32..7, any::<bool>()).prop_map(|(member, failed)| Event::Check(member, failed)),
        1 => (0_u32..7, 0_u32..9).prop_map(|(member, ready)| Event::Report(member, ready)),
        1 => (0_u64..30_000).prop_map(Event::Wait),
        1 => (0_u32..7, any_change()).prop_map(|(member, change)| Event::Change(member, change)),
    ]
}

/// How a balancer is played: as it is, or so that each choice visits all members.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    AsItIs,
    Visiting,
}

/// What a play came to.
#[derive(Debug, PartialEq)]
struct Played {
    picks: Vec<Option<(MemberId, How)>>,
    /// Each member's lbstatus behind each event.
    counts: Vec<Vec<i64>>,
}

/// Plays the events, and checks each pick and the counters.
fn run(spec: Spec, events: &[Event], start: Instant, way: Way) -> Played {
    let mut counts = Vec::new();
    let mut balancer = Balancer::new(spec);
    let mut now = start;
    let mut open: Vec<Ticket> = Vec::new();
    let mut picks = Vec::new();
    for event in events {
        if way == Way::Visiting {
            balancer.add_pending();
        }
        match event {
            Event::Pick(route, tried) => {
                let before = balancer.view(now);
                let tried: Tried = tried.iter().map(|&id| MemberId::new(id)).collect();
                let want = Want {
                    route: *route,
                    tried: &tried,
                    has_body: false,
                };
                let pick = balancer.pick(want, now);
                if let Ok(pick) = &pick {
                    check_pick(&before, &balancer.view(now), pick, &tried);
                }
                picks.push(pick.as_ref().ok().map(|pick| (pick.member, pick.how)));
                open.extend(pick.ok().map(|pick| pick.ticket));
            }
            Event::Settle(which, outcome, bytes) => {
                if !open.is_empty() {
                    let ticket = open.swap_remove(which % open.len());
                    balancer.traffic(ticket.member(), *bytes, bytes / 2);
                    balancer.settle(ticket, *outcome, now);
                }
            }
            Event::Check(member, failed) => {
                balancer.health(MemberId::new(*member), *failed, now);
            }
            Event::Report(member, ready) => {
                let member = MemberId::new(*member);
                balancer.heartbeat(member, *ready, 1, now);
                let took = Duration::from_millis(u64::from(*ready));
                balancer.answered(member, took, now);
                balancer.live_sessions(member, u64::from(*ready));
            }
            Event::Wait(milliseconds) => now += Duration::from_millis(*milliseconds),
            Event::Change(member, change) => {
                let command = Command::Change(MemberId::new(*member), change.clone());
                let _no_such_member = balancer.apply(command, now);
            }
        }
        let members = balancer.members.iter();
        counts.push(members.map(|member| balancer.lbstatus(member)).collect());
        balancer.check_invariants();
        for member in &balancer.members {
            let tickets = open.iter().filter(|ticket| ticket.member == member.id);
            assert_eq!(member.busy, tickets.count() as u64);
        }
    }
    Played { picks, counts }
}

fn check_pick(before: &View, after: &View, pick: &Pick, tried: &Tried) {
    let find = |view: &View| {
        let mut members = view.members.iter();
        members.find(|m| m.id == pick.member).unwrap().clone()
    };
    let (was, is) = (find(before), find(after));
    assert!(!tried.contains(pick.member));
    assert!(!was.status.disabled && !was.status.stopped && !was.check_failed);
    if was.health == Health::Probing {
        assert!(before.settings.forcerecovery);
    }
    if was.health == Health::Error {
        assert!(pick.forced || was.retry_in == Some(Duration::ZERO));
    }
    if matches!(pick.how, How::Free | How::Domain) {
        assert!(!was.status.drain);
    }
    assert_eq!(pick.probe, is.health == Health::Probing);
    assert_eq!(is.elected, was.elected + 1);
}

/// Members a, b, c … with these factors in hundredths; a returned this number of milliseconds ago.
fn returning(method: LbMethod, factors: &[u32], elapsed: u64) -> Play {
    let mut specs = members(&vec![1; factors.len()]);
    for (spec, factor) in specs.iter_mut().zip(factors) {
        spec.factor = LoadFactor::from_hundredths(*factor).unwrap();
    }
    let mut play = play(method, specs);
    play.balancer.settings.slow_start = Duration::from_secs(10);
    play.check("a", true);
    play.check("a", false);
    play.at(elapsed);
    play
}

fn weights(play: &Play) -> Vec<u32> {
    let view = play.balancer.view(play.now);
    view.members.iter().map(|member| member.weight).collect()
}

proptest! {
    #[test]
    fn picked_members_are_usable_and_counters_agree(
        spec in any_spec(),
        events in prop::collection::vec(any_event(), 0..120),
    ) {
        let start = Instant::now();
        let once = run(spec.clone(), &events, start, Way::AsItIs);
        // Once more with another clock: the result is the same.
        let again = run(spec, &events, start + Duration::from_secs(1_000_000), Way::AsItIs);
        prop_assert_eq!(once, again);
    }

    /// What is kept from one choice to the next changes no choice and no counter.
    #[test]
    fn a_choice_that_visits_all_members_is_the_same(
        spec in any_spec(),
        events in prop::collection::vec(any_event(), 0..120),
    ) {
        let start = Instant::now();
        let kept = run(spec.clone(), &events, start, Way::AsItIs);
        let visiting = run(spec, &events, start, Way::Visiting);
        prop_assert_eq!(kept, visiting);
    }

    /// The same with many members and few events but choices: what is kept lasts.
    #[test]
    fn a_choice_among_many_members_is_the_same(
        factors in prop::collection::vec(prop::sample::select(vec![100_u32, 150, 300]), 1..60),
        kinds in prop::collection::vec((0_u8..12, any::<prop::sample::Index>()), 0..200),
        method in prop::sample::select(LbMethod::ALL.to_vec()),
    ) {
        let routes: Vec<&'static str> = (0..60).map(|number: usize| number.to_string().leak() as &str).collect();
        let members = factors.iter().zip(&routes).map(|(factor, route)| MemberSpec {
            factor: LoadFactor::from_hundredths(*factor).unwrap(),
            ..member(route)
        });
        let spec = Spec { settings: settings(method), seed: 1, members: members.collect() };
        let events: Vec<Event> = kinds.iter().map(|(kind, which)| match kind {
            0..6 => Event::Pick(None, Vec::new()),
            6..9 => Event::Pick(Some(routes[which.index(factors.len())]), Vec::new()),
            9 => Event::Settle(which.index(1_000), Outcome::Served, 1_000),
            10 => Event::Settle(which.index(1_000), Outcome::Failed, 0),
            _ => Event::Wait(which.index(40_000) as u64),
        }).collect();
        let start = Instant::now();
        let kept = run(spec.clone(), &events, start, Way::AsItIs);
        let visiting = run(spec, &events, start, Way::Visiting);
        prop_assert_eq!(kept, visiting);
    }

    #[test]
    fn byrequests_gives_each_its_share(factors in prop::collection::vec(1_u32..=9, 1..5), rounds in 1_u32..4) {
        let mut play = by_requests(members(&factors));
        let picks = play.free((factors.iter().sum::<u32>() * rounds) as usize);
        for (route, factor) in ["a", "b", "c", "d"].iter().zip(&factors) {
            let count = picks.matches(route).count();
            prop_assert!(count.abs_diff((factor * rounds) as usize) <= 1);
        }
    }

    /// In as many picks as the sum of all weights in hundredths, each member gets its weight, `rounds` times.
    #[test]
    fn byrequests_gives_a_returning_member_the_share_of_its_weight(
        factors in prop::collection::vec(100_u32..=300, 2..5),
        elapsed in 0_u64..12_000,
    ) {
        let mut play = returning(LbMethod::ByRequests, &factors, elapsed);
        let weights = weights(&play);
        let picks = play.free(weights.iter().sum::<u32>() as usize);
        for (route, weight) in ["a", "b", "c", "d"].iter().zip(&weights) {
            prop_assert_eq!(picks.matches(route).count(), *weight as usize);
        }
    }

    /// Within one pick of what its weight allows, even if the method prefers it.
    #[test]
    fn no_method_gives_a_returning_member_more_than_its_weight(
        method in prop::sample::select(LbMethod::ALL.to_vec()),
        factors in prop::collection::vec(100_u32..=300, 2..5),
        elapsed in 0_u64..10_000,
        count in 1_usize..500,
    ) {
        let mut play = returning(method, &factors, elapsed);
        let ids: Vec<MemberId> = play.balancer.members.iter().map(|m| m.id).collect();
        for (index, id) in ids.into_iter().enumerate() {
            let much = if index == 0 { 0 } else { 1 << 40 };
            play.balancer.traffic(id, much, much);
            play.balancer.live_sessions(id, much);
            play.balancer.heartbeat(id, if index == 0 { 1_000_000 } else { 1 }, 1, play.now);
            play.balancer.answered(id, Duration::from_nanos(1 + much), play.now);
        }
        let weights = weights(&play);
        let most = count as u64 * u64::from(weights[0]) / u64::from(weights.iter().sum::<u32>());
        let picks = play.free(count);
        prop_assert!(picks.matches('a').count() as u64 <= most + 1, "{picks}");
    }

    #[test]
    fn byrequests_is_fair_however_its_members_come_and_go(
        factors in prop::collection::vec(1_u32..=9, 3),
        comings in prop::collection::vec(0_usize..3, 0..6),
        before in 0_usize..20,
    ) {
        let mut play = by_requests(members(&factors));
        play.free(before);
        let mut present = factors.clone();
        for index in comings {
            let id = play.balancer.members[index].id;
            let spec = MemberSpec {
                factor: play.balancer.members[index].factor,
                ..member(&play.balancer.members[index].route.clone())
            };
            play.balancer.apply(Command::Remove(vec![id]), play.now).unwrap();
            play.balancer.apply(Command::Add(spec), play.now).unwrap();
            let factor = present.remove(index);
            present.push(factor);
        }
        // A member that was just added gets neither too little nor too much.
        let sum: u32 = present.iter().sum();
        let offset: i64 = play.lbstatus().iter().map(|status| status.abs()).max().unwrap_or(0);
        let picks = play.free(sum as usize * 4);
        for (member, factor) in play.balancer.members.iter().zip(&present) {
            let count = picks.matches(&*member.route).count();
            let slack = 1 + usize::try_from(offset).unwrap() / (sum as usize * 100);
            prop_assert!(count.abs_diff(*factor as usize * 4) <= slack, "{picks} {present:?}");
        }
    }
}
