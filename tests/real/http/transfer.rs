//! Bodies of every size, with both framings, through Tomcat's HTTP connector and through nginx, arrive unchanged.

use std::time::Instant;

use crate::support::ajpgate::{Ajpgate, http_member};
use crate::support::client::Client;
use crate::support::nginx::{Nginx, NginxOptions};
use crate::support::payload::{
    FRAMINGS, Framing, LARGE, Payload, SIZES, download, request, upload,
};
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::usage::mib;
use crate::uploads;

/// Most memory that a transfer of 100 MB may add to the gateway, in KiB.
const GROWTH: u64 = 8 * 1024;

/// nginx sends pages with server-side includes in chunks.
const CHUNKED: &str =
    "location /chunked/ { ssi on; ssi_types *; rewrite ^/chunked(/.*)$ $1 break; }";

async fn tomcat() -> (Tomcat, Ajpgate) {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").http_connector()).await;
    let gateway = Ajpgate::start(&format!(
        "balancers: {{ tomcats: {{ members: [{{ {} }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://tomcats/\" }}]
",
        http_member(&tomcat)
    ))
    .await;
    (tomcat, gateway)
}

async fn nginx() -> (Nginx, Ajpgate) {
    let nginx = Nginx::start(NginxOptions::new("n1").server(CHUNKED)).await;
    let gateway = Ajpgate::start(&format!(
        "proxy_pass: [{{ path: /, to: \"{}/\" }}]\n",
        nginx.url()
    ))
    .await;
    (nginx, gateway)
}

#[tokio::test]
async fn bodies_of_every_size_pass_unchanged_to_a_tomcat_and_back() {
    let (_tomcat, gateway) = tomcat().await;
    let mut client = Client::connect(gateway.front()).await;
    for size in SIZES {
        let payload = Payload::new(size);
        for framing in FRAMINGS {
            upload(&mut client, "/app", &payload, framing).await;
            download(&mut client, "/app", &payload, framing).await;
        }
    }
    assert_eq!(gateway.count("connects_total", &[]).await, 1);
}

#[tokio::test]
async fn bodies_of_every_size_pass_unchanged_to_an_nginx_and_back() {
    let (nginx, gateway) = nginx().await;
    let mut client = Client::connect(gateway.front()).await;
    for size in SIZES {
        let payload = Payload::new(size);
        for framing in FRAMINGS {
            there_and_back(&mut client, &nginx, &payload, framing).await;
        }
    }
    assert_eq!(gateway.count("connects_total", &[]).await, 1);
}

#[tokio::test]
async fn a_hundred_megabytes_pass_and_memory_stays() {
    let (_tomcat, before_tomcat) = tomcat().await;
    let (nginx, before_nginx) = nginx().await;
    let (warm, payload) = (Payload::new(1 << 20), Payload::new(LARGE));

    let mut client = Client::connect(before_tomcat.front()).await;
    for framing in FRAMINGS {
        upload(&mut client, "/app", &warm, framing).await;
        download(&mut client, "/app", &warm, framing).await;
    }
    let before = before_tomcat.memory();
    for framing in FRAMINGS {
        let begun = Instant::now();
        upload(&mut client, "/app", &payload, framing).await;
        let up = begun.elapsed();
        download(&mut client, "/app", &payload, framing).await;
        let down = begun.elapsed() - up;
        println!("Tomcat, {framing:?}: up {up:.1?}, down {down:.1?}");
    }
    flat("Tomcat", before.peak, &before_tomcat);

    let mut client = Client::connect(before_nginx.front()).await;
    for framing in FRAMINGS {
        there_and_back(&mut client, &nginx, &warm, framing).await;
    }
    let before = before_nginx.memory();
    for framing in FRAMINGS {
        let begun = Instant::now();
        there_and_back(&mut client, &nginx, &payload, framing).await;
        println!("nginx, {framing:?}: up and down {:.1?}", begun.elapsed());
    }
    flat("nginx", before.peak, &before_nginx);
}

#[tokio::test]
async fn an_event_arrives_before_the_next_one_is_sent() {
    let (_tomcat, gateway) = tomcat().await;
    let mut client = Client::connect(gateway.front()).await;
    client
        .send("GET /app/sse?n=3&ms=1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    for (event, next) in [(1, 2), (2, 3)] {
        let seen = client.raw_until(&format!("data: event {event}\n")).await;
        assert!(!seen.contains(&format!("event {next}")), "{seen}");
    }
    let answer = client.answer().await;
    assert!(answer.complete && answer.text().ends_with("data: event 3\n\n"));
}

/// Tomcat gets the expectation and answers 100 before the client sends its body.
#[tokio::test]
async fn expect_100_continue_is_answered_before_the_upload() {
    let (_tomcat, gateway) = tomcat().await;
    uploads::expect_100_continue(&gateway).await;
}

#[tokio::test]
async fn an_answer_may_begin_before_the_upload_is_over() {
    let (_tomcat, gateway) = tomcat().await;
    uploads::answer_before_the_end(&gateway).await;
}

/// Tomcat answers without reading the body, and then reads it or closes. The next request must succeed in both cases.
#[tokio::test]
async fn a_body_that_the_servlet_ignores_does_not_disturb_the_next_request() {
    let (_tomcat, gateway) = tomcat().await;
    uploads::ignored_bodies(&gateway).await;
}

fn flat(what: &str, before: u64, gateway: &Ajpgate) {
    let now = gateway.memory();
    let growth = now.risen_above(before);
    println!("{what}: {now}; the peak grew by {:.1} MiB", mib(growth));
    assert!(growth < GROWTH, "{what}: {growth} KiB");
}

/// Uploads a file and downloads it again.
async fn there_and_back(client: &mut Client, nginx: &Nginx, payload: &Payload, framing: Framing) {
    let name = format!("{framing:?}-{}", payload.bytes.len());
    client
        .send(request("PUT", &format!("/{name}"), payload, framing))
        .await;
    assert!(matches!(client.answer().await.status, 201 | 204), "{name}");
    let stored = std::fs::read(nginx.file(&name)).unwrap();
    assert!(stored == payload.bytes, "{name} is stored whole");

    let target = match framing {
        Framing::Length => format!("/{name}"),
        Framing::Chunks => format!("/chunked/{name}"),
    };
    let answer = client.get(&target, "").await;
    assert_eq!((answer.status, answer.complete), (200, true), "{target}");
    assert!(answer.body == payload.bytes, "{target} comes back whole");
    let length = payload.bytes.len().to_string();
    if framing == Framing::Length {
        assert_eq!(answer.field("content-length"), Some(length.as_str()));
    } else if !payload.bytes.is_empty() {
        assert_eq!(answer.field("content-length"), None, "{target}");
    }
}
