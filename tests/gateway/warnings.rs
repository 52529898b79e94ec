//! What the log says of members that fail: who it was, and not once for every request.

use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tracing::level_filters::LevelFilter;

use crate::support::client::Client;
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::log::{Log, left_out};
use crate::support::{pause, soon, until};

/// One GET, whatever comes of it.
async fn ask(gateway: &Running) {
    let mut stream = TcpStream::connect(gateway.front).await.unwrap();
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    // An answer that breaks off ends with a reset.
    let _ = soon("the answer ends", stream.read_to_end(&mut Vec::new())).await;
}

/// Sends requests until two lines with this text are there, and checks that they are limited and complete.
async fn are_limited(log: &Log, gateway: &Running, text: &str, names: &[&str]) {
    let (start, mut requests) = (Instant::now(), 0);
    until("a second line", async || {
        ask(gateway).await;
        requests += 1;
        log.with(text).len() > 1
    })
    .await;
    let lines = log.with(text);
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!(lines.len() <= seconds + 1, "{lines:#?}");
    assert_eq!(left_out(&lines[0]), 0, "{lines:#?}");
    let told: usize = lines.iter().map(|line| 1 + left_out(line)).sum();
    assert_eq!(told, requests, "{lines:#?}");
    for line in &lines {
        let named = names.iter().all(|name| line.contains(name));
        assert!(named, "{line} should name {names:?}");
    }
}

#[tokio::test]
async fn a_member_that_refuses_connections_is_named_once_a_second() {
    let log = Log::capture();
    let gone = Container::hello("n1").await.address;
    // One member alone is asked again and again (`forcerecovery`).
    let gateway = Running::over(&[format!("ajp://{gone}")], "", "");
    let member = format!("member=ajp://{gone}");
    let names = ["balancer=\"test\"", &member, "cannot connect"];
    are_limited(&log, &gateway, "attempt failed", &names).await;
}

#[tokio::test]
async fn requests_that_no_member_serves_are_named_once_a_second() {
    let log = Log::capture();
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "status: [stopped]");
    let names = ["balancer=\"test\"", "stopped"];
    are_limited(&log, &gateway, "request not served", &names).await;
}

#[tokio::test]
async fn answers_that_break_off_are_named_once_a_second() {
    let log = Log::capture();
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.head(200, &[("Content-Length", "10")]).await;
        wire.data(b"half").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let member = format!("member=ajp://{}", container.address);
    let names = ["balancer=\"test\"", &member, "connection lost"];
    are_limited(&log, &gateway, "answer broken off after its head", &names).await;
}

#[tokio::test]
async fn answers_longer_than_announced_are_named_once_a_second() {
    let log = Log::capture();
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.head(200, &[("Content-Length", "2")]).await;
            wire.data(b"too much").await;
            wire.end(true).await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let member = format!("member=ajp://{}", container.address);
    let names = ["balancer=\"test\"", &member];
    are_limited(&log, &gateway, "more body than it had announced", &names).await;
}

/// A second cause has its own line, and does not wait for the first.
#[tokio::test]
async fn each_cause_has_its_own_limit() {
    let log = Log::capture();
    let container = Container::start(|number, mut wire: Wire| async move {
        wire.request().await;
        match number {
            1 => wire.raw(b"no AJP13 at all").await,
            _ => wire.reset(),
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    assert_eq!(gateway.get("/", "").await.status, 502);
    assert_eq!(gateway.get("/", "").await.status, 502);
    let lines = log.with("attempt failed");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("malformed packet"), "{lines:#?}");
    assert!(lines[1].contains("connection lost"), "{lines:#?}");
}

/// A member goes out because of `failonstatus`: the log says which status it was.
#[tokio::test]
async fn an_answer_that_counts_as_a_failure_is_named() {
    let log = Log::capture();
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.respond(503, &[], b"starting").await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "failonstatus: [503]", "");
    assert_eq!(gateway.get("/", "").await.text(), "starting");
    let lines = log.with("counts as a failure of the member");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("status=503"), "{lines:#?}");
}

/// A member that fails every second request goes out and comes back each time. The last line says what it is in the end.
#[tokio::test]
async fn a_member_that_goes_out_and_comes_back_is_named_once_a_second() {
    let log = Log::capture_from(LevelFilter::INFO);
    let container = Container::start(|number, mut wire: Wire| async move {
        wire.request().await;
        match number % 2 {
            1 => wire.reset(),
            _ => {
                wire.head(200, &[]).await;
                wire.end(false).await;
            }
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "retry: 0s");
    let member = format!("member=ajp://{}", container.address);
    let (start, mut requests) = (Instant::now(), 0);
    while start.elapsed().as_millis() < 1200 {
        ask(&gateway).await;
        requests += 1;
    }
    let to = match requests % 2 {
        1 => "to=\"error\"",
        _ => "to=\"ok\"",
    };
    until("all transitions are told", async || {
        let lines = log.with("member is");

        // A line for those that were left out has no condition before.
        let told = |line: &String| usize::from(line.contains("from=")) + left_out(line);
        let told: usize = lines.iter().map(told).sum();
        told == requests && lines.last().unwrap().contains(to)
    })
    .await;
    let lines = log.with("member is");
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!(
        lines.len() <= seconds + 1,
        "{requests} requests: {lines:#?}"
    );
    for line in &lines {
        assert!(
            line.contains("balancer=\"test\"") && line.contains(&member),
            "{line}"
        );
    }
}

/// Changes the member `n1` by hand.
async fn change(gateway: &Running, json: &str) {
    let request = format!(
        "PATCH /api/v1/balancers/test/members/n1 HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
        gateway.admin,
        json.len()
    );
    let mut client = Client::connect(gateway.admin).await;
    client.send(request).await;
    assert_eq!(client.answer().await.status, 200, "{json}");
}

#[tokio::test]
async fn a_heartbeat_file_is_named_once_a_minute_whatever_else_changes() {
    let log = Log::capture();
    let node = Container::hello("n1").await;
    let storage = "lbmethod: heartbeat\nheartbeat: { storage: /nonexistent/hb.dat }";
    let gateway = Running::before(&[&node], storage, "");
    let unreadable = "heartbeat storage cannot be read";
    until("it is named", async || !log.with(unreadable).is_empty()).await;
    for lbset in 1..=5 {
        change(&gateway, &format!("{{\"lbset\": {lbset}}}")).await;
    }
    // A line too many would come now.
    pause(200).await;
    assert_eq!(log.with(unreadable).len(), 1);
}
