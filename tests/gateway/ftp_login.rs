//! Whose login a request uses, and that a connection serves no other login.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::support::ftp::{FtpServer, Site};
use crate::support::gateway::Running;
use crate::support::log::Log;

/// The field of Basic credentials (RFC 7617).
fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64.encode(pair))
}

fn gateway_for(server: &FtpServer, keys: &str) -> Running {
    Running::over(&[server.url()], "", keys)
}

#[tokio::test]
async fn a_client_is_asked_for_the_login_that_the_server_wants() {
    let server = FtpServer::start(Site::new().login("me", "pass:word")).await;
    let gateway = gateway_for(&server, "retry: 0s");
    let asked = gateway.get("/hello.txt", "").await;
    assert_eq!(asked.status, 401);
    let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", server.url());
    assert_eq!(asked.field("www-authenticate"), Some(&*challenge));
    let wrong = gateway.get("/hello.txt", &basic("me:wrong")).await;
    assert_eq!(wrong.status, 401);
    let right = gateway.get("/hello.txt", &basic("me:pass:word")).await;
    assert_eq!(right.text(), "hello");
    let users = ["USER anonymous", "USER me", "USER me"];
    assert_eq!(server.commands_with("USER"), users);
}

#[tokio::test]
async fn the_configured_login_is_used_whatever_the_client_sends() {
    let server = FtpServer::start(Site::new().login("reader", "s3cret")).await;
    let gateway = gateway_for(&server, "username: reader, password: s3cret");
    let answer = gateway.get("/hello.txt", &basic("me:pass")).await;
    assert_eq!(answer.text(), "hello");
    assert_eq!(server.commands_with("USER"), ["USER reader"]);
}

#[tokio::test]
async fn a_refused_configured_login_is_403_without_a_challenge() {
    let log = Log::capture();
    let server = FtpServer::start(Site::new().login("reader", "s3cret")).await;
    let gateway = gateway_for(&server, "username: reader, password: wrong");
    let answer = gateway.get("/hello.txt", "").await;
    let challenge = answer.field("www-authenticate");
    assert_eq!((answer.status, challenge), (403, None));
    let lines = log.with("refuses the configured `username`");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(&server.url()), "{lines:?}");
}

#[tokio::test]
async fn credentials_that_could_end_a_command_are_refused() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "");
    for pair in ["me\r\nDELE x:p", "me:p\nDELE x", "me\0:p", ":p", "nobody"] {
        let answer = gateway.get("/hello.txt", &basic(pair)).await;
        assert_eq!(answer.status, 400, "{pair:?}");
    }
    assert_eq!(server.connections(), 0);
}

/// `min` keeps connections on which nobody is logged in.
#[tokio::test]
async fn the_first_request_decides_the_login_of_a_connection_that_min_keeps() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "min: 2");
    let idle = [("state", "idle")];
    gateway
        .metric_becomes("ajpgate_pool_connections", &idle, 2.0)
        .await;
    for pair in ["a:1", "b:2"] {
        let answer = gateway.get("/hello.txt", &basic(pair)).await;
        assert_eq!(answer.text(), "hello");
        gateway.quiet().await;
    }
    assert_eq!(server.connections(), 2, "{:?}", server.commands());
}

#[tokio::test]
async fn a_connection_serves_one_login_only() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "max: 2");
    for _ in 0..4 {
        let logins = ["a:1", "b:2", "a:3", "c:4"].map(basic);
        for authorization in logins.iter().map(String::as_str).chain([""]) {
            let answer = gateway.get("/hello.txt", authorization).await;
            assert_eq!(answer.text(), "hello");
            gateway.quiet().await;
        }
    }
    for commands in server.commands() {
        let logins = commands.iter().filter(|line| line.starts_with("PASS"));
        assert_eq!(logins.count(), 1, "{commands:?}");
    }
    let mut passwords = server.commands_with("PASS");
    passwords.sort();
    passwords.dedup();
    assert_eq!(passwords.len(), 5);
}

#[tokio::test]
async fn connections_of_several_logins_are_kept_side_by_side() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "max: 5");
    for _ in 0..4 {
        for pair in ["a:1", "b:2", "c:3"] {
            let answer = gateway.get("/hello.txt", &basic(pair)).await;
            assert_eq!(answer.text(), "hello");
            gateway.quiet().await;
        }
    }
    assert_eq!(server.connections(), 3);
}
