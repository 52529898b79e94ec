//! Draining real Tomcats: existing sessions stay, new ones go elsewhere, and a rolling restart costs no request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clients::{Clients, DRAIN, END_DRAIN, Seen, client_on, client_with_session};
use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
use crate::support::client;
use crate::support::eventually;
use crate::support::payload::parsed;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use serde_json::Value;

/// Redirects requests that reach a draining node without a session that the node knows.
const VALVE: &str = r#"<Valve className="org.apache.catalina.valves.LoadBalancerDrainingValve"/>"#;

async fn node(route: &str) -> Tomcat {
    Tomcat::start(TomcatOptions::new(route).secret("s3cret").valve(VALVE)).await
}

#[tokio::test]
async fn a_drained_tomcat_keeps_its_sessions_and_gets_no_new_ones() {
    let (one, two) = tokio::join!(node("node1"), node("node2"));
    let gateway = Ajpgate::before(&[&one, &two])
        .balancer("session_timeout: 2s")
        .start()
        .await;
    let front = gateway.front();
    let mut old = client_on("node1", front).await;
    let on_one = [("route", "node1")];
    gateway.change("tomcats", "node1", DRAIN).await;

    for hits in 2..=10 {
        let seen = parsed(&old.get("/app/session").await);
        assert_eq!(
            (&seen["node"], &seen["hits"]),
            (&Value::from("node1"), &Value::from(hits))
        );
        let stranger = parsed(&Browser::new(front).get("/app/session").await);
        assert_eq!(stranger["node"], "node2", "no new session arrives");
    }
    assert_eq!(gateway.count("sticky_sessions", &on_one).await, 1);
    assert_eq!(gateway.count("member_drained", &on_one).await, 0);

    // The valve sees the attribute JK_LB_ACTIVATION with DIS: it removes the cookie of an unknown session and redirects.
    let cookie = "Cookie: JSESSIONID=0123456789ABCDEF.node1\r\n";
    let sent_away = client::get(front, "/app/session", cookie).await;
    assert_eq!(sent_away.status, 307, "{sent_away:?}");
    assert!(
        sent_away
            .field("location")
            .unwrap()
            .ends_with("/app/session")
    );
    let taken = sent_away.all("set-cookie").join(", ");
    assert!(
        taken.contains("JSESSIONID=") && taken.contains("Max-Age=0"),
        "{taken}"
    );
    let active = "Cookie: JSESSIONID=0123456789ABCDEF.node2\r\n";
    assert_eq!(
        client::get(front, "/app/session", active).await.status,
        200,
        "told ACT"
    );

    let began = Instant::now();
    gateway.counts("member_drained", &on_one, 1).await;
    assert_eq!(gateway.count("sticky_sessions", &on_one).await, 0);
    println!("drained {:?} after its last request", began.elapsed());
    eventually("the log says so", async || {
        gateway.log().contains("member has drained")
    })
    .await;
    let seen = parsed(&old.get("/app/session").await);
    assert_eq!(
        seen["node"], "node1",
        "a session stays until its Tomcat is stopped"
    );

    gateway.change("tomcats", "node1", END_DRAIN).await;
    client_on("node1", front).await;
}

const CLIENTS: usize = 40;
/// Time between two requests of a client; all clients together send 200 requests a second.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(200);
/// Requests of a session before its client logs out, which take two seconds.
const HITS: u64 = 10;

/// A client without sessions.
async fn client_without_session(front: SocketAddr, seen: Arc<Seen>) {
    let mut browser = Browser::new(front);
    while !seen.is_over() {
        assert_eq!(browser.get("/app/counter").await.status, 200);
        seen.request().await;
    }
}

#[tokio::test]
async fn a_rolling_restart_of_three_tomcats_fails_no_request_and_loses_no_session() {
    let (one, two, three) = tokio::join!(node("node1"), node("node2"), node("node3"));
    let gateway = Ajpgate::before(&[&one, &two, &three])
        .balancer("session_timeout: 3s")
        .start()
        .await;
    let front = gateway.front();
    let mut clients = Clients::new(BETWEEN_REQUESTS);
    for number in 0..CLIENTS {
        match number % 2 {
            0 => clients.start(|seen| client_with_session(front, seen, Some(HITS))),
            _ => clients.start(|seen| client_without_session(front, seen)),
        }
    }
    let began = Instant::now();
    let mut tomcats = [one, two, three];
    for tomcat in &mut tomcats {
        let route = tomcat.route().to_owned();
        let labels = [("route", route.as_str())];
        let drain_began = Instant::now();
        gateway.change("tomcats", &route, DRAIN).await;
        gateway.counts("member_drained", &labels, 1).await;
        let drained = drain_began.elapsed();
        tomcat.stop().await;
        tomcat.restart().await;
        gateway.change("tomcats", &route, END_DRAIN).await;
        let elected = gateway.count("member_elected_total", &labels).await;
        eventually("it serves again", async || {
            gateway.count("member_elected_total", &labels).await > elected + 20
        })
        .await;
        println!(
            "{route}: drained after {drained:?}, back after {:?}",
            drain_began.elapsed()
        );
        clients.none_has_failed();
    }
    let lasted = began.elapsed();
    let (requests, sessions) = clients.stop().await;
    let metrics = gateway.metrics().await;
    println!("{requests} requests of {sessions} sessions in {lasted:?}, none failed");
    assert_eq!(metrics.count("requests_total", &[]), requests as u64);
    assert_eq!(
        metrics.count("requests_total", &[("code", "2xx")]),
        requests as u64
    );
    for trouble in ["failover", "unserved", "unknown_route"] {
        assert_eq!(
            metrics.count("sticky_requests_total", &[("result", trouble)]),
            0,
            "{trouble}"
        );
    }
}
