//! Configuration files with many combinations of keys.

use ajpgate_config::{Config, Problems};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

type Any = proptest::bool::Any;

pub(super) const URLS: [&str; 5] = [
    "ajp://127.0.0.1:1",
    "ajp://127.0.0.1:2",
    "http://127.0.0.1:3",
    "http://127.0.0.1:4/app",
    "ftp://127.0.0.1:5",
];

/// A key that is there or not, with one of these values.
pub(super) fn key(
    name: &'static str,
    values: Value,
) -> BoxedStrategy<Option<(&'static str, Value)>> {
    let Value::Array(values) = values else {
        panic!("the values of {name} are a list");
    };
    prop::option::of(prop::sample::select(values).prop_map(move |value| (name, value))).boxed()
}

pub(super) fn keys(
    keys: Vec<BoxedStrategy<Option<(&'static str, Value)>>>,
) -> BoxedStrategy<Value> {
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
pub(super) fn member_keys() -> BoxedStrategy<Value> {
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

/// Which keys of its protocol a member has.
pub(super) fn extra() -> (Any, Any, Any) {
    (any::<bool>(), any::<bool>(), any::<bool>())
}

/// Members with different URLs, in any order.
fn members() -> impl Strategy<Value = Vec<Value>> {
    let urls = prop::sample::subsequence(URLS.to_vec(), 1..=4).prop_shuffle();
    (urls, prop::collection::vec((member_keys(), extra()), 4)).prop_map(|(urls, keys)| {
        let members = urls.into_iter().zip(keys);
        members
            .map(|(url, (keys, extra))| member(url, keys, extra))
            .collect()
    })
}

/// A member at this URL.
pub(super) fn member(url: &str, mut member: Value, (one, two, three): (bool, bool, bool)) -> Value {
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

/// A configuration file with up to two balancers and up to three mappings to URLs.
pub(super) fn file() -> impl Strategy<Value = Value> {
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
            "shutdown_timeout": format!("{}s", mappings.len()),
            "balancers": balancers,
            "proxy_pass": mappings,
        });
        read(&file).is_ok().then_some(file)
    })
}

/// The configuration of a file.
pub(super) fn read(file: &Value) -> Result<Config, Problems> {
    let text = file.to_string();
    let loaded = ajpgate_config::parse(&text, "test.yaml".as_ref(), &|_| None);
    loaded.map(|loaded| loaded.config)
}
