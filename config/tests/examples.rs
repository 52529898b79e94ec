//! The shipped examples load, and mean what their comments say.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use ajpgate_config::{Action, Config, Discover, LogFormat, Scheme, Sink, Sticky, Target};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

fn load(name: &str) -> Config {
    let env = |name: &str| Some(format!("value of {name}"));
    match ajpgate_config::load(&example(name), &env) {
        Ok(loaded) => {
            assert_eq!(loaded.warnings, [], "{name}");
            loaded.config
        }
        Err(problems) => panic!("{problems}"),
    }
}

#[test]
fn every_example_loads_without_warnings() {
    let folder = std::fs::read_dir(example("")).unwrap();
    let names: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        load(&name);
    }
}

#[test]
fn the_smallest_file_is_sticky() {
    let config = load("smallest.yaml");
    let [balancer] = config.balancers.as_slice() else {
        panic!("one balancer")
    };
    assert_eq!(balancer.name, "tomcats");
    let Some(Sticky {
        cookie,
        parameter,
        separator,
        ..
    }) = &balancer.sticky
    else {
        panic!("sticky")
    };
    assert_eq!(
        (&**cookie, &**parameter, *separator),
        ("JSESSIONID", "jsessionid", Some('.'))
    );
    let member = &balancer.members[0];
    assert_eq!(member.url.to_string(), "ajp://10.0.0.11:8009");
    assert_eq!(
        member.secret.as_ref().unwrap().expose(),
        "value of AJP_SECRET"
    );
    let (index, path) = (0, String::new());
    assert_eq!(
        config.mappings[0].target(),
        Some(&Target::Balancer { index, path })
    );
    assert_eq!(config.admin.unwrap().bind.to_string(), "127.0.0.1:9404");
    assert_eq!(config.access_log.format, LogFormat::combined());
}

#[test]
fn the_complete_file_is_read_completely() {
    let config = load("complete.yaml");
    assert_eq!(config.listeners.len(), 3);
    let tls = config.listeners[1].tls.as_ref().unwrap();
    assert_eq!(tls.pairs[0].certificate, example("tls/server.crt"));
    assert_eq!(tls.pairs[1].private_key, example("tls/old.key"));
    assert_eq!(tls.client_crl, Some(example("tls/clients.crl")));
    assert!(config.listeners[1].http2 && !config.listeners[0].http2);
    assert!(config.admin.as_ref().unwrap().tls.is_some());
    let shop = &config.balancers[0];
    assert_eq!(shop.maxattempts, Some(1));
    assert_eq!(shop.failonstatus, [503]);
    assert_eq!(shop.members[0].ping, Some(Duration::from_millis(100)));
    assert_eq!(shop.members[1].url.scheme, Scheme::Https);
    assert!(shop.members[1].tls.as_ref().unwrap().verify);
    assert_eq!(shop.sticky_cookie.as_ref().unwrap().secure, None);
    let sources: Vec<String> = shop.discover.iter().map(Discover::subject).collect();
    let kinds = sources.iter().map(|it| it.split(' ').next().unwrap());
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        ["dns", "srv", "file", "kubernetes"]
    );
    assert_eq!(sources[3], "kubernetes shop/tomcats:ajp");
    assert_eq!(config.cluster.as_ref().unwrap().name, "shop");
    assert!(config.traces.is_some());
    assert_eq!(config.mappings[0].action, Action::Exclude);
    assert_eq!(config.mappings[1].hosts, ["shop.example.com"]);
    assert_eq!(config.mappings[1].response_headers[0].name, "set-cookie");
    let Some(Target::Member(ftp)) = config.mappings[3].target() else {
        panic!("a backend")
    };
    assert_eq!(ftp.ftp.username.as_deref(), Some("reader"));
    assert_eq!(
        (&*ftp.url.path, &*ftp.url.text),
        ("/pub", "ftp://127.0.0.1:2121/pub")
    );
    assert_eq!(ftp.timeout, Duration::from_secs(30));
    assert_eq!(config.limits.max_body, None);
    assert_eq!(config.access_log.sink, Sink::Stdout);
}

#[test]
fn aliases_and_merge_keys_save_typing() {
    let config = load("two-tomcats.yaml");
    let [one, two] = config.balancers[0].members.as_slice() else {
        panic!("two members")
    };
    assert_eq!((&*one.route, &*two.route), ("node1", "node2"));
    assert_eq!((one.max, two.max), (150, 150));
    assert_eq!(one.secret, two.secret);
    assert_eq!(config.limits.max_body, Some(20 << 20));
}
