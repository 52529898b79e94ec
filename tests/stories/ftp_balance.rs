//! FTP members in a balancer: chosen, stuck to, failed over, checked and counted as any others.

use crate::support::ftp::{FtpServer, Say, Site};
use crate::support::gateway::Running;

async fn two() -> [FtpServer; 2] {
    let site = |name: &str| Site::new().file("/name", name.as_bytes());
    [
        FtpServer::start(site("n1")).await,
        FtpServer::start(site("n2")).await,
    ]
}

fn before(servers: &[FtpServer], balancer: &str, member: &str) -> Running {
    let urls: Vec<String> = servers.iter().map(FtpServer::url).collect();
    Running::over(&urls, balancer, member)
}

#[tokio::test]
async fn the_gateways_cookie_sticks() {
    let servers = two().await;
    let gateway = before(&servers, "sticky_cookie: { name: ROUTEID }", "");
    let mut seen = Vec::new();
    for _ in 0..4 {
        let first = gateway.get("/name", "").await;
        let cookie = first
            .field("set-cookie")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        for _ in 0..3 {
            let again = gateway.get("/name", &format!("Cookie: {cookie}\r\n")).await;
            assert_eq!(
                (again.text(), again.field("set-cookie")),
                (first.text(), None)
            );
        }
        seen.push(first.text().to_owned());
    }
    assert!(
        seen.contains(&"n1".to_owned()) && seen.contains(&"n2".to_owned()),
        "{seen:?}"
    );
    let hits = [("result", "hit")];
    assert_eq!(
        gateway.metric("ajpgate_sticky_requests_total", &hits).await,
        12.0
    );
}

/// Whatever of it has reached nobody moves on; a kept session moves with its cookie.
#[tokio::test]
async fn the_other_member_takes_over() {
    let [first, second] = two().await;
    let second = [second];
    let urls = [first.url(), second[0].url()];
    let gateway = Running::over(&urls, "sticky_cookie: { name: ROUTEID }", "");
    let cookie = "Cookie: ROUTEID=a.n1\r\n";
    assert_eq!(gateway.get("/name", cookie).await.text(), "n1");
    drop(first);
    let answer = gateway.get("/name", cookie).await;
    assert_eq!(answer.text(), "n2");
    assert!(answer.field("set-cookie").unwrap().contains("a.n2"));
    gateway
        .metric_becomes("ajpgate_member_up", &[("route", "n1")], 0.0)
        .await;
    assert_eq!(
        gateway
            .metric("ajpgate_retries_total", &[("route", "n1")])
            .await,
        1.0
    );
}

/// A server that takes nobody in, or goes before it has said anything of the file, is passed over.
#[tokio::test]
async fn a_full_server_is_passed_over() {
    for site in [
        Site::new().greeting(Say::Reply("421 too many".into())),
        Site::new().greeting(Say::Hangup),
        Site::new().on("RETR", Say::Hangup),
        Site::new().reply("SIZE", "421 bye"),
    ] {
        let servers = [
            FtpServer::start(site).await,
            FtpServer::start(Site::new()).await,
        ];
        let gateway = before(&servers, "sticky_cookie: { name: ROUTEID }", "");
        let answer = gateway.get("/hello.txt", "Cookie: ROUTEID=a.n1\r\n").await;
        assert_eq!((answer.status, answer.text()), (200, "hello"));
        assert!(!servers[1].all("RETR").is_empty());
        let busy = [("route", "n1"), ("reason", "busy")];
        let busy = gateway.metric("ajpgate_retries_total", &busy).await;
        let up = gateway
            .metric("ajpgate_member_up", &[("route", "n1")])
            .await;
        assert_eq!(up, busy, "busy is not broken, and gone is");
    }
}

/// Not with a slow one: it must not visit every member.
#[tokio::test]
async fn silence_does_not_move_on() {
    let servers = [
        FtpServer::that("RETR", Say::Nothing).await,
        FtpServer::start(Site::new()).await,
    ];
    let gateway = before(
        &servers,
        "sticky_cookie: { name: ROUTEID }",
        "timeout: 300ms",
    );
    let answer = gateway.get("/hello.txt", "Cookie: ROUTEID=a.n1\r\n").await;
    assert_eq!(answer.status, 504);
    assert_eq!(servers[1].connections(), 0);
    let errors = [("route", "n1"), ("kind", "timeout")];
    assert_eq!(
        gateway.metric("ajpgate_member_errors_total", &errors).await,
        1.0
    );
}

#[tokio::test]
async fn a_draining_member_keeps_its_sessions_only() {
    let servers = two().await;
    let urls: Vec<String> = servers.iter().map(FtpServer::url).collect();
    let gateway = Running::start(&format!(
        "balancers:
  test:
    sticky_cookie: {{ name: ROUTEID }}
    members:
      - {{ url: \"{}\", route: n1, status: [drain] }}
      - {{ url: \"{}\", route: n2 }}
proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]
",
        urls[0], urls[1]
    ));
    for _ in 0..3 {
        assert_eq!(gateway.get("/name", "").await.text(), "n2");
        assert_eq!(
            gateway
                .get("/name", "Cookie: ROUTEID=a.n1\r\n")
                .await
                .text(),
            "n1"
        );
    }
}

/// `cping` is `tcp` where CPING is not known; `get` and `head` ask for a file.
#[tokio::test]
async fn health_checks() {
    for (check, site, well) in [
        ("method: cping", Site::new(), true),
        ("method: tcp", Site::new(), true),
        ("method: options", Site::new(), true),
        ("method: head, uri: /hello.txt", Site::new(), true),
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
        ("method: head, uri: /gone", Site::new(), false),
        ("method: options", Site::new().login("a", "b"), false),
        (
            "method: get, uri: /hello.txt",
            Site::new().greeting(Say::Reply("421 full".into())),
            false,
        ),
    ] {
        let server = [FtpServer::start(site).await];
        let check = format!("health_check: {{ {check}, interval: 100ms, fails: 1 }}");
        let gateway = before(&server, &check, "");
        let result = if well { "pass" } else { "fail" };
        crate::support::until(&check, async || {
            let labels = [("result", result)];
            gateway.metric("ajpgate_health_checks_total", &labels).await >= 2.0
        })
        .await;
        let up = if well { 1.0 } else { 0.0 };
        assert_eq!(
            gateway.metric("ajpgate_member_up", &[]).await,
            up,
            "{check}"
        );
    }
}

/// Bytes and requests are counted for the member that answered, listings included.
#[tokio::test]
async fn they_are_counted() {
    let servers = [FtpServer::start(Site::new()).await];
    let gateway = before(&servers, "", "allow_write: true");
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
    assert_eq!(
        gateway
            .metric("ajpgate_connects_total", &labels(("result", "ok")))
            .await,
        1.0
    );
}
