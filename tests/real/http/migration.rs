//! docs/migrating.md, "Moving from AJP to HTTP": a cluster changes its protocol member by member under load, without an error and
//! without a lost session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clients::{Clients, Seen, client_with_session};
use crate::support::ajpgate::{Ajpgate, http_member, member};
use crate::support::browser::Browser;
use crate::support::client::Client;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::{eventually, noise};

const CLIENTS: usize = 50;
/// Time between two requests of a client; all clients together send 200 requests a second.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(250);
/// Requests of a session before its client logs out; every second client never does.
const HITS: u64 = 8;
const SEED: u64 = 7;

/// A client without sessions that sends GET and POST.
async fn client_without_session(front: SocketAddr, seen: Arc<Seen>) {
    let mut browser = Browser::new(front);
    let body = noise::bytes(SEED, 20_000);
    for turn in 0.. {
        if seen.is_over() {
            return;
        }
        let (method, target, body) = match turn % 2 {
            0 => ("GET", "/app/bytes?n=20000&flush=1", &[][..]),
            _ => ("POST", "/app/sha?seed=7", &body[..]),
        };
        let outcome = browser.request(method, target, "", body).await;
        let answer = outcome.expect_answer();
        assert_eq!(answer.status, 200, "{answer:?}");
        seen.request().await;
    }
}

/// A client whose answer begins before a member is moved and ends after that.
async fn reader(front: SocketAddr, route: &str) -> Client {
    let mut client = Client::connect(front).await;
    client
        .send(format!(
            "GET /app/sse?n=60&ms=50 HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=reader.{route}\r\n\r\n"
        ))
        .await;
    client.raw_until("event 1\n").await;
    client
}

/// The configuration file. It has `stickysession`, which only balancers with AJP members have by default, and in the end no
/// AJP member is left.
fn file(members: &[String]) -> String {
    let members: String = members
        .iter()
        .map(|keys| format!("      - {{ {keys} }}\n"))
        .collect();
    format!(
        "balancers:
  tomcats:
    stickysession: JSESSIONID|jsessionid
    members:
{members}proxy_pass: [{{ path: /, to: \"balancer://tomcats/\" }}]
"
    )
}

/// A member's path in the API, by its URL: a route that two members share identifies neither.
fn api(url: &str) -> String {
    let url = url.replace(':', "%3A").replace('/', "%2F");
    format!("/api/v1/balancers/tomcats/members/{url}")
}

async fn add_http(gateway: &Ajpgate, tomcat: &Tomcat) {
    let (addr, route) = (tomcat.http_addr(), tomcat.route());
    let keys = format!(r#"{{"url": "http://{addr}", "route": "{route}"}}"#);
    let members = "/api/v1/balancers/tomcats/members";
    gateway.api("POST", members, &keys, 201).await;
}

/// Disables the AJP member, which completes its requests, and removes it.
async fn disable_and_remove(gateway: &Ajpgate, tomcat: &Tomcat) {
    let url = format!("ajp://{}", tomcat.ajp_addr());
    let disabled = r#"{"status": {"disabled": true}}"#;
    gateway.api("PATCH", &api(&url), disabled, 200).await;
    gateway.counts("member_busy", &[("member", &url)], 0).await;
    gateway.api("DELETE", &api(&url), "", 204).await;
}

/// Waits until the HTTP member has had many requests.
async fn serves(gateway: &Ajpgate, tomcat: &Tomcat) {
    let url = format!("http://{}", tomcat.http_addr());
    eventually(&format!("{url} serves"), async || {
        let labels = [("member", url.as_str()), ("code", "2xx")];
        gateway.count("requests_total", &labels).await > 50
    })
    .await;
}

/// Three Tomcats under load, each of which `step` moves from its AJP to its HTTP connector.
async fn move_all(
    mut step: impl AsyncFnMut(&Ajpgate, &[Tomcat; 3], usize),
) -> (Ajpgate, [Tomcat; 3]) {
    let node = |route| Tomcat::start(TomcatOptions::new(route).secret("s3cret").http_connector());
    let (one, two, three) = tokio::join!(node("node1"), node("node2"), node("node3"));
    let tomcats = [one, two, three];
    let gateway = Ajpgate::start(&file(&tomcats.each_ref().map(member))).await;
    let front = gateway.front();
    let mut clients = Clients::new(BETWEEN_REQUESTS);
    for number in 0..CLIENTS {
        match number % 4 {
            0 => clients.start(|seen| client_with_session(front, seen, None)),
            1 => clients.start(|seen| client_with_session(front, seen, Some(HITS))),
            _ => clients.start(|seen| client_without_session(front, seen)),
        }
    }
    eventually("all clients are busy", async || {
        clients.requests() > 4 * CLIENTS
    })
    .await;
    let began = Instant::now();
    for (number, tomcat) in tomcats.iter().enumerate() {
        let mut reader = reader(front, tomcat.route()).await;
        let moving = Instant::now();
        step(&gateway, &tomcats, number).await;
        println!("{} moved within {:.1?}", tomcat.route(), moving.elapsed());
        serves(&gateway, tomcat).await;
        let answer = reader.answer().await;
        assert!(
            answer.complete && answer.text().ends_with("data: event 60\n\n"),
            "what was under way is not cut: {answer:?}"
        );
        clients.none_has_failed();
    }
    let lasted = began.elapsed();
    let (requests, sessions) = clients.stop().await;
    gateway.quiet().await;
    println!(
        "{requests} requests of {sessions} sessions, {lasted:.1?} from the first move to the last: none failed"
    );
    each_request_stayed_on_its_route(&gateway, (requests + tomcats.len()) as u64).await;
    (gateway, tomcats)
}

/// Checks that this many requests were counted, and that none was repeated, failed or left the member of its session.
async fn each_request_stayed_on_its_route(gateway: &Ajpgate, counted: u64) {
    let metrics = gateway.metrics().await;
    let sticky = |labels: &[(&str, &str)]| metrics.count("sticky_requests_total", labels);
    assert_eq!(sticky(&[]), counted);
    let well = ["hit", "new"].map(|result| sticky(&[("result", result)]));
    assert_eq!(
        well.iter().sum::<u64>(),
        counted,
        "no session left its route"
    );
    for troubles in [
        "retries_total",
        "member_errors_total",
        "sticky_route_mismatch_total",
    ] {
        assert_eq!(metrics.count(troubles, &[]), 0, "{troubles}");
    }
}

#[tokio::test]
async fn a_cluster_moves_to_http_by_editing_its_file() {
    move_all(async |gateway, tomcats, number| {
        let mut members = tomcats.each_ref().map(member);
        for (keys, tomcat) in members.iter_mut().zip(tomcats).take(number + 1) {
            *keys = http_member(tomcat);
        }
        gateway.reload(&file(&members)).await;
    })
    .await;
}

#[tokio::test]
async fn a_cluster_moves_to_http_by_members_that_share_a_route() {
    let (gateway, tomcats) = move_all(async |gateway, tomcats, number| {
        add_http(gateway, &tomcats[number]).await;
        disable_and_remove(gateway, &tomcats[number]).await;
    })
    .await;
    // The file is brought in step with the changes by API.
    gateway
        .reload(&file(&tomcats.each_ref().map(http_member)))
        .await;
    let members: Value =
        serde_json::from_str(&gateway.api("GET", "/api/v1/balancers", "", 200).await).unwrap();
    let members = members["balancers"][0]["members"].as_array().unwrap();
    let urls: Vec<&str> = members
        .iter()
        .map(|it| it["url"].as_str().unwrap())
        .collect();
    assert_eq!(
        urls,
        tomcats
            .each_ref()
            .map(|it| format!("http://{}", it.http_addr()))
    );
}
