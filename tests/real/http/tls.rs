//! TLS to a real nginx: which certificates the gateway accepts, which one it presents, and that bodies arrive complete.

use std::time::Instant;

use crate::support::ajpgate::{Ajpgate, ONE_CORE, member};
use crate::support::authority::Authority;
use crate::support::browser::Browser;
use crate::support::client::{self, Client};
use crate::support::nginx::{Nginx, NginxOptions};
use crate::support::payload::{FRAMINGS, LARGE, Payload, SIZES, download, parsed, request, upload};
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// A gateway in front of this nginx, with these keys of `tls`.
async fn before(nginx: &Nginx, tls: &str) -> Ajpgate {
    Ajpgate::start(&configuration(nginx, tls)).await
}

fn configuration(nginx: &Nginx, tls: &str) -> String {
    format!(
        "balancers: {{ plain: {{ members: [{{ url: \"{}\", route: n1, retry: 0s, tls: {{ {tls} }} }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://plain/\" }}]
{ONE_CORE}",
        nginx.url()
    )
}

/// The status of a request, and the result of the connection for it.
async fn outcome(gateway: &Ajpgate) -> (u16, &'static str) {
    let status = client::get(gateway.front(), "/x", "").await.status;
    let metrics = gateway.metrics().await;
    let connects = |result| metrics.count("connects_total", &[("result", result)]);
    match (connects("ok"), connects("error")) {
        (1.., 0) => (status, "connected"),
        (0, 1..) => {
            let failed = metrics.count("member_errors_total", &[("kind", "connect")]);
            assert_eq!(failed, connects("error"), "errors are counted");
            (status, "refused")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_the_right_certificate_is_accepted() {
    let (ours, others) = (Authority::new(), Authority::new());
    let ca = format!("ca: {}", ours.file("ca.pem"));
    let named = format!("{ca}, server_name: node3.example.com");
    let cases = [
        ("right", ours.issue("localhost"), &ca, true),
        (
            "of another name",
            ours.issue("node3.example.com"),
            &ca,
            false,
        ),
        (
            "of the name asked for",
            ours.issue("node3.example.com"),
            &named,
            true,
        ),
        ("expired", ours.issue_expired("localhost"), &ca, false),
        ("of a stranger", others.issue("localhost"), &ca, false),
    ];
    for (what, (certificate, key), tls, believed) in cases {
        let options = NginxOptions::new("n1")
            .tls(&certificate, &key)
            .server("location / { return 200 \"$ssl_server_name\\n\"; }");
        let nginx = Nginx::start(options).await;
        let gateway = before(&nginx, tls).await;
        let expected = if believed {
            (200, "connected")
        } else {
            (503, "refused")
        };
        assert_eq!(outcome(&gateway).await, expected, "a certificate {what}");
        if believed {
            let name = if tls.contains("server_name") {
                "node3.example.com\n"
            } else {
                "localhost\n"
            };
            let answer = client::get(gateway.front(), "/", "").await;
            assert_eq!(answer.text(), name, "SNI");
            assert_eq!(gateway.count("connects_total", &[]).await, 1, "kept");
        }
        // Accepting any certificate must be configured.
        let gateway = before(&nginx, "verify: off").await;
        assert_eq!(
            outcome(&gateway).await,
            (200, "connected"),
            "a certificate {what}"
        );
    }
}

#[tokio::test]
async fn the_gateway_presents_its_client_certificate() {
    let ca = Authority::new();
    let (certificate, key) = ca.issue("localhost");
    let options = NginxOptions::new("n1").tls(&certificate, &key).server(&format!(
        "ssl_client_certificate {};\nssl_verify_client on;\nlocation / {{ return 200 \"$ssl_client_s_dn\\n\"; }}",
        ca.file("ca.pem")
    ));
    let nginx = Nginx::start(options).await;
    let root = format!("ca: {}", ca.file("ca.pem"));
    let stranger = before(&nginx, &root).await;
    assert_eq!(client::get(stranger.front(), "/", "").await.status, 400);
    let (certificate, key) = ca.issue("gateway.example.com");
    let shown = format!("{root}, certificate: {certificate}, private_key: {key}");
    let known = before(&nginx, &shown).await;
    let answer = client::get(known.front(), "/", "").await;
    assert_eq!(
        (answer.status, answer.text()),
        (200, "CN=gateway.example.com\n")
    );
}

/// TLS of a Tomcat, with the sessions of its AJP connector.
#[tokio::test]
async fn a_tomcat_is_reached_through_tls() {
    let ca = Authority::new();
    let (certificate, key) = ca.issue("localhost");
    let tomcat =
        Tomcat::start(TomcatOptions::new("node1").https_connector(&certificate, &key)).await;
    let gateway = Ajpgate::start(&format!(
        "balancers:
  ajp: {{ members: [{{ {} }}] }}
  https:
    stickysession: JSESSIONID|jsessionid
    members: [{{ url: \"https://localhost:{}\", route: node1, tls: {{ ca: {} }} }}]
proxy_pass:
  - {{ path: /ajp, to: \"balancer://ajp/app\" }}
  - {{ path: /https, to: \"balancer://https/app\" }}
{ONE_CORE}",
        member(&tomcat),
        tomcat.http_addr().port(),
        ca.file("ca.pem")
    ))
    .await;
    let mut browser = Browser::new(gateway.front());
    for (hits, path) in (1..9).zip(["/ajp", "/https"].into_iter().cycle()) {
        let page = parsed(&browser.get(&format!("{path}/session")).await);
        assert_eq!(page["hits"], hits);
    }
    let mut client = Client::connect(gateway.front()).await;
    for size in SIZES {
        let payload = Payload::new(size);
        for framing in FRAMINGS {
            upload(&mut client, "/https", &payload, framing).await;
            download(&mut client, "/https", &payload, framing).await;
        }
    }
    let made = [("balancer", "https"), ("result", "ok")];
    assert_eq!(gateway.count("connects_total", &made).await, 1);
}

/// A renewed certificate is a file with another content, which a reload reads. Requests succeed meanwhile.
#[tokio::test]
async fn certificate_files_are_read_again_at_a_reload() {
    let (ours, others) = (Authority::new(), Authority::new());
    let (certificate, key) = others.issue("localhost");
    let nginx = Nginx::start(NginxOptions::new("n1").tls(&certificate, &key)).await;
    let ca = ours.file("ca.pem");
    let file = configuration(&nginx, &format!("ca: {ca}"));
    let gateway = Ajpgate::start(&file).await;
    let status = async || client::get(gateway.front(), "/x", "").await.status;
    assert_eq!(status().await, 503);
    std::fs::copy(others.file("ca.pem"), &ca).unwrap();
    assert_eq!(status().await, 503, "not before it is asked to");
    gateway.reload(&file).await;
    assert_eq!(status().await, 404, "believed, and it has no such file");
    gateway.reload(&file).await;
    assert_eq!(status().await, 404);
    let made = gateway.count("connects_total", &[("result", "ok")]).await;
    assert_eq!(made, 1, "what has not changed keeps its connections");
}

/// Bodies of every size, with both framings and in both directions, on one TLS connection.
#[tokio::test]
async fn bodies_pass_through_tls_unchanged() {
    let ca = Authority::new();
    let (certificate, key) = ca.issue("localhost");
    let nginx = Nginx::start(NginxOptions::new("n1").tls(&certificate, &key)).await;
    let gateway = before(&nginx, &format!("ca: {}", ca.file("ca.pem"))).await;
    let mut client = Client::connect(gateway.front()).await;
    for size in SIZES.into_iter().chain([LARGE / 10]) {
        let payload = Payload::new(size);
        for framing in FRAMINGS {
            let begun = Instant::now();
            let target = format!("/{framing:?}-{size}");
            client
                .send(request("PUT", &target, &payload, framing))
                .await;
            assert_eq!(client.answer().await.status, 201, "{target}");
            let answer = client.get(&target, "").await;
            assert!(answer.complete && answer.body == payload.bytes, "{target}");
            println!("{target}: {:.1?}", begun.elapsed());
        }
    }
    assert_eq!(gateway.count("connects_total", &[]).await, 1);
}
