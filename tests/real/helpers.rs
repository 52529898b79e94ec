//! Tests of `tests/support`: servers start, answer, stop and restart as told, and the test application does what the other
//! tests rely on.

use crate::support::httpd::{Httpd, Member};
use crate::support::noise;
use crate::support::port::ReservedPort;
use crate::support::probe::{get, request};
use crate::support::tomcat::{Tomcat, TomcatOptions};
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
const AT_ONCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_tomcat_answers_over_ajp_and_http_under_its_route() {
    let tomcat = Tomcat::start(
        TomcatOptions::new("node1")
            .secret("s3cret")
            .http_connector(),
    )
    .await;

    tomcat.cping(SOON).await.expect("CPONG");
    let page = get(tomcat.http_addr(), "/app/session", &[]).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("X-Node"), Some("node1"));
    assert!(
        page.cookie()
            .is_some_and(|cookie| cookie.ends_with(".node1")),
        "{page:?}"
    );
}

#[tokio::test]
async fn a_tomcat_restarts_on_its_port_and_can_be_frozen() {
    let mut tomcat = Tomcat::start(
        TomcatOptions::new("node1")
            .paths(&["/", "/app"])
            .http_connector(),
    )
    .await;
    let addr = tomcat.ajp_addr();

    tomcat.kill();
    tomcat.cping(SOON).await.expect_err("killed");
    tomcat.restart().await;
    assert_eq!(tomcat.ajp_addr(), addr);

    tomcat.pause().await;
    tomcat.cping(AT_ONCE).await.expect_err("frozen");
    tomcat.resume();
    tomcat.cping(SOON).await.expect("CPONG");

    for path in ["/session", "/app/session"] {
        assert_eq!(get(tomcat.http_addr(), path, &[]).await.status, 200);
    }
    tomcat.stop().await;
    assert_eq!(
        tomcat.log().matches("Server startup in").count(),
        2,
        "{}",
        tomcat.log()
    );
}

#[tokio::test]
async fn httpd_keeps_sessions_with_mod_proxy_ajp_and_with_mod_jk() {
    let (one, two) = tokio::join!(
        Tomcat::start(TomcatOptions::new("node1").secret("s3cret")),
        Tomcat::start(
            TomcatOptions::new("node2")
                .secret("s3cret")
                .packet_size(65536)
        ),
    );
    let members: [Member; 2] = [(&one).into(), (&two).into()];
    let (proxy, mut jk) = tokio::join!(Httpd::proxy_ajp(&members, ""), Httpd::mod_jk(&members, ""));
    for front in [&proxy, &jk] {
        let homes = [
            home_of_a_new_client(front.addr()).await,
            home_of_a_new_client(front.addr()).await,
        ];
        assert_ne!(
            homes[0],
            homes[1],
            "new clients are spread\n{}",
            front.log()
        );
    }
    jk.stop().await;
}

/// The node of a new client, after checking that its session stays there.
async fn home_of_a_new_client(front: SocketAddr) -> String {
    let first = get(front, "/app/session", &[]).await;
    let home = first
        .header("X-Node")
        .expect("an answer from a node")
        .to_owned();
    for hits in 2..=4 {
        let cookie = [("Cookie", first.cookie().expect("a session"))];
        let next = get(front, "/app/session", &cookie).await;
        assert_eq!(next.header("X-Node"), Some(home.as_str()));
        assert!(
            next.text().contains(&format!("\"hits\":{hits},")),
            "{}",
            next.text()
        );
    }
    home
}

#[tokio::test]
async fn the_test_application_sends_and_checks_computed_bytes() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").http_connector()).await;
    let http = tomcat.http_addr();

    for (seed, n) in [(0, 1), (7, 8186), (u64::from(u32::MAX), 100_000)] {
        let target = format!("/app/bytes?n={n}&seed={seed}&cl=1&chunk=1000&flush=1");
        let sent = get(http, &target, &[]).await;
        assert_eq!(sent.header("Content-Length"), Some(n.to_string().as_str()));
        assert_eq!(sent.body, noise::bytes(seed, n));

        let received = request(
            http,
            "POST",
            &format!("/app/sha?seed={seed}"),
            &[],
            &sent.body,
        )
        .await;
        let verdict = received.expect("an answer").text();
        assert!(
            verdict.contains(&format!("\"bytes\":{n},")) && verdict.contains("\"matches\":true"),
            "{verdict}"
        );
    }
}

#[tokio::test]
async fn the_test_application_answers_as_its_comments_say() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").http_connector()).await;
    let http = tomcat.http_addr();

    for (target, status, part) in [
        ("/app/", 200, "<h1>ajpgate test application</h1>"),
        ("/app/echo/more?a=%20b", 200, r#""queryString":"a=%20b""#),
        ("/app/session?encode=1", 200, "/app/session;jsessionid="),
        (
            "/app/sha?early=1",
            200,
            "{\"early\":true}\n{\"node\":\"node1\",\"bytes\":0,",
        ),
        (
            "/app/sse?n=2&ms=1",
            200,
            "id: 1\ndata: event 1\n\nid: 2\ndata: event 2\n\n",
        ),
        ("/app/slow?ms=1&then=299", 299, "slept"),
        ("/app/status?code=418&body=tea", 418, "tea"),
        ("/app/status?code=503&error=busy", 503, "busy"),
        ("/app/status?code=204&length=10", 204, ""),
        ("/app/headers?many=3", 200, "ok"),
        (
            "/app/fault?kind=exception-before-commit",
            500,
            "exception-before-commit",
        ),
        ("/app/async?ms=1", 200, r#""async":true"#),
        ("/app/protected", 401, ""),
        (
            "/app/counter?reset=1",
            200,
            r#""byPath":{"/async":1,"/echo":1,"#,
        ),
        (
            "/app/log",
            200,
            r#"{"node":"node1","ids":0,"repeated":{},"last":[]}"#,
        ),
    ] {
        let reply = get(http, target, &[("Authorization", "Basic bm86Ym9keQ==")]).await;
        assert_eq!(reply.status, status, "{target}: {reply:?}");
        assert!(reply.text().contains(part), "{target}: {}", reply.text());
    }
}

#[tokio::test]
async fn the_applications_log_shows_repeated_requests_and_users() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").http_connector()).await;
    let http = tomcat.http_addr();
    for id in ["a", "b", "a"] {
        get(http, "/app/status", &[("X-Request-Id", id)]).await;
    }
    let log = get(http, "/app/log", &[]).await.text();
    assert!(log.contains(r#""ids":2,"repeated":{"a":2}"#), "{log}");

    let alice = get(
        http,
        "/app/protected",
        &[("Authorization", "Basic YWxpY2U6d29uZGVybGFuZA==")],
    )
    .await;
    assert!(
        alice.text().contains(r#""remoteUser":"alice""#),
        "{alice:?}"
    );
}

#[test]
fn no_port_is_reserved_twice() {
    let ports: Vec<_> = (0..50).map(|_| ReservedPort::new()).collect();
    let mut addrs: Vec<_> = ports.iter().map(ReservedPort::addr).collect();
    addrs.sort();
    addrs.dedup();
    assert_eq!(addrs.len(), ports.len());
}
