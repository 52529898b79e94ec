//! TLS to members: which certificates are accepted, which one is presented, and that connections are kept.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::support::gateway::{ConfigFile, Running, ask};
use crate::support::origin::{Conn, Origin, hello};
use crate::support::until;

/// A certificate authority of this test, and its folder.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let this = Self { issuer, folder };
        this.write("ca.pem", &this.issuer.pem());
        this
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn file(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    /// Issues a certificate for this name.
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Starts a server of this name; with `clients` it requires a client certificate of this authority.
    async fn server(&self, name: &str, clients: bool) -> Origin {
        serve(self.acceptor(name, clients)).await
    }

    /// The TLS configuration of such a server.
    fn acceptor(&self, name: &str, clients: bool) -> TlsAcceptor {
        let clients = clients.then_some(&self.issuer);
        let (certificate, key) = self.issue(name);
        acceptor(&certificate, &key, clients)
    }
}

/// Starts a server whose answers name the server that was asked for.
async fn serve(acceptor: TlsAcceptor) -> Origin {
    Origin::accept(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let name = stream.get_ref().1.server_name();
                let name = name.unwrap_or("none").to_owned();
                hello(&name, Conn::new(stream)).await;
            }
        }
    })
    .await
}

/// The TLS configuration of a server with this certificate, which wants certificates of `clients` if that is given.
fn acceptor(
    certificate: &rcgen::Certificate,
    key: &KeyPair,
    clients: Option<&CertifiedIssuer<'static, KeyPair>>,
) -> TlsAcceptor {
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        Some(issuer) => {
            let mut roots = RootCertStore::empty();
            roots.add(issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}

/// A gateway in front of this server, whose name in the URL is `localhost`.
fn before(origin: &Origin, tls: &str) -> Running {
    let url = format!("https://localhost:{}", origin.address.port());
    Running::over(&[url], "", &format!("tls: {{ {tls} }}, retry: 0s"))
}

/// `watch: true` looks at the files that members name, too.
#[tokio::test]
async fn a_changed_ca_file_is_read_again() {
    let ca = Authority::new();
    let other = Authority::new();
    let origin = ca.server("localhost", false).await;
    ca.write("trusted.pem", &other.issuer.pem());
    let file = ConfigFile::new(
        "watch-ca",
        &format!(
            "watch: true\nproxy_pass: [{{ path: /, to: \"https://localhost:{}/\", \
             member: {{ tls: {{ ca: \"{}\" }}, retry: 0s }} }}]\n",
            origin.address.port(),
            ca.file("trusted.pem")
        ),
    );
    let gateway = Running::start_from(&file);
    assert_eq!(gateway.get("/", "").await.status, 503);
    ca.write("trusted.pem", &ca.issuer.pem());
    until("the new certificate is trusted", async || {
        gateway.get("/", "").await.status == 200
    })
    .await;
}

/// A change that is not about a file goes on with what the file held before; only a reload wants all of them. A member that is
/// new and needs the file waits for it.
#[tokio::test]
async fn a_missing_ca_file_refuses_a_reload_and_no_other_change() {
    let ca = Authority::new();
    let origin = ca.server("localhost", false).await;
    let (port, trusted) = (origin.address.port(), ca.file("ca.pem"));
    let tls = format!("tls: {{ ca: \"{trusted}\" }}");
    let file = ConfigFile::new(
        "missing-ca",
        &format!(
            "balancers:
  test:
    members: [{{ url: \"https://localhost:{port}\", route: a, {tls} }}]
    discover:
      - {{ file: list.yaml, interval: 100ms }}
      - {{ dns: \"https://localhost:{port}\", route: address, interval: 100ms, member: {{ {tls} }} }}
proxy_pass:
  - {{ path: /, to: \"balancer://test/\", auth: {{ forward: {{ url: \"https://localhost:{port}/\", {tls} }} }} }}
"
        ),
    );
    let list = file.path.with_file_name("list.yaml");
    std::fs::write(
        &list,
        "- { url: ajp://192.0.2.1, route: b, status: [disabled] }\n",
    )
    .unwrap();
    let gateway = Running::start_from(&file);
    let routes = async || {
        let shown = ask(&gateway, "GET", "/api/v1/balancers/test", "").await;
        let shown: serde_json::Value = serde_json::from_str(shown.text()).unwrap();
        let members = shown["members"].as_array().unwrap().iter();
        let routes = members.map(|it| it["route"].as_str().unwrap().to_owned());
        routes.collect::<Vec<_>>()
    };
    let hidden = ca.file("hidden.pem");
    std::fs::rename(&trusted, &hidden).unwrap();
    let member = "/api/v1/balancers/test/members/a";
    let changed = ask(&gateway, "PATCH", member, "{\"loadfactor\": 2}").await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    std::fs::write(
        &list,
        "- { url: ajp://192.0.2.2, route: c, status: [disabled] }\n",
    )
    .unwrap();
    until("the other source counts", async || {
        routes().await.contains(&"c".to_owned())
    })
    .await;
    assert_eq!(gateway.get("/", "").await.status, 200);
    let refused = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert!(refused.status >= 400, "{}", refused.text());
    assert!(refused.text().contains("ca.pem"), "{}", refused.text());
    std::fs::rename(&hidden, &trusted).unwrap();
    let reloaded = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    assert_eq!(gateway.get("/", "").await.status, 200);
}

#[tokio::test]
async fn a_certificate_of_the_ca_is_accepted_and_connections_are_kept() {
    let ca = Authority::new();
    let origin = ca.server("localhost", false).await;
    let gateway = before(&origin, &format!("ca: {}", ca.file("ca.pem")));
    let mut client = gateway.client().await;
    for _ in 0..5 {
        let answer = client.get("/x", "").await;
        assert_eq!(answer.field("x-node"), Some("localhost"), "{answer:?}");
        gateway.quiet().await;
    }
    assert_eq!(origin.connections(), 1);
}

/// As `openssl req -x509` makes it.
#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_accepted_under_its_name() {
    let ca = Authority::new();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap();
    ca.write("own.pem", &own.pem());
    let origin = serve(acceptor(&own, &key, None)).await;
    for (tls, status) in [
        (format!("ca: {}", ca.file("own.pem")), 200),
        (
            format!("ca: {}, server_name: node3.example.com", ca.file("own.pem")),
            503,
        ),
        (format!("ca: {}", ca.file("ca.pem")), 503),
    ] {
        let gateway = before(&origin, &tls);
        assert_eq!(gateway.get("/", "").await.status, status, "{tls}");
    }
}

#[tokio::test]
async fn another_name_is_refused_unless_server_name_has_it() {
    let ca = Authority::new();
    let origin = ca.server("node3.example.com", false).await;
    let file = ca.file("ca.pem");
    let gateway = before(&origin, &format!("ca: {file}"));
    assert_eq!(gateway.get("/", "").await.status, 503);
    let name = "server_name: node3.example.com";
    let gateway = before(&origin, &format!("ca: {file}, {name}"));
    let answer = gateway.get("/", "").await;
    assert_eq!(answer.field("x-node"), Some("node3.example.com"));
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_unless_verify_is_off() {
    let (ca, other) = (Authority::new(), Authority::new());
    let origin = other.server("localhost", false).await;
    let gateway = before(&origin, &format!("ca: {}", ca.file("ca.pem")));
    assert_eq!(gateway.get("/", "").await.status, 503);
    assert_eq!(
        gateway
            .metric("ajpgate_connects_total", &[("result", "error")])
            .await,
        1.0
    );
    // The system's authorities have not issued the certificate either.
    let gateway = before(&origin, "verify: full");
    assert_eq!(gateway.get("/", "").await.status, 503);
    let gateway = before(&origin, "verify: off");
    assert_eq!(gateway.get("/", "").await.status, 200);
}

#[tokio::test]
async fn the_gateway_presents_its_certificate() {
    let ca = Authority::new();
    let origin = ca.server("localhost", true).await;
    let (certificate, key) = ca.issue("gateway");
    ca.write("client.pem", &certificate.pem());
    ca.write("client.key", &key.serialize_pem());
    let root = format!("ca: {}", ca.file("ca.pem"));
    let gateway = before(&origin, &root);
    assert_ne!(gateway.get("/", "").await.status, 200);
    let pair = format!(
        "certificate: {}, private_key: {}",
        ca.file("client.pem"),
        ca.file("client.key")
    );
    let gateway = before(&origin, &format!("{root}, {pair}"));
    assert_eq!(gateway.get("/", "").await.status, 200);
}

/// The end of a TLS stream without a closing alert may be caused by an attacker.
#[tokio::test]
async fn a_tls_answer_that_is_cut_off_never_looks_complete() {
    let ca = Authority::new();
    let acceptor = ca.acceptor("localhost", false);
    let origin = Origin::accept(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut conn = Conn::new(acceptor.accept(stream).await.unwrap());
            conn.request().await;
            // Without a length, only the end of the connection ends the answer.
            conn.raw("HTTP/1.1 200 OK\r\n\r\nhalf").await;
        }
    })
    .await;
    let gateway = before(&origin, &format!("ca: {}", ca.file("ca.pem")));
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.ended_by_reset().await);
}

#[tokio::test]
async fn an_upgrade_goes_through_tls() {
    let ca = Authority::new();
    let acceptor = ca.acceptor("localhost", false);
    let origin = Origin::accept(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut conn = Conn::new(acceptor.accept(stream).await.unwrap());
            conn.request().await;
            conn.raw("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nhello\n")
                .await;
            while let Some(bytes) = conn.bytes(4).await {
                conn.raw(bytes.to_ascii_uppercase()).await;
            }
        }
    })
    .await;
    let gateway = before(&origin, &format!("ca: {}", ca.file("ca.pem")));
    let mut client = gateway.client().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().0, 101);
    client.raw_until("hello\n").await;
    for word in ["abcd", "wxyz"] {
        client.send(word).await;
        client.raw_until(&word.to_ascii_uppercase()).await;
    }
    drop(client);
    gateway.quiet().await;
}

/// A server that accepts the connection and sends nothing has not completed the handshake.
#[tokio::test]
async fn a_handshake_is_limited_by_connect_timeout() {
    let origin = Origin::start(|_, mut conn: Conn| async move { conn.closed().await }).await;
    let url = format!("https://localhost:{}", origin.address.port());
    let gateway = Running::over(&[url], "", "tls: { verify: off }, connectiontimeout: 200ms");
    assert_eq!(gateway.get("/", "").await.status, 503);
    let timeouts = gateway
        .metric("ajpgate_connects_total", &[("result", "timeout")])
        .await;
    assert_eq!(timeouts, 1.0);
}
