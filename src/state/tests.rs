//! A gateway that was changed to a configuration is like one that started with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{Config, LbMethod};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::reconcile::Plan;
use super::{LiveBalancer, Snapshot};
use crate::balancer::{Command, How, NoMember, Outcome, Settings, Tried, Want};
use crate::telemetry::metrics::Metrics;

const ROUTES: [&str; 4] = ["n1", "n2", "n3", "gone"];
const URLS: [&str; 5] = [
    "ajp://127.0.0.1:1",
    "ajp://127.0.0.1:2",
    "http://127.0.0.1:3",
    "http://127.0.0.1:4/app",
    "ftp://127.0.0.1:5",
];

/// Longer than any `slow_start`, `retry` or `session_timeout` here.
const LONG: Duration = Duration::from_secs(24 * 3600);

// === Configurations ===

/// A key that is there or not, with one of these values.
fn key(name: &'static str, values: Value) -> BoxedStrategy<Option<(&'static str, Value)>> {
    let Value::Array(values) = values else {
        panic!("the values of {name} are a list");
    };
    prop::option::of(prop::sample::select(values).prop_map(move |value| (name, value))).boxed()
}

fn keys(keys: Vec<BoxedStrategy<Option<(&'static str, Value)>>>) -> BoxedStrategy<Value> {
    keys.prop_map(|keys| {
        let given = keys.into_iter().flatten();
        Value::Object(
            given
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    })
    .boxed()
}

/// The keys of a member that every protocol has.
fn member_keys() -> BoxedStrategy<Value> {
    keys(vec![
        key("route", json!(["n1", "n2", "n3", "n1"])),
        key("redirect", json!(["n1", "n2", "n3"])),
        key("domain", json!(["east", "west"])),
        key("loadfactor", json!([1, 2.5, 7])),
        key("lbset", json!([0, 1])),
        key(
            "status",
            json!([
                ["disabled"],
                ["stopped"],
                ["drain"],
                ["hot_standby"],
                ["hot_spare"],
                ["ignore_errors"],
                ["drain", "hot_standby"],
            ]),
        ),
        key("retry", json!(["0s", "5s", "60s"])),
        key("max", json!([1, 2, 50])),
        key("ttl", json!(["1s", "60s"])),
        key("acquire", json!(["1s", "10s"])),
        key("connectiontimeout", json!(["1s", "2s"])),
        key("timeout", json!(["0s", "5s", "60s"])),
    ])
}

/// Members with different URLs, in any order.
fn members() -> impl Strategy<Value = Vec<Value>> {
    let urls = prop::sample::subsequence(URLS.to_vec(), 1..=4).prop_shuffle();
    let extra = (any::<bool>(), any::<bool>(), any::<bool>());
    (urls, prop::collection::vec((member_keys(), extra), 4)).prop_map(|(urls, keys)| {
        let members = urls.into_iter().zip(keys);
        members
            .map(|(url, (keys, extra))| member(url, keys, extra))
            .collect()
    })
}

fn member(url: &str, mut member: Value, (one, two, three): (bool, bool, bool)) -> Value {
    let mut set = |on: bool, key: &str, value: Value| {
        if on {
            member[key] = value;
        }
    };
    set(true, "url", json!(url));
    let (ajp, ftp) = (url.starts_with("ajp"), url.starts_with("ftp"));
    set(ajp && one, "secret", json!("s3cret"));
    set(ajp && two, "packet_size", json!(16_384));
    set(ajp && three, "ping", json!("1s"));
    set(
        !ftp && one && three,
        "upgrade_url",
        json!("http://127.0.0.1:9"),
    );
    set(ftp && one, "username", json!("reader"));
    set(ftp && two, "passive", json!(false));
    set(ftp && three, "allow_write", json!(true));
    member
}

fn balancer() -> impl Strategy<Value = Value> {
    let cookie = json!([{ "name": "ROUTEID" }, { "name": "R", "path": "/x", "max_age": "1h" }]);
    let checks = json!([
        { "method": "tcp" },
        { "method": "tcp", "fails": 1, "passes": 3 },
        { "method": "tcp", "interval": "1s", "mandatory": true },
    ]);
    let keys = keys(vec![
        key(
            "lbmethod",
            json!([
                "byrequests",
                "bytraffic",
                "bybusyness",
                "sessions",
                "leastlatency"
            ]),
        ),
        key("stickysession", json!(["", "SID", "JSESSIONID|jsessionid"])),
        key("stickysessionsep", json!([".", "-", "off"])),
        key("nofailover", json!([true, false])),
        key("forcerecovery", json!([true, false])),
        key("maxattempts", json!([0, 1, 3])),
        key("failonstatus", json!([[503], [500, 502]])),
        key("failontimeout", json!([true, false])),
        key("timeout", json!(["0s", "5s"])),
        key("slow_start", json!(["0s", "30s"])),
        key("drain_timeout", json!(["0s", "1m"])),
        key("session_timeout", json!(["1m", "30m"])),
        key("sticky_cookie", cookie),
        key("health_check", checks),
    ]);
    (keys, members()).prop_map(|(mut balancer, members)| {
        balancer["members"] = Value::Array(members);
        balancer
    })
}

/// A mapping to a URL in place of a balancer.
fn direct() -> impl Strategy<Value = Value> {
    let url = prop::sample::select(URLS.to_vec());
    (url, member_keys()).prop_map(|(url, keys)| json!({ "to": url, "member": keys }))
}

/// Text of a configuration with up to two balancers and up to three mappings to URLs.
fn configuration() -> impl Strategy<Value = Config> {
    let balancers = prop::collection::vec((prop::sample::select(vec!["a", "b"]), balancer()), 0..3);
    let mappings = prop::collection::vec(direct(), 0..4);
    let host = key("preserve_host", json!([true, false]));
    (balancers, mappings, host).prop_filter_map("a valid file", |(balancers, mappings, host)| {
        let balancers: Map<String, Value> = balancers
            .into_iter()
            .map(|(name, balancer)| (name.to_owned(), balancer))
            .collect();
        let to_balancers = balancers.keys().map(
            |name| json!({ "path": format!("/{name}"), "to": format!("balancer://{name}/x") }),
        );
        let direct = mappings
            .into_iter()
            .enumerate()
            .map(|(number, mut mapping)| {
                mapping["path"] = json!(format!("/direct{number}"));
                mapping
            });
        let mut mappings: Vec<Value> = to_balancers.chain(direct).collect();
        if let (Some((key, value)), Some(first)) = (host, mappings.first_mut()) {
            first[key] = value;
        }
        let file = json!({
            "listeners": [{ "bind": "127.0.0.1:0" }],
            "balancers": balancers,
            "proxy_pass": mappings,
        });
        let text = file.to_string();
        let loaded = ajpgate_config::parse(&text, "test.yaml".as_ref(), &|_| None);
        loaded.ok().map(|loaded| loaded.config)
    })
}

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
    assert_eq!(changed.files, started.files);
    let mappings = |snapshot: &Snapshot| -> Vec<String> {
        let mappings = snapshot.mappings.iter();
        let mappings = mappings.map(|mapping| {
            let target = mapping.target.as_ref().unwrap();
            let mut balancers = snapshot.balancers.iter();
            let balancer = balancers.position(|it| Arc::ptr_eq(it, &target.balancer));
            let host = mapping.preserve_host;
            format!("{:?} {balancer:?} {} {host}", mapping.front, target.path)
        });
        mappings.collect()
    };
    assert_eq!(mappings(changed), mappings(started));
}

fn change(before: &Snapshot, config: &Config, metrics: &Metrics, now: Instant) -> Snapshot {
    let plan = Plan::new(config, &before.balancers, metrics).unwrap();
    plan.carry_out(now).0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_changed_gateway_decides_as_one_that_started_with_the_configuration(
        configs in prop::collection::vec(configuration(), 2..4),
        before in requests(),
        after in requests(),
    ) {
        let metrics = Metrics::new().unwrap();
        let mut now = Instant::now();
        let mut changed = Snapshot::new(&configs[0], &metrics).unwrap();
        for config in &configs[1..] {
            for balancer in &changed.balancers {
                play(balancer, &before, now);
                for member in &balancer.members {
                    balancer.checked(member, false, None, now);
                }
            }
            now += Duration::from_secs(60);
            changed = change(&changed, config, &metrics, now);
        }
        let started = Snapshot::new(configs.last().unwrap(), &metrics).unwrap();
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
}
