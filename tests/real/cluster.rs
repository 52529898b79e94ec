//! Several gateways that share an engine, a real redis-server.

use std::time::{Duration, Instant, SystemTime};

use crate::support::ajpgate::Ajpgate;
use crate::support::authority::Authority;
use crate::support::browser::Browser;
use crate::support::node::Node;
use crate::support::redis::Redis;
use crate::support::wait::pause;
use crate::support::{eventually, probe};

/// Bound on a change that counts on all gateways, and on one that is refused.
const EVERYWHERE: Duration = Duration::from_secs(1);
const REFUSED: Duration = Duration::from_secs(5);

/// How long sessions live, and how long where a program is replaced meanwhile.
const SHORT: Duration = Duration::from_secs(4);
const LONG: Duration = Duration::from_secs(8);

/// Gateways of one cluster in front of the same nodes.
struct Cluster {
    engine: Redis,
    nodes: [Node; 2],
    gateways: Vec<Ajpgate>,
    /// Further keys of the balancer.
    keys: String,
}

impl Cluster {
    async fn start(count: usize) -> Self {
        Self::start_with(count, SHORT, "").await
    }

    async fn start_with(count: usize, session_timeout: Duration, keys: &str) -> Self {
        let engine = Redis::start(Some("s3cret")).await;
        let nodes = [Node::start("node1").await, Node::start("node2").await];
        let mut cluster = Self {
            engine,
            nodes,
            gateways: Vec::new(),
            keys: format!("session_timeout: {}s{keys}", session_timeout.as_secs()),
        };
        for _ in 0..count {
            let gateway = cluster.another("s3cret").await;
            cluster.gateways.push(gateway);
        }
        cluster.is_connected().await;
        cluster
    }

    async fn another(&self, password: &str) -> Ajpgate {
        let [one, two] = &self.nodes;
        Ajpgate::start(&format!(
            "balancers:
  shop:
    {}
    members:
      - {{ url: \"ajp://{}\", route: node1 }}
      - {{ url: \"ajp://{}\", route: node2 }}
proxy_pass:
  - {{ path: /, to: \"balancer://shop/\" }}
cluster: {{ url: \"redis://:{password}@{}/1\", name: shop }}
",
            self.keys,
            one.ajp_addr(),
            two.ajp_addr(),
            self.engine.addr()
        ))
        .await
    }

    /// Asks the engine's database of the cluster.
    async fn ask(&self, command: &str) -> String {
        let both = format!("SELECT 1\r\n{command}");
        let answer = self.engine.ask(&both).await.unwrap();
        answer.replacen("+OK\r\n", "", 1)
    }

    async fn is_connected(&self) {
        for gateway in &self.gateways {
            gateway.counts("cluster_connected", &[], 1).await;
        }
    }

    /// Changes a member on one gateway, and waits until it counts on all.
    async fn change(&self, at: usize, factor: u32) {
        let json = format!("{{ \"loadfactor\": {factor} }}");
        self.gateways[at].api("PATCH", NODE1, &json, 200).await;
        let answered = Instant::now();
        self.have(factor).await;
        assert!(answered.elapsed() < EVERYWHERE, "{:?}", answered.elapsed());
    }

    async fn have(&self, factor: u32) {
        for gateway in &self.gateways {
            eventually("the change counts on all gateways", async || {
                loadfactor(gateway).await == factor
            })
            .await;
        }
    }
}

const NODE1: &str = "/api/v1/balancers/shop/members/node1";

async fn member(gateway: &Ajpgate) -> serde_json::Value {
    let text = gateway.api("GET", NODE1, "", 200).await;
    serde_json::from_str(&text).unwrap()
}

async fn loadfactor(gateway: &Ajpgate) -> u32 {
    let factor = member(gateway).await["loadfactor"].as_u64().unwrap();
    u32::try_from(factor).unwrap()
}

/// Sends a change that is to be refused, and returns the answer.
async fn refused(gateway: &Ajpgate) -> String {
    let asked = Instant::now();
    let text = gateway
        .api("PATCH", NODE1, "{ \"loadfactor\": 99 }", 503)
        .await;
    assert!(asked.elapsed() < REFUSED, "{:?}", asked.elapsed());
    text
}

#[tokio::test]
async fn changes_by_hand_count_on_all_gateways() {
    let cluster = Cluster::start(3).await;
    for (at, factor) in [(0, 2), (1, 3), (2, 4)] {
        cluster.change(at, factor).await;
    }
    let url = "ajp://[::1]:1";
    let members = "/api/v1/balancers/shop/members";
    let json = format!("{{ \"url\": \"{url}\", \"route\": \"node3\" }}");
    cluster.gateways[1].api("POST", members, &json, 201).await;
    let path = format!("{members}/node3");
    for other in [0, 2] {
        eventually("the member was added everywhere", async || {
            let reply = probe::get(cluster.gateways[other].admin(), &path, &[]).await;
            reply.status == 200
        })
        .await;
    }
    cluster.gateways[0].api("DELETE", &path, "", 204).await;
    eventually("the member was removed everywhere", async || {
        let reply = probe::get(cluster.gateways[2].admin(), &path, &[]).await;
        reply.status == 404
    })
    .await;
    // One that starts later has it at once.
    let late = cluster.another("s3cret").await;
    assert_eq!(loadfactor(&late).await, 4);
    for gateway in cluster.gateways.iter().chain([&late]) {
        assert!(!gateway.log().contains("s3cret"), "{}", gateway.log());
    }
}

#[tokio::test]
async fn an_engine_that_ends_and_comes_back_empty_has_it_all_again() {
    let mut cluster = Cluster::start(2).await;
    cluster.change(0, 7).await;
    cluster.engine.process.kill();
    for gateway in &cluster.gateways {
        gateway.counts("cluster_connected", &[], 0).await;
    }
    refused(&cluster.gateways[1]).await;
    assert_eq!(
        Browser::new(cluster.gateways[1].front())
            .get("/")
            .await
            .status,
        200
    );
    cluster.engine.start_again().await;
    cluster.is_connected().await;
    cluster.have(7).await;
    let late = cluster.another("s3cret").await;
    assert_eq!(loadfactor(&late).await, 7);
    cluster.change(1, 8).await;
}

#[tokio::test]
async fn a_silent_engine_refuses_changes_and_disturbs_no_request() {
    let mut cluster = Cluster::start(2).await;
    cluster.engine.process.pause().await;
    refused(&cluster.gateways[0]).await;
    let mut browser = Browser::new(cluster.gateways[0].front());
    let asked = Instant::now();
    assert_eq!(browser.get("/").await.status, 200);
    assert!(asked.elapsed() < EVERYWHERE, "{:?}", asked.elapsed());
    cluster.engine.process.resume();
    cluster.is_connected().await;
    cluster.change(1, 5).await;
}

#[tokio::test]
async fn a_read_only_engine_and_a_wrong_password_are_named_in_the_log() {
    let cluster = Cluster::start(1).await;
    let gateway = &cluster.gateways[0];
    cluster.engine.ask("REPLICAOF 127.0.0.1 1").await.unwrap();
    gateway.counts("cluster_connected", &[], 0).await;
    refused(gateway).await;
    assert!(
        gateway.log().to_lowercase().contains("read"),
        "{}",
        gateway.log()
    );
    cluster.engine.ask("REPLICAOF NO ONE").await.unwrap();
    cluster.is_connected().await;
    cluster.change(0, 6).await;

    let stranger = cluster.another("hush").await;
    refused(&stranger).await;
    let log = stranger.log();
    assert!(log.contains("cannot be") && !log.contains("hush"), "{log}");
}

#[tokio::test]
async fn a_drain_ends_once_for_all_gateways() {
    let cluster = Cluster::start(3).await;
    // It comes by another gateway each time.
    let session = session_of_node1(&cluster.gateways[0]).await;
    let drain = "{ \"status\": { \"drain\": true } }";
    cluster.gateways[1].api("PATCH", NODE1, drain, 200).await;
    let begun = Instant::now();
    let mut last = Instant::now();
    for turn in 0.. {
        if begun.elapsed() > Duration::from_secs(9) {
            break;
        }
        let front = cluster.gateways[turn % 2].front();
        let mut browser = Browser::new(front);
        browser.session = Some(session.clone());
        assert_eq!(browser.get("/").await.status, 200);
        last = Instant::now();
        for gateway in &cluster.gateways {
            assert_eq!(
                gateway.count("member_drained", &[("route", "node1")]).await,
                0
            );
        }
        pause(Duration::from_millis(200)).await;
    }
    for gateway in &cluster.gateways {
        gateway
            .counts("member_drained", &[("route", "node1")], 1)
            .await;
    }
    // 4 s for the session to end, and 2 s to notice it.
    let ended = last.elapsed();
    assert!((4_000..7_000).contains(&ended.as_millis()), "{ended:?}");
    pause(Duration::from_secs(2)).await;
    for gateway in &cluster.gateways {
        let log = gateway.log();
        assert_eq!(log.matches("member has drained").count(), 1, "{log}");
    }
}

/// The program before tells its sessions until it ends, and the one after it takes them up with the drain.
#[tokio::test]
async fn a_hand_over_keeps_the_drain_and_the_union_of_sessions() {
    let cluster = Cluster::start_with(2, LONG, "").await;
    let [one, two] = &cluster.gateways[..] else {
        panic!("two gateways");
    };
    // From then on the engine has what all gateways have counted.
    pause(LONG + Duration::from_secs(1)).await;
    let first = session_of_node1(one).await;
    let second = session_of_node1(two).await;
    let drain = "{ \"status\": { \"drain\": true } }";
    one.api("PATCH", NODE1, drain, 200).await;
    for gateway in [one, two] {
        drains(gateway, 2).await;
    }
    visit(one, &first).await;
    visit(two, &second).await;
    one.hand_over().await;
    // Nobody has asked the new program for these sessions.
    for gateway in [one, two] {
        drains(gateway, 2).await;
    }
    visit(two, &first).await;
    visit(one, &second).await;
    let last = Instant::now();
    for gateway in [one, two] {
        drains(gateway, 2).await;
    }
    while last.elapsed() < LONG {
        for gateway in [one, two] {
            assert_eq!(member(gateway).await["drained"], false);
        }
        pause(Duration::from_millis(100)).await;
    }
    for gateway in [one, two] {
        gateway
            .counts("member_drained", &[("route", "node1")], 1)
            .await;
    }
    // What the program before told last counts for as long again.
    let ended = last.elapsed();
    let latest = LONG * 2 + Duration::from_secs(8);
    assert!(ended < latest, "{ended:?}");
}

/// A gateway that is started again each minute, say, leaves a record at each end.
#[tokio::test]
async fn sessions_that_a_gateway_told_before_its_end_are_kept_as_long_as_they_may_live() {
    let cluster = Cluster::start(1).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_millis();
    let told = |ago: u128| format!("{} x", now - ago * 1_000);
    for (gateway, ago) in [("early", 90), ("late", 5)] {
        let field = format!("\"{gateway} shop ajp://[::1]:1\" \"{}\"", told(ago));
        let set = format!("HSET ajpgate:{{shop}}:sessions {field}");
        cluster.ask(&set).await;
    }
    for (gateway, has) in [("early", ":0"), ("late", ":1")] {
        let field = format!("\"{gateway} shop ajp://[::1]:1\"");
        let ask = format!("HEXISTS ajpgate:{{shop}}:sessions {field}");
        eventually("only the early one is forgotten", async || {
            cluster.ask(&ask).await.trim() == has
        })
        .await;
    }
}

/// Each gateway disables the member by itself when `drain_timeout` is over. Its configuration says nothing of that, and the second
/// time the engine has the flag already. A drain that begins anew within a second is another one, whose time begins anew.
#[tokio::test]
async fn a_member_whose_drain_has_timed_out_is_enabled_on_all_gateways() {
    let cluster = Cluster::start_with(2, LONG, "\n    drain_timeout: 1s").await;
    let [one, two] = &cluster.gateways[..] else {
        panic!("two gateways");
    };
    let session = session_of_node1(one).await;
    let flag = |flag: &str, value: bool| format!("{{ \"status\": {{ \"{flag}\": {value} }} }}");
    for _ in 0..2 {
        visit(one, &session).await;
        one.api("PATCH", NODE1, &flag("drain", true), 200).await;
        for gateway in [one, two] {
            shows(gateway, "disabled", true).await;
        }
        two.api("PATCH", NODE1, &flag("disabled", false), 200).await;
        for gateway in [one, two] {
            shows(gateway, "disabled", false).await;
        }
        one.api("PATCH", NODE1, &flag("drain", false), 200).await;
        shows(two, "drain", false).await;
    }
}

/// Waits until a gateway shows that node1 has this flag or not.
async fn shows(gateway: &Ajpgate, flag: &str, set: bool) {
    eventually("the flag is shown", async || {
        member(gateway).await["status"][flag] == set
    })
    .await;
}

/// An engine that answers, and refuses scripts.
#[tokio::test]
async fn an_engine_that_takes_no_sessions_is_not_connected_and_the_log_says_so() {
    let cluster = Cluster::start(1).await;
    let gateway = &cluster.gateways[0];
    let engine = &cluster.engine;
    engine
        .ask("ACL SETUSER default -eval -evalsha")
        .await
        .unwrap();
    gateway.counts("cluster_connected", &[], 0).await;
    let log = gateway.log();
    assert!(log.contains("cannot be exchanged"), "{log}");
    assert!(
        !log.contains("the cluster's engine cannot be used"),
        "{log}"
    );
    engine
        .ask("ACL SETUSER default +eval +evalsha")
        .await
        .unwrap();
    cluster.is_connected().await;
}

/// Begins sessions until one is of node1.
async fn session_of_node1(gateway: &Ajpgate) -> String {
    for _ in 0..20 {
        let mut browser = Browser::new(gateway.front());
        browser.get("/").await;
        if let Some(session) = browser.session.filter(|it| it.ends_with(".node1")) {
            return session;
        }
    }
    panic!("no session of node1");
}

/// Sends a request of a session, which its member must answer.
async fn visit(gateway: &Ajpgate, session: &str) {
    let mut browser = Browser::new(gateway.front());
    browser.session = Some(session.to_owned());
    assert_eq!(browser.get("/").await.status, 200);
}

/// Waits until a gateway shows that node1 drains with this number of sessions. It must not say before that it has drained.
async fn drains(gateway: &Ajpgate, sessions: u64) {
    eventually("the sessions of all gateways are shown", async || {
        let member = member(gateway).await;
        assert_eq!(member["drained"], false, "{member}");
        member["status"]["drain"] == true && member["sessions"] == sessions
    })
    .await;
}

/// A gateway whose member is an address of this host's name, and learns its route.
async fn learning(engine: &Redis, node: &Node) -> Ajpgate {
    Ajpgate::start(&format!(
        "balancers:
  shop:
    stickysession: JSESSIONID|jsessionid
    discover: [{{ dns: \"ajp://localhost:{}\", interval: 100ms }}]
proxy_pass:
  - {{ path: /, to: \"balancer://shop/\" }}
cluster: {{ url: \"redis://:s3cret@{}/0\", name: shop }}
",
        node.ajp_addr().port(),
        engine.addr()
    ))
    .await
}

/// The route of the member at this URL.
async fn route(gateway: &Ajpgate, url: &str) -> String {
    let text = gateway.api("GET", "/api/v1/balancers/shop", "", 200).await;
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut members = shown["members"].as_array().unwrap().iter();
    let member = members.find(|it| it["url"] == url).expect("the member");
    member["route"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn routes_that_one_gateway_has_learned_are_known_to_all_and_to_those_that_start_later() {
    let engine = Redis::start(Some("s3cret")).await;
    let node = Node::start("node1").await;
    let url = format!("ajp://{}", node.ajp_addr());
    let gateways = [
        learning(&engine, &node).await,
        learning(&engine, &node).await,
    ];
    for gateway in &gateways {
        gateway.counts("cluster_connected", &[], 1).await;
        assert_eq!(route(gateway, &url).await, "");
    }
    let answer = Browser::new(gateways[0].front()).get("/").await;
    assert_eq!(answer.status, 200);
    for gateway in &gateways {
        eventually("the route is known on all gateways", async || {
            route(gateway, &url).await == "node1"
        })
        .await;
    }
    let late = learning(&engine, &node).await;
    assert_eq!(route(&late, &url).await, "node1");
    late.counts("cluster_connected", &[], 1).await;
    // The route ends with the member.
    let member = "/api/v1/balancers/shop/members/node1";
    late.api("DELETE", member, "", 204).await;
    eventually("nobody tells the route any more", async || {
        let count = engine.ask("HLEN ajpgate:{shop}:routes").await.unwrap();
        count.trim() == ":0"
    })
    .await;
}

/// A member whose file one gateway lacks is left out on that gateway alone, which takes up all other changes, until the file is
/// there and something changes or it reads its configuration again.
#[tokio::test]
async fn a_member_whose_file_one_gateway_lacks_is_left_out_there_alone() {
    let cluster = Cluster::start(2).await;
    cluster.change(0, 3).await;
    let authority = Authority::new();
    let certificate = std::fs::read(authority.file("ca.pem")).unwrap();
    let [one, two] = &cluster.gateways[..] else {
        panic!("two gateways");
    };
    std::fs::write(one.path("ca.pem"), &certificate).unwrap();
    let members = "/api/v1/balancers/shop/members";
    let member = r#"{ "url": "https://[::1]:1", "route": "x", "tls": { "ca": "ca.pem" } }"#;
    one.api("POST", members, member, 201).await;
    eventually("the other gateway says that it cannot", async || {
        two.log().contains("it is left out, the others count")
    })
    .await;
    one.api("PATCH", NODE1, "{ \"loadfactor\": 5 }", 200).await;
    cluster.have(5).await;
    two.api("PATCH", NODE1, "{ \"loadfactor\": 7 }", 200).await;
    cluster.have(7).await;
    two.api("POST", "/api/v1/reload", "", 200).await;
    let shown = async |gateway: &Ajpgate| {
        let shown = gateway.api("GET", members, "", 200).await;
        shown.contains("https://[::1]:1")
    };
    assert_eq!((shown(one).await, shown(two).await), (true, false));
    assert_eq!(two.log().matches("it is left out").count(), 1);
    // By hand it is refused where the file is not there.
    let second = member.replace("]:1", "]:2");
    two.api("POST", members, &second, 422).await;
    std::fs::write(two.path("ca.pem"), &certificate).unwrap();
    two.api("POST", "/api/v1/reload", "", 200).await;
    assert!(shown(two).await);
    cluster.change(1, 9).await;
}
