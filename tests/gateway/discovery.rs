//! Members that come and go while requests run: lists of members in files.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::container::Container;
use crate::support::gateway::{ConfigFile, Running, ask};
use crate::support::tls::Authority;
use crate::support::{Gate, until};

const MAPPED: &str = "proxy_pass: [{ path: /, to: \"balancer://test/\" }]\n";

/// A gateway whose balancer `test` has these keys, and the members of a list beside its configuration.
struct Setup {
    gateway: Running,
    file: ConfigFile,
}

impl Setup {
    fn start(test: &str, keys: &str, list: &str) -> Self {
        let yaml = configuration(keys, "discover: [{ file: list.yaml, interval: 100ms }]");
        let file = ConfigFile::new(test, &yaml);
        std::fs::write(list_of(&file), list).unwrap();
        Self {
            gateway: Running::start_from(&file),
            file,
        }
    }

    fn write(&self, list: &str) {
        // A list appears as a whole, as an administrator's tool would write it.
        let new = self.file.path.with_file_name("new");
        std::fs::write(&new, list).unwrap();
        std::fs::rename(new, list_of(&self.file)).unwrap();
    }

    async fn members(&self) -> Vec<Value> {
        let answer = ask(&self.gateway, "GET", "/api/v1/balancers/test", "").await;
        let shown: Value = serde_json::from_str(answer.text()).unwrap();
        shown["members"].as_array().unwrap().clone()
    }

    async fn member(&self, url: &str) -> Option<Value> {
        let members = self.members().await;
        members.into_iter().find(|member| member["url"] == url)
    }

    /// Waits until exactly these members are there, in any order.
    async fn has(&self, urls: &[&str]) {
        let mut wanted = urls.to_vec();
        wanted.sort_unstable();
        until(&format!("the members are {wanted:?}"), async || {
            let members = self.members().await;
            let mut urls: Vec<&str> = members
                .iter()
                .map(|it| it["url"].as_str().unwrap())
                .collect();
            urls.sort_unstable();
            urls == wanted
        })
        .await;
    }
}

fn list_of(file: &ConfigFile) -> PathBuf {
    file.path.with_file_name("list.yaml")
}

fn configuration(keys: &str, discover: &str) -> String {
    let mut yaml = "balancers:\n  test:\n".to_owned();
    for line in keys.lines().chain([discover]) {
        yaml += &format!("    {}\n", line.trim());
    }
    yaml + MAPPED
}

fn url(container: &Container) -> String {
    format!("ajp://{}", container.address)
}

fn list(members: &[(&Container, &str)]) -> String {
    let line = |(container, route): &(&Container, &str)| {
        format!("- {{ url: \"{}\", route: {route} }}\n", url(container))
    };
    members.iter().map(line).collect()
}

#[tokio::test]
async fn members_of_a_list_serve_from_the_start_and_new_ones_as_soon_as_they_are_written() {
    let (one, two) = (Container::hello("n1").await, Container::hello("n2").await);
    let setup = Setup::start("discovery-start", "", &list(&[(&one, "n1")]));
    let answer = setup.gateway.get("/", "").await;
    assert_eq!((answer.status, answer.text()), (200, "n1"));
    let member = setup.member(&url(&one)).await.unwrap();
    assert_eq!(
        (&member["source"], &member["route"]),
        (&"file".into(), &"n1".into())
    );

    setup.write(&list(&[(&two, "n2"), (&one, "n1")]));
    setup.has(&[&url(&one), &url(&two)]).await;
    let answer = setup.gateway.get("/", "Cookie: JSESSIONID=a.n2\r\n").await;
    assert_eq!(answer.text(), "n2");
    // The known one has kept its counters.
    let member = setup.member(&url(&one)).await.unwrap();
    assert_eq!(member["elected"], 1);
    let answers = [("source", "file"), ("result", "ok")];
    until("both answers are counted", async || {
        let gateway = &setup.gateway;
        gateway.metric("ajpgate_discovery_total", &answers).await >= 2.0
    })
    .await;
}

#[tokio::test]
async fn a_member_that_vanishes_keeps_its_sessions_and_goes_when_they_have_ended() {
    let (one, two) = (Container::hello("n1").await, Container::hello("n2").await);
    let both = list(&[(&one, "n1"), (&two, "n2")]);
    let setup = Setup::start("discovery-vanish", "session_timeout: 2s", &both);
    let of_one = "Cookie: JSESSIONID=a.n1\r\n";
    assert_eq!(setup.gateway.get("/", of_one).await.text(), "n1");

    setup.write(&list(&[(&two, "n2")]));
    until("the first one drains", async || {
        let member = setup.member(&url(&one)).await.unwrap();
        member["status"]["drain"] == true
    })
    .await;
    for _ in 0..4 {
        assert_eq!(setup.gateway.get("/", "").await.text(), "n2");
    }
    assert_eq!(setup.gateway.get("/", of_one).await.text(), "n1");
    let member = setup.member(&url(&one)).await.unwrap();
    assert_eq!(
        (&member["sessions"], &member["drained"]),
        (&1.into(), &false.into())
    );
    let refused = ask(
        &setup.gateway,
        "PATCH",
        "/api/v1/balancers/test/members/n1",
        "{\"status\":{\"drain\":false}}",
    )
    .await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.text().contains("drain: the source"),
        "{}",
        refused.text()
    );

    // Named again, it takes new sessions again; then it goes with the last one.
    setup.write(&both);
    until("the first one is back", async || {
        let member = setup.member(&url(&one)).await.unwrap();
        member["status"]["drain"] == false
    })
    .await;
    setup.write(&list(&[(&two, "n2")]));
    setup.has(&[&url(&two)]).await;
    assert_eq!(setup.gateway.get("/", of_one).await.text(), "n2");
}

#[tokio::test]
async fn a_member_that_vanishes_and_cannot_be_connected_to_goes_at_once() {
    let (one, two) = (Container::hello("n1").await, Container::hello("n2").await);
    let setup = Setup::start("discovery-dead", "", &list(&[(&one, "n1"), (&two, "n2")]));
    let gone = url(&one);
    assert_eq!(
        setup
            .gateway
            .get("/", "Cookie: JSESSIONID=a.n1\r\n")
            .await
            .text(),
        "n1"
    );
    drop(one);
    setup.write(&list(&[(&two, "n2")]));
    setup.has(&[&url(&two)]).await;
    assert!(setup.member(&gone).await.is_none());
}

#[tokio::test]
async fn drain_timeout_ends_what_has_vanished() {
    let (one, two) = (Container::hello("n1").await, Container::hello("n2").await);
    let both = list(&[(&one, "n1"), (&two, "n2")]);
    let setup = Setup::start("discovery-drain-timeout", "drain_timeout: 1s", &both);
    assert_eq!(
        setup
            .gateway
            .get("/", "Cookie: JSESSIONID=a.n1\r\n")
            .await
            .text(),
        "n1"
    );
    setup.write(&list(&[(&two, "n2")]));
    setup.has(&[&url(&two)]).await;
}

#[tokio::test]
async fn a_request_under_way_is_completed_by_a_member_that_vanishes() {
    let gate = Gate::new();
    let (slow, two) = (Container::gated(&gate).await, Container::hello("n2").await);
    let setup = Setup::start(
        "discovery-under-way",
        "stickysession: \"\"",
        &list(&[(&slow, "n1")]),
    );
    let front = setup.gateway.front;
    let waiting = tokio::spawn(async move { crate::support::client::get(front, "/", "").await });
    setup
        .gateway
        .metric_becomes("ajpgate_member_busy", &[], 1.0)
        .await;
    setup.write(&list(&[(&two, "n2")]));
    setup
        .gateway
        .metric_becomes("ajpgate_member_status", &[("status", "drain")], 1.0)
        .await;
    assert_eq!(setup.gateway.get("/", "").await.text(), "n2");
    gate.open();
    assert_eq!(waiting.await.unwrap().text(), "at last");
    setup.has(&[&url(&two)]).await;
}

#[tokio::test]
async fn a_list_that_is_gone_empty_or_broken_changes_nothing() {
    let one = Container::hello("n1").await;
    let setup = Setup::start("discovery-broken", "", &list(&[(&one, "n1")]));
    let counted = async |result: &str| {
        let labels = [("balancer", "test"), ("source", "file"), ("result", result)];
        setup
            .gateway
            .metric("ajpgate_discovery_total", &labels)
            .await
    };
    for (text, result) in [
        ("- { url: \"ajp://\" }\n", "failed"),
        ("[]\n", "empty"),
        ("", "failed"),
    ] {
        let before = counted(result).await;
        setup.write(text);
        until("the answer is counted", async || {
            counted(result).await > before
        })
        .await;
        setup.has(&[&url(&one)]).await;
        let answer = setup.gateway.get("/", "").await;
        assert_eq!((answer.status, answer.text()), (200, "n1"));
    }
    std::fs::remove_file(list_of(&setup.file)).unwrap();
    let before = counted("failed").await;
    until("the answer is counted", async || {
        counted("failed").await > before
    })
    .await;
    setup.has(&[&url(&one)]).await;
}

#[tokio::test]
async fn what_is_changed_by_hand_lasts_and_what_is_deleted_stays_away() {
    let (one, two) = (Container::hello("n1").await, Container::hello("n2").await);
    let both = list(&[(&one, "n1"), (&two, "n2")]);
    let setup = Setup::start("discovery-by-hand", "", &both);
    let at = |route: &str| format!("/api/v1/balancers/test/members/{route}");
    let changed = ask(&setup.gateway, "PATCH", &at("n1"), "{\"loadfactor\":7}").await;
    assert_eq!(changed.status, 200);
    let deleted = ask(&setup.gateway, "DELETE", &at("n2"), "").await;
    assert_eq!(deleted.status, 204);
    let third = Container::hello("n3").await;
    let three = list(&[(&one, "n1"), (&two, "n2"), (&third, "n3")]);
    setup.write(&three);
    setup.has(&[&url(&one), &url(&third)]).await;
    assert_eq!(setup.member(&url(&one)).await.unwrap()["loadfactor"], 7);

    // The same url with another route is another backend.
    setup.write(&three.replace("n1", "other"));
    until("the route is another one", async || {
        setup.member(&url(&one)).await.unwrap()["route"] == "other"
    })
    .await;
    assert_eq!(setup.member(&url(&one)).await.unwrap()["loadfactor"], 1);
    setup.write(&three);
    until("the route is back", async || {
        setup.member(&url(&one)).await.unwrap()["route"] == "n1"
    })
    .await;
    assert_eq!(setup.member(&url(&one)).await.unwrap()["loadfactor"], 7);

    let keys = format!("{{\"url\":\"{}\",\"route\":\"n2\"}}", url(&two));
    let added = ask(
        &setup.gateway,
        "POST",
        "/api/v1/balancers/test/members",
        &keys,
    )
    .await;
    assert_eq!(added.status, 201);
    assert_eq!(setup.member(&url(&two)).await.unwrap()["source"], "hand");
    setup.has(&[&url(&one), &url(&two), &url(&third)]).await;
}

#[tokio::test]
async fn a_reload_keeps_what_was_discovered_and_takes_up_another_source() {
    let (one, two) = (Container::hello("n1").await, Container::hello("n2").await);
    let setup = Setup::start("discovery-reload", "", &list(&[(&one, "n1")]));
    assert_eq!(setup.gateway.get("/", "").await.text(), "n1");
    let other = setup.file.path.with_file_name("other.yaml");
    std::fs::write(other, list(&[(&two, "n2")])).unwrap();
    let sources = "discover: [{ file: list.yaml }, { file: other.yaml }]";
    setup.file.write(&configuration("", sources));
    let reloaded = ask(&setup.gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    assert_eq!(setup.members().await.len(), 2);
    assert_eq!(setup.member(&url(&one)).await.unwrap()["elected"], 1);
    // Without its source a member drains, and goes: it has had no session, but the gateway may not know of all.
    setup
        .file
        .write(&configuration("", "discover: [{ file: other.yaml }]"));
    let reloaded = ask(&setup.gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200);
    let member = setup.member(&url(&one)).await.unwrap();
    assert_eq!(member["status"]["drain"], true);
}

/// A member of a list whose `tls` names a file that is missing is left out alone, at the start and later, until the file is there.
#[tokio::test]
async fn a_member_of_a_list_whose_tls_cannot_be_read_is_left_out_alone() {
    let (one, two) = (Container::hello("n1").await, Container::hello("n2").await);
    let unusable = "- { url: \"https://192.0.2.1:9\", route: n9, tls: { ca: ca.pem } }\n";
    let first = list(&[(&one, "n1")]) + unusable;
    let setup = Setup::start("discovery-tls", "", &first);
    assert_eq!(setup.gateway.get("/", "").await.text(), "n1");
    setup.has(&[&url(&one)]).await;
    setup.write(&(list(&[(&one, "n1"), (&two, "n2")]) + unusable));
    setup.has(&[&url(&one), &url(&two)]).await;
    let reloaded = ask(&setup.gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    setup.has(&[&url(&one), &url(&two)]).await;
    let authority = Authority::new();
    let certificate = authority.file("ca.pem");
    std::fs::copy(certificate, setup.file.path.with_file_name("ca.pem")).unwrap();
    setup
        .has(&[&url(&one), &url(&two), "https://192.0.2.1:9"])
        .await;
}
