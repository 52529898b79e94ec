//! Upgrades: the client and the member speak another protocol through the gateway.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::front_tls::before;
use crate::support::client::Client;
use crate::support::container::Container;
use crate::support::gateway::Running;
use crate::support::origin::{Conn, Origin};
use crate::support::tls::Authority;
use crate::support::{soon, until};

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                      Upgrade: WebSocket\r\nSec-WebSocket-Accept: a\r\n\r\n";

/// A server that switches the protocol, sends a greeting, and then echoes every line in capitals.
async fn shouting() -> Origin {
    Origin::start(|_, conn| shout(conn)).await
}

async fn shout(mut conn: Conn) {
    let request = conn.request().await;
    assert_eq!(request.all("upgrade"), ["websocket"]);
    assert_eq!(request.all("connection"), ["upgrade"]);
    assert_eq!(request.all("sec-websocket-key"), ["k"]);
    conn.raw([SWITCH, "hello\n"].concat()).await;
    while let Some(bytes) = conn.bytes(4).await {
        conn.raw(bytes.to_ascii_uppercase()).await;
    }
}

async fn talk(gateway: &Running) -> Client {
    talk_over(gateway.client().await).await
}

async fn talk_over<S: AsyncRead + AsyncWrite + Unpin>(mut client: Client<S>) -> Client<S> {
    client.send(format!("{ASK}\r\n")).await;
    let (status, _, fields) = client.head().await.unwrap();
    assert_eq!(status, 101);
    for (name, value) in [
        ("Connection", "upgrade"),
        ("Upgrade", "WebSocket"),
        ("Sec-WebSocket-Accept", "a"),
    ] {
        let found = fields.iter().find(|(field, _)| field == name);
        assert_eq!(found.map(|(_, value)| value.as_str()), Some(value));
    }
    client.raw_until("hello\n").await;
    for word in ["abcd", "wxyz", "GET ", "\0\0\r\n"] {
        client.send(word).await;
        client.raw_until(&word.to_ascii_uppercase()).await;
    }
    client
}

#[tokio::test]
async fn after_an_upgrade_both_sides_send_at_any_time() {
    let origin = shouting().await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = talk(&gateway).await;
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 1.0)
        .await;
    client.finish().await;
    client.raw_until("").await;
    gateway.quiet().await;
    assert_eq!(
        gateway
            .metric("ajpgate_requests_total", &[("code", "1xx")])
            .await
            + gateway.metric("ajpgate_requests_total", &[]).await,
        1.0
    );
    // The connection is not used for another request.
    drop(talk(&gateway).await);
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn an_upgrade_goes_through_tls() {
    let (ca, origin) = (Authority::new(), shouting().await);
    let keys = ca.server("server", &["localhost"]);
    let gateway = before(&format!("http://{}", origin.address), &keys, "");
    for version in [&TLS12, &TLS13] {
        let client = ca.client().version(version).connect(gateway.front).await;
        let mut client = talk_over(client).await;
        // Both ends are told that no more follows.
        client.finish().await;
        client.raw_until("").await;
    }
    gateway.quiet().await;
}

/// AJP13 cannot carry an upgrade, so the member's HTTP connector does.
#[tokio::test]
async fn an_ajp_member_upgrades_through_its_http_connector() {
    let container = Container::hello("n1").await;
    let origin = shouting().await;
    let url = format!("ajp://{}", container.address);
    let upgrade = format!("upgrade_url: \"http://{}\"", origin.address);
    let gateway = Running::over(&[url], "", &upgrade);
    talk(&gateway).await;
    assert_eq!(gateway.get("/", "").await.field("x-node"), Some("n1"));
    assert_eq!(container.connections(), 1);
}

/// Any client can ask for an upgrade: when the connector for upgrades does not listen, the member and its sessions are not
/// affected.
#[tokio::test]
async fn a_failed_connector_for_upgrades_does_not_affect_the_member() {
    let container = Container::hello("n1").await;
    let dead = Origin::hello("n1").await.address;
    let url = format!("ajp://{}", container.address);
    let upgrade = format!("upgrade_url: \"http://{dead}\"");
    let gateway = Running::over(&[url], "", &upgrade);
    for _ in 0..3 {
        let mut client = gateway.client().await;
        client.send(format!("{ASK}\r\n")).await;
        assert_eq!(client.answer().await.status, 503);
        assert_eq!(gateway.get("/", "").await.field("x-node"), Some("n1"));
    }
    assert_eq!(gateway.metric("ajpgate_member_up", &[]).await, 1.0);
    assert_eq!(
        gateway
            .metric("ajpgate_member_errors_total", &[("kind", "connect")])
            .await,
        3.0
    );
}

/// Without a connector for upgrades the request is forwarded like any other.
#[tokio::test]
async fn an_ajp_member_without_a_connector_for_upgrades_answers_the_request() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(format!("{ASK}\r\n")).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_member_may_refuse_and_the_connection_stays() {
    let origin = Origin::saying("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client.send(format!("{ASK}\r\n")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (403, "no"));
    }
    assert_eq!(origin.connections(), 1);
}

/// An upgrade to HTTP/2 would pass requests unchecked, and a protocol that the client has not asked for is an error.
#[tokio::test]
async fn only_the_requested_protocol_is_accepted() {
    let origin = Origin::saying(SWITCH).await;
    let gateway = Running::before_http(&[&origin], "", "");
    for upgrade in [
        "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
        "Connection: upgrade\r\nUpgrade: TLS/1.0",
        "Connection: upgrade\r\nUpgrade: chat",
        "Connection: upgrade\r\nUpgrade: chat, websocket",
        "Upgrade: websocket",
        "Connection: upgrade",
        "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket",
    ] {
        let mut client = gateway.client().await;
        client
            .send(format!("GET / HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n\r\n"))
            .await;
        assert_eq!(client.answer().await.status, 502, "{upgrade}");
    }
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx")
        .await;
    assert_eq!(client.answer().await.status, 502);
}

#[tokio::test]
async fn silence_ends_an_upgraded_connection() {
    let origin = shouting().await;
    let gateway = Running::before_http(&[&origin], "", "timeout: 300ms");
    let mut client = talk(&gateway).await;
    assert!(!client.ended_by_reset().await);
    // A mapping's time counts in place of the member's.
    for (member, mapping, ends) in [("60s", "300ms", true), ("300ms", "60s", false)] {
        let gateway = Running::start(&format!(
            "balancers: {{ test: {{ members: [{{ url: \"http://{}\", timeout: {member} }}] }} }}\n\
             proxy_pass: [{{ path: /, to: \"balancer://test/\", timeout: {mapping} }}]\n",
            origin.address
        ));
        let mut client = talk(&gateway).await;
        let ended = tokio::time::timeout(Duration::from_secs(1), client.ended_by_reset()).await;
        assert_eq!(ended.is_ok(), ends, "{member} {mapping}");
    }
}

/// A gateway with this `shutdown_timeout`.
fn stopping_within(time: &str, origin: &Origin) -> Running {
    Running::start(&format!(
        "shutdown_timeout: {time}\nproxy_pass: [{{ path: /, to: \"http://{}/\" }}]\n",
        origin.address
    ))
}

/// Waits until the stop of a gateway has begun.
async fn stops(front: SocketAddr) {
    until("the front takes no more", async || {
        TcpStream::connect(front).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn a_stop_waits_for_upgraded_connections_up_to_shutdown_timeout() {
    let (over, mut ended) = mpsc::unbounded_channel();
    let origin = Origin::start(move |_, conn| {
        let over = over.clone();
        async move {
            shout(conn).await;
            let _ = over.send(());
        }
    })
    .await;
    let gateway = stopping_within("2s", &origin);
    let (mut client, front, start) = (talk(&gateway).await, gateway.front, Instant::now());
    let stop = tokio::spawn(gateway.shutdown());
    stops(front).await;
    client.send("abcd").await;
    client.raw_until("ABCD").await;
    assert!(!client.ended_by_reset().await);
    assert!(start.elapsed() >= Duration::from_secs(2));
    // Both sides were closed, and nothing was cut.
    assert!(stop.await.unwrap());
    assert_eq!(soon("the member's side ends", ended.recv()).await, Some(()));
}

#[tokio::test]
async fn a_stop_is_over_when_the_last_upgraded_connection_is() {
    let origin = shouting().await;
    let gateway = stopping_within("1h", &origin);
    let (mut client, front) = (talk(&gateway).await, gateway.front);
    let stop = tokio::spawn(gateway.shutdown());
    stops(front).await;
    client.send("abcd").await;
    client.raw_until("ABCD").await;
    drop(client);
    assert!(soon("the stop is over", stop).await.unwrap());
}
