//! Sticky sessions on backends that set no route: two nginx, and the two ways to configure it.

use std::net::SocketAddr;

use crate::support::ajpgate::Ajpgate;
use crate::support::client::{self, Answer};
use crate::support::nginx::{Nginx, NginxOptions};

/// Two nginx without sessions, members of a balancer with these keys.
async fn two(balancer: &str, mapping: &str) -> (Nginx, Nginx, Ajpgate) {
    let start = |node| {
        Nginx::start(NginxOptions::new(node).server("location / { return 200 \"hello\\n\"; }"))
    };
    let (one, two) = tokio::join!(start("n1"), start("n2"));
    let gateway = Ajpgate::start(&format!(
        "balancers:
  plain:
    {balancer}
    members:
      - {{ url: \"{}\", route: n1 }}
      - {{ url: \"{}\", route: n2 }}
proxy_pass:
  - path: /
    to: balancer://plain/
    {mapping}
",
        one.url(),
        two.url()
    ))
    .await;
    (one, two, gateway)
}

fn node(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.field("x-node").unwrap()
}

/// Twenty clients send five requests each. Each stays on its first node, and both nodes are used.
async fn everybody_stays(front: SocketAddr) {
    let mut homes = [0, 0];
    for _ in 0..20 {
        let first = client::get(front, "/", "").await;
        let cookie = first.field("set-cookie").expect("a cookie");
        let cookie = cookie.split(';').next().unwrap();
        assert!(cookie.starts_with("ROUTEID="), "{cookie}");
        for _ in 0..4 {
            let answer = client::get(front, "/", &format!("Cookie: {cookie}\r\n")).await;
            assert_eq!(node(&answer), node(&first));
            assert_eq!(answer.field("set-cookie"), None, "it has one");
        }
        homes[usize::from(node(&first) == "n2")] += 1;
    }
    assert_eq!(homes, [10, 10]);
}

/// A session whose node is gone moves to the other one, and its cookie names that.
async fn it_moves_with_the_session(mut one: Nginx, gateway: &Ajpgate, cookie: &str) {
    one.kill();
    let cookie = format!("Cookie: {cookie}\r\n");
    let moved = client::get(gateway.front(), "/", &cookie).await;
    assert_eq!(node(&moved), "n2");
    let new = moved.field("set-cookie").expect("a cookie");
    assert!(new.split(';').next().unwrap().ends_with(".n2"), "{new}");
    let failover = [("route", "n1"), ("result", "failover")];
    gateway.counts("sticky_requests_total", &failover, 1).await;
}

#[tokio::test]
async fn httpds_routeid_recipe_keeps_sessions_on_their_node() {
    let (one, _two, gateway) = two(
        "stickysession: ROUTEID",
        "response_headers: [{ add: Set-Cookie, value: \"ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/\", when: BALANCER_ROUTE_CHANGED }]",
    )
    .await;
    everybody_stays(gateway.front()).await;
    it_moves_with_the_session(one, &gateway, "ROUTEID=.n1").await;
}

#[tokio::test]
async fn the_gateways_own_cookie_keeps_sessions_on_their_node() {
    let (one, _two, gateway) = two("sticky_cookie: { name: ROUTEID }", "").await;
    everybody_stays(gateway.front()).await;
    assert_eq!(gateway.count("sticky_sessions", &[]).await, 20);
    it_moves_with_the_session(one, &gateway, "ROUTEID=0123456789abcdef.n1").await;
}
