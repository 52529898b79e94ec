//! The AJP and the HTTP connector of one Tomcat have the same sessions, client addresses and metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::support::ajpgate::{Ajpgate, ONE_CORE, http_member, member};
use crate::support::browser::Browser;
use crate::support::client::Client;
use crate::support::payload::parsed;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::{eventually, probe};

const AJP: &str = "/ajp";
const HTTP: &str = "/http";

/// Takes the client's address from a proxy on loopback, as in Tomcat's documentation.
const REMOTE_IP_VALVE: &str = r#"<Valve className="org.apache.catalina.valves.RemoteIpValve" remoteIpHeader="X-Forwarded-For" protocolHeader="X-Forwarded-Proto" portHeader="X-Forwarded-Port" hostHeader="X-Forwarded-Host"/>"#;

/// One Tomcat behind one gateway, by its AJP connector at `/ajp` and by its HTTP connector at `/http`. `balancer` are keys
/// of both balancers, and `rest` are lines of the file.
async fn both(options: TomcatOptions, balancer: &str, rest: &str) -> (Tomcat, Ajpgate) {
    let tomcat = Tomcat::start(options.http_connector()).await;
    let gateway = Ajpgate::start(&format!(
        "balancers:
  ajp: {{ members: [{{ {} }}]{balancer} }}
  http: {{ stickysession: \"JSESSIONID|jsessionid\", members: [{{ {} }}]{balancer} }}
proxy_pass:
  - {{ path: {AJP}, to: \"balancer://ajp/app\" }}
  - {{ path: {HTTP}, to: \"balancer://http/app\" }}
{rest}",
        member(&tomcat),
        http_member(&tomcat)
    ))
    .await;
    (tomcat, gateway)
}

#[tokio::test]
async fn a_session_is_the_same_over_both_connectors() {
    let (_tomcat, gateway) = both(TomcatOptions::new("node1").secret("s3cret"), "", "").await;
    let mut browser = Browser::new(gateway.front());
    let first = parsed(&browser.get(&format!("{AJP}/session")).await);
    for (hits, path) in (2..12).zip([HTTP, AJP].into_iter().cycle()) {
        let page = parsed(&browser.get(&format!("{path}/session")).await);
        assert_eq!(
            (&page["id"], &page["hits"]),
            (&first["id"], &hits.into()),
            "{path}"
        );
    }
    for balancer in ["ajp", "http"] {
        let hits = [
            ("balancer", balancer),
            ("route", "node1"),
            ("result", "hit"),
        ];
        gateway.counts("sticky_requests_total", &hits, 5).await;
    }
    assert_eq!(gateway.count("sticky_route_mismatch_total", &[]).await, 0);
}

/// The servlet sees the address of the client, which differs from the gateway's.
#[tokio::test]
async fn the_remote_ip_valve_sees_the_same_client_over_both_connectors() {
    let options = TomcatOptions::new("node1").valve(REMOTE_IP_VALVE);
    let (_tomcat, gateway) = both(options, "", "").await;
    for (host, port) in [("shop.example.com", 80), ("shop.example.com:8443", 8443)] {
        let mut views = Vec::new();
        for path in [AJP, HTTP] {
            let mut client = from("127.0.0.7:0", gateway.front()).await;
            // The gateway replaces what a client says about itself.
            client
                .send(format!(
                    "GET {path}/echo HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 10.9.8.7\r\nX-Forwarded-Proto: https\r\nForwarded: for=10.9.8.7\r\n\r\n"
                ))
                .await;
            let seen = parsed(&client.answer().await);
            let view = [
                "remoteAddr",
                "scheme",
                "secure",
                "serverName",
                "serverPort",
                "requestURI",
                "protocol",
            ]
            .map(|key| seen[key].clone());
            views.push(view);
        }
        let expected: [Value; 7] = [
            "127.0.0.7".into(),
            "http".into(),
            false.into(),
            "shop.example.com".into(),
            port.into(),
            "/app/echo".into(),
            "HTTP/1.1".into(),
        ];
        assert_eq!(views[0], expected, "AJP, {host}");
        assert_eq!(views[1], expected, "HTTP, {host}");
    }
}

/// Connects from this loopback address.
async fn from(own: &str, front: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(own.parse().unwrap()).unwrap();
    Client::over(socket.connect(front).await.unwrap())
}

#[tokio::test]
async fn a_thousand_requests_need_few_connections() {
    const CLIENTS: usize = 10;
    const REQUESTS_EACH: usize = 100;
    /// Tomcat's `maxKeepAliveRequests`, after which it closes a connection.
    const REQUESTS_PER_CONNECTION: usize = 100;
    let (_tomcat, gateway) = both(TomcatOptions::new("node1"), "", "").await;
    let front = gateway.front();
    let clients: JoinSet<()> = (0..CLIENTS)
        .map(|_| async move {
            let mut browser = Browser::new(front);
            for _ in 0..REQUESTS_EACH {
                parsed(&browser.get(&format!("{HTTP}/session")).await);
            }
        })
        .collect();
    clients.join_all().await;
    let metrics = gateway.metrics().await;
    let made = metrics.count("connects_total", &[("balancer", "http"), ("result", "ok")]);
    let requests = CLIENTS * REQUESTS_EACH;
    println!("{requests} requests of {CLIENTS} clients over {made} connections");
    assert!(
        made <= (CLIENTS + requests / REQUESTS_PER_CONNECTION) as u64,
        "{made} connections"
    );
    for troubles in ["retries_total", "member_errors_total"] {
        assert_eq!(metrics.count(troubles, &[]), 0, "{troubles}");
    }
}

/// Each method of a health check, for an AJP and an HTTP member, while Tomcat works and while it is frozen.
#[tokio::test]
async fn health_checks_agree_over_both_connectors() {
    let mut tomcat = Tomcat::start(TomcatOptions::new("node1").http_connector()).await;
    let methods = [
        "cping",
        "tcp",
        "options",
        "head, uri: /app/counter",
        "get, uri: \"/app/bytes?n=200000&seed=1\", expect: { status: 200 }",
    ];
    let mut balancers = String::new();
    let mut names = Vec::new();
    for (number, method) in methods.iter().enumerate() {
        for (protocol, member) in [("ajp", member(&tomcat)), ("http", http_member(&tomcat))] {
            let name = format!("{protocol}{number}");
            balancers += &format!(
                "  {name}: {{ health_check: {{ method: {method}, interval: 200ms, mandatory: true }}, members: [{{ {member} }}] }}\n"
            );
            // Both only connect, and the kernel accepts connections for a frozen process.
            let blind = *method == "tcp" || (*method == "cping" && protocol == "http");
            names.push((name, blind));
        }
    }
    let gateway = Ajpgate::start(&format!(
        "balancers:\n{balancers}proxy_pass: [{{ path: /, to: \"balancer://http0/\" }}]\n"
    ))
    .await;
    for (name, _) in &names {
        let passed = [("balancer", name.as_str()), ("result", "pass")];
        eventually(&format!("{name} passes"), async || {
            gateway.count("health_checks_total", &passed).await >= 3
        })
        .await;
        let failed = [("balancer", name.as_str()), ("result", "fail")];
        assert_eq!(
            gateway.count("health_checks_total", &failed).await,
            0,
            "{name}"
        );
    }
    tomcat.pause().await;
    for (name, blind) in &names {
        let up = u64::from(*blind);
        gateway.counts("member_up", &[("balancer", name)], up).await;
    }
    tomcat.resume();
    for (name, _) in &names {
        gateway.counts("member_up", &[("balancer", name)], 1).await;
    }
}

/// The same requests to AJP and to HTTP members: all counters agree, except those of bytes and times. With several cores the
/// number of idle connections would depend on the cores that the kernel gives the clients to.
#[tokio::test]
async fn ajp_and_http_members_are_counted_alike() {
    let (mut tomcat, gateway) = both(
        TomcatOptions::new("node1"),
        ", failonstatus: [503]",
        ONE_CORE,
    )
    .await;
    for path in [AJP, HTTP] {
        let mut browser = Browser::new(gateway.front());
        for (method, target, body) in [
            ("GET", "/session", ""),
            ("GET", "/session", ""),
            ("POST", "/sha", "hello"),
            ("HEAD", "/bytes?n=1000&cl=1", ""),
            ("GET", "/status?code=204", ""),
            ("GET", "/status?code=404", ""),
            // Not 500: after that Tomcat closes an HTTP connection and keeps an AJP13 connection.
            ("GET", "/status?code=504", ""),
            ("GET", "/bytes?n=100000&flush=1", ""),
        ] {
            let target = format!("{path}{target}");
            let outcome = browser.request(method, &target, "", body.as_bytes()).await;
            outcome.expect_answer();
            // END_RESPONSE may come after the last byte for the client; then the connection is not back in the pool when the
            // next request comes.
            gateway.quiet().await;
        }
    }
    alike(&gateway, "well").await;
    tomcat.kill();
    for path in [AJP, HTTP] {
        for method in ["GET", "POST"] {
            let target = format!("{path}/session");
            let answer = probe::request(gateway.front(), method, &target, &[], b"").await;
            assert_eq!(answer.unwrap().status, 503, "{method} {path}");
        }
    }
    gateway.quiet().await;
    alike(&gateway, "killed").await;
}

/// Compares all series of the two balancers.
async fn alike(gateway: &Ajpgate, when: &str) {
    let page = probe::get(gateway.admin(), "/metrics", &[]).await.text();
    let mut counts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let differ = ["bytes_total", "duration_seconds", "pool_wait_seconds"];
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    for (series, value) in lines.filter_map(|line| line.rsplit_once(' ')) {
        if differ.iter().any(|name| series.contains(name)) || !series.contains("balancer=\"") {
            continue;
        }
        let protocol =
            |text: &str| text.contains("balancer=\"ajp\"") || text.contains("balancer=\"http\"");
        if !protocol(series) {
            continue;
        }
        let (name, labels) = series.split_once('{').unwrap();
        let common: Vec<&str> = labels
            .trim_end_matches('}')
            .split(',')
            .filter(|label| !label.starts_with("balancer=") && !label.starts_with("member="))
            .collect();
        let series = format!("{name}{common:?}");
        counts.entry(series).or_default().push(value);
    }
    assert!(counts.len() > 30, "{} series, {when}", counts.len());
    for (series, values) in counts {
        assert_eq!(values.len(), 2, "{series}, {when}");
        assert_eq!(values[0], values[1], "{series}, {when}");
    }
}

/// These bytes have no place in a target (RFC 9112 section 3.2), and Tomcat's own connector refuses them.
#[tokio::test]
async fn targets_are_refused_as_tomcats_own_connector_refuses_them() {
    let (tomcat, gateway) = both(TomcatOptions::new("node1"), "", "").await;
    for (target, status) in [
        ("/echo/a%22b?c=d", 200),
        ("/echo/a\"b", 400),
        ("/echo?a=\"b", 400),
        ("/echo/<b>", 400),
        ("/echo?<b>", 400),
        ("/echo?a=C#&b", 400),
        ("/echo/caf\u{e9}", 400),
        ("/echo?n=\u{65e5}", 400),
    ] {
        for (front, path) in [(tomcat.http_addr(), "/app"), (gateway.front(), AJP)] {
            let answer = Client::connect(front)
                .await
                .get(&format!("{path}{target}"), "")
                .await;
            assert_eq!(answer.status, status, "{path}{target} at {front}");
        }
    }
}
