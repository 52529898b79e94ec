//! Listeners with `proxy_protocol: true`.

use ajp13::ForwardRequest;
use tokio::sync::mpsc;

use crate::support::Gate;
use crate::support::client::Client;
use crate::support::container::{Container, Wire, fields, named};
use crate::support::gateway::{ConfigFile, Running, ask};
use crate::support::h2::{GOAWAY, Http2, NO_ERROR, PREFACE, SETTINGS, get};
use crate::support::tls::Authority;

/// A container that hands its requests on.
async fn container() -> (Container, mpsc::UnboundedReceiver<ForwardRequest>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let container = Container::start(move |_, mut wire: Wire| {
        let seen = seen.clone();
        async move {
            while let Some(request) = wire.next_request().await {
                let body = wire.read_body(&request).await;
                wire.respond(200, &[], &body).await;
                let _ = seen.send(request);
            }
        }
    })
    .await;
    (container, requests)
}

fn gateway(container: &Container, trusted: &str, more: &str) -> Running {
    let address = container.address;
    Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", proxy_protocol: true }}]
proxy_pass: [{{ path: /, to: \"ajp://{address}/\" }}]
trusted_proxies: [{trusted}]
{more}
"
    ))
}

/// Version 2, with the addresses of IPv4 and these records.
fn v2(records: &[u8]) -> Vec<u8> {
    let addresses = b"\xcb\x00\x71\x09\xc6\x33\x64\x01\x12\x67\x01\xbb";
    let length = u16::try_from(addresses.len() + records.len()).unwrap();
    [
        &b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..],
        &length.to_be_bytes(),
        addresses,
        records,
    ]
    .concat()
}

/// The record of a client that speaks TLS.
const SSL: &[u8] = b"\x20\x00\x05\x01\0\0\0\0";
const V1: &[u8] = b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n";

async fn result(gateway: &Running, result: &str) -> f64 {
    let labels = [("result", result)];
    gateway.metric("ajpgate_proxy_headers_total", &labels).await
}

fn text(value: Option<&bytes::Bytes>) -> String {
    String::from_utf8_lossy(value.map_or(b"", |value| value)).into_owned()
}

#[tokio::test]
async fn the_header_says_who_the_client_is() {
    let (container, mut requests) = container().await;
    let gateway = gateway(&container, "127.0.0.1", "");
    let own = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let tcp6 = b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 443\r\n";
    let (v4, v6, socket) = (
        ("203.0.113.9", Some("4711"), "198.51.100.1"),
        ("2001:db8::9", Some("4711"), "2001:db8::1"),
        ("127.0.0.1", None, "127.0.0.1"),
    );
    for (header, (address, port, local), ssl) in [
        (V1.to_vec(), v4, false),
        (v2(b""), v4, false),
        (v2(SSL), v4, true),
        (tcp6.to_vec(), v6, false),
        (b"PROXY UNKNOWN\r\n".to_vec(), socket, false),
        (own.to_vec(), socket, false),
    ] {
        let server_port = if ssl { 443 } else { 80 };
        let mut client = gateway.client().await;
        // Header and two requests at once, then one more: all of them have the same client.
        client.send([&header[..], GET, GET].concat()).await;
        client.answer().await;
        client.answer().await;
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
        for _ in 0..3 {
            let request = requests.recv().await.unwrap();
            assert_eq!(text(request.remote_addr.as_ref()), address);
            if let Some(port) = port {
                assert_eq!(named(&request, "AJP_REMOTE_PORT").as_deref(), Some(port));
            }
            assert_eq!(named(&request, "AJP_LOCAL_ADDR").as_deref(), Some(local));
            assert_eq!((request.is_ssl, request.server_port), (ssl, server_port));
            assert_eq!(fields(&request, "x-forwarded-for"), [address]);
        }
    }
    assert_eq!(result(&gateway, "ok").await, 6.0);
}

#[tokio::test]
async fn a_header_may_come_in_pieces_and_a_body_behind_it_is_whole() {
    let (container, mut requests) = container().await;
    let gateway = gateway(&container, "127.0.0.1", "");
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nPROXY UNKNOWN\r\nhello";
    for header in [V1.to_vec(), v2(SSL)] {
        let mut client = gateway.client().await;
        for piece in [&header[..], post].concat().chunks(7) {
            client.send(piece).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.answer().await.text(), "PROXY UNKNOWN\r\nhello");
        requests.recv().await.unwrap();
    }
}

#[tokio::test]
async fn who_the_header_names_decides_whether_its_fields_are_believed() {
    let (container, mut requests) = container().await;
    let gateway = gateway(&container, "127.0.0.1, 10.0.0.0/8", "");
    for (said, expected) in [("203.0.113.9", "203.0.113.9"), ("10.0.0.7", "192.0.2.1")] {
        let mut client = gateway.client().await;
        let request = format!(
            "PROXY TCP4 {said} 198.51.100.1 4711 443\r\n\
             GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
        );
        client.send(request).await;
        client.answer().await;
        let request = requests.recv().await.unwrap();
        assert_eq!(text(request.remote_addr.as_ref()), expected);
    }
}

#[tokio::test]
async fn fields_of_somebody_whom_the_header_does_not_name_are_not_believed() {
    let (container, mut requests) = container().await;
    let gateway = gateway(&container, "127.0.0.1", "");
    let unix = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8"[..], &[b'x'; 216]].concat();
    let unspecified = b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0";
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    for (header, address, server_port) in [
        (&b"PROXY UNKNOWN\r\n"[..], "127.0.0.1", 80),
        (
            b"PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n",
            "127.0.0.1",
            80,
        ),
        (unspecified, "127.0.0.1", 80),
        (&unix, "127.0.0.1", 80),
        // The load balancer itself is who it says, and is trusted.
        (local, "192.0.2.1", 443),
    ] {
        let mut client = gateway.client().await;
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\
                        X-Forwarded-Proto: https\r\nForwarded: for=192.0.2.1;proto=https\r\n\r\n";
        client.send([header, request].concat()).await;
        assert_eq!(client.answer().await.status, 200);
        let request = requests.recv().await.unwrap();
        let what = header.escape_ascii();
        assert_eq!(text(request.remote_addr.as_ref()), address, "{what}");
        assert_eq!(request.server_port, server_port, "{what}");
    }
}

#[tokio::test]
async fn without_a_good_header_the_connection_is_closed_and_nothing_reaches_a_member() {
    let (container, _requests) = container().await;
    let gateway = gateway(&container, "127.0.0.1", "");
    for bytes in [
        GET.to_vec(),
        b"PROXY TCP4 203.0.113.9 198.51.100.1 4711\r\n".to_vec(),
        [b"PROXY TCP4 203.0.113.256 198.51.100.1 4711 443\r\n", GET].concat(),
        [&v2(b"\x04\x00\x09")[..], GET].concat(),
        // A second header is no request.
        [V1, V1, GET].concat(),
    ] {
        let mut client = gateway.client().await;
        client.send(&bytes).await;
        if let Some(answer) = client.try_answer("GET").await {
            assert_eq!(answer.status, 400);
        }
        assert!(client.is_closed().await);
    }
    assert_eq!(result(&gateway, "broken").await, 4.0);
    assert_eq!(result(&gateway, "ok").await, 1.0);
    drop(Client::connect(gateway.front).await);
    let closed = [("result", "closed")];
    gateway
        .metric_becomes("ajpgate_proxy_headers_total", &closed, 1.0)
        .await;
    assert_eq!(container.connections(), 0);
}

#[tokio::test]
async fn a_header_has_header_timeout() {
    let (container, _requests) = container().await;
    let gateway = gateway(&container, "127.0.0.1", "limits: { header_timeout: 250ms }");
    let mut client = gateway.client().await;
    client.send("PROXY TCP4").await;
    assert!(client.is_closed().await);
    assert_eq!(result(&gateway, "timeout").await, 1.0);
}

#[tokio::test]
async fn a_peer_that_is_not_trusted_may_not_connect() {
    let (container, _requests) = container().await;
    let gateway = gateway(&container, "10.0.0.0/8", "");
    let mut client = gateway.client().await;
    client.send([V1, GET].concat()).await;
    assert!(client.is_closed().await);
    assert_eq!(result(&gateway, "untrusted").await, 1.0);
    assert_eq!(container.connections(), 0);
}

/// A gateway that reads its file again, with these listeners and trusted proxies.
fn reloading(container: &Container, test: &str) -> (impl Fn(&str, &str) -> String, ConfigFile) {
    let address = container.address;
    let yaml = move |listener: &str, trusted: &str| {
        format!(
            "listeners: [{{ bind: \"127.0.0.1:0\", {listener} }}]\n\
             proxy_pass: [{{ path: /, to: \"ajp://{address}/\" }}]\n\
             trusted_proxies: [{trusted}]\n"
        )
    };
    let file = ConfigFile::new(test, &yaml(PROXY, "127.0.0.1"));
    (yaml, file)
}

const PROXY: &str = "proxy_protocol: true, http2: true";

/// What a kept connection says about its client was believed because of its peer.
#[tokio::test]
async fn a_kept_connection_of_a_peer_that_is_no_longer_trusted_is_closed() {
    for (listener, trusted, goes_on) in [
        (PROXY, "127.0.0.1, 10.0.0.0/8", true),
        (PROXY, "10.0.0.0/8", false),
        ("http2: true", "127.0.0.1", false),
    ] {
        let (container, _requests) = container().await;
        let (yaml, file) = reloading(&container, "untrusted-peer");
        let gateway = Running::start_from(&file);
        let mut client = gateway.client().await;
        client.send([V1, GET].concat()).await;
        assert_eq!(client.answer().await.status, 200);
        let mut h2 = Http2::raw(gateway.front).await;
        h2.send(&[V1, PREFACE].concat()).await;
        h2.frame(SETTINGS, 0, 0, &[]).await;
        assert_eq!(h2.get("/").await.status, 200);
        file.write(&yaml(listener, trusted));
        let reloaded = ask(&gateway, "POST", "/api/v1/reload", "").await;
        assert_eq!(reloaded.status, 200, "{}", reloaded.text());
        if goes_on {
            assert_eq!(client.get("/", "").await.status, 200);
            assert_eq!(h2.get("/").await.status, 200);
            continue;
        }
        assert!(client.is_closed().await, "{listener} {trusted}");
        let answer = h2.get("/").await;
        assert_eq!(answer.status, 0, "{listener} {trusted}");
        assert_eq!(h2.goes_away().await, None);
        assert_eq!(gateway.metric("ajpgate_requests_total", &[]).await, 2.0);
        let refused = [("limit", "max_streams")];
        assert_eq!(gateway.metric("ajpgate_limits_total", &refused).await, 0.0);
    }
}

/// The requests under way are the last ones.
#[tokio::test]
async fn requests_under_way_of_a_peer_that_is_no_longer_trusted_are_answered() {
    let gate = Gate::new();
    let container = Container::gated(&gate).await;
    let (yaml, file) = reloading(&container, "untrusted-under-way");
    let gateway = Running::start_from(&file);
    let mut client = gateway.client().await;
    client.send([V1, GET, GET].concat()).await;
    let mut h2 = Http2::raw(gateway.front).await;
    h2.send(&[V1, PREFACE].concat()).await;
    h2.frame(SETTINGS, 0, 0, &[]).await;
    let stream = h2.open(&get("/"), true).await;
    gateway
        .metric_becomes("ajpgate_requests_in_flight", &[], 2.0)
        .await;
    file.write(&yaml(PROXY, "10.0.0.0/8"));
    let reloaded = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    assert_eq!(h2.next_of(GOAWAY).await.unwrap().code(), NO_ERROR);
    let late = h2.open(&get("/"), true).await;
    gate.open();
    let answer = client.answer().await;
    assert_eq!(answer.field("connection"), Some("close"));
    // The second request was there already, and is answered no more.
    assert!(client.is_closed().await);
    assert_eq!(h2.answer(stream).await.status, 200);
    assert_eq!(h2.answer(late).await.status, 0);
    gateway.quiet().await;
    assert_eq!(gateway.metric("ajpgate_requests_total", &[]).await, 2.0);
}

#[tokio::test]
async fn connections_are_counted_by_the_address_in_the_header() {
    let (container, _requests) = container().await;
    let gateway = gateway(
        &container,
        "127.0.0.1",
        "limits: { max_connections_per_ip: 1 }",
    );
    let header = |last: u8| format!("PROXY TCP4 203.0.113.{last} 198.51.100.1 4711 443\r\n");
    let mut clients = Vec::new();
    for last in 1..4 {
        let mut client = gateway.client().await;
        client.send([header(last).as_bytes(), GET].concat()).await;
        assert_eq!(client.answer().await.status, 200);
        clients.push(client);
    }
    let mut client = gateway.client().await;
    client.send([header(2).as_bytes(), GET].concat()).await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_header() {
    let (container, _requests) = container().await;
    let gateway = gateway(&container, "127.0.0.1", "limits: { header_timeout: 0 }");
    let mut client = gateway.client().await;
    client.send("PROXY").await;
    gateway
        .metric_becomes("ajpgate_client_connections", &[], 1.0)
        .await;
    assert!(gateway.shutdown().await);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn the_header_stands_before_tls_and_before_http2() {
    let (container, mut requests) = container().await;
    let ca = Authority::new();
    let keys = ca.server("server", &["localhost"]);
    let address = container.address;
    let gateway = Running::start(&format!(
        "listeners:
  - {{ bind: \"127.0.0.1:0\", proxy_protocol: true, tls: {{ {keys} }} }}
proxy_pass: [{{ path: /, to: \"ajp://{address}/\" }}]
trusted_proxies: [127.0.0.1]
"
    ));
    for header in [V1.to_vec(), v2(b""), v2(SSL)] {
        let mut client = ca.client().behind(&header).connect(gateway.front).await;
        assert_eq!(client.get("/", "").await.status, 200);
        let request = requests.recv().await.unwrap();
        assert_eq!(text(request.remote_addr.as_ref()), "203.0.113.9");
        assert!(request.is_ssl && request.server_port == 443, "{request:?}");
    }
    // TLS without a header is none.
    assert!(ca.client().try_connect(gateway.front).await.is_err());
    assert_eq!(result(&gateway, "broken").await, 1.0);

    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", proxy_protocol: true, http2: true }}]
proxy_pass: [{{ path: /, to: \"ajp://{address}/\" }}]
trusted_proxies: [127.0.0.1]
"
    ));
    let mut client = Http2::raw(gateway.front).await;
    client.send(&[V1, PREFACE].concat()).await;
    client.frame(SETTINGS, 0, 0, &[]).await;
    assert_eq!(client.get("/").await.status, 200);
    let request = requests.recv().await.unwrap();
    assert_eq!(text(request.remote_addr.as_ref()), "203.0.113.9");
}
