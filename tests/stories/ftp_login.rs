//! Whose login a request uses, and that nobody else's connection serves it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::support::ftp::{FtpServer, Site};
use crate::support::gateway::Running;

fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64.encode(pair))
}

fn before(server: &FtpServer, keys: &str) -> Running {
    Running::over(&[server.url()], "", keys)
}

#[tokio::test]
async fn the_server_asks_and_the_client_tells() {
    let server = FtpServer::start(Site::new().login("me", "pass:word")).await;
    let gateway = before(&server, "retry: 0s");
    let asked = gateway.get("/hello.txt", "").await;
    assert_eq!(asked.status, 401);
    let challenge = asked.field("www-authenticate").unwrap();
    assert_eq!(
        challenge,
        format!("Basic realm=\"{}\", charset=\"UTF-8\"", server.url())
    );
    assert_eq!(
        gateway.get("/hello.txt", &basic("me:wrong")).await.status,
        401
    );
    let answer = gateway.get("/hello.txt", &basic("me:pass:word")).await;
    assert_eq!(answer.text(), "hello");
    assert_eq!(server.all("USER"), ["USER anonymous", "USER me", "USER me"]);
}

/// A client cannot use another login than the configured one, and is not asked for it.
#[tokio::test]
async fn the_configured_login_is_used_whoever_asks() {
    let server = FtpServer::start(Site::new().login("reader", "s3cret")).await;
    let gateway = before(&server, "username: reader, password: s3cret");
    assert_eq!(
        gateway.get("/hello.txt", &basic("me:pass")).await.text(),
        "hello"
    );
    assert_eq!(server.all("USER"), ["USER reader"]);
    let gateway = before(&server, "username: reader, password: wrong");
    let answer = gateway.get("/hello.txt", "").await;
    assert_eq!(
        (answer.status, answer.field("www-authenticate")),
        (403, None)
    );
}

#[tokio::test]
async fn credentials_that_could_end_a_command_are_refused() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "");
    for pair in ["me\r\nDELE x:p", "me:p\nDELE x", "me\0:p", ":p", "nobody"] {
        let status = gateway.get("/hello.txt", &basic(pair)).await.status;
        assert_eq!(status, 400, "{pair:?}");
    }
    assert_eq!(server.connections(), 0);
}

/// `min` keeps connections that have greeted; whose they become, the first request says.
#[tokio::test]
async fn connections_are_kept_for_whoever_comes() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "min: 2");
    let idle = [("state", "idle")];
    gateway
        .metric_becomes("ajpgate_pool_connections", &idle, 2.0)
        .await;
    for who in ["a:1", "b:2"] {
        assert_eq!(gateway.get("/hello.txt", &basic(who)).await.text(), "hello");
        gateway.quiet().await;
    }
    assert_eq!(server.connections(), 2, "{:?}", server.heard());
}

/// The one unforgivable mistake: each connection has one login, for each request of its own person only.
#[tokio::test]
async fn logins_are_never_shared() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "max: 2");
    for round in 0..4 {
        for who in ["a:1", "b:2", "a:3", "c:4"] {
            assert_eq!(gateway.get("/hello.txt", &basic(who)).await.text(), "hello");
            gateway.quiet().await;
        }
        assert_eq!(
            gateway.get("/hello.txt", "").await.text(),
            "hello",
            "{round}"
        );
        gateway.quiet().await;
    }
    for connection in server.heard() {
        let logins = connection
            .iter()
            .filter(|line| line.starts_with("PASS"))
            .count();
        assert_eq!(logins, 1, "{connection:?}");
    }
    let mut passwords = server.all("PASS");
    passwords.sort();
    passwords.dedup();
    assert_eq!(passwords.len(), 5);
    // With room for all of them they are kept side by side.
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "max: 5");
    for _ in 0..4 {
        for who in ["a:1", "b:2", "c:3"] {
            assert_eq!(gateway.get("/hello.txt", &basic(who)).await.text(), "hello");
            gateway.quiet().await;
        }
    }
    assert_eq!(server.connections(), 3);
}
