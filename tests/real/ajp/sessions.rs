//! Sticky sessions on two real Tomcats: each client stays on its node, and the gateway's counters agree with the answers
//! that the clients got.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::support::ajpgate::{Ajpgate, member};
use crate::support::browser::Browser;
use crate::support::client::{self, Answer};
use crate::support::eventually;
use crate::support::metrics::Metrics;
use crate::support::probe;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use serde_json::Value;
use tokio::task::JoinSet;

const CLIENTS: u64 = 200;
const REQUESTS_EACH: u64 = 50;
const REQUESTS: u64 = CLIENTS * REQUESTS_EACH;

async fn two_tomcats() -> (Tomcat, Tomcat) {
    tokio::join!(
        Tomcat::start(
            TomcatOptions::new("node1")
                .secret("s3cret")
                .http_connector()
        ),
        Tomcat::start(
            TomcatOptions::new("node2")
                .secret("s3cret")
                .http_connector()
        ),
    )
}

#[tokio::test]
async fn ten_thousand_requests_with_cookies_stay_on_their_nodes() {
    let (one, two) = two_tomcats().await;
    let gateway = Ajpgate::before(&[&one, &two]).start().await;
    let homes = visits(gateway.front(), with_cookies).await;
    gateway.quiet().await;
    every_request_hit(&homes, &gateway.metrics().await);
    every_request_ran_once(&[&one, &two]).await;
}

#[tokio::test]
async fn ten_thousand_requests_with_the_session_in_the_url_stay_on_their_nodes() {
    let (one, two) = two_tomcats().await;
    let gateway = Ajpgate::before(&[&one, &two]).start().await;
    let homes = visits(gateway.front(), with_urls).await;
    gateway.quiet().await;
    every_request_hit(&homes, &gateway.metrics().await);
    every_request_ran_once(&[&one, &two]).await;
}

/// Runs all clients at the same time, and returns the number of clients of each node.
async fn visits<F>(front: SocketAddr, visit: impl Fn(SocketAddr) -> F) -> BTreeMap<String, u64>
where
    F: Future<Output = String> + Send + 'static,
{
    let visits: JoinSet<String> = (0..CLIENTS).map(|_| visit(front)).collect();
    let mut homes = BTreeMap::new();
    for home in visits.join_all().await {
        *homes.entry(home).or_default() += 1;
    }
    println!("{REQUESTS} requests of {CLIENTS} clients, at home at {homes:?}");
    homes
}

/// A client that keeps cookies. Returns the node of its session.
async fn with_cookies(front: SocketAddr) -> String {
    let mut browser = Browser::new(front);
    let home = node(&browser.get("/app/session").await);
    for hits in 2..=REQUESTS_EACH {
        let answer = browser.get("/app/session").await;
        let page = json(&answer);
        assert_eq!(
            (node(&answer), &page["hits"]),
            (home.clone(), &Value::from(hits))
        );
        assert_eq!(page["fromCookie"], true);
    }
    home
}

/// A client without cookies that follows the encoded link of the page. Returns the node of its session.
async fn with_urls(front: SocketAddr) -> String {
    let mut browser = Browser::new(front);
    let first = browser.get("/app/session?encode=1").await;
    let (home, link) = (node(&first), first.text().trim_end().to_owned());
    assert!(link.starts_with("/app/session;jsessionid="), "{link}");
    for hits in 2..=REQUESTS_EACH {
        browser.session = None;
        let answer = browser.get(&link).await;
        let page = json(&answer);
        assert_eq!(
            (node(&answer), &page["hits"]),
            (home.clone(), &Value::from(hits))
        );
        assert_eq!(page["fromURL"], true);
    }
    home
}

/// The gateway's counters agree with the clients' answers, request for request.
fn every_request_hit(homes: &BTreeMap<String, u64>, metrics: &Metrics) {
    assert_eq!(homes.len(), 2, "clients are spread");
    let sticky = |labels: &[(&str, &str)]| metrics.count("sticky_requests_total", labels);
    for (home, clients) in homes {
        let hits = sticky(&[("route", home), ("result", "hit")]);
        let requests = metrics.count("requests_total", &[("route", home), ("code", "2xx")]);
        println!("{home}: {clients} clients, {hits} hits, {requests} requests");
        assert_eq!(hits, clients * (REQUESTS_EACH - 1));
        assert_eq!(requests, clients * REQUESTS_EACH);
    }
    assert_eq!(sticky(&[("result", "new")]), CLIENTS);
    assert_eq!(sticky(&[]), REQUESTS, "no other result");
    assert_eq!(metrics.count("requests_total", &[]), REQUESTS);
    for troubles in [
        "retries_total",
        "member_errors_total",
        "sticky_route_mismatch_total",
    ] {
        assert_eq!(metrics.count(troubles, &[]), 0, "{troubles}");
    }
}

async fn every_request_ran_once(tomcats: &[&Tomcat]) {
    let mut executed = 0;
    for tomcat in tomcats {
        let counter = probe::get(tomcat.http_addr(), "/app/counter", &[]).await;
        let counter: Value = serde_json::from_slice(&counter.body).unwrap();
        executed += counter["total"].as_u64().unwrap();
    }
    assert_eq!(executed, REQUESTS);
}

#[tokio::test]
async fn a_session_in_the_query_is_sticky() {
    let (one, two) = two_tomcats().await;
    let gateway = Ajpgate::before(&[&one, &two]).start().await;
    for (home, other) in [("node1", "node2"), ("node2", "node1")] {
        for _ in 0..10 {
            // The session in the query comes before the one in the cookie.
            let target = format!("/app/echo?a=b&jsessionid=0123.{home}");
            let cookie = format!("Cookie: JSESSIONID=4567.{other}\r\n");
            let answer = client::get(gateway.front(), &target, &cookie).await;
            assert_eq!(node(&answer), home);
        }
        let hits = [("route", home), ("result", "hit")];
        gateway.counts("sticky_requests_total", &hits, 10).await;
    }
}

/// The most frequent mistake in configurations, which the counter shows.
#[tokio::test]
async fn routes_that_do_not_agree_with_jvm_route_are_counted() {
    let (one, two) = two_tomcats().await;
    let (one, two) = (member(&one), member(&two));
    let swapped = one.replace("node1", "node2");
    let unknown = two.replace("node2", "west");
    let gateway = Ajpgate::start(&format!(
        "balancers:
  tomcats:
    members: [{{ {swapped} }}, {{ {unknown} }}]
proxy_pass: [{{ path: /, to: \"balancer://tomcats/\" }}]
"
    ))
    .await;
    for _ in 0..10 {
        client::get(gateway.front(), "/app/session", "").await;
    }
    for (route, issued) in [("node2", "unknown"), ("west", "node2")] {
        let labels = [("route", route), ("issued", issued)];
        gateway
            .counts("sticky_route_mismatch_total", &labels, 5)
            .await;
    }
    gateway.counts("sticky_route_mismatch_total", &[], 10).await;
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_the_log_names_the_cause() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").secret("s3cret")).await;
    let wrong = member(&tomcat).replace("s3cret", "guess");
    let gateway = Ajpgate::start(&format!(
        "balancers: {{ tomcats: {{ members: [{{ {wrong} }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://tomcats/\" }}]
"
    ))
    .await;
    let answer = client::get(gateway.front(), "/app/session", "").await;
    assert_eq!(answer.status, 403);
    // That it is not an application's 403 is known only after the answer.
    eventually("a hint in the log", async || {
        gateway.log().contains("secret")
    })
    .await;
    let log = gateway.log();
    assert!(
        !log.contains("guess"),
        "the log gives the secret away:\n{log}"
    );
}

fn node(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
        .field("x-node")
        .expect("an answer of a node")
        .to_owned()
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}
