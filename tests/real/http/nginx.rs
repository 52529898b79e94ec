//! nginx as a member: it is killed and restarted, and closes idle connections at the moment when they are used.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::ajpgate::Ajpgate;
use crate::support::authority::Authority;
use crate::support::browser::{Browser, Outcome};
use crate::support::client;
use crate::support::eventually;
use crate::support::nginx::{Nginx, NginxOptions};
use crate::support::wait::pause;

fn hello(node: &str) -> NginxOptions {
    NginxOptions::new(node).server(&format!("location / {{ return 200 \"{node}\\n\"; }}"))
}

#[tokio::test]
async fn a_killed_nginx_gets_no_request_until_retry_is_over() {
    let (mut one, two) = tokio::join!(Nginx::start(hello("n1")), Nginx::start(hello("n2")));
    let gateway = Ajpgate::start(&format!(
        "balancers:
  plain:
    stickysession: SID
    members:
      - {{ url: \"{}\", route: n1, retry: 1s }}
      - {{ url: \"{}\", route: n2, retry: 1s }}
proxy_pass: [{{ path: /, to: \"balancer://plain/\" }}]
",
        one.url(),
        two.url()
    ))
    .await;
    let node = async || {
        let answer = client::get(gateway.front(), "/", "Cookie: SID=x.n1\r\n").await;
        assert_eq!(answer.status, 200);
        answer.field("x-node").unwrap().to_owned()
    };
    assert_eq!(node().await, "n1");
    one.kill();
    for _ in 0..10 {
        assert_eq!(node().await, "n2");
    }
    gateway.counts("member_up", &[("route", "n1")], 0).await;
    one.restart().await;
    eventually("n1 serves its sessions again", async || {
        node().await == "n1"
    })
    .await;
    gateway.counts("member_up", &[("route", "n1")], 1).await;
}

/// nginx closes connections after a second or three requests. POSTs, with and without TLS, come at these moments, and none
/// fails because its connection was closed.
#[tokio::test]
async fn no_post_fails_because_nginx_closes_idle_connections() {
    let ca = Authority::new();
    let (certificate, key) = ca.issue("localhost");
    let plain = hello("n1");
    let encrypted = hello("n1").tls(&certificate, &key);
    let tls = format!(", tls: {{ ca: {} }}", ca.file("ca.pem"));
    tokio::join!(posts(plain, ""), posts(encrypted, &tls));
}

/// Sends many POSTs to an nginx with these options, a member with these keys.
async fn posts(options: NginxOptions, keys: &str) {
    const CLIENTS: usize = 20;
    const REQUESTS_EACH: usize = 200;
    let nginx = Nginx::start(
        options.server("keepalive_timeout 1s;\nkeepalive_requests 3;\nlingering_close off;"),
    )
    .await;
    let gateway = Ajpgate::start(&format!(
        "balancers: {{ plain: {{ members: [{{ url: \"{}\", route: n1{keys} }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://plain/\" }}]
",
        nginx.url()
    ))
    .await;
    let front = gateway.front();
    let together = Arc::new(Barrier::new(CLIENTS));
    let posting: JoinSet<()> = (0..CLIENTS)
        .map(|number| (number as u64, Arc::clone(&together)))
        .map(|(number, together)| async move {
            let mut browser = Browser::new(front);
            for turn in 0..REQUESTS_EACH {
                let id = format!("X-Request-Id: {number}-{turn}\r\n");
                let outcome = browser.request("POST", "/", &id, b"a body").await;
                match outcome {
                    Outcome::Answered(answer) => assert_eq!(answer.status, 200, "{id}"),
                    other => panic!("{id}: {other:?}"),
                }
                // From time to time all clients pause together for about as long as nginx keeps a connection.
                if turn % 20 == 19 {
                    together.wait().await;
                    pause(Duration::from_millis(996 + number % 9)).await;
                }
            }
        })
        .collect();
    posting.join_all().await;

    let mut times: BTreeMap<String, u64> = BTreeMap::new();
    let mut longest = 0;
    for line in nginx.requests() {
        let mut fields = line.split(' ').map(str::to_owned);
        let id = fields.next().unwrap();
        longest = longest.max(fields.next().unwrap().parse::<u64>().unwrap());
        if id != "-" {
            *times.entry(id).or_default() += 1;
        }
    }
    let requests = CLIENTS * REQUESTS_EACH;
    assert_eq!(times.len(), requests, "each arrived");
    assert!(times.values().all(|times| *times == 1), "and once");
    assert_eq!(longest, 3, "requests of one connection");
    let metrics = gateway.metrics().await;
    let made = metrics.count("connects_total", &[("result", "ok")]);
    let stale = metrics.count("retries_total", &[("reason", "stale")]);
    println!(
        "{}: {requests} POSTs over {made} connections, {stale} repeated because nothing of them had been sent",
        nginx.url()
    );
    assert!(made > (requests / 3) as u64, "some were too old");
    assert_eq!(metrics.count("member_errors_total", &[]), 0);
}
