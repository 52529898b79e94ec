//! What clients see while a real Tomcat is killed, frozen, restarted or stopped under load.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::load::{Ending, Load, Record, SEED, UPLOAD, endings};
use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
use crate::support::client::{self, Answer, Client};
use crate::support::eventually;
use crate::support::noise;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use tokio::task::JoinSet;

const LOG_HOW_ANSWERS_ENDED: &str = "access_log: { path: access.log, format: \"%X %>s\" }";

async fn two_tomcats() -> (Tomcat, Tomcat) {
    let node = |route| Tomcat::start(TomcatOptions::new(route).secret("s3cret"));
    tokio::join!(node("node1"), node("node2"))
}

#[tokio::test]
async fn a_kill_under_load_loses_no_get_and_repeats_no_post() {
    let (mut one, two) = two_tomcats().await;
    let mut gateway = Ajpgate::before(&[&one, &two])
        .key(LOG_HOW_ANSWERS_ENDED)
        .start()
        .await;
    let load = Load::start(gateway.front(), 20, 20, 10);
    load.until_requests(500).await;
    one.kill();
    load.until_more_requests(1000).await;
    let records = load.stop().await;
    gateway.quiet().await;

    let resets = resets(&records);
    let moved = records.iter().filter(|record| record.moved).count();
    println!(
        "{} requests: {:?}; {moved} sessions moved",
        records.len(),
        endings(&records)
    );
    no_get_was_lost(&records);
    no_post_ran_twice(&records, &[&one, &two]);

    let metrics = gateway.metrics().await;
    let failovers = [("route", "node1"), ("result", "failover")];
    assert!(moved > 0);
    assert_eq!(
        metrics.count("sticky_requests_total", &failovers),
        moved as u64,
        "each session moves once"
    );
    let closed = metrics.count(
        "member_errors_total",
        &[("route", "node1"), ("kind", "closed")],
    );
    assert!(closed >= resets as u64, "{closed} closed, {resets} resets");
    assert_eq!(answers_broken_off(&mut gateway).await, resets);
}

#[tokio::test]
async fn a_restarted_tomcat_is_back_within_retry() {
    const RETRY: Duration = Duration::from_secs(5);
    let (mut one, two) = two_tomcats().await;
    let gateway = Ajpgate::before(&[&one, &two])
        .member("retry: 5s")
        .start()
        .await;
    one.kill();
    let killed = Instant::now();
    for _ in 0..2 {
        assert_eq!(node_of(&get(&gateway, "/app/session").await), "node2");
    }
    gateway.counts("member_up", &[("route", "node1")], 0).await;
    one.restart().await;
    let ready = Instant::now();
    eventually("node1 serves again", async || {
        node_of(&get(&gateway, "/app/session").await) == "node1"
    })
    .await;
    println!(
        "down for {:.1?}, back after {:.1?}",
        ready - killed,
        ready.elapsed()
    );
    assert!(ready.elapsed() < RETRY + Duration::from_secs(1));
    gateway.counts("member_up", &[("route", "node1")], 1).await;
    gateway
        .counts("requests_total", &[("code", "5xx")], 0)
        .await;
}

/// All connections in the pool are closed, and there is no other member.
#[tokio::test]
async fn requests_succeed_after_all_kept_connections_were_closed() {
    let mut tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    let gateway = Ajpgate::before(&[&tomcat]).start().await;
    for round in 0..2 {
        all_at_once(&gateway, 20).await;
        gateway.quiet().await;
        let kept = gateway
            .count("pool_connections", &[("state", "idle")])
            .await;
        tomcat.restart().await;
        println!("round {round}: {kept} kept connections before the restart");
        assert!(kept >= 10, "a pool of {kept} shows nothing");
        all_at_once(&gateway, 20).await;
    }
    assert_eq!(
        gateway.count("requests_total", &[("code", "2xx")]).await,
        2 * 2 * 2 * 20
    );
}

/// Starts this number of clients at the same time. Each sends a GET and a POST, all of which must succeed.
async fn all_at_once(gateway: &Ajpgate, clients: usize) {
    let front = gateway.front();
    let mut visits = JoinSet::new();
    for _ in 0..clients {
        visits.spawn(async move {
            let mut browser = Browser::new(front);
            for (method, target) in [("GET", "/app/slow?ms=100"), ("POST", "/app/sha?seed=7")] {
                let body = if method == "POST" {
                    noise::bytes(SEED, UPLOAD)
                } else {
                    Vec::new()
                };
                let answer = browser
                    .request(method, target, "", &body)
                    .await
                    .expect_answer();
                assert_eq!(answer.status, 200, "{method}: {answer:?}");
            }
        });
    }
    visits.join_all().await;
}

#[tokio::test]
async fn ping_finds_a_frozen_tomcat() {
    let (mut one, two) = two_tomcats().await;
    let gateway = Ajpgate::before(&[&one, &two])
        .member("ping: 300ms, timeout: 3s, retry: 1s")
        .start()
        .await;
    // Fills the pool with connections, some of which are idle later.
    all_at_once(&gateway, 10).await;
    let mut shopper = client_on("node1", &gateway).await;
    let mut waiting = Browser::new(gateway.front());
    waiting.session.clone_from(&shopper.session);
    let under_way = tokio::spawn(async move {
        let outcome = waiting.request("GET", "/app/slow?ms=60000", "", b"").await;
        outcome.expect_answer()
    });
    gateway
        .counts("member_busy", &[("route", "node1")], 1)
        .await;

    one.pause().await;
    let asked = Instant::now();
    let moved = shopper.get("/app/session").await;
    let took = asked.elapsed();
    println!("moved from the frozen node after {took:.0?}");
    assert_eq!(node_of(&moved), "node2");
    assert!(took < Duration::from_secs(2));
    let waited_for = under_way.await.unwrap();
    assert_eq!(waited_for.status, 504, "silence does not move on");
    for kind in ["ping", "timeout"] {
        let labels = [("route", "node1"), ("kind", kind)];
        assert!(
            gateway.count("member_errors_total", &labels).await > 0,
            "{kind}"
        );
    }

    one.resume();
    served_by("node1", &gateway).await;
}

/// When `retry` is over, a request finds out whether the node is back. That request must succeed on the other node.
#[tokio::test]
async fn no_request_fails_while_a_tomcat_is_frozen() {
    let (mut one, two) = two_tomcats().await;
    let gateway = Ajpgate::before(&[&one, &two])
        .member("ping: 200ms, timeout: 5s, retry: 500ms")
        .start()
        .await;
    all_at_once(&gateway, 10).await;
    one.pause().await;
    let frozen = Instant::now();
    let (mut requests, mut slowest) = (0, Duration::ZERO);
    while frozen.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        let answer = get(&gateway, "/app/session").await;
        assert_eq!(
            answer.status,
            200,
            "after {:.1?}, of {:.1?}",
            frozen.elapsed(),
            asked.elapsed()
        );
        assert_eq!(node_of(&answer), "node2");
        requests += 1;
        slowest = slowest.max(asked.elapsed());
    }
    println!("{requests} requests while a node was frozen, the slowest took {slowest:.0?}");
    one.resume();
    served_by("node1", &gateway).await;
}

/// Waits until new clients get to this node.
async fn served_by(node: &str, gateway: &Ajpgate) {
    let begun = Instant::now();
    let what = format!("{node} serves");
    eventually(&what, async || {
        node_of(&get(gateway, "/app/session").await) == node
    })
    .await;
    println!("{node} serves again after {:.1?}", begun.elapsed());
}

/// A client whose session is on this node.
async fn client_on(node: &str, gateway: &Ajpgate) -> Browser {
    for _ in 0..10 {
        let mut browser = Browser::new(gateway.front());
        if node_of(&browser.get("/app/session").await) == node {
            return browser;
        }
    }
    panic!("nobody gets to {node}")
}

#[tokio::test]
async fn a_rolling_restart_loses_no_get_and_resets_streams() {
    let (mut one, mut two) = two_tomcats().await;
    let mut gateway = Ajpgate::before(&[&one, &two])
        .member("ping: 200ms, retry: 200ms")
        .key(LOG_HOW_ANSWERS_ENDED)
        .start()
        .await;
    let load = Load::start(gateway.front(), 20, 20, 10);
    for tomcat in [&mut one, &mut two] {
        let route = tomcat.route().to_owned();
        load.until_more_requests(500).await;
        let mut stream = Client::connect(gateway.front()).await;
        let endless = format!(
            "GET /app/sse?n=10000&ms=20 HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=a.{route}\r\n\r\n"
        );
        stream.send(endless).await;
        stream.raw_until("event 3").await;

        let stopped = Instant::now();
        tomcat.stop().await;
        assert!(
            stream.ended_by_reset().await,
            "a stream that was cut looks whole"
        );
        println!("{route} stopped within {:.1?}", stopped.elapsed());
        load.until_more_requests(500).await;
        tomcat.restart().await;
        gateway.counts("member_up", &[("route", &route)], 1).await;
    }
    let records = load.stop().await;
    println!("{} requests: {:?}", records.len(), endings(&records));
    no_get_was_lost(&records);
    no_post_ran_twice(&records, &[&one, &two]);
    let endless_streams = 2;
    assert_eq!(
        answers_broken_off(&mut gateway).await,
        resets(&records) + endless_streams
    );
}

/// The kernel accepts connections for a frozen process, so only the ping behind the connect notices.
#[tokio::test]
async fn a_frozen_tomcat_is_noticed_by_the_ping_of_a_new_connection() {
    let (mut one, two) = two_tomcats().await;
    let gateway = Ajpgate::before(&[&one, &two])
        .member("ping: 300ms, timeout: 60s")
        .start()
        .await;
    one.pause().await;
    let asked = Instant::now();
    let session = "Cookie: JSESSIONID=0123456789ABCDEF.node1\r\n";
    let answer = client::get(gateway.front(), "/app/session", session).await;
    let waited = asked.elapsed();
    assert_eq!(node_of(&answer), "node2");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    let in_error = [("route", "node1"), ("status", "error")];
    gateway.counts("member_status", &in_error, 1).await;
    assert_eq!(gateway.count("retries_total", &[]).await, 1);
    assert_eq!(node_of(&get(&gateway, "/app/session").await), "node2");
    one.resume();
}

async fn get(gateway: &Ajpgate, target: &str) -> Answer {
    client::get(gateway.front(), target, "").await
}

fn node_of(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.field("x-node").expect("an answer of a node")
}

/// How often each request was begun, on all nodes, from their first start.
fn executions(tomcats: &[&Tomcat]) -> BTreeMap<String, usize> {
    let mut executions = BTreeMap::new();
    for id in tomcats.iter().flat_map(|tomcat| tomcat.executed()) {
        *executions.entry(id).or_default() += 1;
    }
    executions
}

fn resets(records: &[Record]) -> usize {
    let reset = |record: &&Record| record.ending == Ending::Reset;
    records.iter().filter(reset).count()
}

/// The number of answers whose head was sent and whose body was not completed. Stops the gateway.
async fn answers_broken_off(gateway: &mut Ajpgate) -> usize {
    assert!(gateway.stop().await.success());
    let log = gateway.access_log();
    let broken_off = || log.iter().filter(|line| line.starts_with('X'));
    assert!(broken_off().all(|line| line == "X 200"), "{log:?}");
    broken_off().count()
}

/// Every GET was answered with 200, or its connection was reset; [`answers_broken_off`] checks that such an answer had
/// begun.
fn no_get_was_lost(records: &[Record]) {
    for record in records.iter().filter(|record| record.method == "GET") {
        assert!(
            matches!(record.ending, Ending::Answered(200) | Ending::Reset),
            "{record:?}"
        );
    }
}

/// A POST that was answered with 200 was executed once. Any other was executed at most once, and its client got an error.
fn no_post_ran_twice(records: &[Record], tomcats: &[&Tomcat]) {
    let executions = executions(tomcats);
    for record in records.iter().filter(|record| record.method == "POST") {
        let times = executions.get(&record.id).copied().unwrap_or_default();
        let ok = match record.ending {
            Ending::Answered(200) => times == 1,
            Ending::Answered(502) | Ending::Reset => times <= 1,
            _ => false,
        };
        assert!(ok, "executed {times} times: {record:?}");
    }
}
