//! Keys of `limits` that are counted in `limits_total`.

use crate::support::client::Client;
use crate::support::container::Container;
use crate::support::gateway::Running;
use crate::support::soon;

/// A gateway with these limits in front of a container.
async fn gateway(limits: &str) -> (Running, Container) {
    let container = Container::hello("n1").await;
    let address = container.address;
    let gateway = Running::start(&format!(
        "limits: {{ {limits} }}\nproxy_pass: [{{ path: /, to: \"ajp://{address}/\" }}]\n"
    ));
    (gateway, container)
}

async fn beyond(gateway: &Running, limit: &str) -> f64 {
    gateway
        .metric("ajpgate_limits_total", &[("limit", limit)])
        .await
}

#[tokio::test]
async fn more_fields_than_max_headers_are_431() {
    for (limits, most) in [("max_headers: 5", 5), ("idle_timeout: 75s", 100)] {
        let (gateway, container) = gateway(limits).await;
        // Host and Connection are two of them.
        for (more, status) in [(most - 2, 200), (most - 1, 431)] {
            let fields: String = (0..more)
                .map(|number| format!("X-{number}: 1\r\n"))
                .collect();
            assert_eq!(gateway.get("/", &fields).await.status, status, "{limits}");
        }
        assert_eq!(beyond(&gateway, "max_headers").await, 1.0);
        assert_eq!(container.connections(), 1);
    }
}

#[tokio::test]
async fn a_target_longer_than_max_uri_is_414() {
    let (gateway, container) = gateway("max_uri: 20").await;
    for (target, status) in [
        ("/3456789012345678?20", 200),
        ("/3456789012345678?x21", 414),
        (&format!("/{}", "x".repeat(100_000)), 414),
    ] {
        let mut client = gateway.client().await;
        client
            .send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        assert_eq!(client.answer().await.status, status, "{}", target.len());
        if status == 414 {
            assert!(client.is_closed().await);
        }
    }
    assert_eq!(beyond(&gateway, "max_uri").await, 2.0);
    assert_eq!(container.connections(), 1);
}

#[tokio::test]
async fn a_body_slower_than_min_body_rate_is_408() {
    let (gateway, _container) = gateway("min_body_rate: 1KiB").await;
    let mut client = gateway.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        .await;
    let begun = std::time::Instant::now();
    assert_eq!(client.answer().await.status, 408);
    let waited = begun.elapsed().as_secs();
    assert!((4..30).contains(&waited), "{waited} s");
    assert!(client.is_closed().await);
    assert_eq!(beyond(&gateway, "min_body_rate").await, 1.0);
}

#[tokio::test]
async fn an_address_has_no_more_than_max_connections_per_ip() {
    let (gateway, _container) = gateway("max_connections_per_ip: 2").await;
    let mut first = gateway.client().await;
    let second = gateway.client().await;
    gateway
        .metric_becomes("ajpgate_client_connections", &[], 2.0)
        .await;
    let mut third = Client::connect(gateway.front).await;
    assert!(third.is_closed().await);
    assert_eq!(beyond(&gateway, "max_connections_per_ip").await, 1.0);
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(first.answer().await.status, 200);
    // The admin listener has answered all the time, and a place is free when a connection ends.
    drop(second);
    gateway
        .metric_becomes("ajpgate_client_connections", &[], 1.0)
        .await;
    assert_eq!(soon("an answer", gateway.get("/", "")).await.status, 200);
}
