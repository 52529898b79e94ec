//! Who the client of a request is behind trusted proxies, as members, clients and the answer see it.

use std::sync::Arc;

use ajp13::ForwardRequest;
use tokio::sync::mpsc;

use crate::support::client::Answer;
use crate::support::container::{Container, Wire, fields, named};
use crate::support::gateway::Running;
use crate::support::origin::Origin;

/// A container that redirects each request to what it takes for the client's own URL, and hands each request on.
async fn redirecting() -> (Container, mpsc::UnboundedReceiver<ForwardRequest>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let container = Container::start(move |_, mut wire: Wire| {
        let seen = seen.clone();
        async move {
            while let Some(request) = wire.next_request().await {
                let location = location(&request);
                wire.respond(302, &[("Location", &location)], b"").await;
                let _ = seen.send(request);
            }
        }
    })
    .await;
    (container, requests)
}

/// What Tomcat makes of `sendRedirect("/app/next")`: scheme and server name of the request, and the port that the Host has.
fn location(request: &ForwardRequest) -> String {
    let scheme = if request.is_ssl { "https" } else { "http" };
    let host = fields(request, "host").concat();
    format!("{scheme}://{host}/app/next")
}

/// A gateway in front of the container, which maps the host `shop.example.com` only.
fn gateway(container: &Container, trusted: &str) -> Running {
    let address = container.address;
    Running::start(&format!(
        "balancers:
  test:
    sticky_cookie: {{ name: ROUTEID }}
    members: [{{ url: \"ajp://{address}\", route: n1 }}]
proxy_pass: [{{ path: /shop, to: \"balancer://test/app\", hosts: [shop.example.com] }}]
trusted_proxies: [{trusted}]
"
    ))
}

const SAID: &str = "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\
     X-Forwarded-Host: shop.example.com\r\nX-Forwarded-Port: 8443\r\n";

async fn ask(gateway: &Running, host: &str, more: &str) -> Answer {
    let mut client = gateway.client().await;
    let request = format!("GET /shop/x HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
    client.send(request).await;
    client.answer().await
}

fn text(value: Option<&bytes::Bytes>) -> String {
    String::from_utf8_lossy(value.map_or(b"", |value| value)).into_owned()
}

#[tokio::test]
async fn a_member_and_the_client_see_what_a_trusted_proxy_says() {
    let (container, mut requests) = redirecting().await;
    let gateway = gateway(&container, "127.0.0.1");
    let answer = ask(&gateway, "10.0.0.5:8080", SAID).await;
    assert_eq!(answer.status, 302, "the mapping of the host was found");
    assert_eq!(
        answer.field("location"),
        Some("https://shop.example.com:8443/shop/next")
    );
    let cookie = answer.field("set-cookie").unwrap();
    assert!(cookie.contains("; Secure"), "{cookie}");
    let request = requests.recv().await.unwrap();
    assert_eq!(text(request.remote_addr.as_ref()), "203.0.113.9");
    assert_eq!(named(&request, "AJP_REMOTE_PORT").as_deref(), Some("0"));
    assert!(request.is_ssl);
    assert_eq!(text(request.server_name.as_ref()), "shop.example.com");
    assert_eq!(request.server_port, 8443);
    assert_eq!(fields(&request, "host"), ["shop.example.com:8443"]);
    let chain = fields(&request, "x-forwarded-for");
    assert_eq!(chain, ["192.0.2.1, 203.0.113.9, 127.0.0.1"]);
    assert_eq!(fields(&request, "x-forwarded-host"), ["shop.example.com"]);
    assert_eq!(fields(&request, "x-forwarded-proto"), ["https"]);
    assert_eq!(fields(&request, "x-forwarded-port"), ["8443"]);
    assert_eq!(fields(&request, "x-real-ip"), ["203.0.113.9"]);
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let (container, mut requests) = redirecting().await;
    let gateway = gateway(&container, "10.0.0.0/8");
    let answer = ask(&gateway, "10.0.0.5:8080", SAID).await;
    assert_eq!(answer.status, 404, "the host of the mapping is not Host");
    let answer = ask(&gateway, "shop.example.com:8080", SAID).await;
    assert_eq!(
        answer.field("location"),
        Some("http://shop.example.com:8080/shop/next")
    );
    let cookie = answer.field("set-cookie").unwrap();
    assert!(!cookie.contains("Secure"), "{cookie}");
    let request = requests.recv().await.unwrap();
    assert_eq!(text(request.remote_addr.as_ref()), "127.0.0.1");
    assert_ne!(named(&request, "AJP_REMOTE_PORT").as_deref(), Some("0"));
    assert!(!request.is_ssl);
    assert_eq!(request.server_port, 8080);
    assert_eq!(fields(&request, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(fields(&request, "x-forwarded-proto"), ["http"]);
    assert_eq!(fields(&request, "x-forwarded-port"), ["8080"]);
    let host = fields(&request, "x-forwarded-host");
    assert_eq!(host, ["shop.example.com:8080"]);
}

#[tokio::test]
async fn a_reload_changes_who_is_trusted_on_connections_that_are_open() {
    use crate::support::gateway::{ConfigFile, ask};
    let (container, mut requests) = redirecting().await;
    let yaml = |trusted: &str| {
        let address = container.address;
        format!(
            "proxy_pass: [{{ path: /, to: \"ajp://{address}/\" }}]\ntrusted_proxies: [{trusted}]\n"
        )
    };
    let file = ConfigFile::new("trusted-proxies", &yaml(""));
    let gateway = Running::start_from(&file);
    let mut client = gateway.client().await;
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{SAID}\r\n");
    client.send(request.clone()).await;
    client.answer().await;
    file.write(&yaml("127.0.0.0/8"));
    assert_eq!(
        ask(&gateway, "POST", "/api/v1/reload", "").await.status,
        200
    );
    client.send(request).await;
    client.answer().await;
    for expected in ["127.0.0.1", "203.0.113.9"] {
        let request = requests.recv().await.unwrap();
        assert_eq!(text(request.remote_addr.as_ref()), expected);
    }
}

#[tokio::test]
async fn an_http_member_gets_the_chain_and_the_fields_as_they_came() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let seen = Arc::new(seen);
    let origin = Origin::start(move |_, mut conn| {
        let seen = Arc::clone(&seen);
        async move {
            while let Some(request) = conn.next_request().await {
                let _ = seen.send(request);
                conn.respond(200, &[], "ok").await;
            }
        }
    })
    .await;
    let url = format!("http://{}/", origin.address);
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /shop, to: \"{url}\" }}]\ntrusted_proxies: [127.0.0.1]\n"
    ));
    let more = format!(
        "{SAID}X-Forwarded-Prefix: /p\r\nForwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n"
    );
    let answer = ask(&gateway, "10.0.0.5:8080", &more).await;
    assert_eq!(answer.status, 200);
    let request = requests.recv().await.unwrap();
    for (name, value) in [
        ("host", "shop.example.com:8443"),
        ("x-forwarded-for", "192.0.2.1, 203.0.113.9, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example.com"),
        ("x-forwarded-port", "8443"),
        ("x-forwarded-prefix", "/p"),
        ("x-real-ip", "203.0.113.9"),
        (
            "forwarded",
            "for=203.0.113.9, for=127.0.0.1;host=\"shop.example.com:8443\";proto=https",
        ),
    ] {
        assert_eq!(request.all(name), [value], "{name}");
    }
}
