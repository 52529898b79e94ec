//! HTTP/2 with real clients: curl, nghttp and h2load of nghttp2, in front of a real Tomcat.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::ajpgate::Ajpgate;
use crate::support::h2::{
    CONTINUATION, DATA, HEADERS, Http2, PING, RST_STREAM, SETTINGS, frame, get, request,
};
use crate::support::hpack;
use crate::support::payload::{LARGE, Payload};
use crate::support::scratch::Scratch;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::usage::mib;
use crate::support::wait::eventually;

/// Most memory that transfers may add to the gateway, in KiB.
const GROWTH: u64 = 16 * 1024;

const LISTENER: &str = "listeners: [{ bind: \"127.0.0.1:0\", http2: true }]";

/// A Tomcat behind a gateway with HTTP/2.
async fn tomcat_and_gateway() -> (Tomcat, Ajpgate) {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    let gateway = Ajpgate::before(&[&tomcat]).key(LISTENER).start().await;
    (tomcat, gateway)
}

/// What a client prints. It must end well.
async fn output(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap().expect(program);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn curl(arguments: &[&str]) -> String {
    let always = ["-sS", "--max-time", "120", "--http2-prior-knowledge"];
    output("curl", &[&always[..], arguments].concat()).await
}

fn url(front: SocketAddr, target: &str) -> String {
    format!("http://{front}{target}")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn curl_keeps_its_session_and_the_servlet_sees_http_2() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let folder = Scratch::new("h2-curl");
    let jar = folder.path().join("cookies");
    let session = url(gateway.front(), "/app/session");
    for hits in 1..=3 {
        let page = curl(&["-b", text(&jar), "-c", text(&jar), &session]).await;
        let page: Value = serde_json::from_str(&page).unwrap();
        assert_eq!(
            (&page["node"], &page["hits"]),
            (&"node1".into(), &hits.into())
        );
    }
    let echo = curl(&[&url(gateway.front(), "/app/echo?a=b")]).await;
    let echo: Value = serde_json::from_str(&echo).unwrap();
    assert_eq!(echo["protocol"], "HTTP/2.0", "{echo}");
    assert_eq!(echo["serverPort"], gateway.front().port());
    let logged = async || gateway.access_log().len() == 4;
    eventually("all requests are logged", logged).await;
    let lines = gateway.access_log();
    for line in lines {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["protocol"], "HTTP/2.0");
    }
}

#[tokio::test]
async fn a_hundred_megabytes_arrive_complete_and_memory_stays() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let folder = Scratch::new("h2-large");
    let payload = Payload::new(LARGE);
    let file = folder.path().join("body");
    std::fs::write(&file, &payload.bytes).unwrap();
    let body = format!("@{}", text(&file));
    let sha = url(gateway.front(), "/app/sha");
    // Warm: threads of the Tomcat, buffers.
    curl(&["--data-binary", "x", &sha]).await;
    let before = gateway.memory();
    for length in ["Content-Length: 100000000", "Content-Length:"] {
        let begun = Instant::now();
        let seen = curl(&["-H", length, "--data-binary", &body, &sha]).await;
        let seen: Value = serde_json::from_str(&seen).unwrap();
        assert_eq!(seen["sha256"], payload.sha256, "{length}");
        println!("up, {length} {:.1?}", begun.elapsed());
    }
    let received = folder.path().join("received");
    for how in ["cl=1", "flush=1&chunk=20000"] {
        let begun = Instant::now();
        let target = format!("/app/bytes?n={LARGE}&seed=7&{how}");
        curl(&["-o", text(&received), &url(gateway.front(), &target)]).await;
        assert!(std::fs::read(&received).unwrap() == payload.bytes, "{how}");
        println!("down, {how}: {:.1?}", begun.elapsed());
    }
    let growth = gateway.memory().risen_above(before.peak);
    println!("peak grew by {:.1} MiB", mib(growth));
    assert!(growth < GROWTH);
    gateway.quiet().await;
}

/// One request waits for 3 s; 99 others on the same connection do not.
#[tokio::test]
async fn a_slow_request_holds_back_no_other_of_its_connection() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let slow = url(gateway.front(), "/app/sse?n=2&ms=3000");
    let fast = url(gateway.front(), "/app/bytes?n=100000&seed=7&cl=1");
    let mut urls = vec!["-ns", &slow];
    urls.extend(std::iter::repeat_n(fast.as_str(), 99));
    let begun = Instant::now();
    let table = output("nghttp", &urls).await;
    assert!(begun.elapsed() >= Duration::from_secs(2));
    let fast = table.lines().filter(|line| line.contains("/app/bytes"));
    let late: Vec<&str> = fast
        .filter(|line| !(line.contains("ms ") && line.contains(" 200 ")))
        .collect();
    // nghttp writes times of a second and more as `1.23s`.
    assert!(late.is_empty(), "{table}");
    gateway.quiet().await;
}

#[tokio::test]
async fn h2load_gets_every_answer() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    // 200 connections at once are more than the listening socket of Tomcat holds (acceptCount 100): some wait a second.
    let gateway = Ajpgate::before(&[&tomcat]).key(LISTENER);
    let gateway = gateway.member("connectiontimeout: 20s").start().await;
    let target = url(gateway.front(), "/app/bytes?n=5000&seed=7&cl=1");
    let said = output("h2load", &["-n", "5000", "-c", "10", "-m", "100", &target]).await;
    assert!(
        said.contains("status codes: 5000 2xx, 0 3xx, 0 4xx, 0 5xx"),
        "{said}"
    );
    assert!(
        said.contains("5000 succeeded, 0 failed, 0 errored, 0 timeout"),
        "{said}"
    );
    gateway.quiet().await;
    assert_eq!(
        gateway.count("requests_total", &[("code", "2xx")]).await,
        5000
    );
}

/// The frames that a client sends the next time, by how often it has sent before.
type Flood<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// Each flood on 20 connections, one after the other, while another client is served.
#[tokio::test]
async fn floods_end_within_bounded_memory() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut other = Http2::connect(gateway.front()).await;
    assert_eq!(other.get("/app/bytes?n=10").await.status, 200);
    let before = gateway.memory();
    let asked = hpack::encode(&get("/app/bytes?n=10"));
    let posted = hpack::encode(&request("POST", "/app/sha"));
    // A field of 3,900 bytes, and 12,000 times the same again.
    let mut bomb = [&asked[..], &[0x40, 1, b'x']].concat();
    hpack::put_text(&mut bomb, &[b'a'; 3_900]);
    bomb.resize(16_000, 0x80 | 62);
    let cancel = 8_u32.to_be_bytes();
    let id = |number: u32| 2 * number + 1;
    let floods: [(&str, Flood<'_>); 6] = [
        ("rapid reset", &|number| {
            let reset = frame(RST_STREAM, 0, id(number), &cancel);
            [frame(HEADERS, 5, id(number), &asked), reset].concat()
        }),
        ("header lists that grow", &|number| {
            frame(HEADERS, 5, id(number), &bomb)
        }),
        ("CONTINUATION", &|number| match number {
            0 => frame(HEADERS, 0, 1, &asked),
            _ => frame(CONTINUATION, 0, 1, &asked),
        }),
        ("SETTINGS", &|_| frame(SETTINGS, 0, 0, &[])),
        ("PING", &|_| frame(PING, 0, 0, b"pingpong")),
        ("empty DATA", &|number| match number {
            0 => frame(HEADERS, 4, 1, &posted),
            _ => frame(DATA, 0, 1, b""),
        }),
    ];
    for (name, flood) in floods {
        for _ in 0..20 {
            let mut client = Http2::connect(gateway.front()).await;
            for number in 0..5_000 {
                if !client.send(&flood(number)).await {
                    break;
                }
            }
            client.goes_away().await;
        }
        assert_eq!(other.get("/app/bytes?n=10").await.status, 200, "{name}");
        let growth = gateway.memory().risen_above(before.peak);
        println!("{name}: peak grew by {:.1} MiB", mib(growth));
        assert!(growth < GROWTH, "{name}");
    }
    gateway.quiet().await;
}
