//! Bodies of every size, in both directions, through the gateway and a real Tomcat, arrive unchanged.

use std::time::Instant;

use crate::support::ajpgate::{Ajpgate, member};
use crate::support::client::Client;
use crate::support::payload::{FRAMINGS, Framing, LARGE, Payload, SIZES, download, parsed, upload};
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::usage::mib;
use crate::uploads;

/// Most memory that a transfer of 100 MB may add to the gateway, in KiB.
const GROWTH: u64 = 8 * 1024;

/// Tomcats with the smallest and the largest packets, behind one gateway at `/8192` and `/65536`.
struct Both {
    gateway: Ajpgate,
    _small: Tomcat,
    _large: Tomcat,
}

const PATHS: [&str; 2] = ["/8192", "/65536"];

impl Both {
    async fn start() -> Self {
        let node =
            |packet_size| Tomcat::start(TomcatOptions::new("node1").packet_size(packet_size));
        let (small, large) = tokio::join!(node(8192), node(65536));
        let gateway = Ajpgate::start(&format!(
            "balancers:
  small: {{ members: [{{ {}, packet_size: 8192 }}] }}
  large: {{ members: [{{ {}, packet_size: 65536 }}] }}
proxy_pass:
  - {{ path: /8192, to: \"balancer://small/app\" }}
  - {{ path: /65536, to: \"balancer://large/app\" }}
",
            member(&small),
            member(&large)
        ))
        .await;
        Self {
            gateway,
            _small: small,
            _large: large,
        }
    }
}

#[tokio::test]
async fn uploads_of_every_size_arrive_complete() {
    let both = Both::start().await;
    for path in PATHS {
        let mut client = Client::connect(both.gateway.front()).await;
        for size in SIZES {
            let payload = Payload::new(size);
            for framing in FRAMINGS {
                upload(&mut client, path, &payload, framing).await;
            }
        }
    }
}

#[tokio::test]
async fn downloads_of_every_size_arrive_complete() {
    let both = Both::start().await;
    for path in PATHS {
        let mut client = Client::connect(both.gateway.front()).await;
        for size in SIZES {
            let payload = Payload::new(size);
            for framing in FRAMINGS {
                download(&mut client, path, &payload, framing).await;
            }
        }
    }
}

/// Each direction, framing and packet size is tested once, not every combination.
#[tokio::test]
async fn a_hundred_megabytes_arrive_complete_and_memory_stays() {
    let both = Both::start().await;
    let (warm, payload) = (Payload::new(1 << 20), Payload::new(LARGE));
    let mut client = Client::connect(both.gateway.front()).await;
    for path in PATHS {
        upload(&mut client, path, &warm, Framing::Length).await;
        download(&mut client, path, &warm, Framing::Chunks).await;
    }
    let before = both.gateway.memory();
    println!("before: {before}");
    for (path, sent, received) in [
        (PATHS[0], Framing::Length, Framing::Chunks),
        (PATHS[1], Framing::Chunks, Framing::Length),
    ] {
        let begun = Instant::now();
        upload(&mut client, path, &payload, sent).await;
        println!(
            "{path} up, {sent:?}: {:.1?}, {}",
            begun.elapsed(),
            both.gateway.memory()
        );
        let begun = Instant::now();
        download(&mut client, path, &payload, received).await;
        println!(
            "{path} down, {received:?}: {:.1?}, {}",
            begun.elapsed(),
            both.gateway.memory()
        );
    }
    let growth = both.gateway.memory().risen_above(before.peak);
    println!("peak grew by {:.1} MiB", mib(growth));
    assert!(growth < GROWTH);
}

/// One Tomcat and a gateway in front of it.
async fn tomcat_and_gateway() -> (Tomcat, Ajpgate) {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    let gateway = Ajpgate::before(&[&tomcat]).start().await;
    (tomcat, gateway)
}

/// All requests use one connection: after an answer with a wrong length the next answer would be wrong too.
#[tokio::test]
async fn answers_without_a_body_have_none_whatever_length_the_servlet_announces() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut client = Client::connect(gateway.front()).await;
    for (method, target, status, length) in [
        ("HEAD", "/app/bytes?n=1000&cl=1", 200, Some("1000")),
        ("HEAD", "/app/bytes?n=100000&flush=1", 200, None),
        (
            "GET",
            "/app/status?code=204&length=10&body=0123456789",
            204,
            None,
        ),
        (
            "GET",
            "/app/status?code=205&length=10&body=0123456789",
            205,
            Some("0"),
        ),
        (
            "GET",
            "/app/status?code=304&length=10&body=0123456789",
            304,
            None,
        ),
        ("HEAD", "/app/status?code=404&length=10", 404, Some("10")),
        ("GET", "/app/bytes?n=0", 200, Some("0")),
    ] {
        client
            .send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        let answer = client.try_answer(method).await.expect("an answer");
        assert_eq!(
            (answer.status, answer.field("content-length")),
            (status, length),
            "{method} {target}"
        );
        assert_eq!(answer.body, b"", "{method} {target}");
    }
    let echo = client.get("/app/echo", "").await;
    assert_eq!(parsed(&echo)["method"], "GET");
    assert_eq!(gateway.connections_given_up().await, 0);
}

#[tokio::test]
async fn an_event_arrives_before_the_next_one_is_sent() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut client = Client::connect(gateway.front()).await;
    client
        .send("GET /app/sse?n=3&ms=1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    for (event, next) in [(1, 2), (2, 3)] {
        let seen = client.raw_until(&format!("data: event {event}\n")).await;
        assert!(!seen.contains(&format!("event {next}")), "{seen}");
    }
    let answer = client.answer().await;
    assert!(
        answer.complete && answer.text().ends_with("data: event 3\n\n"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn expect_100_continue_is_answered_before_the_upload() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    uploads::expect_100_continue(&gateway).await;
}

/// A chunked body is not sent to Tomcat before the servlet reads it, and not at all when the servlet does not read.
#[tokio::test]
async fn a_chunked_body_that_the_servlet_does_not_read_is_not_uploaded() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut client = Client::connect(gateway.front()).await;
    client
        .send("PUT /app/sha?ignore=1 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let (status, ..) = client.head().await.expect("an answer");
    assert_eq!(status, 200);
}

#[tokio::test]
async fn an_answer_may_begin_before_the_upload_is_over() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    uploads::answer_before_the_end(&gateway).await;
}

#[tokio::test]
async fn a_body_that_the_servlet_ignores_does_not_disturb_the_next_request() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    uploads::ignored_bodies(&gateway).await;
    assert_eq!(gateway.connections_given_up().await, 0);
}
