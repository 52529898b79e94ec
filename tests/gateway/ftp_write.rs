//! PUT and DELETE on FTP members: 405 unless `allow_write` is set.

use crate::support::client::{Answer, Client};
use crate::support::ftp::{Action, FtpServer, Site};
use crate::support::gateway::Running;

fn gateway_for(server: &FtpServer, keys: &str) -> Running {
    Running::over(&[server.url()], "", keys)
}

/// Sends a request line with further fields, and a body.
async fn send(gateway: &Running, head: &str, body: &[u8]) -> Answer {
    let mut client = gateway.client().await;
    client
        .send(format!(
            "{head}Host: a\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ))
        .await;
    client.send(body).await;
    let method = head.split(' ').next().unwrap();
    client.try_answer(method).await.unwrap()
}

#[tokio::test]
async fn a_method_that_writes_is_405_without_allow_write() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "");
    for method in ["PUT", "DELETE", "POST", "PATCH", "MKCOL", "OPTIONS"] {
        let answer = send(&gateway, &format!("{method} /hello.txt HTTP/1.1\r\n"), b"").await;
        let allow = answer.field("allow");
        assert_eq!((answer.status, allow), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_method_that_ftp_does_not_have_is_405_with_allow_write() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "allow_write: true");
    let answer = send(&gateway, "POST / HTTP/1.1\r\n", b"").await;
    let allow = answer.field("allow");
    assert_eq!(
        (answer.status, allow),
        (405, Some("GET, HEAD, PUT, DELETE"))
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn put_stores_a_file_and_delete_deletes_it() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "allow_write: true");
    let body = vec![42; 300_000];
    let (put, delete) = (
        "PUT /new%20file HTTP/1.1\r\n",
        "DELETE /new%20file HTTP/1.1\r\n",
    );
    assert_eq!(send(&gateway, put, &body).await.status, 201);
    assert_eq!(server.file("/new file"), Some(body));
    assert_eq!(send(&gateway, put, b"").await.status, 204);
    assert_eq!(server.file("/new file"), Some(Vec::new()));
    assert_eq!(send(&gateway, delete, b"").await.status, 204);
    assert_eq!(server.file("/new file"), None);
    assert_eq!(send(&gateway, delete, b"").await.status, 404);
    gateway.quiet().await;
    assert_eq!(server.connections(), 1, "{:?}", server.commands());
}

#[tokio::test]
async fn a_directory_is_neither_stored_nor_deleted() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "allow_write: true");
    for head in [
        "PUT /dir/ HTTP/1.1\r\n",
        "PUT /dir;type=d HTTP/1.1\r\n",
        "DELETE /pub/ HTTP/1.1\r\n",
    ] {
        assert_eq!(send(&gateway, head, b"x").await.status, 409, "{head}");
    }
}

#[tokio::test]
async fn a_part_of_a_file_is_not_stored() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "allow_write: true");
    let head = "PUT /hello.txt HTTP/1.1\r\nContent-Range: bytes 0-0/5\r\n";
    assert_eq!(send(&gateway, head, b"x").await.status, 400);
    assert_eq!(server.file("/hello.txt").unwrap(), b"hello");
}

#[tokio::test]
async fn a_refused_file_has_a_status() {
    for (command, text, status) in [
        ("STOR", "553 no", 403),
        ("STOR", "550 no", 404),
        ("STOR", "552 full", 507),
        ("STOR", "452 full", 503),
        ("STOR", "532 account", 403),
        ("STOR", "530 log in", 401),
        ("DELE", "553 no", 403),
    ] {
        let server = FtpServer::start(Site::new().reply(command, text)).await;
        let gateway = gateway_for(&server, "allow_write: true");
        let method = if command == "DELE" { "DELETE" } else { "PUT" };
        let head = format!("{method} /x HTTP/1.1\r\n");
        let answer = send(&gateway, &head, b"body").await;
        assert_eq!(answer.status, status, "{text}");
    }
}

#[tokio::test]
async fn an_upload_that_the_server_does_not_read_is_504() {
    let server = FtpServer::with("STOR", Action::ReadNothing).await;
    let gateway = gateway_for(&server, "allow_write: true, timeout: 300ms");
    let answer = send(&gateway, "PUT /x HTTP/1.1\r\n", b"small").await;
    assert_eq!(answer.status, 504);
    // More than the buffers of a connection that is not read.
    let answer = send(&gateway, "PUT /x HTTP/1.1\r\n", &vec![1; 16 << 20]).await;
    assert_eq!(answer.status, 504);
}

#[tokio::test]
async fn half_a_body_is_not_stored_as_a_file() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "allow_write: true");
    let mut client = Client::connect(gateway.front).await;
    client
        .send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
        .await;
    crate::support::until("STOR", async || !server.commands_with("STOR").is_empty()).await;
    client.vanish();
    server.closed.opened(1).await;
    assert_eq!(server.file("/x"), None);
    gateway.quiet().await;
}
