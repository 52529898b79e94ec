//! FTP members in a balancer are chosen, kept by sessions, failed over, checked and counted like any others.

use crate::support::ftp::{Action, FtpServer, Site};
use crate::support::gateway::Running;
use crate::support::until;

const STICKY: &str = "sticky_cookie: { name: ROUTEID }";

/// The session of the first member.
const FIRST: &str = "Cookie: ROUTEID=a.n1\r\n";

/// Two servers whose `/name` is `n1` and `n2`.
async fn two_servers() -> [FtpServer; 2] {
    let site = |name: &str| Site::new().file("/name", name.as_bytes());
    [
        FtpServer::start(site("n1")).await,
        FtpServer::start(site("n2")).await,
    ]
}

fn gateway_for(servers: &[FtpServer], balancer: &str, member: &str) -> Running {
    let urls: Vec<String> = servers.iter().map(FtpServer::url).collect();
    Running::over(&urls, balancer, member)
}

#[tokio::test]
async fn the_cookie_of_the_gateway_keeps_a_session_at_its_member() {
    let servers = two_servers().await;
    let gateway = gateway_for(&servers, STICKY, "");
    let mut seen = Vec::new();
    for _ in 0..4 {
        let first = gateway.get("/name", "").await;
        let cookie = first.field("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        for _ in 0..3 {
            let again = gateway.get("/name", &format!("Cookie: {cookie}\r\n")).await;
            assert_eq!(again.text(), first.text());
            assert_eq!(again.field("set-cookie"), None);
        }
        seen.push(first.text().to_owned());
    }
    for name in ["n1", "n2"] {
        assert!(seen.contains(&name.to_owned()), "{seen:?}");
    }
    let hits = [("result", "hit")];
    assert_eq!(
        gateway.metric("ajpgate_sticky_requests_total", &hits).await,
        12.0
    );
}

#[tokio::test]
async fn the_session_of_a_server_that_is_gone_moves_to_another_member() {
    let [first, second] = two_servers().await;
    let gateway = Running::over(&[first.url(), second.url()], STICKY, "");
    assert_eq!(gateway.get("/name", FIRST).await.text(), "n1");
    drop(first);
    let answer = gateway.get("/name", FIRST).await;
    assert_eq!(answer.text(), "n2");
    assert!(answer.field("set-cookie").unwrap().contains("a.n2"));
    let route = [("route", "n1")];
    gateway
        .metric_becomes("ajpgate_member_up", &route, 0.0)
        .await;
    assert_eq!(gateway.metric("ajpgate_retries_total", &route).await, 1.0);
}

#[tokio::test]
async fn a_server_that_is_busy_or_closes_before_the_file_is_passed_over() {
    for site in [
        Site::new().greeting(Action::Reply("421 too many".into())),
        Site::new().greeting(Action::Close),
        Site::new().on("RETR", Action::Close),
        Site::new().reply("SIZE", "421 bye"),
    ] {
        let servers = [
            FtpServer::start(site).await,
            FtpServer::start(Site::new()).await,
        ];
        let gateway = gateway_for(&servers, STICKY, "");
        let answer = gateway.get("/hello.txt", FIRST).await;
        assert_eq!((answer.status, answer.text()), (200, "hello"));
        assert!(!servers[1].commands_with("RETR").is_empty());
        let busy = [("route", "n1"), ("reason", "busy")];
        let busy = gateway.metric("ajpgate_retries_total", &busy).await;
        let route = [("route", "n1")];
        let up = gateway.metric("ajpgate_member_up", &route).await;
        assert_eq!(up, busy, "a busy server stays up, a closed one does not");
    }
}

#[tokio::test]
async fn a_silent_server_is_not_passed_over() {
    let servers = [
        FtpServer::with("RETR", Action::Silence).await,
        FtpServer::start(Site::new()).await,
    ];
    let gateway = gateway_for(&servers, STICKY, "timeout: 300ms");
    let answer = gateway.get("/hello.txt", FIRST).await;
    assert_eq!(answer.status, 504);
    assert_eq!(servers[1].connections(), 0);
    let errors = [("route", "n1"), ("kind", "timeout")];
    assert_eq!(
        gateway.metric("ajpgate_member_errors_total", &errors).await,
        1.0
    );
}

#[tokio::test]
async fn a_draining_member_serves_its_own_sessions_only() {
    let [first, second] = two_servers().await;
    let gateway = Running::start(&format!(
        "balancers:
  test:
    {STICKY}
    members:
      - {{ url: \"{}\", route: n1, status: [drain] }}
      - {{ url: \"{}\", route: n2 }}
proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]
",
        first.url(),
        second.url()
    ));
    for _ in 0..3 {
        assert_eq!(gateway.get("/name", "").await.text(), "n2");
        assert_eq!(gateway.get("/name", FIRST).await.text(), "n1");
    }
}

/// `cping` is `tcp` for a member that does not speak AJP13; `get` and `head` ask for a file, `options` for the login.
#[tokio::test]
async fn health_checks_ask_for_a_connection_a_login_or_a_file() {
    let full = Action::Reply("421 full".into());
    for (check, site, well) in [
        ("method: cping", Site::new(), true),
        ("method: tcp", Site::new(), true),
        ("method: options", Site::new(), true),
        ("method: options", Site::new().login("a", "b"), false),
        ("method: head, uri: /hello.txt", Site::new(), true),
        ("method: head, uri: /gone", Site::new(), false),
        (
            "method: get, uri: /hello.txt, expect: { body: hell }",
            Site::new(),
            true,
        ),
        (
            "method: get, uri: /hello.txt, expect: { body: heaven }",
            Site::new(),
            false,
        ),
        ("method: get, uri: /gone", Site::new(), false),
        (
            "method: get, uri: /hello.txt",
            Site::new().greeting(full),
            false,
        ),
    ] {
        let server = [FtpServer::start(site).await];
        let check = format!("health_check: {{ {check}, interval: 100ms, fails: 1 }}");
        let gateway = gateway_for(&server, &check, "");
        let result = if well { "pass" } else { "fail" };
        until(&check, async || {
            let labels = [("result", result)];
            gateway.metric("ajpgate_health_checks_total", &labels).await >= 2.0
        })
        .await;
        let up = if well { 1.0 } else { 0.0 };
        let shown = gateway.metric("ajpgate_member_up", &[]).await;
        assert_eq!(shown, up, "{check}");
    }
}

#[tokio::test]
async fn requests_bytes_and_connections_are_counted_for_the_member() {
    let servers = [FtpServer::start(Site::new()).await];
    let gateway = gateway_for(&servers, "", "");
    let member = servers[0].url();
    let labels = |more| [("member", member.as_str()), more];
    assert_eq!(gateway.get("/pub/data.bin", "").await.body.len(), 100_000);
    let from = labels(("direction", "from_backend"));
    gateway.quiet().await;
    let counted = gateway.metric("ajpgate_bytes_total", &from).await;
    assert!((100_000.0..102_000.0).contains(&counted), "{counted}");
    assert_eq!(gateway.get("/", "").await.status, 200);
    assert_eq!(gateway.get("/gone", "").await.status, 404);
    gateway.quiet().await;
    assert!(gateway.metric("ajpgate_bytes_total", &from).await > counted);
    for (code, count) in [("2xx", 2.0), ("4xx", 1.0)] {
        let code = labels(("code", code));
        assert_eq!(gateway.metric("ajpgate_requests_total", &code).await, count);
    }
    let connects = labels(("result", "ok"));
    assert_eq!(
        gateway.metric("ajpgate_connects_total", &connects).await,
        1.0
    );
}
