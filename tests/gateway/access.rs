//! `allow`, `deny` and `rate` of mappings.

use crate::support::client::Client;
use crate::support::container::Container;
use crate::support::gateway::{ConfigFile, Running, ask};

/// The status that a client of this address gets, behind a trusted proxy.
async fn status(gateway: &Running, target: &str, address: &str) -> u16 {
    let fields = format!("X-Forwarded-For: {address}\r\n");
    gateway.get(target, &fields).await.status
}

#[tokio::test]
async fn addresses_are_let_in_or_not_by_the_clients_true_address() {
    let node = Container::hello("n1").await;
    let to = format!("\"ajp://{}\"", node.address);
    let gateway = Running::start(&format!(
        "trusted_proxies: [127.0.0.0/8]\n\
         proxy_pass:\n\
         \x20 - {{ path: /, to: {to} }}\n\
         \x20 - {{ path: /in, to: {to}, allow: [10.0.0.0/8, \"2001:db8::/32\"], deny: [10.6.6.0/24] }}\n\
         \x20 - {{ path: /out, to: {to}, deny: [192.0.2.0/24] }}\n"
    ));
    for (target, address, expected) in [
        ("/", "192.0.2.7", 200),
        ("/in", "10.0.0.1", 200),
        ("/in", "::ffff:10.0.0.1", 200),
        ("/in", "2001:db8::7", 200),
        ("/in", "10.6.6.6", 403),
        ("/in", "192.0.2.7", 403),
        ("/in", "2001:db9::7", 403),
        // The rightmost address that is no trusted proxy counts.
        ("/in", "10.0.0.1, 192.0.2.7", 403),
        ("/in", "192.0.2.7, 10.0.0.1, 127.0.0.9", 200),
        ("/out", "192.0.2.7", 403),
        ("/out", "198.51.100.7", 200),
        // No spelling gets around it.
        ("/in;x=1", "192.0.2.7", 403),
        ("//in", "192.0.2.7", 403),
        ("/%69n/x", "192.0.2.7", 403),
        ("/a/../in", "192.0.2.7", 403),
        ("/a/..;/in", "192.0.2.7", 403),
        ("/./in/.", "192.0.2.7", 403),
    ] {
        assert_eq!(
            status(&gateway, target, address).await,
            expected,
            "{target} {address}"
        );
    }
    let refused = gateway.metric("ajpgate_access_refused_total", &[("reason", "allow")]);
    assert_eq!(refused.await, 11.0);
}

#[tokio::test]
async fn too_many_requests_get_429_also_after_a_reload() {
    let node = Container::hello("n1").await;
    let yaml = |more: &str| {
        format!(
            "trusted_proxies: [127.0.0.0/8]\n\
             proxy_pass:\n\
             \x20 - {{ path: /, to: \"ajp://{}\", rate: {{ requests: 2/h, burst: 3 }} }}\n{more}",
            node.address
        )
    };
    let file = ConfigFile::new("rate", &yaml(""));
    let gateway = Running::start_from(&file);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(status(&gateway, "/", "192.0.2.7").await);
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    // Others have budgets of their own; so many addresses of a network of 64 bits have one.
    assert_eq!(status(&gateway, "/", "192.0.2.8").await, 200);
    for (address, expected) in [
        ("2001:db8::1", 200),
        ("2001:db8::2", 200),
        ("2001:db8::3", 200),
        ("2001:db8::4", 429),
    ] {
        assert_eq!(status(&gateway, "/", address).await, expected, "{address}");
    }
    let answer = gateway.get("/", "X-Forwarded-For: 192.0.2.7\r\n").await;
    let seconds: u32 = answer.field("retry-after").unwrap().parse().unwrap();
    assert!((1700..=1800).contains(&seconds), "{seconds}");
    file.write(&yaml("  - { path: /more, exclude: true }\n"));
    assert_eq!(
        ask(&gateway, "POST", "/api/v1/reload", "").await.status,
        200
    );
    assert_eq!(status(&gateway, "/more", "192.0.2.7").await, 404);
    assert_eq!(status(&gateway, "/", "192.0.2.7").await, 429);
    // Another rate begins anew.
    file.write(&yaml("").replace("2/h", "3/h"));
    assert_eq!(
        ask(&gateway, "POST", "/api/v1/reload", "").await.status,
        200
    );
    assert_eq!(status(&gateway, "/", "192.0.2.7").await, 200);
}

#[tokio::test]
async fn a_refused_request_leaves_its_connection_usable() {
    let node = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n\
         \x20 - {{ path: /, to: \"ajp://{0}\" }}\n\
         \x20 - {{ path: /in, to: \"ajp://{0}\", allow: [10.0.0.0/8] }}\n",
        node.address
    ));
    let mut client = Client::connect(gateway.front).await;
    client
        .send("POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    assert_eq!(client.answer().await.status, 403);
    assert_eq!(client.get("/", "").await.status, 200);
}
