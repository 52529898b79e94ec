//! Heads of requests through the gateway to a real Tomcat: the servlet sees targets and fields as they were sent, and the
//! client's address, host and port.

use crate::support::ajpgate::Ajpgate;
use crate::support::client::{Answer, Client};
use crate::support::tomcat::{Tomcat, TomcatOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One Tomcat and a gateway in front of it.
async fn tomcat_and_gateway() -> (Tomcat, Ajpgate) {
    let tomcat =
        Tomcat::start(TomcatOptions::new("node1").context("useRelativeRedirects", "false")).await;
    let gateway = Ajpgate::before(&[&tomcat]).start().await;
    (tomcat, gateway)
}

#[tokio::test]
async fn content_codings_pass_through() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut client = Client::connect(gateway.front()).await;
    let coded = client
        .get(
            "/app/headers?h=Content-Encoding:gzip&h=Vary:Accept-Encoding",
            "",
        )
        .await;
    let fields = (
        coded.field("content-encoding"),
        coded.field("vary"),
        coded.text(),
    );
    assert_eq!(fields, (Some("gzip"), Some("Accept-Encoding"), "ok"));
    let echo = client
        .get("/app/echo", "Accept-Encoding: gzip;q=0.5, br\r\n")
        .await;
    assert_eq!(sent(&parsed(&echo), "accept-encoding"), ["gzip;q=0.5, br"]);
}

#[tokio::test]
async fn paths_and_queries_reach_the_servlet_as_they_were_sent() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut client = Client::connect(gateway.front()).await;
    for (path, query, info) in [
        (
            "/caf%C3%A9/%E6%97%A5%E6%9C%AC",
            "n=%C3%BC&x=%20+%2B",
            "/café/日本",
        ),
        ("/a;p=1/b;jsessionid=x.node1", "", "/a/b"),
        ("/~user/%7euser", "q=%zz&&=&a=b=c?d/e", "/~user/~user"),
        ("/a//b/c", "[1]={2}|3", "/a/b/c"),
    ] {
        let seen = parsed(&client.get(&format!("/app/echo{path}?{query}"), "").await);
        let uri = format!("/app/echo{path}");
        assert_eq!(
            (&seen["requestURI"], &seen["pathInfo"], &seen["queryString"]),
            (&json!(uri), &json!(info), &json!(query))
        );
    }
}

#[tokio::test]
async fn header_fields_reach_the_servlet_as_they_were_sent() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut client = Client::connect(gateway.front()).await;
    client
        .send(
            b"GET /app/echo HTTP/1.1\r\nHost: shop.example.com:8443\r\nX-Repeated: one\r\nX-Repeated: two, three\r\n\
              X-Latin: caf\xe9\r\nX-Utf8: caf\xc3\xa9\r\nX-Tab: a\tb\r\nX-Empty:\r\nCookie: a=1\r\nCookie: b=\"2\"\r\n\
              Authorization: Basic bm86Ym9keQ==\r\nContent-Type: text/x-odd; charset=\"utf-8\"\r\n\r\n",
        )
        .await;
    let seen = parsed(&client.answer().await);
    for (name, values) in [
        ("host", &["shop.example.com:8443"][..]),
        ("x-repeated", &["one", "two, three"]),
        ("x-latin", &["caf\u{e9}"]),
        ("x-utf8", &["caf\u{c3}\u{a9}"]),
        ("x-tab", &["a\tb"]),
        ("x-empty", &[""]),
        ("cookie", &["a=1", "b=\"2\""]),
        ("authorization", &["Basic bm86Ym9keQ=="]),
        ("content-type", &["text/x-odd; charset=\"utf-8\""]),
    ] {
        assert_eq!(sent(&seen, name), values, "{name}");
    }
}

#[tokio::test]
async fn a_servlet_sees_the_clients_address_and_the_gateways_host_and_port() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    for (host, name, port) in [
        ("shop.example.com:8443", "shop.example.com", 8443),
        ("shop.example.com", "shop.example.com", 80),
        ("[::1]:8080", "[::1]", 8080),
    ] {
        let mut stream = TcpStream::connect(gateway.front()).await.unwrap();
        let request =
            format!("GET /app/echo HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let seen: Value = serde_json::from_str(body).unwrap();
        for (key, expected) in [
            ("serverName", json!(name)),
            ("serverPort", json!(port)),
            ("scheme", json!("http")),
            ("secure", json!(false)),
            ("protocol", json!("HTTP/1.1")),
            ("remoteAddr", json!("127.0.0.1")),
            ("remoteHost", json!("127.0.0.1")),
            ("remotePort", json!(stream.local_addr().unwrap().port())),
            ("localAddr", json!("127.0.0.1")),
        ] {
            assert_eq!(seen[key], expected, "{key} for {host}");
        }
    }
}

#[tokio::test]
async fn redirects_name_the_host_that_the_client_used() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    for host in ["shop.example.com:8443", "shop.example.com"] {
        let mut client = Client::connect(gateway.front()).await;
        client
            .send(format!(
                "GET /app/redirect?to=/app/there HTTP/1.1\r\nHost: {host}\r\n\r\n"
            ))
            .await;
        let answer = client.answer().await;
        let location = format!("http://{host}/app/there");
        assert_eq!(
            (answer.status, answer.field("location")),
            (302, Some(location.as_str()))
        );
    }
}

/// The values of a field that the servlet got, from the answer of `/echo`.
fn sent<'a>(echo: &'a Value, name: &str) -> Vec<&'a str> {
    let fields = echo["headers"].as_array().unwrap().iter();
    let named = fields.filter(|field| field[0].as_str().unwrap().eq_ignore_ascii_case(name));
    named.map(|field| field[1].as_str().unwrap()).collect()
}

fn parsed(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap()
}
