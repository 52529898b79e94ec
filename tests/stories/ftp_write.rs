//! PUT and DELETE: refused unless `allow_write` has them.

use crate::support::client::{Answer, Client};
use crate::support::ftp::{FtpServer, Site};
use crate::support::gateway::Running;

fn before(server: &FtpServer, keys: &str) -> Running {
    Running::over(&[server.url()], "", keys)
}

async fn send(gateway: &Running, head: &str, body: &[u8]) -> Answer {
    let mut client = gateway.client().await;
    client
        .send(format!(
            "{head}Host: a\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ))
        .await;
    client.send(body).await;
    let method = head.split(' ').next().unwrap().to_owned();
    client.try_answer(&method).await.unwrap()
}

#[tokio::test]
async fn writing_is_refused_by_default() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "");
    for method in ["PUT", "DELETE", "POST", "PATCH", "MKCOL", "OPTIONS"] {
        let answer = send(&gateway, &format!("{method} /hello.txt HTTP/1.1\r\n"), b"").await;
        assert_eq!(
            (answer.status, answer.field("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
    assert_eq!(server.connections(), 0);
    let gateway = before(&server, "allow_write: true");
    let answer = send(&gateway, "POST / HTTP/1.1\r\n", b"").await;
    assert_eq!(
        (answer.status, answer.field("allow")),
        (405, Some("GET, HEAD, PUT, DELETE"))
    );
}

#[tokio::test]
async fn files_are_stored_and_deleted() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "allow_write: true");
    let body = vec![42; 300_000];
    let put = "PUT /new%20file HTTP/1.1\r\n";
    assert_eq!(send(&gateway, put, &body).await.status, 201);
    assert_eq!(server.file("/new file"), Some(body));
    assert_eq!(send(&gateway, put, b"").await.status, 204);
    assert_eq!(server.file("/new file"), Some(Vec::new()));
    assert_eq!(
        send(&gateway, "DELETE /new%20file HTTP/1.1\r\n", b"")
            .await
            .status,
        204
    );
    assert_eq!(server.file("/new file"), None);
    assert_eq!(
        send(&gateway, "DELETE /new%20file HTTP/1.1\r\n", b"")
            .await
            .status,
        404
    );
    for bad in ["PUT /dir/ HTTP/1.1\r\n", "DELETE /pub/ HTTP/1.1\r\n"] {
        assert_eq!(send(&gateway, bad, b"x").await.status, 409, "{bad}");
    }
    let part = "PUT /hello.txt HTTP/1.1\r\nContent-Range: bytes 0-0/5\r\n";
    assert_eq!(send(&gateway, part, b"x").await.status, 400);
    assert_eq!(server.file("/hello.txt").unwrap(), b"hello");
    gateway.quiet().await;
    assert_eq!(server.connections(), 1, "{:?}", server.heard());
}

#[tokio::test]
async fn what_the_server_refuses() {
    for (command, text, status) in [
        ("STOR", "553 no", 403),
        ("STOR", "550 no", 404),
        ("STOR", "552 full", 507),
        ("STOR", "452 full", 503),
        ("STOR", "532 account", 403),
        ("STOR", "530 log in", 401),
    ] {
        let server = FtpServer::start(Site::new().reply(command, text)).await;
        let gateway = before(&server, "allow_write: true");
        let answer = send(&gateway, "PUT /x HTTP/1.1\r\n", b"body").await;
        assert_eq!(answer.status, status, "{text}");
    }
}

/// Half a body is never stored as a whole one.
#[tokio::test]
async fn a_body_cut_short_is_not_a_file() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "allow_write: true");
    let mut client = Client::connect(gateway.front).await;
    client
        .send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
        .await;
    crate::support::until("STOR", async || !server.all("STOR").is_empty()).await;
    client.vanish();
    server.left.opened(1).await;
    assert_eq!(server.file("/x"), None);
    gateway.quiet().await;
}
