//! FTP servers that break the protocol, fall silent, send too much or close: bounded, and with a clear status.

use crate::support::at_once;
use crate::support::ftp::{Action, FtpServer, Site, TransferEnd};
use crate::support::gateway::Running;
use crate::support::log::Log;
use crate::support::scratch::Scratch;

fn gateway_for(server: &FtpServer) -> Running {
    Running::over(&[server.url()], "", "timeout: 2s, retry: 0s")
}

/// The status of `/hello.txt` from a server that does this with a command. Afterwards the server does the right thing: the
/// next answer is right, and after a failure it comes over a new connection.
async fn status_with(command: &'static str, action: Action) -> u16 {
    let server = FtpServer::with(command, action).await;
    let gateway = gateway_for(&server);
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

#[tokio::test]
async fn the_six_numbers_of_pasv_count_in_any_words_and_their_address_does_not() {
    for words in [
        "227 Entering Passive Mode (8,8,8,8,{high},{low}).",
        "227 passive 10,1,2,3,{high},{low}",
        "227 =255,255,255,255,{high},{low}",
        "227-two lines\r\n227 (127, 0, 0, 1, {high}, {low})",
        "227 mode 2: 127,0,0,1,{high},{low} for 60 s",
    ] {
        let site = Site::new().reply("EPSV", "500 what").reply("PASV", words);
        let server = FtpServer::start(site).await;
        let gateway = gateway_for(&server);
        for _ in 0..2 {
            let answer = gateway.get("/hello.txt", "").await;
            assert_eq!(answer.text(), "hello", "{words}");
        }
        assert_eq!(server.commands_with("EPSV").len(), 1, "asked once");
    }
}

#[tokio::test]
async fn pasv_without_a_port_is_502() {
    for words in [
        "227 nowhere",
        "227 (1,2,3,4,5)",
        "227 (1,2,3,4,999,5)",
        "227 (127,0,0,1,0,0)",
    ] {
        let site = Site::new().reply("EPSV", "502 no").reply("PASV", words);
        let server = FtpServer::start(site).await;
        let answer = gateway_for(&server).get("/hello.txt", "").await;
        assert_eq!(answer.status, 502, "{words}");
        assert_eq!(server.commands_with("RETR").len(), 0);
    }
}

#[tokio::test]
async fn pasv_is_asked_where_epsv_is_refused() {
    let server = FtpServer::start(Site::new().reply("EPSV", "451 not now")).await;
    let answer = gateway_for(&server).get("/hello.txt", "").await;
    assert_eq!(answer.text(), "hello");
}

#[tokio::test]
async fn replies_that_are_too_long_or_out_of_place_are_502() {
    let long = format!("220 {}", "x".repeat(20_000));
    let lines = format!("213-\r\n{}213 5", "x\r\n".repeat(2000));
    for (command, text) in [
        ("SIZE", long.as_str()),
        ("SIZE", lines.as_str()),
        ("USER", "hello"),
        ("USER", "99 x"),
        ("TYPE", "150 what"),
        ("SIZE", "150 what"),
        ("TYPE", "200 a\r\n200 b"),
        ("RETR", "331 what"),
        ("EPSV", "229 nowhere"),
    ] {
        let status = status_with(command, Action::Reply(text.to_owned())).await;
        assert_eq!(status, 502, "{command} {text:.20}");
    }
}

#[tokio::test]
async fn a_reply_without_a_last_line_is_504_however_steadily_it_comes() {
    let greeting = Action::Reply("220-hello\r\n220-and\r\n220-so on".into());
    let server = FtpServer::start(Site::new().greeting(greeting)).await;
    let answer = gateway_for(&server).get("/hello.txt", "").await;
    assert_eq!(answer.status, 504);
}

#[tokio::test]
async fn a_silent_server_is_504() {
    let case = async |command| {
        let status = status_with(command, Action::Silence).await;
        assert_eq!(status, 504, "{command}");
    };
    at_once(
        ["USER", "PASS", "SIZE", "MDTM", "EPSV", "RETR"]
            .into_iter()
            .map(case),
    )
    .await;
    let server = FtpServer::start(Site::new().greeting(Action::Silence)).await;
    let answer = gateway_for(&server).get("/hello.txt", "").await;
    assert_eq!(answer.status, 504, "greeting");
}

#[tokio::test]
async fn a_refusal_of_the_server_has_a_status() {
    for (command, text, status) in [
        ("RETR", "550 no", 404),
        ("RETR", "550 Permission denied.", 403),
        ("RETR", "553 no", 403),
        ("RETR", "530 log in", 401),
        ("RETR", "450 busy", 503),
        ("RETR", "451 disk", 503),
        ("RETR", "425 no data", 502),
        ("RETR", "502 no", 502),
        ("RETR", "421 bye", 502),
        ("SIZE", "421 bye", 502),
        ("USER", "421 full", 502),
        ("USER", "530 no", 401),
        ("PASS", "530 no", 401),
        ("PASS", "332 account", 403),
    ] {
        let server = FtpServer::start(Site::new().reply(command, text)).await;
        let gateway = gateway_for(&server);
        let answer = gateway.get("/hello.txt", "").await;
        assert_eq!(answer.status, status, "{command} {text}");
        let again = answer.field("retry-after").is_some();
        assert_eq!(again, status == 503, "{answer:?}");
        let challenged = answer.field("www-authenticate").is_some();
        assert_eq!(challenged, status == 401, "{answer:?}");
        // After a refusal behind EPSV another reply can follow, so the connection is not used again.
        gateway.quiet().await;
        server.become_(Site::new());
        let connections = server.connections();
        assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
        assert_eq!(server.connections(), connections + 1, "{command} {text}");
    }
}

/// A refusal of an FTP server has no page of its own, as an answer of HTTP has.
#[tokio::test]
async fn a_refusal_of_the_server_has_the_gateways_error_page() {
    let server = FtpServer::start(Site::new().reply("RETR", "550 no")).await;
    let folder = Scratch::new("ftp-pages");
    let page = folder.write("page.txt", "our page\n");
    let gateway = Running::start(&format!(
        "error_pages: {{ 404: \"{0}\", 405: \"{0}\" }}\nproxy_pass: [{{ path: /, to: \"{1}/\" }}]\n",
        page.display(),
        server.url()
    ));
    let answer = gateway.get("/hello.txt", "").await;
    assert_eq!((answer.status, answer.text()), (404, "our page\n"));
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.field("allow"), answer.text()),
        (405, Some("GET, HEAD"), "our page\n")
    );
}

#[tokio::test]
async fn a_server_that_is_not_ready_is_503_with_its_time_or_502() {
    for (greeting, status, wait) in [
        ("120 ready in 005 minutes", 503, Some("300")),
        ("120 ready in 120 minutes", 503, Some("7200")),
        ("120 later", 503, Some("1")),
        ("421 full", 502, None),
        ("500 broken", 502, None),
    ] {
        let site = Site::new().greeting(Action::Reply(greeting.into()));
        let server = FtpServer::start(site).await;
        let answer = gateway_for(&server).get("/hello.txt", "").await;
        let told = (answer.status, answer.field("retry-after"));
        assert_eq!(told, (status, wait), "{greeting}");
    }
}

#[tokio::test]
async fn a_transfer_with_226_or_250_is_complete_and_its_connection_is_used_again() {
    for reply in ["226 done", "250 done"] {
        let bytes = Action::Send(b"hello".to_vec(), TransferEnd::Reply(reply));
        let server = FtpServer::with("RETR", bytes).await;
        let gateway = gateway_for(&server);
        for _ in 0..2 {
            let answer = gateway.get("/hello.txt", "").await;
            assert_eq!((answer.text(), answer.complete), ("hello", true), "{reply}");
            gateway.quiet().await;
        }
        assert_eq!(server.connections(), 1, "{reply}");
    }
}

/// With the right size, with a larger one and without one.
#[tokio::test]
async fn a_transfer_without_226_or_250_resets_the_client() {
    let ends = [
        (
            "no reply, and the control connection closes",
            TransferEnd::ControlClosed,
        ),
        ("no reply", TransferEnd::NoReply),
        ("426", TransferEnd::Reply("426 aborted")),
        ("451", TransferEnd::Reply("451 disk")),
        ("150 again", TransferEnd::Reply("150 here")),
        ("not FTP", TransferEnd::Reply("SSH-2.0")),
        ("550", TransferEnd::Reply("550 what")),
        ("421", TransferEnd::Reply("421 bye")),
        ("stuck", TransferEnd::Stuck),
        ("reset", TransferEnd::Reset("226 done")),
    ];
    for size in ["213 5", "213 9", "500 what"] {
        let case = |(name, end): (&'static str, TransferEnd)| async move {
            let bytes = Action::Send(b"hello".to_vec(), end);
            let site = Site::new().reply("SIZE", size).on("RETR", bytes);
            let server = FtpServer::start(site).await;
            let gateway = gateway_for(&server);
            let mut client = gateway.client().await;
            client
                .send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                .await;
            assert!(client.ended_by_reset().await, "{name}, {size}");
            gateway.quiet().await;
            server.become_(Site::new());
            assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
            assert_eq!(server.connections(), 2, "{name}, {size}");
        };
        at_once(ends.clone().into_iter().map(case)).await;
    }
}

/// A client has all of an empty body with its head, so the end of the transfer must come before.
#[tokio::test]
async fn an_empty_file_whose_transfer_fails_is_502_or_504() {
    for end in [
        TransferEnd::Reply("426 no"),
        TransferEnd::ControlClosed,
        TransferEnd::NoReply,
    ] {
        let server = FtpServer::with("RETR", Action::Send(Vec::new(), end)).await;
        let status = gateway_for(&server).get("/empty", "").await.status;
        assert!(status == 502 || status == 504, "{status}");
    }
}

#[tokio::test]
async fn a_file_shorter_than_its_size_resets_the_client() {
    let bytes = Action::Send(b"hell".to_vec(), TransferEnd::Reply("226 done"));
    let server = FtpServer::with("RETR", bytes).await;
    let gateway = gateway_for(&server);
    let mut client = gateway.client().await;
    client
        .send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(client.ended_by_reset().await);
    gateway.quiet().await;
    let idle = [("state", "idle")];
    assert_eq!(gateway.metric("ajpgate_pool_connections", &idle).await, 0.0);
}

#[tokio::test]
async fn a_file_longer_than_its_size_is_cut_and_its_connection_is_not_used_again() {
    let bytes = Action::Send(b"hello, world".to_vec(), TransferEnd::Reply("226 done"));
    let server = FtpServer::with("RETR", bytes).await;
    let gateway = gateway_for(&server);
    for connections in 1..4 {
        let answer = gateway.get("/hello.txt", "").await;
        assert_eq!((answer.text(), answer.complete), ("hello", true));
        gateway.quiet().await;
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn a_warning_of_a_file_longer_than_its_size_names_the_member() {
    let log = Log::capture();
    let bytes = Action::Send(b"hello, world".to_vec(), TransferEnd::Reply("226 done"));
    let server = FtpServer::with("RETR", bytes).await;
    let gateway = gateway_for(&server);
    assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
    gateway.quiet().await;
    let lines = log.with("more body than it had announced");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("balancer=\"test\""), "{lines:?}");
    let member = format!("member={}", server.url());
    assert!(lines[0].contains(&member), "{lines:?}");
}

#[tokio::test]
async fn a_warning_of_a_transfer_that_fails_names_the_member() {
    let log = Log::capture();
    let bytes = Action::Send(b"hell".to_vec(), TransferEnd::Reply("426 aborted"));
    let server = FtpServer::with("RETR", bytes).await;
    let gateway = gateway_for(&server);
    let mut client = gateway.client().await;
    client
        .send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(client.ended_by_reset().await);
    gateway.quiet().await;
    let lines = log.with("transfer ended with 426");
    assert_eq!(lines.len(), 1, "{lines:?}");
    let member = format!("member={}", server.url());
    assert!(lines[0].contains(&member), "{lines:?}");
}

#[tokio::test]
async fn a_connection_with_a_reply_too_many_is_not_used_again() {
    let twice = TransferEnd::Reply("226 done\r\n226 done");
    let server = FtpServer::with("RETR", Action::Send(b"hello".to_vec(), twice)).await;
    let gateway = gateway_for(&server);
    for connections in 1..4 {
        assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
        gateway.quiet().await;
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn a_listing_is_bounded_and_is_shown_only_when_it_is_complete() {
    let long = format!("type=file; {}\r\n", "x".repeat(20_000));
    let line = b"type=file; a\r\n".to_vec();
    let cases: [(&str, Action, &[u16]); 7] = [
        (
            "lines without end",
            Action::SendForever("type=file;size=1;modify=20260102030405; name\r\n"),
            &[502, 504],
        ),
        (
            "a line without end",
            Action::SendForever("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            &[502],
        ),
        (
            "a long line",
            Action::Send(long.into_bytes(), TransferEnd::Reply("226 done")),
            &[502],
        ),
        (
            "426",
            Action::Send(line.clone(), TransferEnd::Reply("426 no")),
            &[502],
        ),
        (
            "closed",
            Action::Send(line.clone(), TransferEnd::ControlClosed),
            &[502],
        ),
        (
            "no 226",
            Action::Send(line.clone(), TransferEnd::NoReply),
            &[504],
        ),
        ("stuck", Action::Send(line, TransferEnd::Stuck), &[504]),
    ];
    let case = async |(name, action, statuses): (&'static str, Action, &'static [u16])| {
        let server = FtpServer::with("MLSD", action).await;
        let gateway = gateway_for(&server);
        let status = gateway.get("/", "").await.status;
        assert!(statuses.contains(&status), "{name}: {status}");
        gateway.quiet().await;
        server.become_(Site::new());
        assert_eq!(gateway.get("/", "").await.status, 200);
        assert_eq!(server.connections(), 2, "{name}");
    };
    at_once(cases.into_iter().map(case)).await;
}

#[tokio::test]
async fn a_kept_connection_that_the_server_has_closed_is_replaced() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server);
    for action in [Action::Reply("421 idle too long".into()), Action::Close] {
        assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
        gateway.quiet().await;
        server.become_(Site::new().once("SIZE", action));
        let connections = server.connections();
        assert_eq!(gateway.get("/hello.txt", "").await.text(), "hello");
        assert_eq!(server.connections(), connections + 1);
        gateway.quiet().await;
    }
    let errors = gateway.metric("ajpgate_member_errors_total", &[]).await;
    assert_eq!(errors, 0.0);
}
