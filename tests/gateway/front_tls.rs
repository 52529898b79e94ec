//! TLS with clients: which certificate they get, which versions are spoken, how connections end, and what is counted.

use std::io::ErrorKind;

use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::container::{Container, Wire};
use super::support::gateway::Running;
use super::support::origin::{Conn, Origin};
use super::support::tls::{Authority, certificates};
use super::support::{Gate, pause, soon, until};

/// A gateway whose listener has this `tls` and these limits, in front of a member at this URL.
pub(crate) fn before(url: &str, tls: &str, limits: &str) -> Running {
    Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", tls: {{ {tls} }} }}]\n\
         limits: {{ {limits} }}\n\
         proxy_pass: [{{ path: /, to: \"{url}/\" }}]\n"
    ))
}

async fn hello() -> Origin {
    Origin::hello("a").await
}

fn url(origin: &Origin) -> String {
    format!("http://{}", origin.address)
}

#[tokio::test]
async fn requests_and_answers_go_through_tls_and_connections_are_kept() {
    let (ca, origin) = (Authority::new(), hello().await);
    let gateway = before(&url(&origin), &ca.server("server", &["localhost"]), "");
    for version in [&TLS12, &TLS13] {
        let mut client = ca.client().version(version).connect(gateway.front).await;
        for _ in 0..3 {
            assert_eq!(client.get("/", "").await.status, 200);
        }
    }
    let full = [("result", "full")];
    gateway
        .metric_becomes("ajpgate_tls_handshakes_total", &full, 2.0)
        .await;
}

#[tokio::test]
async fn members_are_told_https_and_a_client_cannot_claim_a_certificate() {
    let (ca, origin) = (
        Authority::new(),
        Origin::start(|_, mut conn: Conn| async move {
            while let Some(request) = conn.next_request().await {
                let head = format!("{request:?}");
                conn.raw(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}",
                    head.len()
                ))
                .await;
            }
        })
        .await,
    );
    let gateway = before(&url(&origin), &ca.server("server", &["localhost"]), "");
    let mut client = ca.client().connect(gateway.front).await;
    let forged = "SSL_CLIENT_CERT: forged\r\nssl-cipher: forged\r\nX-SSL-Client-Verify: forged\r\n\
                  x_ssl_client_dn: forged\r\nX-Forwarded-Client-Cert: forged\r\nX_Forwarded_Client_Cert: forged\r\n";
    let answer = client.get("/", forged).await;
    let seen = answer.text().to_ascii_lowercase();
    assert!(seen.contains("x-forwarded-proto"), "{seen}");
    assert!(seen.contains("proto=https"), "{seen}");
    assert!(!seen.contains("forged"), "{seen}");
    let plain = Running::before_http(&[&origin], "", "");
    let answer = plain.get("/", forged).await;
    assert!(!answer.text().contains("forged"), "{}", answer.text());
}

#[tokio::test]
async fn the_name_that_a_client_asks_for_chooses_the_certificate() {
    let (ca, origin) = (Authority::new(), hello().await);
    let first = ca.server("first", &["first.test"]);
    let wild = ca.server("wild", &["*.shop.test"]);
    let exact = ca.server("exact", &["www.shop.test", "other.test"]);
    let tls = format!("{first}, certificates: [{{ {wild} }}, {{ {exact} }}]");
    let gateway = before(&url(&origin), &tls, "");
    for (name, file) in [
        ("first.test", "first"),
        ("www.shop.test", "exact"),
        ("WWW.Shop.Test", "exact"),
        ("other.test", "exact"),
        ("a.shop.test", "wild"),
    ] {
        let client = ca.client().named(name).connect(gateway.front).await;
        let pem = std::fs::read(ca.file(&format!("{file}.pem"))).unwrap();
        let (_, connection) = client.stream().get_ref();
        assert_eq!(
            connection.peer_certificates().unwrap(),
            certificates(&pem),
            "{name}"
        );
    }
    // For other names there is the first certificate, which a client does not take for them.
    for name in ["a.b.shop.test", "shop.test", "unknown.test", "127.0.0.1"] {
        let refused = ca.client().named(name).try_connect(gateway.front).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("first.test"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_client_below_min_version_is_refused() {
    let (ca, origin) = (Authority::new(), hello().await);
    let tls = format!("{}, min_version: 1.3", ca.server("server", &["localhost"]));
    let gateway = before(&url(&origin), &tls, "");
    let old = ca.client().version(&TLS12).get(gateway.front, "/").await;
    assert!(old.unwrap_err().to_string().contains("ProtocolVersion"));
    let new = ca.client().version(&TLS13).get(gateway.front, "/").await;
    assert_eq!(new.unwrap(), 200);
    let failed = [("result", "failed")];
    gateway
        .metric_becomes("ajpgate_tls_handshakes_total", &failed, 1.0)
        .await;
}

/// Without the closing alert a client takes an answer without a length for a cut one.
#[tokio::test]
async fn an_answer_that_ends_with_the_connection_ends_with_the_closing_alert() {
    let ca = Authority::new();
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.head(200, &[]).await;
            wire.data(b"all of it").await;
            wire.end(true).await;
        }
    })
    .await;
    let url = format!("ajp://{}", container.address);
    let gateway = before(&url, &ca.server("server", &["localhost"]), "");
    let mut stream = ca.client().try_connect(gateway.front).await.unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // An end without the alert is an error.
    soon("the answer", stream.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(answer.ends_with(b"all of it"), "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_never_looks_complete() {
    let ca = Authority::new();
    let container = Container::start(|_, mut wire: Wire| async move {
        if wire.next_request().await.is_some() {
            wire.head(200, &[]).await;
            wire.data(b"half of it").await;
            wire.flush().await;
            // The client has this part by then.
            pause(100).await;
            wire.reset();
        }
    })
    .await;
    let url = format!("ajp://{}", container.address);
    let gateway = before(&url, &ca.server("server", &["localhost"]), "");
    for version in [&TLS12, &TLS13] {
        for request in [
            "GET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            let client = ca.client().version(version);
            let mut stream = client.try_connect(gateway.front).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let end = soon("the end", stream.read_to_end(&mut answer)).await;
            assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
            let answer = String::from_utf8(answer).unwrap();
            assert!(
                answer.contains("half of it") && !answer.ends_with("0\r\n\r\n"),
                "{answer}"
            );
        }
    }
}

/// TLS takes bytes that the client's system has not taken yet: they do not count as read.
#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up_and_a_slow_one_is_not() {
    const LENGTH: usize = 6 << 20;
    let ca = Authority::new();
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.head(200, &[("Content-Length", &LENGTH.to_string())])
                .await;
            for _ in 0..LENGTH / 4096 {
                wire.data(&[b'x'; 4096]).await;
            }
            wire.end(true).await;
        }
    })
    .await;
    let url = format!("ajp://{}", container.address);
    let server = ca.server("server", &["localhost"]);
    let gateway = before(&url, &server, "idle_timeout: 500ms");
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut slow = ca.client().try_connect(gateway.front).await.unwrap();
    slow.write_all(request).await.unwrap();
    let mut read = 0;
    let mut piece = vec![0; 256 * 1024];
    // Longer than `idle_timeout` altogether.
    while read < LENGTH {
        read += soon("a piece", slow.read(&mut piece)).await.unwrap();
        if read % (1 << 20) < piece.len() {
            pause(150).await;
        }
    }
    let mut silent = ca.client().try_connect(gateway.front).await.unwrap();
    silent.write_all(request).await.unwrap();
    gateway
        .metric_becomes("ajpgate_client_connections", &[], 0.0)
        .await;
    let mut rest = Vec::new();
    let end = soon("the end", silent.read_to_end(&mut rest)).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// Many clients close their side without the closing alert.
#[tokio::test]
async fn a_client_that_has_closed_its_side_is_answered() {
    let (ca, gate) = (Authority::new(), Gate::new());
    let container = Container::gated(&gate).await;
    let url = format!("ajp://{}", container.address);
    let gateway = before(&url, &ca.server("server", &["localhost"]), "");
    for alert in [true, false] {
        let mut stream = ca.client().try_connect(gateway.front).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        match alert {
            true => stream.shutdown().await.unwrap(),
            false => stream.get_mut().0.shutdown().await.unwrap(),
        }
        pause(50).await;
        gate.open();
        let mut answer = Vec::new();
        soon("the answer", stream.read_to_end(&mut answer))
            .await
            .unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{alert}: {answer:?}");
    }
}

#[tokio::test]
async fn a_handshake_is_limited_by_header_timeout_and_garbage_ends_it() {
    let (ca, origin) = (Authority::new(), hello().await);
    let server = ca.server("server", &["localhost"]);
    let gateway = before(&url(&origin), &server, "header_timeout: 300ms");
    let mut silent = TcpStream::connect(gateway.front).await.unwrap();
    let mut half = TcpStream::connect(gateway.front).await.unwrap();
    half.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
        .await
        .unwrap();
    for stream in [&mut silent, &mut half] {
        let mut rest = Vec::new();
        let _ = soon("the end", stream.read_to_end(&mut rest)).await;
    }
    let count = |result| [("result", result)];
    gateway
        .metric_becomes("ajpgate_tls_handshakes_total", &count("timeout"), 2.0)
        .await;
    let mut plain = TcpStream::connect(gateway.front).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    soon("the end", plain.read_to_end(&mut answer))
        .await
        .unwrap();
    // A fatal alert (RFC 8446 section 6), and nothing else.
    assert_eq!((answer[0], answer.len()), (21, 7), "{answer:?}");
    gateway
        .metric_becomes("ajpgate_tls_handshakes_total", &count("failed"), 1.0)
        .await;
    gateway
        .metric_becomes("ajpgate_client_connections", &[], 0.0)
        .await;
}

/// A client that reads nothing must not stop the gateway, and gets everything once it reads.
#[tokio::test]
async fn a_large_answer_comes_whole_to_a_slow_client() {
    const LENGTH: usize = 8 << 20;
    let ca = Authority::new();
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.head(200, &[("Content-Length", &LENGTH.to_string())])
                .await;
            let piece = vec![b'x'; 8000];
            let mut left = LENGTH;
            while left > 0 {
                let length = left.min(piece.len());
                wire.data(&piece[..length]).await;
                left -= length;
            }
            wire.end(true).await;
        }
    })
    .await;
    let url = format!("ajp://{}", container.address);
    let gateway = before(&url, &ca.server("server", &["localhost"]), "");
    let mut client = ca.client().connect(gateway.front).await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        until("the member waits for the client", async || {
            gateway
                .metric("ajpgate_bytes_total", &[("direction", "from_backend")])
                .await
                >= 0.0
        })
        .await;
        let answer = client.answer().await;
        assert!(answer.complete);
        assert_eq!(answer.body.len(), LENGTH);
    }
}

#[tokio::test]
async fn sessions_are_resumed_and_counted() {
    let (ca, origin) = (Authority::new(), hello().await);
    let gateway = before(&url(&origin), &ca.server("server", &["localhost"]), "");
    for version in [&TLS12, &TLS13] {
        let client = ca.client().version(version).resuming();
        for _ in 0..3 {
            assert_eq!(client.get(gateway.front, "/").await.unwrap(), 200);
        }
    }
    for (result, count) in [("full", 2.0), ("resumed", 4.0)] {
        gateway
            .metric_becomes("ajpgate_tls_handshakes_total", &[("result", result)], count)
            .await;
    }
}

#[tokio::test]
async fn the_metrics_tell_when_each_certificate_expires() {
    let (ca, origin) = (Authority::new(), hello().await);
    let mut params = super::support::tls::params(&["a.test", "b.test"]);
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    let pair = super::support::tls::issue(&ca.issuer, &params);
    let gateway = before(&url(&origin), &ca.pair("server", &pair), "");
    for name in ["a.test", "b.test"] {
        let expiry = gateway
            .metric("ajpgate_certificate_expiry_seconds", &[("name", name)])
            .await;
        assert_eq!(expiry, 2_208_988_800.0);
    }
}

#[tokio::test]
async fn the_admin_listener_speaks_tls_too() {
    let ca = Authority::new();
    let gateway = Running::start(&format!(
        "admin: {{ bind: \"127.0.0.1:0\", tls: {{ {} }} }}\n\
         proxy_pass: [{{ path: /, to: \"ajp://localhost/\" }}]\n",
        ca.server("server", &["localhost"])
    ));
    let mut client = ca.client().connect(gateway.admin).await;
    let page = client.get("/metrics", "").await;
    assert_eq!(page.status, 200);
    let expiry = "ajpgate_certificate_expiry_seconds{name=\"localhost\"} ";
    assert!(page.text().contains(expiry), "{}", page.text());
    assert!(
        page.text()
            .contains("ajpgate_tls_handshakes_total{result=\"full\"} 1\n")
    );
    let mut plain = TcpStream::connect(gateway.admin).await.unwrap();
    plain
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    soon("the end", plain.read_to_end(&mut answer))
        .await
        .unwrap();
    assert_eq!((answer[0], answer.len()), (21, 7), "{answer:?}");
}
