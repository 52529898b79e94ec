//! Members from DNS, with a name server that the test scripts.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::client;
use crate::support::discovery::{Discovering, containers, host, text};
use crate::support::dns::{A, AAAA, CNAME, NameServer, Record, Reply, SRV};
use crate::support::gateway::{ConfigFile, Running, ask};
use crate::support::{ReservedPort, until};

const NAME: &str = "tomcats.test";

/// A gateway whose balancer `test` has the members of one source, and the name server that it asks.
struct Setup {
    on: Discovering,
    names: NameServer,
}

impl Setup {
    /// `source` is the source without its resolver and interval.
    fn start(test: &str, source: &str, names: NameServer) -> Self {
        let resolver = format!("{source}, resolver: \"{}\"", names.address);
        Self {
            on: Discovering::start(test, "", &resolver),
            names,
        }
    }
}

impl Deref for Setup {
    type Target = Discovering;

    fn deref(&self) -> &Discovering {
        &self.on
    }
}

#[tokio::test]
async fn each_address_of_a_name_is_a_member_whatever_the_order() {
    let (port, _tomcats) = containers(&[(1, "a"), (2, "b")]);
    let names = NameServer::start().await;
    let six: IpAddr = "::1".parse().unwrap();
    names.addresses(NAME, &[host(2), host(1), six]);
    let source = format!("dns: \"ajp://{NAME}:{port}\", route: address");
    let setup = Setup::start("dns-addresses", &source, names);
    let expected = [
        format!("ajp://127.0.0.1:{port} 127-0-0-1"),
        format!("ajp://127.0.0.2:{port} 127-0-0-2"),
        format!("ajp://[::1]:{port} --1"),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    setup.has(&expected).await;
    let order = |members: Vec<Value>| -> Vec<String> {
        members
            .iter()
            .map(|it| text(&it["url"]).to_owned())
            .collect()
    };
    let before = order(setup.members().await);
    // The second one is the first one once more.
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    setup
        .names
        .addresses(NAME, &[host(1), six, mapped, host(2), host(1)]);
    setup.answers("ok").await;
    assert_eq!(order(setup.members().await), before);
    let members = setup.members().await;
    assert!(members.iter().all(|it| it["source"] == "dns"));
}

#[tokio::test]
async fn what_name_servers_get_wrong_takes_nobody_out() {
    let (port, _tomcats) = containers(&[(1, "a")]);
    let names = NameServer::start().await;
    names.addresses(NAME, &[host(1)]);
    let source = format!("dns: \"ajp://{NAME}:{port}\"");
    let setup = Setup::start("dns-wrong", &source, names);
    let alone = format!("ajp://127.0.0.1:{port} ");
    setup.has(&[&alone]).await;
    let lie = Record::Address("other.test".to_owned(), host(9));
    let nowhere = Record::Address(NAME.to_owned(), Ipv4Addr::UNSPECIFIED.into());
    let replies = [
        (Reply::NoName, "empty"),
        (Reply::Records(Vec::new()), "empty"),
        (Reply::Records(vec![nowhere]), "empty"),
        (Reply::Failure, "failed"),
        (Reply::Garbage, "failed"),
    ];
    for (reply, result) in replies {
        for kind in [A, AAAA] {
            setup.names.set(NAME, kind, reply.clone());
        }
        setup.answers(result).await;
        assert_eq!(setup.living().await, [alone.as_str()], "{reply:?}");
        setup.names.addresses(NAME, &[host(1)]);
        setup.answers("ok").await;
    }
    setup.names.set(NAME, A, Reply::Records(vec![lie]));
    until("the question is asked again", async || {
        setup.names.asked(NAME, A) >= 20
    })
    .await;
    assert_eq!(setup.living().await, [alone.as_str()]);
    setup.names.addresses(NAME, &[host(1), host(2)]);
    let second = format!("ajp://127.0.0.2:{port} ");
    until("a later answer counts", async || {
        setup.living().await.contains(&second)
    })
    .await;
}

#[tokio::test]
async fn a_family_that_fails_leaves_its_members_and_the_other_counts() {
    let names = NameServer::start().await;
    let six: IpAddr = "::1".parse().unwrap();
    names.addresses(NAME, &[host(1), six]);
    let port = ReservedPort::new().addr().port();
    let source = format!("dns: \"ajp://{NAME}:{port}\"");
    let setup = Setup::start("dns-family", &source, names);
    let url = |host: &str| format!("ajp://{host}:{port} ");
    setup.has(&[&url("127.0.0.1"), &url("[::1]")]).await;
    setup.names.addresses(NAME, &[host(2)]);
    setup.names.set(NAME, AAAA, Reply::Failure);
    setup.has(&[&url("127.0.0.2"), &url("[::1]")]).await;
    setup.names.set(NAME, AAAA, Reply::NoName);
    setup.has(&[&url("127.0.0.2")]).await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_over_tcp() {
    let names = NameServer::start().await;
    let all: Vec<IpAddr> = (1..=200).map(host).collect();
    let records = all.iter().map(|it| Record::Address(NAME.to_owned(), *it));
    names.set(NAME, A, Reply::Truncated(records.collect()));
    let source = format!(
        "dns: \"ajp://{NAME}:{}\"",
        ReservedPort::new().addr().port()
    );
    let setup = Setup::start("dns-truncated", &source, names);
    until("all 200 are there", async || {
        setup.living().await.len() == 200
    })
    .await;
    assert!(setup.names.asked_over_tcp(NAME));
}

#[tokio::test]
async fn aliases_are_followed() {
    let names = NameServer::start().await;
    let alias = |from: &str, to: &str| Record::Alias(from.to_owned(), to.to_owned());
    let chain = vec![
        alias(NAME, "one.test"),
        alias("one.test", "two.test"),
        Record::Address("two.test".to_owned(), host(1)),
    ];
    names.set(NAME, A, Reply::Records(chain));
    let port = ReservedPort::new().addr().port();
    let source = format!("dns: \"ajp://{NAME}:{port}\"");
    let setup = Setup::start("dns-alias", &source, names);
    setup.has(&[&format!("ajp://127.0.0.1:{port} ")]).await;
    // A circle of names is no answer.
    let circle = vec![alias(NAME, "one.test"), alias("one.test", NAME)];
    setup.names.set(NAME, A, Reply::Records(circle));
    until("it is asked again", async || {
        setup.names.asked(NAME, A) >= 10
    })
    .await;
    setup.has(&[&format!("ajp://127.0.0.1:{port} ")]).await;
}

#[tokio::test]
async fn all_members_can_be_exchanged_at_once() {
    let (port, _tomcats) = containers(&[(1, "a"), (2, "b")]);
    let names = NameServer::start().await;
    names.addresses(NAME, &[host(1)]);
    let source = format!("dns: \"ajp://{NAME}:{port}\"");
    let setup = Setup::start("dns-exchange", &source, names);
    setup.has(&[&format!("ajp://127.0.0.1:{port} ")]).await;
    assert_eq!(setup.gateway.get("/", "").await.text(), "a");
    setup.names.addresses(NAME, &[host(2)]);
    until("the second one serves", async || {
        setup.gateway.get("/", "").await.text() == "b"
    })
    .await;
    // Its route was learned from the first session.
    let of_a = "Cookie: JSESSIONID=s.a\r\n";
    assert_eq!(setup.gateway.get("/", of_a).await.text(), "a");
}

#[tokio::test]
async fn a_route_is_learned_before_the_client_has_its_first_session() {
    let (port, _tomcats) = containers(&[(1, "a"), (2, "b"), (3, "c")]);
    let names = NameServer::start().await;
    names.addresses(NAME, &[host(1), host(2), host(3)]);
    let source = format!("dns: \"ajp://{NAME}:{port}\", route: learn");
    let setup = Setup::start("dns-learn", &source, names);
    until("all are there", async || setup.living().await.len() == 3).await;
    for _ in 0..3 {
        let first = setup.gateway.get("/", "").await;
        let node = first.text().to_owned();
        let cookie = format!("Cookie: JSESSIONID=s.{node}\r\n");
        for _ in 0..4 {
            assert_eq!(setup.gateway.get("/", &cookie).await.text(), node);
        }
    }
    let url = |last: u8, route: &str| format!("ajp://127.0.0.{last}:{port} {route}");
    setup.has(&[&url(1, "a"), &url(2, "b"), &url(3, "c")]).await;
    let mismatches = setup
        .gateway
        .metric("ajpgate_sticky_route_mismatch_total", &[])
        .await;
    assert_eq!(mismatches, 0.0);
}

#[tokio::test]
async fn targets_of_srv_records_are_members_with_tiers_weights_and_labels() {
    let names = NameServer::start().await;
    let service = "_ajp._tcp.tomcats.test";
    let ports = [ReservedPort::new(), ReservedPort::new()];
    let [port, other] = ports.each_ref().map(|it| it.addr().port());
    let record = |priority, weight, port, target: &str| {
        Record::Service(
            service.to_owned(),
            priority,
            weight,
            port,
            target.to_owned(),
        )
    };
    let records = vec![
        record(20, 0, other, "web-2.tomcats.test"),
        record(10, 50, port, "web-0.tomcats.test"),
        record(10, 500, port, "web-1.tomcats.test"),
    ];
    names.set(service, SRV, Reply::Records(records.clone()));
    let six: IpAddr = "::1".parse().unwrap();
    names.addresses("web-0.tomcats.test", &[host(1), six]);
    names.addresses("web-1.tomcats.test", &[host(2)]);
    names.addresses("web-2.tomcats.test", &[host(3)]);
    let setup = Setup::start("dns-srv", &format!("srv: \"ajp://{service}\""), names);
    let all = [
        format!("ajp://127.0.0.1:{port} web-0"),
        format!("ajp://127.0.0.2:{port} web-1"),
        format!("ajp://127.0.0.3:{other} web-2"),
    ];
    setup.has(&all.each_ref().map(String::as_str)).await;
    let members = setup.members().await;
    let weights: Vec<(u64, f64, u64)> = members
        .iter()
        .map(|it| {
            let port = text(&it["url"]).ends_with(&format!(":{other}"));
            (
                u64::from(port),
                it["loadfactor"].as_f64().unwrap(),
                it["lbset"].as_u64().unwrap(),
            )
        })
        .collect();
    for expected in [(0, 10.0, 0), (0, 100.0, 0), (1, 1.0, 1)] {
        assert!(weights.contains(&expected), "{weights:?}");
    }
    // A target that stops resolving keeps its member; IPv6 instead of IPv4 does not make another one.
    setup.names.set("web-1.tomcats.test", A, Reply::NoName);
    setup.names.set("web-0.tomcats.test", A, Reply::Failure);
    setup.answers("ok").await;
    assert_eq!(setup.living().await, all);
    // All targets at once.
    let exchanged = vec![record(1, 1, port, "web-7.tomcats.test")];
    setup.names.addresses("web-7.tomcats.test", &[host(7)]);
    setup.names.set(service, SRV, Reply::Records(exchanged));
    let seventh = format!("ajp://127.0.0.7:{port} web-7");
    setup.has(&[&seventh]).await;
    setup.names.set(service, SRV, Reply::NoName);
    setup.answers("empty").await;
    assert_eq!(setup.living().await, [seventh]);
}

#[tokio::test]
async fn an_exchange_of_all_members_one_by_one_fails_no_request_and_loses_no_session() {
    let all = [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, "f")];
    let (port, _tomcats) = containers(&all);
    let names = NameServer::start().await;
    names.addresses(NAME, &[host(1), host(2), host(3)]);
    let source = format!("dns: \"ajp://{NAME}:{port}\"");
    let setup = Setup::start("dns-rolling", &source, names);
    until("all are there", async || setup.living().await.len() == 3).await;
    let served = Arc::new(AtomicUsize::new(0));
    let (front, over) = (setup.gateway.front, CancellationToken::new());
    let clients = (0..12).map(|_| {
        let (served, over) = (Arc::clone(&served), over.clone());
        tokio::spawn(async move {
            let first = client::get(front, "/", "").await;
            assert_eq!(first.status, 200);
            let node = first.text().to_owned();
            while !over.is_cancelled() {
                let cookie = format!("Cookie: JSESSIONID=s.{node}\r\n");
                let answer = client::get(front, "/", &cookie).await;
                assert_eq!((answer.status, answer.text()), (200, node.as_str()));
                let free = client::get(front, "/", "").await;
                assert_eq!(free.status, 200);
                served.fetch_add(2, Ordering::SeqCst);
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    for (gone, new) in [(1, 4), (2, 5), (3, 6)] {
        let now: Vec<IpAddr> = (gone + 1..=new).map(host).collect();
        setup.names.addresses(NAME, &now);
        let url = format!("ajp://127.0.0.{gone}:{port} ");
        until("one is exchanged", async || {
            let living = setup.living().await;
            living.len() == 3 && !living.iter().any(|it| it.starts_with(&url))
        })
        .await;
        let before = served.load(Ordering::SeqCst);
        until("requests are served", async || {
            served.load(Ordering::SeqCst) > before + 100
        })
        .await;
    }
    over.cancel();
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn names_with_underscores_and_aliases_of_services_are_found() {
    let (port, _tomcats) = containers(&[(1, "a"), (2, "b")]);
    let names = NameServer::start().await;
    names.addresses("foo_bar.test", &[host(1)]);
    let source = format!("dns: \"ajp://foo_bar.test:{port}\"");
    let setup = Setup::start("dns-underscore", &source, names);
    let one = format!("ajp://127.0.0.1:{port} ");
    setup.has(&[&one]).await;

    let names = NameServer::start().await;
    let (alias, service) = ("_ajp._tcp.shop.test", "_ajp._tcp.web.test");
    let names_alias = Record::Alias(alias.to_owned(), service.to_owned());
    let target = |name: &str| Record::Service(name.to_owned(), 1, 1, port, "tom_cat.test".into());
    let both = vec![names_alias.clone(), target(service)];
    names.set(alias, SRV, Reply::Records(both));
    names.set(alias, CNAME, Reply::Records(vec![names_alias]));
    names.set(service, SRV, Reply::Records(vec![target(service)]));
    names.addresses("tom_cat.test", &[host(2)]);
    let source = format!("srv: \"ajp://{alias}\", route: address");
    let setup = Setup::start("dns-service-alias", &source, names);
    let two = format!("ajp://127.0.0.2:{port} 127-0-0-2");
    setup.has(&[&two]).await;
}

/// Source and route of a member, whether it drains, and how often it was chosen.
fn line_of(it: &Value) -> String {
    let [source, route] = [text(&it["source"]), text(&it["route"])];
    let (drain, elected) = (&it["status"]["drain"], &it["elected"]);
    format!("{source} {route} {drain} {elected}")
}

/// The configuration has no source at first. The sessions of its members stay where they are, whatever names them later.
#[tokio::test]
async fn members_of_the_configuration_serve_until_a_source_names_them_and_keep_their_routes() {
    let (port, _tomcats) = containers(&[(1, "a"), (2, "b"), (3, "c")]);
    let names = NameServer::start().await;
    for kind in [A, AAAA] {
        names.set(NAME, kind, Reply::Failure);
    }
    let configuration = |members: &str, discover: &str| {
        format!(
            "balancers:
  test:
    stickysession: JSESSIONID|jsessionid
    members: [{members}]
    discover: [{discover}]
proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]
"
        )
    };
    let url = |last: u8| format!("ajp://127.0.0.{last}:{port}");
    let member =
        |(last, route): (u8, &str)| format!("{{ url: \"{}\", route: {route} }}", url(last));
    let members = [(1, "a"), (2, "b"), (3, "c")].map(member).join(", ");
    let file = ConfigFile::new("dns-in-place-of-members", &configuration(&members, ""));
    let gateway = Running::start_from(&file);
    let serves = async |route: &str| {
        let cookie = format!("Cookie: JSESSIONID=s.{route}\r\n");
        assert_eq!(gateway.get("/", &cookie).await.text(), route);
    };
    for route in ["c", "a", "b"] {
        serves(route).await;
    }
    let source = format!(
        "{{ dns: \"ajp://{NAME}:{port}\", interval: 100ms, resolver: \"{}\" }}",
        names.address
    );
    file.write(&configuration("", &source));
    let reloaded = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    until("the dead source was asked", async || {
        names.asked(NAME, A) >= 3
    })
    .await;
    for route in ["b", "c", "a"] {
        serves(route).await;
    }
    names.addresses(NAME, &[host(1), host(2)]);
    let shown = async || -> Vec<String> {
        let answer = ask(&gateway, "GET", "/api/v1/balancers/test", "").await;
        let shown: Value = serde_json::from_str(answer.text()).unwrap();
        let members = shown["members"].as_array().unwrap().iter();
        members.map(line_of).collect()
    };
    // The one that the source does not name keeps its sessions as any that vanished.
    let expected = ["dns a false 2", "dns b false 2", "config c true 2"];
    until("the source has named members", async || {
        shown().await == expected
    })
    .await;
    for route in ["c", "b", "a"] {
        serves(route).await;
    }
}
