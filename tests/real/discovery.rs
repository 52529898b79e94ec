//! Members that a real name server names, a knot.

use serde_json::Value;

use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::knot::Knot;
use crate::support::node::Node;

/// A gateway whose balancer has the members of this source, which asks the server.
async fn gateway(names: &Knot, source: &str) -> Ajpgate {
    Ajpgate::start(&format!(
        "balancers:
  shop:
    discover: [{{ {source}, interval: 100ms, resolver: \"{}\" }}]
proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]
",
        names.addr()
    ))
    .await
}

/// The members that do not drain: url, route, lbset and loadfactor of each, sorted.
async fn living(gateway: &Ajpgate) -> Vec<String> {
    let text = gateway.api("GET", "/api/v1/balancers/shop", "", 200).await;
    let shown: Value = serde_json::from_str(&text).unwrap();
    let members = shown["members"].as_array().unwrap().iter();
    let living = members.filter(|it| it["status"]["drain"] == false);
    let mut lines: Vec<String> = living
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap().to_owned();
            format!(
                "{} {} {} {}",
                text("url"),
                text("route"),
                it["lbset"],
                it["loadfactor"].as_f64().unwrap()
            )
        })
        .collect();
    lines.sort();
    lines
}

async fn has(gateway: &Ajpgate, expected: &[String]) {
    let mut expected = expected.to_vec();
    expected.sort();
    eventually(&format!("the members are {expected:?}"), async || {
        living(gateway).await == expected
    })
    .await;
}

/// Waits for two further answers with this result, so that one began behind the last change.
async fn answers(gateway: &Ajpgate, result: &str) {
    let count = async || {
        gateway
            .count("discovery_total", &[("result", result)])
            .await
    };
    let before = count().await;
    eventually(&format!("two answers are {result}"), async || {
        count().await >= before + 2
    })
    .await;
}

#[tokio::test]
async fn srv_records_of_a_real_server_are_members_and_one_that_goes_keeps_its_sessions() {
    let nodes = [
        Node::start("node1").await,
        Node::start("node2").await,
        Node::start("node3").await,
    ];
    let ports = nodes.each_ref().map(|it| it.ajp_addr().port());
    let record = |priority: u32, weight: u32, at: usize| {
        format!(
            "_ajp._tcp SRV {priority} {weight} {} node{}\n",
            ports[at],
            at + 1
        )
    };
    let hosts = "node1 A 127.0.0.1\nnode2 A 127.0.0.1\nnode3 CNAME node1\n";
    let both = [record(10, 100, 0), record(10, 50, 1), hosts.to_owned()].concat();
    let mut names = Knot::start(&both).await;
    let gateway = gateway(&names, "srv: \"ajp://_ajp._tcp.shop.test\"").await;
    let member = |at: usize, set: u8, factor: &str| {
        format!(
            "ajp://127.0.0.1:{} node{} {set} {factor}",
            ports[at],
            at + 1
        )
    };
    has(&gateway, &[member(0, 0, "100"), member(1, 0, "50")]).await;
    let mut browsers = Vec::new();
    for _ in 0..6 {
        let mut browser = Browser::new(gateway.front());
        assert_eq!(browser.get("/").await.status, 200);
        browsers.push(browser);
    }
    let of_second = |browser: &Browser| {
        let session = browser.session.as_ref().unwrap();
        session.ends_with(".node2")
    };
    assert!(browsers.iter().any(of_second));
    // The second one goes, a third one comes in a tier of its own.
    names
        .set(&[record(10, 100, 0), record(20, 1, 2), hosts.to_owned()].concat())
        .await;
    has(&gateway, &[member(0, 0, "100"), member(2, 1, "1")]).await;
    for browser in &mut browsers {
        let before = browser.session.clone();
        assert_eq!(browser.get("/").await.status, 200);
        assert_eq!(browser.session, before);
    }
    // Without records, and without the name, nobody goes.
    names.set("_ajp._tcp TXT nothing\n").await;
    answers(&gateway, "empty").await;
    names.set("").await;
    answers(&gateway, "empty").await;
    assert_eq!(living(&gateway).await.len(), 2);
    assert_eq!(
        gateway
            .count("discovery_total", &[("result", "failed")])
            .await,
        0
    );
}

#[tokio::test]
async fn more_addresses_than_a_datagram_holds_are_members_and_their_exchange_counts() {
    let address = |number: u32| format!("127.1.{}.{}", number / 250, number % 250 + 1);
    let record = |number| format!("tomcats A {}\n", address(number));
    let first: String = (0..300).map(record).collect();
    let mut names = Knot::start(&format!("{first}tomcats AAAA ::1\n")).await;
    let gateway = gateway(
        &names,
        "dns: \"ajp://tomcats.shop.test:8009\", route: address",
    )
    .await;
    eventually("all are there", async || {
        living(&gateway).await.len() == 301
    })
    .await;
    names.set(&record(999)).await;
    let host = address(999);
    let route = host.replace('.', "-");
    has(&gateway, &[format!("ajp://{host}:8009 {route} 0 1")]).await;
    drop(names);
    answers(&gateway, "failed").await;
    assert_eq!(living(&gateway).await.len(), 1);
}
