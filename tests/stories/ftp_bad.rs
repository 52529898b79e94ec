//! FTP servers that lie, stall, babble and die: bounded, and a clear error.

use crate::support::ftp::{End, FtpServer, Say, Site};
use crate::support::gateway::Running;

fn before(server: &FtpServer) -> Running {
    Running::over(&[server.url()], "", "timeout: 2s, retry: 0s")
}

/// Status of a file's answer from a server that does this, which is used for nothing more afterwards.
async fn status_of(command: &'static str, say: Say) -> u16 {
    let server = FtpServer::that(command, say).await;
    let gateway = before(&server);
    let answer = gateway.get("/hello.txt", "").await;
    gateway.quiet().await;
    server.become_(Site::new());
    let connections = server.connections();
    let again = gateway.get("/hello.txt", "").await;
    assert_eq!(again.text(), "hello", "{command}");
    if answer.status >= 500 {
        assert!(server.connections() > connections, "{command}: used again");
    }
    answer.status
}

/// The address of PASV is read over, whatever it says, and so are the words around the numbers.
#[tokio::test]
async fn passive_replies_in_all_words() {
    for words in [
        "227 Entering Passive Mode (8,8,8,8,{high},{low}).",
        "227 passive 10,1,2,3,{high},{low}",
        "227 =255,255,255,255,{high},{low}",
        "227-two lines\r\n227 (127, 0, 0, 1, {high}, {low})",
        "227 mode 2: 127,0,0,1,{high},{low} for 60 s",
    ] {
        let site = Site::new().reply("EPSV", "500 what").reply("PASV", words);
        let server = FtpServer::start(site).await;
        let gateway = before(&server);
        for _ in 0..2 {
            assert_eq!(
                gateway.get("/hello.txt", "").await.text(),
                "hello",
                "{words}"
            );
        }
        assert_eq!(server.all("EPSV").len(), 1, "asked once");
    }
    let server = FtpServer::start(Site::new().reply("EPSV", "451 not now")).await;
    assert_eq!(before(&server).get("/hello.txt", "").await.text(), "hello");
    for words in [
        "227 nowhere",
        "227 (1,2,3,4,5)",
        "227 (1,2,3,4,999,5)",
        "227 (127,0,0,1,0,0)",
    ] {
        let site = Site::new().reply("EPSV", "502 no").reply("PASV", words);
        let server = FtpServer::start(site).await;
        assert_eq!(
            before(&server).get("/hello.txt", "").await.status,
            502,
            "{words}"
        );
        assert_eq!(server.all("RETR").len(), 0);
    }
}

#[tokio::test]
async fn replies_are_bounded() {
    let long = format!("220 {}", "x".repeat(20_000));
    let lines = format!("213-\r\n{}213 5", "x\r\n".repeat(2000));
    for (command, text, status) in [
        ("SIZE", long.as_str(), 502),
        ("SIZE", lines.as_str(), 502),
        ("USER", "hello", 502),
        ("USER", "99 x", 502),
        ("TYPE", "150 what", 502),
        ("SIZE", "150 what", 502),
        ("TYPE", "200 a\r\n200 b", 502),
        ("RETR", "331 what", 502),
        ("EPSV", "229 nowhere", 502),
    ] {
        assert_eq!(
            status_of(command, Say::Reply(text.to_owned())).await,
            status,
            "{command} {text:.20}"
        );
    }
}

/// A reply of many lines that never ends, however steadily it comes.
#[tokio::test]
async fn a_reply_without_end_is_not_waited_for() {
    let site = Site::new().greeting(Say::Reply("220-hello\r\n220-and\r\n220-so on".into()));
    let server = FtpServer::start(site).await;
    assert_eq!(before(&server).get("/hello.txt", "").await.status, 504);
}

#[tokio::test]
async fn silence_is_504() {
    for command in ["USER", "PASS", "SIZE", "MDTM", "EPSV", "RETR"] {
        assert_eq!(status_of(command, Say::Nothing).await, 504, "{command}");
    }
    let server = FtpServer::start(Site::new().greeting(Say::Nothing)).await;
    assert_eq!(before(&server).get("/hello.txt", "").await.status, 504);
}

/// What the server refuses, in HTTP.
#[tokio::test]
async fn refusals_have_a_status() {
    for (command, text, status) in [
        ("RETR", "550 no", 404),
        ("RETR", "553 no", 403),
        ("RETR", "530 log in", 401),
        ("RETR", "450 busy", 503),
        ("RETR", "451 disk", 503),
        ("RETR", "425 no data", 502),
        ("RETR", "502 no", 502),
        ("RETR", "421 bye", 503),
        ("SIZE", "421 bye", 503),
        ("USER", "421 full", 503),
        ("USER", "530 no", 401),
        ("PASS", "530 no", 401),
        ("PASS", "332 account", 403),
    ] {
        let site = Site::new().reply(command, text);
        let server = FtpServer::start(site).await;
        let gateway = before(&server);
        let answer = gateway.get("/hello.txt", "").await;
        assert_eq!(answer.status, status, "{command} {text}");
        assert_eq!(
            answer.field("www-authenticate").is_some(),
            status == 401,
            "{answer:?}"
        );
        // What was refused behind EPSV may have an echo.
        gateway.quiet().await;
        server.become_(Site::new());
        let connections = server.connections();
        assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
        assert_eq!(server.connections(), connections + 1, "{command} {text}");
    }
    for greeting in ["421 full", "120 later", "500 broken"] {
        let server = FtpServer::start(Site::new().greeting(Say::Reply(greeting.into()))).await;
        let answer = before(&server).get("/hello.txt", "").await;
        assert_eq!(answer.status, 503, "{greeting}");
        assert!(answer.field("retry-after").is_some());
    }
}

/// The client's connection breaks off: no such answer looks whole.
#[tokio::test]
async fn a_transfer_that_does_not_end_well_never_looks_whole() {
    for (what, end) in [
        ("no 226, and the server is gone", End::Hangup),
        ("no 226", End::Nothing),
        ("426", End::Reply("426 aborted")),
        ("451", End::Reply("451 disk")),
        ("150 again", End::Reply("150 here")),
        ("no reply", End::Reply("SSH-2.0")),
        ("550", End::Reply("550 what")),
        ("421", End::Reply("421 bye")),
        ("stuck", End::Stuck),
        ("reset", End::Reset("226 done")),
    ] {
        for (size, bytes) in [
            ("213 5", &b"hello"[..]),
            ("213 9", b"hello"),
            ("500 what", b"hello"),
        ] {
            let site = Site::new()
                .reply("SIZE", size)
                .on("RETR", Say::Data(bytes.to_vec(), end.clone()));
            let server = FtpServer::start(site).await;
            let gateway = before(&server);
            let mut client = gateway.client().await;
            client
                .send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                .await;
            assert!(client.ended_by_reset().await, "{what}, {size}");
            gateway.quiet().await;
            server.become_(Site::new());
            assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
            assert_eq!(server.connections(), 2, "{what}, {size}");
        }
    }
}

/// An answer without a body has its end before its head.
#[tokio::test]
async fn an_empty_file_is_proven_empty() {
    for end in [End::Reply("426 no"), End::Hangup, End::Nothing] {
        let site = Site::new().on("RETR", Say::Data(Vec::new(), end));
        let server = FtpServer::start(site).await;
        let status = before(&server).get("/empty", "").await.status;
        assert!(status == 502 || status == 504, "{status}");
    }
}

#[tokio::test]
async fn shorter_than_its_size_resets() {
    let site = Site::new().on("RETR", Say::Data(b"hell".to_vec(), End::Reply("226 done")));
    let server = FtpServer::start(site).await;
    let gateway = before(&server);
    let mut client = gateway.client().await;
    client
        .send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(client.ended_by_reset().await);
    gateway.quiet().await;
    assert_eq!(
        gateway
            .metric("ajpgate_pool_connections", &[("state", "idle")])
            .await,
        0.0
    );
}

/// Longer: the announced bytes, and never again that connection.
#[tokio::test]
async fn longer_than_its_size_is_cut() {
    let site = Site::new().on(
        "RETR",
        Say::Data(b"hello, world".to_vec(), End::Reply("226 done")),
    );
    let server = FtpServer::start(site).await;
    let gateway = before(&server);
    for connections in 1..4 {
        let answer = gateway.get("/hello.txt", "").await;
        assert_eq!((answer.text(), answer.complete), ("hello", true));
        gateway.quiet().await;
        assert_eq!(server.connections(), connections);
    }
}

/// A reply too many belongs to nobody.
#[tokio::test]
async fn what_comes_behind_the_end_spoils_the_connection() {
    let site = Site::new().on(
        "RETR",
        Say::Data(b"hello".to_vec(), End::Reply("226 done\r\n226 done")),
    );
    let server = FtpServer::start(site).await;
    let gateway = before(&server);
    for connections in 1..4 {
        assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
        gateway.quiet().await;
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn listings_are_bounded_and_whole_or_not_shown() {
    let long = format!("type=file; {}\r\n", "x".repeat(20_000));
    let line = b"type=file; a\r\n".to_vec();
    for (what, say, status) in [
        (
            "endless",
            Say::Endless("type=file;size=1;modify=20260102030405; name\r\n"),
            &[502, 504][..],
        ),
        (
            "endless line",
            Say::Endless("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            &[502],
        ),
        (
            "long line",
            Say::Data(long.into_bytes(), End::Reply("226 done")),
            &[502],
        ),
        ("426", Say::Data(line.clone(), End::Reply("426 no")), &[502]),
        ("gone", Say::Data(line.clone(), End::Hangup), &[502]),
        ("no 226", Say::Data(line.clone(), End::Nothing), &[504]),
        ("stuck", Say::Data(line, End::Stuck), &[504]),
    ] {
        let server = FtpServer::that("MLSD", say).await;
        let gateway = before(&server);
        let answer = gateway.get("/", "").await;
        assert!(status.contains(&answer.status), "{what}: {}", answer.status);
        gateway.quiet().await;
        server.become_(Site::new());
        assert_eq!(gateway.get("/", "").await.status, 200);
        assert_eq!(server.connections(), 2, "{what}");
    }
}

/// A connection that has died in the pool is met with a new one, and nobody notices.
#[tokio::test]
async fn a_dead_kept_connection_is_replaced() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server);
    for say in [Say::Reply("421 idle too long".into()), Say::Hangup] {
        assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
        gateway.quiet().await;
        // The twist hits the kept connection's next command only: a new one begins with USER.
        server.become_(Site::new().on("SIZE /hello.txt", say));
        let answer = gateway.get("/empty", "").await;
        assert_eq!(answer.status, 200);
        server.become_(Site::new());
    }
    let before = gateway.metric("ajpgate_member_errors_total", &[]).await;
    assert_eq!(before, 0.0);
}
