//! Sessions are resumed whichever core a connection comes to.

use crate::support::ajpgate::Ajpgate;
use crate::support::tls::Authority;
use rustls::version::{TLS12, TLS13};

#[tokio::test]
async fn all_cores_know_the_tickets_of_each_other() {
    const CONNECTIONS: u64 = 40;
    let ca = Authority::new();
    let server = ca.server("server", &["localhost"]);
    let gateway = Ajpgate::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", tls: {{ {server} }} }}]
proxy_pass: [{{ path: /, to: \"ajp://localhost:9\" }}]
runtime: {{ threads: 4 }}
"
    ))
    .await;
    for version in [&TLS12, &TLS13] {
        let client = ca.client().version(version).resuming();
        for _ in 0..CONNECTIONS {
            assert_eq!(client.get(gateway.front(), "/").await.unwrap(), 503);
        }
    }
    gateway
        .counts("tls_handshakes_total", &[("result", "full")], 2)
        .await;
    gateway
        .counts(
            "tls_handshakes_total",
            &[("result", "resumed")],
            2 * (CONNECTIONS - 1),
        )
        .await;
}
