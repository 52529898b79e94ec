//! Members that a real name server names, a knot.

use serde_json::Value;

use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::knot::Knot;
use crate::support::node::Node;
use crate::support::redis::Redis;
use crate::support::scratch::Scratch;

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

/// A gateway whose two members are the targets of SRV records and learn their routes, a session of each, and the records
/// without the second one, which has vanished. `keys` stand at the end of the configuration.
struct Vanished {
    /// `None`: it has ended.
    names: Option<Knot>,
    _nodes: [Node; 2],
    gateway: Ajpgate,
    configuration: String,
    sessions: [String; 2],
}

impl Vanished {
    async fn start(keys: &str) -> Self {
        let nodes = [Node::start("node1").await, Node::start("node2").await];
        let record = |node: &Node| format!("_ajp._tcp SRV 1 1 {} host\n", node.ajp_addr().port());
        let host = "host A 127.0.0.1\n";
        let both = [record(&nodes[0]), record(&nodes[1]), host.to_owned()];
        let mut names = Knot::start(&both.concat()).await;
        let configuration = format!(
            "balancers:
  shop:
    discover: [{{ srv: \"ajp://_ajp._tcp.shop.test\", route: learn, interval: 100ms, resolver: \"{}\" }}]
proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]
{keys}",
            names.addr()
        );
        let gateway = Ajpgate::start(&configuration).await;
        let mut sessions = Vec::new();
        for _ in 0..4 {
            let mut browser = Browser::new(gateway.front());
            assert_eq!(browser.get("/").await.status, 200);
            sessions.push(browser.session.unwrap());
        }
        let session_of = |node: &str| {
            let mut sessions = sessions.iter();
            sessions.find(|it| it.ends_with(node)).unwrap().clone()
        };
        let sessions = ["node1", "node2"].map(session_of);
        names
            .set(&[record(&nodes[0]), host.to_owned()].concat())
            .await;
        eventually("the second one drains", async || {
            living(&gateway).await.len() == 1
        })
        .await;
        Self {
            names: Some(names),
            _nodes: nodes,
            gateway,
            configuration,
            sessions,
        }
    }

    /// Each session goes to its node, and new ones go to the first one.
    async fn stay(&self, gateway: &Ajpgate) {
        for session in &self.sessions {
            for _ in 0..3 {
                let mut browser = Browser::new(gateway.front());
                browser.session = Some(session.clone());
                assert_eq!(browser.get("/").await.status, 200);
                assert_eq!(browser.session.as_ref(), Some(session));
            }
        }
        let mut browser = Browser::new(gateway.front());
        assert_eq!(browser.get("/").await.status, 200);
        assert!(browser.session.unwrap().ends_with("node1"));
    }
}

#[tokio::test]
async fn the_next_program_knows_members_that_vanished_and_learned_routes_also_without_name_servers()
{
    let mut vanished = Vanished::start("").await;
    vanished.stay(&vanished.gateway).await;
    vanished.gateway.hand_over().await;
    vanished.stay(&vanished.gateway).await;
    vanished.names = None;
    answers(&vanished.gateway, "failed").await;
    vanished.stay(&vanished.gateway).await;
}

#[tokio::test]
async fn a_hand_over_while_no_name_server_answers_loses_no_member() {
    let mut vanished = Vanished::start("").await;
    vanished.names = None;
    vanished.gateway.hand_over().await;
    vanished.stay(&vanished.gateway).await;
}

#[tokio::test]
async fn a_start_with_a_state_file_while_no_name_server_answers_loses_no_member() {
    let folder = Scratch::new("state");
    let state = folder.path().join("state.json");
    let admin = format!(
        "admin: {{ bind: \"127.0.0.1:0\", state_file: \"{}\" }}\n",
        state.display()
    );
    let mut vanished = Vanished::start(&admin).await;
    vanished.gateway.stop().await;
    vanished.names = None;
    let again = Ajpgate::start(&vanished.configuration).await;
    vanished.stay(&again).await;
}

/// The second gateway has never seen the member: its source has not named it since. The third one has no source that answers.
#[tokio::test]
async fn a_gateway_that_joins_a_cluster_knows_what_the_others_have_discovered() {
    let engine = Redis::start(None).await;
    let cluster = format!(
        "cluster: {{ url: \"redis://{}/0\", name: shop }}\n",
        engine.addr()
    );
    let mut vanished = Vanished::start(&cluster).await;
    eventually("the engine has the member and its route", async || {
        let mut counts = Vec::new();
        for key in ["members", "routes"] {
            let ask = format!("HLEN ajpgate:{{shop}}:{key}");
            counts.push(engine.ask(&ask).await.unwrap());
        }
        counts.iter().all(|it| it.trim() == ":2")
    })
    .await;
    let late = Ajpgate::start(&vanished.configuration).await;
    vanished.stay(&late).await;
    vanished.names = None;
    let last = Ajpgate::start(&vanished.configuration).await;
    vanished.stay(&last).await;
    vanished.stay(&vanished.gateway).await;
}

/// Two gateways of a cluster, each with a name server of its own.
struct Pair {
    engine: Redis,
    nodes: [Node; 2],
    names: [Knot; 2],
    gateways: [Ajpgate; 2],
}

impl Pair {
    async fn start() -> Self {
        let engine = Redis::start(None).await;
        let nodes = [Node::start("node1").await, Node::start("node2").await];
        let all = records(&nodes);
        let names = [Knot::start(&all).await, Knot::start(&all).await];
        let start = async |names: &Knot| {
            let source = format!(
                "srv: \"ajp://_ajp._tcp.shop.test\", route: learn, interval: 100ms, resolver: \"{}\"",
                names.addr()
            );
            let configuration = format!(
                "balancers: {{ shop: {{ discover: [{{ {source} }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]
cluster: {{ url: \"redis://{}/0\", name: shop }}
",
                engine.addr()
            );
            let gateway = Ajpgate::start(&configuration).await;
            gateway.counts("cluster_connected", &[], 1).await;
            gateway
        };
        let gateways = [start(&names[0]).await, start(&names[1]).await];
        Self {
            engine,
            nodes,
            names,
            gateways,
        }
    }

    /// A member, as the second gateway shows it.
    async fn shown(&self, node: usize) -> Option<Value> {
        let text = self.gateways[1]
            .api("GET", "/api/v1/balancers/shop", "", 200)
            .await;
        let shown: Value = serde_json::from_str(&text).unwrap();
        let url = format!("ajp://127.0.0.1:{}", self.nodes[node].ajp_addr().port());
        let mut members = shown["members"].as_array().unwrap().iter();
        members.find(|it| it["url"] == url.as_str()).cloned()
    }

    async fn visits_the_first(&self) {
        let mut browser = Browser::new(self.gateways[0].front());
        assert_eq!(browser.get("/").await.status, 200);
    }

    /// Waits until the second gateway has heard of a session that the first one has seen since.
    async fn is_heard(&self) {
        let sessions = async || {
            let member = self.shown(0).await.unwrap();
            member["sessions"].as_u64().unwrap()
        };
        let before = sessions().await;
        self.visits_the_first().await;
        eventually("a session is heard of", async || sessions().await > before).await;
    }
}

/// The records of these members.
fn records(nodes: &[Node]) -> String {
    let record = |node: &Node| format!("_ajp._tcp SRV 1 1 {} host\n", node.ajp_addr().port());
    let records: String = nodes.iter().map(record).collect();
    records + "host A 127.0.0.1\n"
}

/// A gap of the name server of one gateway: when the member is named again it has its learned route at once, which the other
/// gateway knows, and what was changed of it by hand.
#[tokio::test]
async fn a_member_that_comes_back_on_one_gateway_is_as_the_cluster_knows_it() {
    let mut pair = Pair::start().await;
    for _ in 0..4 {
        pair.visits_the_first().await;
    }
    eventually("the second gateway knows the route", async || {
        let member = pair.shown(1).await;
        member.is_some_and(|it| it["route"] == "node2")
    })
    .await;
    let member = "/api/v1/balancers/shop/members/node2";
    let change = "{ \"status\": { \"disabled\": true } }";
    pair.gateways[0].api("PATCH", member, change, 200).await;
    let (one, both) = (records(&pair.nodes[..1]), records(&pair.nodes));
    pair.names[1].set(&one).await;
    eventually("it is gone there", async || pair.shown(1).await.is_none()).await;
    // Now the second one has told that the member is gone.
    pair.is_heard().await;
    eventually("the first one has told the route again", async || {
        let count = "HLEN ajpgate:{shop}:routes";
        pair.engine.ask(count).await.unwrap().trim() == ":2"
    })
    .await;
    pair.is_heard().await;
    pair.names[1].set(&both).await;
    let mut back = None;
    eventually("it is back", async || {
        back = pair.shown(1).await;
        back.is_some()
    })
    .await;
    let back = back.unwrap();
    assert_eq!(back["route"], "node2", "{back}");
    assert_eq!(back["status"]["disabled"], true, "{back}");
}
