//! The JSON API: what it shows, changes and refuses.

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::client::{Answer, Client, get};
use crate::support::container::{Container, hello, named};
use crate::support::gateway::Running;

const BALANCER: &str = "/api/v1/balancers/test";
const BUSY: &str = "ajpgate_member_busy";

fn member(key: &str) -> String {
    format!("{BALANCER}/members/{key}")
}

/// Sends a request to the admin listener; `fields` are lines that end with CR LF.
async fn ask(gateway: &Running, method: &str, path: &str, fields: &str, body: &str) -> Answer {
    let mut client = Client::connect(gateway.admin).await;
    client
        .send(format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{fields}\r\n{body}",
            gateway.admin,
            body.len()
        ))
        .await;
    client.answer().await
}

async fn patch(gateway: &Running, path: &str, body: &Value) -> Answer {
    let json = "Content-Type: application/json\r\n";
    ask(gateway, "PATCH", path, json, &body.to_string()).await
}

fn value(answer: &Answer) -> Value {
    assert_eq!(answer.field("content-type"), Some("application/json"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    serde_json::from_str(answer.text()).unwrap()
}

async fn read(gateway: &Running, path: &str) -> Value {
    let answer = get(gateway.admin, path, "").await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    value(&answer)
}

/// Sends a change that must succeed.
async fn changed(gateway: &Running, path: &str, body: Value) -> Value {
    let answer = patch(gateway, path, &body).await;
    assert_eq!(answer.status, 200, "{body}: {answer:?}");
    value(&answer)
}

/// Sends a change that must be refused with this status, and returns the reason.
async fn refused(gateway: &Running, path: &str, body: Value, status: u16) -> String {
    let before = read(gateway, "/api/v1/balancers").await;
    let answer = patch(gateway, path, &body).await;
    assert_eq!(answer.status, status, "{body}: {answer:?}");
    let after = read(gateway, "/api/v1/balancers").await;
    assert_eq!(before, after, "{body} was made in part");
    error(&answer)
}

fn error(answer: &Answer) -> String {
    let error = value(answer);
    assert_eq!(error.as_object().unwrap().len(), 1, "{error}");
    error["error"].as_str().unwrap().to_owned()
}

async fn two(balancer: &str, member: &str) -> (Container, Container, Running) {
    let one = Container::hello("n1").await;
    let other = Container::hello("n2").await;
    let gateway = Running::before(&[&one, &other], balancer, member);
    (one, other, gateway)
}

/// The container that answers a request: the text of `hello`.
async fn served_by(gateway: &Running, fields: &str) -> String {
    let answer = gateway.get("/", fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text().to_owned()
}

#[tokio::test]
async fn everything_about_a_balancer_is_shown() {
    let (_one, _other, gateway) = two("maxattempts: 3\ntimeout: 250ms", "").await;
    served_by(&gateway, "Cookie: JSESSIONID=a.n9\r\n").await;
    gateway.quiet().await;
    let all = read(&gateway, "/api/v1/balancers").await;
    assert_eq!(all["balancers"].as_array().unwrap().len(), 1);
    let balancer = read(&gateway, BALANCER).await;
    assert_eq!(all["balancers"][0], balancer);
    let mut own = balancer.clone();
    own.as_object_mut().unwrap().remove("members");
    assert_eq!(
        own,
        json!({
            "name": "test",
            "lbmethod": "byrequests",
            "stickysession": "JSESSIONID|jsessionid",
            "nofailover": false,
            "timeout": "250ms",
            "maxattempts": 3,
            "usable": true,
            "sticky": { "new": 0, "no_route": 0, "unknown_route": 1 },
        })
    );
}

#[tokio::test]
async fn everything_about_a_member_is_shown() {
    let (one, _other, gateway) = two("", "").await;
    let of_n1 = "Cookie: JSESSIONID=a.n1\r\n";
    for fields in [of_n1, of_n1, "Cookie: JSESSIONID=a.n9\r\n"] {
        served_by(&gateway, fields).await;
    }
    gateway.quiet().await;
    let url = format!("ajp://{}", one.address);
    let n1 = read(&gateway, &member("n1")).await;
    let balancer = read(&gateway, BALANCER).await;
    assert_eq!(balancer["members"][0], n1);
    let traffic = |key: &str| n1[key].as_u64().unwrap();
    assert_eq!(
        n1,
        json!({
            "url": url,
            "route": "n1",
            "redirect": "",
            "loadfactor": 1,
            "lbset": 0,
            "status": {
                "disabled": false, "stopped": false, "drain": false, "hot_standby": false,
                "hot_spare": false, "ignore_errors": false,
            },
            "state": "up",
            "usable": true,
            "health": "ok",
            "health_check_failed": false,
            "source": "config",
            "shares_route": false,
            "busy": 0,
            "elected": traffic("elected"),
            "errors": 0,
            "bytes_read": traffic("bytes_read"),
            "bytes_transferred": 0,
            "sessions": 1,
            "drained": false,
            "retry_in": null,
            "pool": { "idle": 1, "busy": 0 },
            "sticky": { "hit": 2, "redirect": 0, "failover": 0, "unserved": 0, "hit_rate": 1.0 },
        })
    );
    assert!(traffic("elected") >= 2 && traffic("bytes_read") >= 2 * hello_length());
    let encoded = url.replace(':', "%3A").replace('/', "%2F");
    for key in [encoded.as_str(), &url] {
        assert_eq!(read(&gateway, &member(key)).await, n1, "{key}");
    }
}

/// Length in bytes of the body of [`hello`]'s answer.
const fn hello_length() -> u64 {
    "n1".len() as u64
}

#[tokio::test]
async fn a_member_in_error_state_shows_when_it_is_tried_again() {
    let (one, _other, gateway) = two("", "retry: 1h").await;
    drop(one);
    while read(&gateway, &member("n1")).await["health"] == "ok" {
        served_by(&gateway, "").await;
    }
    let n1 = read(&gateway, &member("n1")).await;
    assert_eq!((&n1["usable"], &n1["errors"]), (&json!(false), &json!(1)));
    let wait = n1["retry_in"].as_f64().unwrap();
    assert!((3500.0..=3600.0).contains(&wait), "{wait}");
}

#[tokio::test]
async fn the_error_state_of_a_member_can_be_cleared_and_not_set() {
    let (one, _other, gateway) = two("", "retry: 1h").await;
    let address = one.address;
    drop(one);
    while read(&gateway, &member("n1")).await["health"] == "ok" {
        served_by(&gateway, "").await;
    }
    let set = json!({"lbset": 3, "status": {"error": true}});
    let answer = patch(&gateway, &member("n1"), &set).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(error(&answer).contains("not put in error by hand"));
    assert_eq!(read(&gateway, &member("n1")).await["lbset"], 0);
    let etag = |answer: Answer| answer.field("etag").unwrap().to_owned();
    let before = etag(get(gateway.admin, &member("n1"), "").await);

    let _one = Container::at(address, |_, wire| hello("n1", wire));
    let n1 = changed(&gateway, &member("n1"), json!({"status": {"error": false}})).await;
    assert_eq!((&n1["health"], &n1["usable"]), (&json!("ok"), &json!(true)));
    assert_eq!(n1["retry_in"], json!(null));
    let known = "Cookie: JSESSIONID=a.n1\r\n";
    assert_eq!(served_by(&gateway, known).await, "n1");
    let after = etag(get(gateway.admin, &member("n1"), "").await);
    assert_eq!(before, after, "the error state is no setting");
    // A member without an error state stays as it is.
    changed(&gateway, &member("n1"), json!({"status": {"error": false}})).await;
}

#[tokio::test]
async fn each_setting_of_a_member_can_be_changed() {
    let (_one, _other, gateway) = two("", "").await;
    for (body, key, shown) in [
        (json!({"loadfactor": 2.5}), "loadfactor", json!(2.5)),
        (json!({"loadfactor": 4}), "loadfactor", json!(4)),
        (json!({"lbset": 7}), "lbset", json!(7)),
        (json!({"redirect": "n2"}), "redirect", json!("n2")),
        (json!({"redirect": null}), "redirect", json!("")),
    ] {
        let answer = changed(&gateway, &member("n1"), body.clone()).await;
        assert_eq!(answer[key], shown, "{body}");
        assert_eq!(read(&gateway, &member("n1")).await[key], shown, "{body}");
    }
    for flag in [
        "disabled",
        "stopped",
        "drain",
        "hot_standby",
        "hot_spare",
        "ignore_errors",
    ] {
        for on in [true, false] {
            let body = json!({ "status": { flag: on } });
            let answer = changed(&gateway, &member("n1"), body).await;
            let flags = answer["status"].as_object().unwrap();
            assert_eq!(flags[flag], on);
            let others = flags.iter().filter(|(name, _)| *name != flag);
            assert!(others.into_iter().all(|(_, on)| on == false), "{flags:?}");
        }
    }
    let n2 = read(&gateway, &member("n2")).await;
    assert_eq!((&n2["loadfactor"], &n2["lbset"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_change_takes_effect_at_once() {
    let (_one, _other, gateway) = two("", "").await;
    changed(&gateway, &member("n1"), json!({"status": {"drain": true}})).await;
    for _ in 0..4 {
        assert_eq!(served_by(&gateway, "").await, "n2");
    }
    let known = "Cookie: JSESSIONID=a.n1\r\n";
    assert_eq!(
        served_by(&gateway, known).await,
        "n1",
        "known sessions stay"
    );
    changed(
        &gateway,
        &member("n1"),
        json!({"status": {"disabled": true}}),
    )
    .await;
    assert_eq!(served_by(&gateway, known).await, "n2");
    changed(
        &gateway,
        &member("n1"),
        json!({"status": {"disabled": false, "drain": false}}),
    )
    .await;
    assert_eq!(served_by(&gateway, known).await, "n1");
}

#[tokio::test]
async fn a_new_route_is_used_for_sessions_and_labels() {
    let (_one, _other, gateway) = two("", "").await;
    let cookie = |route: &str| format!("Cookie: JSESSIONID=a.{route}\r\n");
    assert_eq!(served_by(&gateway, &cookie("n1")).await, "n1");
    let total = "ajpgate_requests_total";
    gateway.metric_becomes(total, &[("route", "n1")], 1.0).await;

    let answer = changed(&gateway, &member("n1"), json!({"route": "blue"})).await;
    assert_eq!(answer["route"], "blue");
    assert_eq!(get(gateway.admin, &member("n1"), "").await.status, 404);
    for _ in 0..3 {
        assert_eq!(served_by(&gateway, &cookie("blue")).await, "n1");
    }
    gateway
        .metric_becomes(total, &[("route", "blue")], 3.0)
        .await;
    let hits = [("route", "blue"), ("result", "hit")];
    gateway
        .metric_becomes("ajpgate_sticky_requests_total", &hits, 3.0)
        .await;
    assert_eq!(read(&gateway, &member("blue")).await["sticky"]["hit"], 3);
    // Nothing is left of the old route: no series, and it counts as unknown in sessions.
    let text = get(gateway.admin, "/metrics", "").await;
    assert!(!text.text().contains("route=\"n1\""), "{}", text.text());
    served_by(&gateway, &cookie("n1")).await;
    let unknown = [("route", "unknown")];
    gateway
        .metric_becomes("ajpgate_sticky_requests_total", &unknown, 1.0)
        .await;
    // When the route comes back, its counters continue from their last values.
    changed(&gateway, &member("blue"), json!({"route": "n1"})).await;
    assert_eq!(read(&gateway, &member("n1")).await["sticky"]["hit"], 1);
}

#[tokio::test]
async fn a_request_under_way_does_not_notice_that_its_member_is_renamed() {
    let gate = crate::support::Gate::new();
    let container = Container::gated(&gate).await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=a.n1\r\n\r\n")
        .await;
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 1.0)
        .await;
    changed(&gateway, &member("n1"), json!({"route": "blue"})).await;
    assert_eq!(read(&gateway, &member("blue")).await["busy"], 1);
    gate.open();
    assert_eq!(client.answer().await.text(), "at last");
    gateway.quiet().await;
    assert_eq!(read(&gateway, &member("blue")).await["busy"], 0);
}

#[tokio::test]
async fn each_setting_of_a_balancer_can_be_changed() {
    let (_one, _other, gateway) = two("stickysessionsep: \"!\"", "").await;
    for (body, key, shown) in [
        (
            json!({"lbmethod": "bybusyness"}),
            "lbmethod",
            json!("bybusyness"),
        ),
        (json!({"nofailover": true}), "nofailover", json!(true)),
        (json!({"timeout": "1500ms"}), "timeout", json!("1500ms")),
        (json!({"timeout": 2}), "timeout", json!("2s")),
        (json!({"maxattempts": 0}), "maxattempts", json!(0)),
        (json!({"maxattempts": null}), "maxattempts", json!(null)),
        (json!({"stickysession": ""}), "stickysession", json!("")),
        (
            json!({"stickysession": "SID"}),
            "stickysession",
            json!("SID"),
        ),
    ] {
        let answer = changed(&gateway, BALANCER, body.clone()).await;
        assert_eq!(answer[key], shown, "{body}");
        assert_eq!(read(&gateway, BALANCER).await[key], shown, "{body}");
    }
    // The separator of the file is unchanged, and sessions have their new name.
    for _ in 0..3 {
        assert_eq!(served_by(&gateway, "Cookie: SID=a!n2\r\n").await, "n2");
    }
    let n2 = read(&gateway, &member("n2")).await;
    assert_eq!(n2["sticky"]["hit"], 3);
}

#[tokio::test]
async fn nofailover_takes_effect_at_once() {
    let (one, _other, gateway) = two("", "retry: 1h").await;
    drop(one);
    let known = "Cookie: JSESSIONID=a.n1\r\n";
    assert_eq!(served_by(&gateway, known).await, "n2");
    changed(&gateway, BALANCER, json!({"nofailover": true})).await;
    assert_eq!(gateway.get("/", known).await.status, 503);
    changed(&gateway, BALANCER, json!({"nofailover": false})).await;
    assert_eq!(served_by(&gateway, known).await, "n2");
}

#[tokio::test]
async fn a_refused_change_changes_nothing_and_names_the_key() {
    let (_one, _other, gateway) = two("", "").await;
    for (body, key) in [
        (json!({"loadfactor": 3, "lbset": 100}), "lbset"),
        (json!({"loadfactor": 0}), "loadfactor"),
        (json!({"loadfactor": 101}), "loadfactor"),
        (json!({"loadfactor": "much"}), "loadfactor"),
        (json!({"loadfactor": null}), "loadfactor"),
        (json!({"loadfactor": [1]}), "loadfactor"),
        (json!({"lbset": 3, "route": "a;b"}), "route"),
        (json!({"lbset": 3, "route": "x".repeat(96)}), "route"),
        (json!({"redirect": "a b"}), "redirect"),
        (json!({"lbset": 3, "status": {"drain": 1}}), "drain"),
        (json!({"lbset": 3, "status": {"drained": true}}), "drained"),
        (json!({"lbset": 3, "status": ["drain"]}), "status"),
        (json!({"lbset": 3, "url": "ajp://127.0.0.2"}), "url"),
        (json!({"lbset": 3, "secret": "x"}), "secret"),
        (json!({"lbset": 3, "busy": 0}), "busy"),
        (json!({"lbsett": 3}), "lbsett"),
    ] {
        let error = refused(&gateway, &member("n1"), body.clone(), 422).await;
        assert!(error.contains(key), "{body}: {error}");
    }
    for (body, key) in [
        (
            json!({"nofailover": true, "lbmethod": "random"}),
            "lbmethod",
        ),
        (
            json!({"nofailover": true, "lbmethod": "heartbeat"}),
            "lbmethod",
        ),
        (json!({"nofailover": "perhaps"}), "nofailover"),
        (json!({"nofailover": true, "timeout": "-1s"}), "timeout"),
        (
            json!({"nofailover": true, "maxattempts": 100}),
            "maxattempts",
        ),
        (
            json!({"nofailover": true, "stickysession": "a b"}),
            "stickysession",
        ),
        (json!({"nofailover": true, "name": "x"}), "name"),
        (json!({"nofailover": true, "members": []}), "members"),
        (
            json!({"nofailover": true, "failonstatus": [503]}),
            "failonstatus",
        ),
    ] {
        let error = refused(&gateway, BALANCER, body.clone(), 422).await;
        assert!(error.contains(key), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused() {
    let (_one, _other, gateway) = two("", "").await;
    let path = member("n1");
    let json = "Content-Type: application/json\r\n";
    for body in ["", "{", "[]", "lbset: 3", "\"lbset\"", "{\"lbset\": 3} x"] {
        let answer = ask(&gateway, "PATCH", &path, json, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(!error(&answer).is_empty());
    }
    let twice = ask(
        &gateway,
        "PATCH",
        &path,
        json,
        "{\"lbset\": 3, \"lbset\": 4}",
    )
    .await;
    assert_eq!(twice.status, 422);
    assert!(error(&twice).contains("lbset"));
    let kind = "Content-Type: text/plain\r\n";
    let answer = ask(&gateway, "PATCH", &path, kind, "{\"lbset\": 3}").await;
    assert_eq!(answer.status, 415);
    assert!(error(&answer).contains("application/json"));
    let large = format!("{{\"route\": \"{}\"}}", "x".repeat(20_000));
    let answer = ask(&gateway, "PATCH", &path, json, &large).await;
    assert_eq!(answer.status, 413);
    assert_eq!(read(&gateway, &path).await["lbset"], 0);
    let unnamed = ask(&gateway, "PATCH", &path, "", "{\"lbset\": 3}").await;
    assert_eq!(unnamed.status, 200, "what is JSON need not say so");
    // `curl -X PATCH -d` without a type of its own.
    let curl = "Content-Type: application/x-www-form-urlencoded\r\n";
    let curl = ask(&gateway, "PATCH", &path, curl, "{\"lbset\": 4}").await;
    assert_eq!(curl.status, 200);
    assert_eq!(read(&gateway, &path).await["lbset"], 4);
}

#[tokio::test]
async fn each_path_allows_its_methods_only() {
    let (_one, _other, gateway) = two("", "").await;
    let json = "Content-Type: application/json\r\n";
    for (method, path, allow) in [
        ("PATCH", "/api/v1/balancers", "GET, HEAD"),
        ("POST", "/api/v1/balancers", "GET, HEAD"),
        ("PUT", BALANCER, "GET, HEAD, PATCH"),
        ("OPTIONS", &member("n1"), "GET, HEAD, PATCH, DELETE"),
        ("GET", "/api/v1/reload", "POST"),
    ] {
        let answer = ask(&gateway, method, path, json, "{}").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.field("allow"), Some(allow), "{method} {path}");
        assert!(!error(&answer).is_empty());
    }
    for (path, named) in [
        ("/api/v1/nothing", "path"),
        ("/api/v1/balancers/none", "none"),
        ("/api/v1/balancers/test/members/none", "none"),
        ("/api/v1/balancers/none/members/n1", "none"),
    ] {
        for method in ["GET", "PATCH"] {
            let answer = ask(&gateway, method, path, json, "{}").await;
            assert_eq!(answer.status, 404, "{method} {path}");
            assert!(error(&answer).contains(named), "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_shared_route_does_not_identify_a_member() {
    let containers = [Container::hello("n1").await, Container::hello("n2").await];
    let urls = containers
        .each_ref()
        .map(|container| format!("ajp://{}", container.address));
    let gateway = Running::start(&format!(
        "balancers: {{ test: {{ members: [{{ url: \"{}\", route: a }}, {{ url: \"{}\", route: a }}] }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        urls[0], urls[1]
    ));
    let error = refused(&gateway, &member("a"), json!({"lbset": 3}), 409).await;
    assert!(urls.iter().all(|url| error.contains(url)), "{error}");
    assert_eq!(get(gateway.admin, &member("a"), "").await.status, 409);
    changed(&gateway, &member(&urls[1]), json!({"lbset": 3})).await;
    assert_eq!(read(&gateway, &member(&urls[0])).await["lbset"], 0);
    assert_eq!(read(&gateway, &member(&urls[1])).await["lbset"], 3);
}

#[tokio::test]
async fn a_change_of_an_outdated_value_is_refused() {
    let (_one, _other, gateway) = two("", "").await;
    let tag = async |path: &str| {
        let answer = get(gateway.admin, path, "").await;
        answer.field("etag").unwrap().to_owned()
    };
    let paths = [
        "/api/v1/balancers".to_owned(),
        BALANCER.to_owned(),
        member("n1"),
    ];
    let mut tags = Vec::new();
    for path in &paths {
        tags.push(tag(path).await);
    }
    served_by(&gateway, "Cookie: JSESSIONID=a.n1\r\n").await;
    for (path, before) in paths.iter().zip(&tags) {
        assert_eq!(
            &tag(path).await,
            before,
            "traffic does not alter the tag of {path}"
        );
    }
    let change = async |path: &str, tag: &str, body: &str| {
        let fields = format!("Content-Type: application/json\r\nIf-Match: {tag}\r\n");
        ask(&gateway, "PATCH", path, &fields, body).await
    };
    let first = change(&paths[2], &tags[2], "{\"lbset\": 3}").await;
    assert_eq!(first.status, 200);
    for (path, before) in paths.iter().zip(&tags) {
        assert_ne!(&tag(path).await, before, "{path}");
    }
    assert_eq!(first.field("etag"), Some(&*tag(&paths[2]).await));
    let late = change(&paths[2], &tags[2], "{\"lbset\": 4}").await;
    assert_eq!(late.status, 412);
    assert!(error(&late).contains("ETag"));
    assert_eq!(read(&gateway, &paths[2]).await["lbset"], 3);
    let late = change(BALANCER, &tags[1], "{\"nofailover\": true}").await;
    assert_eq!(late.status, 412);
    let any = change(BALANCER, "*", "{\"nofailover\": true}").await;
    assert_eq!(any.status, 200);
    let second = change(&paths[2], first.field("etag").unwrap(), "{\"lbset\": 4}").await;
    assert_eq!(
        second.status, 200,
        "the balancer's settings are not the member's"
    );
}

/// All resources that a client may have looked at before have a tag, and each is current.
#[tokio::test]
async fn a_change_takes_the_tag_of_each_resource_that_shows_its_settings() {
    let (_one, _other, gateway) = two("", "").await;
    let list = format!("{BALANCER}/members");
    let all = "/api/v1/balancers";
    for (path, changed, body) in [
        (all, &*member("n1"), "loadfactor"),
        (BALANCER, &member("n1"), "loadfactor"),
        (&list, &member("n1"), "loadfactor"),
        (all, BALANCER, "maxattempts"),
    ] {
        let seen = get(gateway.admin, path, "").await;
        let tag = seen.field("etag").unwrap();
        let fields = format!("Content-Type: application/json\r\nIf-Match: {tag}\r\n");
        let before = read(&gateway, changed).await[body].as_u64().unwrap_or(7);
        let change = json!({ body: before + 1 }).to_string();
        let change = async || {
            ask(&gateway, "PATCH", changed, &fields, &change)
                .await
                .status
        };
        assert_eq!(change().await, 200, "{path}");
        assert_eq!(change().await, 412, "{path}");
    }
    for (at, path) in [BALANCER, &list, all].into_iter().enumerate() {
        let seen = get(gateway.admin, path, "").await;
        let tag = seen.field("etag").unwrap();
        let fields = format!("Content-Type: application/json\r\nIf-Match: {tag}\r\n");
        let add = async |url: String| {
            let body = json!({ "url": url }).to_string();
            ask(&gateway, "POST", &list, &fields, &body).await
        };
        let added = add(format!("ajp://tomcat{at}.invalid")).await;
        assert_eq!(added.status, 201, "{path}: {added:?}");
        let late = add(format!("ajp://late{at}.invalid")).await;
        assert_eq!(late.status, 412, "{path}: {late:?}");
    }
}

#[tokio::test]
async fn the_description_can_only_be_read() {
    let (_one, _other, gateway) = two("", "").await;
    let answer = ask(&gateway, "POST", "/api/v1/openapi.json", "", "").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.field("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let (_one, _other, gateway) = two("", "").await;
    let own = format!("Origin: http://{}\r\n", gateway.admin);
    for fields in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-origin\r\n",
        &own,
    ] {
        let typed = format!("Content-Type: application/json\r\n{fields}");
        let answer = ask(&gateway, "PATCH", &member("n1"), &typed, "{\"lbset\": 3}").await;
        assert_eq!(answer.status, 403, "{fields}");
        assert!(!error(&answer).is_empty());
        assert_eq!(get(gateway.admin, BALANCER, fields).await.status, 200);
    }
    assert_eq!(read(&gateway, &member("n1")).await["lbset"], 0);
}

#[tokio::test]
async fn a_client_that_is_not_allowed_changes_nothing() {
    let one = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "balancers: {{ test: {{ members: [{{ url: \"ajp://{}\", route: n1 }}] }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n\
         admin: {{ bind: \"127.0.0.1:0\", auth: {{ token: s3cret-t0ken }} }}\n",
        one.address
    ));
    let change = async |fields: &str| {
        let fields = format!("Content-Type: application/json\r\n{fields}");
        let answer = ask(&gateway, "PATCH", &member("n1"), &fields, "{\"lbset\": 3}").await;
        if answer.status != 200 {
            assert_eq!(error(&answer), "unauthorized");
        }
        answer.status
    };
    assert_eq!(change("").await, 401);
    assert_eq!(change("Authorization: Bearer wrong\r\n").await, 401);
    assert_eq!(get(gateway.admin, BALANCER, "").await.status, 401);
    assert_eq!(change("Authorization: Bearer s3cret-t0ken\r\n").await, 200);
}

/// A page of any site can send a form, and old browsers do not send its origin.
#[tokio::test]
async fn forms_change_nothing_without_the_token() {
    let (_one, _other, gateway) = two("", "").await;
    for path in ["/api/v1/reload", &format!("{BALANCER}/members")] {
        for kind in ["application/x-www-form-urlencoded", "text/plain"] {
            let kind = format!("Content-Type: {kind}\r\n");
            let answer = ask(&gateway, "POST", path, &kind, "{\"url\": \"ajp://h\"}").await;
            assert_eq!(answer.status, 403, "{path} {kind}");
            assert!(error(&answer).contains("token"));
        }
    }
}

/// Before `session_timeout` has passed since the start, sessions may be alive that nobody has seen. A balancer that looks for no
/// sessions has none to wait for.
#[tokio::test]
async fn a_drain_waits_for_sessions_only_where_there_can_be_some() {
    for (keys, drained) in [("", false), ("stickysession: \"\"", true)] {
        let (_one, _other, gateway) = two(keys, "").await;
        assert_eq!(gateway.get("/", "").await.status, 200);
        gateway.quiet().await;
        let drain = json!({ "status": { "drain": true } });
        changed(&gateway, &member("n1"), drain).await;
        let shown = read(&gateway, &member("n1")).await;
        assert_eq!(shown["drained"], drained, "{keys}: {shown}");
    }
}

/// A mapping to a URL has no balancer, so it cannot be changed.
#[tokio::test]
async fn only_balancers_of_the_file_are_listed() {
    let one = Container::start(|_, wire| hello("n1", wire)).await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        one.address
    ));
    let all = read(&gateway, "/api/v1/balancers").await;
    assert_eq!(all, json!({ "balancers": [] }));
}

/// The OpenAPI description names every path with its methods, and every key of the answers.
#[tokio::test]
async fn the_api_has_a_description() {
    let (_one, _other, gateway) = two("", "").await;
    let description = read(&gateway, "/api/v1/openapi.json").await;
    assert_eq!(description["openapi"], "3.1.0");
    for (path, operations) in description["paths"].as_object().unwrap() {
        let path = path.replace("{balancer}", "test").replace("{member}", "n2");
        for method in ["get", "patch", "post", "put"] {
            let described = operations.get(method).is_some();
            let status = ask(&gateway, &method.to_uppercase(), &path, "", "")
                .await
                .status;
            let exists = status != 405 && status != 404;
            assert_eq!(exists, described, "{method} {path}: {status}");
        }
        let deletes = ask(&gateway, "OPTIONS", &path, "", "").await;
        let allowed = deletes
            .field("allow")
            .is_some_and(|methods| methods.contains("DELETE"));
        assert_eq!(operations.get("delete").is_some(), allowed, "{path}");
    }
    let keys = |value: &Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let schema = |name: &str| description["components"]["schemas"][name]["properties"].clone();
    let shop = read(&gateway, BALANCER).await;
    assert_eq!(keys(&schema("Balancer")), keys(&shop));
    assert_eq!(
        keys(&schema("Balancer")["sticky"]["properties"]),
        keys(&shop["sticky"])
    );
    let member = &shop["members"][0];
    assert_eq!(keys(&schema("Member")), keys(member));
    for part in ["sticky", "pool"] {
        assert_eq!(
            keys(&schema("Member")[part]["properties"]),
            keys(&member[part]),
            "{part}"
        );
    }
    assert_eq!(keys(&schema("Status")), keys(&member["status"]));
}

/// A request has chosen a member and waits for its only connection while an operator drains that member. The container gets
/// the state at the time of the choice: otherwise LoadBalancerDrainingValve would redirect a session that was scheduled
/// before the drain.
#[tokio::test]
async fn r20_a_waiting_request_tells_the_state_at_the_time_of_its_choice() {
    for (change, told) in [
        (json!({"drain": true}), "ACT"),
        (json!({"disabled": true}), "STP"),
        (json!({"stopped": true}), "STP"),
    ] {
        let (go, goes) = watch::channel(false);
        let node = Container::start(move |_, mut wire| {
            let mut goes = goes.clone();
            async move {
                while let Some(request) = wire.next_request().await {
                    goes.wait_for(|go| *go).await.unwrap();
                    let activation = named(&request, "JK_LB_ACTIVATION").unwrap_or_default();
                    wire.respond(200, &[], activation.as_bytes()).await;
                }
            }
        })
        .await;
        let gateway = Running::before(&[&node], "", "max: 1");
        let first = tokio::spawn(get(gateway.front, "/", ""));
        gateway.metric_becomes(BUSY, &[], 1.0).await;
        let second = tokio::spawn(get(gateway.front, "/", ""));
        gateway.metric_becomes(BUSY, &[], 2.0).await;
        changed(&gateway, &member("n1"), json!({"status": change})).await;
        go.send(true).unwrap();
        assert_eq!(first.await.unwrap().text(), "ACT");
        assert_eq!(second.await.unwrap().text(), told);
    }
}
