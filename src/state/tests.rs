//! A gateway that was changed to a configuration is like one that started with it.

mod by_hand;
mod drains;
mod files;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{Config, LbMethod, Origin};
use proptest::prelude::*;

use self::by_hand::changes_by_hand;
use self::files::{file, read};
use super::bad_files::BadFiles;
use super::directories::Directories;
use super::overrides::Overrides;
use super::plan::Plan;
use super::{LiveBalancer, Snapshot};
use crate::balancer::{Command, How, NoMember, Outcome, Settings, Tried, Want};
use crate::telemetry::metrics::Metrics;

const ROUTES: [&str; 4] = ["n1", "n2", "n3", "gone"];
/// Longer than any `slow_start`, `retry` or `session_timeout` here.
const LONG: Duration = Duration::from_secs(24 * 3600);

// === Requests ===

/// A request: the route of its session, and its outcome on each member that it gets.
#[derive(Debug, Clone)]
struct Request {
    route: Option<&'static str>,
    outcomes: Vec<Outcome>,
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let route = prop::option::of(prop::sample::select(ROUTES.to_vec()));
    let outcome = prop::sample::select(vec![Outcome::Served, Outcome::Failed, Outcome::Neutral]);
    let outcomes = prop::collection::vec(outcome, 1..3);
    let request = (route, outcomes).prop_map(|(route, outcomes)| Request { route, outcomes });
    prop::collection::vec(request, 0..20)
}

/// What became of one attempt: URL and route of the member, how it was chosen, and whether the route changed.
type Decision = Result<(String, String, How, bool), NoMember>;

/// Plays requests one after the other, one second apart.
fn play(balancer: &Arc<LiveBalancer>, requests: &[Request], start: Instant) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for (second, request) in (0..).zip(requests) {
        let now = start + Duration::from_secs(second);
        let mut tried = Tried::new();
        for outcome in &request.outcomes {
            let want = Want {
                route: request.route,
                tried: &tried,
                has_body: false,
            };
            let chosen = balancer.choose(want, now);
            decisions.push(chosen.map(|chosen| {
                let mut attempt = chosen.attempt;
                let url = attempt.member.url.to_string();
                tried.insert(attempt.member.id);
                attempt.outcome = *outcome;
                attempt.settle(now);
                (
                    url,
                    chosen.route.to_string(),
                    chosen.how,
                    chosen.route_changed,
                )
            }));
        }
    }
    decisions
}

/// Forgets what traffic and checks have shown of the members, as a restart does: this may differ between a gateway that
/// was changed and one that was started. The settings stay.
fn forget(balancer: &LiveBalancer, now: Instant) {
    let mut core = balancer.core();
    let settings = core.settings().clone();
    // Each new method starts from zero, and `bytraffic` forgets the traffic.
    for method in [LbMethod::ByRequests, LbMethod::ByTraffic, settings.method] {
        let settings = Settings {
            method,
            ..settings.clone()
        };
        core.apply(Command::Settings(settings), now).unwrap();
    }
    core.restart_checks();
    for member in &balancer.members {
        core.health(member.id, false, now);
        core.live_sessions(member.id, 0);
    }
    core.check_invariants();
}

// === The property ===

/// Everything of a balancer that follows from its configuration, as text that is easy to compare.
fn settings(balancer: &LiveBalancer, now: Instant) -> Vec<String> {
    let view = balancer.core().view(now);
    let mut settings = vec![
        format!("{:?} {:?}", balancer.variable, balancer.config),
        format!("{:?}", view.settings),
        format!("{} attempts", balancer.tries()),
    ];
    assert_eq!(view.members.len(), balancer.members.len());
    for (member, view) in balancer.members.iter().zip(&view.members) {
        assert_eq!(member.id, view.id);
        settings.push(format!("{:?}", member.config));
        settings.push(format!("{} {:?}", member.url, member.backend));
        settings.push(format!(
            "{} {} {} {} {} {:?} {:?}",
            view.route, view.redirect, view.domain, view.factor, view.set, view.status, view.retry
        ));
        let withdrawn = member.withdrawn.load(std::sync::atomic::Ordering::Relaxed);
        settings.push(format!("withdrawn: {withdrawn}"));
        settings.push(format!("{:?}", member.metrics));
    }
    settings
}

fn check_alike(changed: &Snapshot, started: &Snapshot, now: Instant) {
    assert_eq!(changed.balancers.len(), started.balancers.len());
    for (changed, started) in changed.balancers.iter().zip(&started.balancers) {
        let (changed, started) = (settings(changed, now), settings(started, now));
        assert_eq!(changed.len(), started.len());
        for (changed, started) in changed.iter().zip(&started) {
            assert_eq!(changed, started);
        }
    }
    assert_eq!(
        format!("{:?}", changed.mounts),
        format!("{:?}", started.mounts)
    );
    assert_eq!(changed.limits, started.limits);
    assert_eq!(changed.shutdown_timeout, started.shutdown_timeout);
    assert_eq!(changed.files, started.files);
    let mappings = |snapshot: &Snapshot| -> Vec<String> {
        let mappings = snapshot.mappings.iter();
        let mappings = mappings.map(|mapping| {
            let target = mapping.target().unwrap();
            let mut balancers = snapshot.balancers.iter();
            let balancer = balancers.position(|it| Arc::ptr_eq(it, &target.balancer));
            let host = mapping.preserve_host;
            format!("{:?} {balancer:?} {} {host}", mapping.front, target.path)
        });
        mappings.collect()
    };
    assert_eq!(mappings(changed), mappings(started));
}

/// How many cores keep connections.
const CORES: usize = 2;

fn change(before: &Snapshot, config: &Config, metrics: &Metrics, now: Instant) -> Snapshot {
    let plan = Plan::new(
        config,
        &before.balancers,
        &before.mappings,
        Directories::default(),
        BadFiles::Refused,
        CORES,
        metrics,
    )
    .unwrap();
    plan.carry_out(now).0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// The changes are reloads, and changes by hand behind each of them. The start has a state file.
    #[test]
    fn a_changed_gateway_decides_as_one_that_started_with_the_configuration(
        steps in prop::collection::vec((file(), changes_by_hand()), 2..4),
        before in requests(),
        after in requests(),
    ) {
        let metrics = Metrics::new();
        let mut now = Instant::now();
        let mut overrides = Overrides::default();
        let mut changed = Snapshot::new(&read(&steps[0].0).unwrap(), CORES, &metrics).unwrap();
        let mut newest = None;
        for (file, by_hand) in &steps {
            for balancer in &changed.balancers {
                play(balancer, &before, now);
                for member in &balancer.members {
                    balancer.checked(member, false, None, now);
                }
            }
            now += Duration::from_secs(60);
            let file = read(file).unwrap();
            changed = change(&changed, &overrides.over(&file), &metrics, now);
            for by_hand in by_hand {
                by_hand.make(&mut overrides, &file);
                changed = change(&changed, &overrides.over(&file), &metrics, now);
            }
            newest = Some(file);
        }
        let restored = Overrides::from_json(&overrides.to_json(), "".as_ref()).unwrap();
        let started = Snapshot::new(&restored.over(&newest.unwrap()), CORES, &metrics).unwrap();
        check_alike(&changed, &started, now);

        for balancer in changed.balancers.iter().chain(&started.balancers) {
            forget(balancer, now);
        }
        now += LONG;
        for (changed, started) in changed.balancers.iter().zip(&started.balancers) {
            // Draws lots, and each balancer has its own.
            if changed.config.lbmethod != LbMethod::LeastLatency {
                prop_assert_eq!(play(changed, &after, now), play(started, &after, now));
            }
        }
    }

    #[test]
    fn a_change_by_hand_counts_as_if_it_stood_in_the_file(file in file(), changes in changes_by_hand()) {
        let config = read(&file).unwrap();
        let (mut overrides, mut written) = (Overrides::default(), file);
        for change in &changes {
            if change.make(&mut overrides, &config) {
                change.write(&mut written);
            }
        }
        let written = read(&written).unwrap_or_else(|problems| panic!("{problems}\n{written:#}"));
        let mut changed = overrides.over(&config);
        for member in changed.balancers.iter_mut().flat_map(|it| &mut it.members) {
            member.origin = Origin::default();
        }
        prop_assert_eq!(changed, written);
    }
}

/// The configuration of a balancer `a` with these keys and two HTTP members.
fn two_members(keys: &str) -> Config {
    let members =
        "members: [{ url: \"http://h:1\", route: n1 }, { url: \"http://h:2\", route: n2 }]";
    let file = format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\nbalancers:\n  a: {{ {keys}, {members} }}\n"
    );
    let loaded = ajpgate_config::parse(&file, "test.yaml".as_ref(), &|_| None);
    loaded
        .unwrap_or_else(|problems| panic!("{problems}"))
        .config
}

#[test]
fn sessions_that_the_new_configuration_does_not_find_count_no_longer() {
    let (metrics, now) = (Metrics::new(), Instant::now());
    let sticky = two_members("lbmethod: sessions, stickysession: SID");
    let before = Snapshot::new(&sticky, CORES, &metrics).unwrap();
    let balancer = &before.balancers[0];
    balancer.core().live_sessions(balancer.members[0].id, 500);
    let config = two_members("lbmethod: sessions");
    let changed = change(&before, &config, &metrics, now);
    let started = Snapshot::new(&config, CORES, &metrics).unwrap();
    let request = Request {
        route: None,
        outcomes: vec![Outcome::Served],
    };
    let requests = vec![request; 4];
    assert_eq!(
        play(&changed.balancers[0], &requests, now),
        play(&started.balancers[0], &requests, now)
    );
}

/// The file may lose what a change by hand needs. The change counts again when the file has it again.
#[test]
fn a_method_set_by_hand_waits_while_the_file_has_no_heartbeat() {
    let mut overrides = Overrides::default();
    let change = "{\"lbmethod\": \"heartbeat\"}";
    let change = ajpgate_config::parse_balancer_change(change, "change".as_ref()).unwrap();
    overrides.change_balancer("a", &change);
    let method = |keys: &str| overrides.over(&two_members(keys)).balancers[0].lbmethod;
    assert_eq!(method("heartbeat: { storage: beats }"), LbMethod::Heartbeat);
    assert_eq!(method("lbmethod: bybusyness"), LbMethod::ByBusyness);
}
