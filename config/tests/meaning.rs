//! What a file means: defaults, and the keys whose meaning depends on others.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use ajpgate_config::{
    Action, Admin, Auth, Config, EncodedSlash, Fact, HeaderAction, LogFormat, Piece, Sink, Target,
    Variable, When, parse_member,
};

/// A file with one AJP member, and whatever a test adds at the top level, to the balancer and to the member.
fn with(top: &str, balancer: &str, member: &str) -> Config {
    read(&format!(
        "listeners: [{{ bind: '127.0.0.1:0' }}]\n\
         balancers: {{ b: {{ members: [{{ url: 'ajp://h' {member} }}] {balancer} }} }}\n\
         {top}\n"
    ))
}

fn read(text: &str) -> Config {
    let env = |name: &str| (name == "POOL").then(|| "50".to_owned());
    match ajpgate_config::parse(text, Path::new("x.yaml"), &env) {
        Ok(loaded) => loaded.config,
        Err(problems) => panic!("{problems}\n\n{text}"),
    }
}

/// The configuration of an image uses `${NAME:-}` for a secret that may be left out.
#[test]
fn an_empty_secret_is_none() {
    let secret = |key: &str| {
        let config = with("", "", key);
        config.balancers[0].members[0].secret.is_some()
    };
    assert!(secret(", secret: '${POOL:-}'"));
    for key in ["", ", secret: ''", ", secret: '${NONE:-}'"] {
        assert!(!secret(key), "{key}");
    }
}

#[test]
fn stickiness() {
    let sticky = |balancer: &str| {
        let config = with("", balancer, "");
        config.balancers[0]
            .sticky
            .clone()
            .map(|s| (s.cookie, s.parameter, s.separator))
    };
    let names = |cookie: &str, parameter: &str, separator| {
        Some((cookie.to_owned(), parameter.to_owned(), separator))
    };
    assert_eq!(sticky(""), names("JSESSIONID", "jsessionid", Some('.')));
    assert_eq!(sticky(", stickysession: ''"), None);
    assert_eq!(
        sticky(", stickysession: SID"),
        names("SID", "SID", Some('.'))
    );
    assert_eq!(
        sticky(", stickysession: A|b, stickysessionsep: '!'"),
        names("A", "b", Some('!'))
    );
    assert_eq!(
        sticky(", stickysessionsep: off"),
        names("JSESSIONID", "jsessionid", None)
    );
    assert_eq!(
        sticky(", scolonpathdelim: false"),
        names("JSESSIONID", "jsessionid", Some('.'))
    );
    let http =
        read("listeners: [{ bind: ':0' }]\nbalancers: { b: { members: [{ url: 'http://h' }] } }");
    assert_eq!(http.balancers[0].sticky, None);
}

#[test]
fn http2_goes_with_tls_unless_the_file_says_otherwise() {
    let tls = "tls: { certificate: c, private_key: k }";
    let config = read(&format!(
        "listeners:\n\
         - {{ bind: ':0' }}\n\
         - {{ bind: ':0', http2: true }}\n\
         - {{ bind: ':0', {tls} }}\n\
         - {{ bind: ':0', {tls}, http2: false }}\n"
    ));
    let http2: Vec<bool> = config
        .listeners
        .iter()
        .map(|listener| listener.http2)
        .collect();
    assert_eq!(http2, [false, true, true, false]);
}

#[test]
fn who_may_ask_the_admin_listener() {
    let admin = |text: &str| -> Option<Admin> { with(text, "", "").admin };
    let allow = |admin: &Option<Admin>| -> Vec<String> {
        admin
            .as_ref()
            .unwrap()
            .allow
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let default = admin("");
    assert_eq!(default.as_ref().unwrap().bind.to_string(), "127.0.0.1:9404");
    assert_eq!(allow(&default), ["127.0.0.0/8", "::1/128"]);
    assert_eq!(admin("admin: {}"), default);
    assert_eq!(admin("admin: off"), None);
    assert_eq!(admin("admin: false"), None);
    let open = admin("admin: { bind: ':9404', auth: { token: abc } }");
    assert_eq!(allow(&open), ["0.0.0.0/0", "::/0"]);
    assert!(matches!(open.unwrap().auth, Some(Auth::Token(token)) if token.expose() == "abc"));
    let some = admin("admin: { allow: [10.1.2.3/8, 192.168.0.1] }");
    assert_eq!(allow(&some), ["10.0.0.0/8", "192.168.0.1/32"]);
    let basic = admin("admin: { auth: { user: admin, password: 007 } }");
    let Some(Auth::Basic { user, password }) = basic.unwrap().auth else {
        panic!("basic")
    };
    assert_eq!((&*user, password.expose()), ("admin", "007"));
}

#[test]
fn the_short_forms_of_the_access_log() {
    let log = |text: &str| with(text, "", "").access_log;
    assert_eq!(log(""), log("access_log: combined"));
    assert_eq!(log("access_log: off").format, LogFormat::Off);
    assert_eq!(log("access_log: json").format, LogFormat::Json);
    assert_eq!(log("access_log: { format: off }").format, LogFormat::Off);
    assert_eq!(log("access_log: { path: stderr }").sink, Sink::Stderr);
    assert_eq!(
        log("access_log: { path: a.log }").sink,
        Sink::File("a.log".into())
    );
}

#[test]
fn a_limit_of_zero_is_none() {
    let limits = |text: &str| with(text, "", "").limits;
    let default = limits("");
    assert_eq!(
        (default.max_connections, default.max_body),
        (Some(10_000), None)
    );
    assert_eq!((default.max_headers, default.max_uri), (Some(100), None),);
    assert_eq!(
        (default.min_body_rate, default.max_connections_per_ip),
        (None, None),
    );
    let some = limits(
        "limits: { max_headers: 0, max_uri: 8KiB, min_body_rate: 1KiB, max_connections_per_ip: 9 }",
    );
    assert_eq!((some.max_headers, some.max_uri), (None, Some(8192)));
    assert_eq!(some.min_body_rate.map(std::num::NonZero::get), Some(1024));
    assert_eq!(some.max_connections_per_ip, Some(9));
    let streams = |text: &str| limits(text).max_streams;
    assert_eq!(streams(""), 100);
    assert_eq!(streams("limits: { max_streams: 7 }"), 7);
    assert_eq!(streams("limits: { max_streams: 0 }"), 10_000);
    let none = limits("limits: { max_connections: 0, max_body: 0 }");
    assert_eq!((none.max_connections, none.max_body), (None, None));
    assert_eq!(limits("limits: { max_body: 1MiB }").max_body, Some(1 << 20));
    let none = limits("limits: { header_timeout: 0, idle_timeout: 0s, max_header_bytes: 0 }");
    let years = Duration::from_secs(10 * 365 * 86_400);
    assert_eq!((none.header_timeout, none.idle_timeout), (years, years));
    assert_eq!(none.max_header_bytes, 16 << 20);
    for text in [", timeout: 0", ", timeout: 0s"] {
        assert_eq!(
            with("", "", text).balancers[0].members[0].timeout,
            years,
            "{text}"
        );
    }
}

#[test]
fn numbers_and_switches_may_come_from_the_environment() {
    let text = "
listeners: [{ bind: ':0' }]
balancers:
  b:
    nofailover: ${NOFAILOVER:-true}
    members:
      - url: ajp://h
        max: ${POOL:-200}
        min: ${UNSET:-10}
        loadfactor: ${UNSET:-2.5}
        ttl: ${UNSET:-5}m
        secret: $${POOL}
";
    let config = read(text);
    let balancer = &config.balancers[0];
    let member = &balancer.members[0];
    assert!(balancer.nofailover);
    assert_eq!((member.max, member.min), (50, 10));
    assert_eq!(member.loadfactor.to_string(), "2.5");
    assert_eq!(member.ttl, Duration::from_secs(300));
    assert_eq!(member.secret.as_ref().unwrap().expose(), "${POOL}");
}

#[test]
fn text_may_look_like_a_number() {
    let config = with(
        "",
        "",
        ", route: 007, secret: 1e3, domain: true, redirect: 0x1F",
    );
    let member = &config.balancers[0].members[0];
    assert_eq!(
        (&*member.route, &*member.domain, &*member.redirect),
        ("007", "true", "0x1F")
    );
    assert_eq!(member.secret.as_ref().unwrap().expose(), "1e3");
}

#[test]
fn where_mappings_go() {
    let text = "
listeners: [{ bind: ':0' }]
balancers:
  two: { members: [{ url: 'ajp://h2' }] }
  one: { members: [{ url: 'ajp://h1' }] }
proxy_pass:
  - { path: /a/, to: 'balancer://one', hosts: [A.Example, b.example.] }
  - { path: /a/b, exclude: true }
  - { path: /c, to: 'balancer://two/x/y/', preserve_host: false, encoded_slash: pass }
  - { path: /d, to: 'http://h:81/z/', member: { max: 5, route: n } }
";
    let config = read(text);
    let names: Vec<&str> = config
        .balancers
        .iter()
        .map(|balancer| &*balancer.name)
        .collect();
    assert_eq!(names, ["two", "one"]);
    let [a, b, c, d] = config.mappings.as_slice() else {
        panic!("four mappings")
    };
    let to = |index, path: &str| {
        Action::Forward(Target::Balancer {
            index,
            path: path.to_owned(),
        })
    };
    assert_eq!((&*a.path, &a.action), ("/a", &to(1, "")));
    assert_eq!(a.hosts, ["a.example", "b.example"]);
    assert_eq!((&b.action, b.preserve_host), (&Action::Exclude, true));
    assert_eq!((&c.action, c.preserve_host), (&to(0, "/x/y"), false));
    assert_eq!(b.encoded_slash, EncodedSlash::Refuse);
    assert_eq!(c.encoded_slash, EncodedSlash::Pass);
    let Some(Target::Member(member)) = d.target() else {
        panic!("a backend")
    };
    assert_eq!(
        (&*member.url.text, &*member.url.path),
        ("http://h:81/z", "/z")
    );
    assert_eq!((member.max, &*member.route), (5, "n"));
}

#[test]
fn files_are_relative_to_the_configuration_and_have_an_index() {
    let config = with(
        "proxy_pass:
  - { path: /a, files: www }
  - { path: /b, files: /var/www, index: start.htm, cache_control: ' max-age=60, public ' }",
        "",
        "",
    );
    let of = |index: usize| match &config.mappings[index].action {
        Action::Files(files) => files.clone(),
        other => panic!("{other:?}"),
    };
    let a = of(0);
    assert!(a.directory.ends_with("www"), "{a:?}");
    assert_eq!((&*a.index, a.cache_control), ("index.html", None));
    let b = of(1);
    assert_eq!(b.directory, Path::new("/var/www"));
    assert_eq!(
        (&*b.index, b.cache_control.as_deref()),
        ("start.htm", Some("max-age=60, public"))
    );
    assert_eq!(config.mappings[0].target(), None);
}

#[test]
fn header_rules_and_attributes_keep_their_order() {
    let config = with(
        "proxy_pass:
  - path: /
    to: balancer://b/
    request_headers:
      - { set: X-Route, value: 'r=%{BALANCER_WORKER_ROUTE}e', when: BALANCER_ROUTE_CHANGED }
      - { unset: X-Old }
    response_headers: [{ append: Vary, value: Cookie }]
    request_attributes: { z: '1', a: '%{BALANCER_NAME}e' }",
        "",
        "",
    );
    let mapping = &config.mappings[0];
    let [set, unset] = mapping.request_headers.as_slice() else {
        panic!("two rules")
    };
    assert_eq!((&set.action, &*set.name), (&HeaderAction::Set, "x-route"));
    let pieces = [
        Piece::Text("r=".to_owned()),
        Piece::Fact(Fact::Variable(Variable::WorkerRoute)),
    ];
    assert_eq!(set.value.pieces(), pieces);
    let changed = When {
        fact: Fact::Variable(Variable::RouteChanged),
        negated: false,
    };
    assert_eq!(set.when, Some(changed));
    assert_eq!(
        (&unset.action, unset.value.pieces()),
        (&HeaderAction::Unset, [].as_slice())
    );
    assert_eq!(mapping.response_headers[0].action, HeaderAction::Append);
    let names: Vec<&str> = mapping
        .request_attributes
        .iter()
        .map(|(name, _)| &**name)
        .collect();
    assert_eq!(names, ["z", "a"]);
}

#[test]
fn status_flags_and_statuses() {
    let config = with(
        "",
        ", failonstatus: 503, health_check: { method: get, expect: { status: [200, 204], body: ok } }",
        ", status: [drain, hot_standby]",
    );
    let balancer = &config.balancers[0];
    assert_eq!(balancer.failonstatus, [503]);
    let check = balancer.health_check.as_ref().unwrap();
    assert_eq!(check.expect_status, [200, 204]);
    assert_eq!(check.expect_body.as_deref(), Some("ok"));
    let status = balancer.members[0].status;
    assert!(status.drain && status.hot_standby && !status.disabled && !status.stopped);
}

#[test]
fn a_member_alone() {
    let file = Path::new("member");
    let json = r#"{"url": "ajp://10.0.0.13:8009", "route": "node3", "loadfactor": 2, "status": ["disabled"]}"#;
    let member = parse_member(json, file).unwrap();
    assert_eq!(
        (&*member.route, member.loadfactor.to_string()),
        ("node3", "2".to_owned())
    );
    assert!(member.status.disabled);
    let wrong = r#"{"loadfactor": 0, "rout": "x", "secret": "${HOME}"}"#;
    let found: Vec<String> = parse_member(wrong, file).unwrap_err().headlines().collect();
    assert_eq!(
        found,
        [
            "member:1:1: a member needs `url`",
            "member:1:16: loadfactor: 0 is not a weight",
            "member:1:19: unknown key \"rout\"",
            "member:1:42: secret: the environment variable HOME is not set",
        ]
    );
}
