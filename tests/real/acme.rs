//! Certificates from Debian's pebble: the first one, renewal, an authority that is down, and what is kept.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::ajpgate::Ajpgate;
use crate::support::authority::Authority;
use crate::support::client::Client;
use crate::support::pebble::{Pebble, PebbleOptions, REFUSED};
use crate::support::port::ReservedPort;
use crate::support::scratch::Scratch;
use crate::support::{eventually, soon};

/// Attempts to get a certificate.
const ATTEMPTS: &str = "ajpgate_acme_total";

const NAME: &str = "shop.test";

/// A port for TLS, an authority that looks there, and a cache.
struct World {
    port: ReservedPort,
    pebble: Pebble,
    own: Authority,
    folder: Scratch,
}

impl World {
    fn new(validity: u32) -> Self {
        let port = ReservedPort::new();
        let pebble = Pebble::new(PebbleOptions {
            tls_port: port.addr().port(),
            validity,
        });
        Self {
            pebble,
            port,
            own: Authority::new(),
            folder: Scratch::new("acme"),
        }
    }

    /// A gateway with a certificate of its own for `other.test`, and these from the authority.
    fn configuration(&self, domains: &str) -> String {
        let (certificate, key) = self.own.issue("other.test");
        format!(
            "listeners:
  - bind: 127.0.0.1:0
  - bind: {}
    tls:
      certificate: {certificate}
      private_key: {key}
      acme: {{ domains: [{domains}], email: ops@example.com, {}, cache: {} }}
proxy_pass: [{{ path: /nothing, exclude: true }}]
",
            self.port.addr(),
            self.pebble.keys(),
            self.cache().display(),
        )
    }

    async fn gateway(&self, domains: &str) -> Ajpgate {
        Ajpgate::start(&self.configuration(domains)).await
    }

    fn cache(&self) -> std::path::PathBuf {
        self.folder.path().join("made/by/the/gateway")
    }

    /// The only folder in the cache.
    fn account(&self) -> std::path::PathBuf {
        let mut found = std::fs::read_dir(self.cache()).unwrap();
        found.next().unwrap().unwrap().path()
    }

    async fn connect(&self, name: &str, root: &str) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(root.as_bytes()).unwrap();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.port.addr()).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        soon("the handshake", connector.connect(name, stream)).await
    }

    /// The certificate that a client gets that believes pebble.
    async fn certificate(&self, name: &str) -> Option<Vec<u8>> {
        let stream = self.connect(name, &self.pebble.root()).await.ok()?;
        let shown = stream.get_ref().1.peer_certificates()?;
        Some(shown.first()?.to_vec())
    }

    async fn other_is_served(&self) {
        let root = std::fs::read_to_string(self.own.file("ca.pem")).unwrap();
        let stream = self.connect("other.test", &root).await.unwrap();
        assert_eq!(Client::inside(stream).get("/", "").await.status, 404);
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn attempts(gateway: &Ajpgate, result: &str) -> u64 {
    let name = ATTEMPTS.trim_start_matches("ajpgate_");
    gateway.count(name, &[("result", result)]).await
}

#[tokio::test]
async fn certificates_come_when_the_authority_does_and_are_renewed_under_open_connections() {
    let mut world = World::new(30);
    let gateway = world.gateway(&format!("{REFUSED}, {NAME}")).await;
    // Nobody there yet.
    eventually("an attempt fails", async || {
        attempts(&gateway, "unreachable").await == 1
    })
    .await;
    let root = std::fs::read_to_string(world.own.file("ca.pem")).unwrap();
    assert!(world.connect(NAME, &root).await.is_err());
    world.other_is_served().await;
    assert!(
        gateway.log().contains("acme: no certificate"),
        "{}",
        gateway.log()
    );

    world.pebble.start().await;
    eventually("a certificate comes", async || {
        world.certificate(NAME).await.is_some()
    })
    .await;
    eventually("the other name is refused", async || {
        attempts(&gateway, "refused").await >= 1
    })
    .await;
    assert!(world.connect(REFUSED, &root).await.is_err());
    world.other_is_served().await;
    let folder = world.account();
    assert_eq!((mode(&world.cache()), mode(&folder)), (0o700, 0o700));
    for file in ["account.json", "shop.test.pem"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }

    let first = world.certificate(NAME).await.unwrap();
    let stream = world.connect(NAME, &world.pebble.root()).await.unwrap();
    let mut open = Client::inside(stream);
    assert_eq!(open.get("/", "").await.status, 404);
    let orders = attempts(&gateway, "ok").await;
    eventually("it is renewed", async || {
        let now = world.certificate(NAME).await;
        now.is_some_and(|now| now != first)
    })
    .await;
    assert_eq!(attempts(&gateway, "ok").await, orders + 1);
    assert_eq!(open.get("/", "").await.status, 404);
    let metrics = gateway.metrics().await;
    let expiry = metrics.count("certificate_expiry_seconds", &[("name", NAME)]);
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    assert!(expiry > now - 30 && expiry < now + 60, "{expiry} {now}");
}

#[tokio::test]
async fn a_restart_needs_no_authority_and_a_damaged_certificate_counts_as_none() {
    let mut world = World::new(0);
    world.pebble.start().await;
    let mut gateway = world.gateway(NAME).await;
    eventually("a certificate comes", async || {
        world.certificate(NAME).await.is_some()
    })
    .await;
    let (first, root) = (world.certificate(NAME).await, world.pebble.root());
    gateway.stop().await;
    drop(gateway);
    world.pebble.stop();

    let mut gateway = world.gateway(NAME).await;
    let stream = world.connect(NAME, &root).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    assert_eq!(Some(shown), first);
    for result in ["ok", "unreachable", "refused", "bad_answer", "local"] {
        assert_eq!(attempts(&gateway, result).await, 0, "{result}");
    }
    gateway.stop().await;
    drop(gateway);

    std::fs::write(world.account().join("shop.test.pem"), "no certificate").unwrap();
    // It has forgotten the account, too.
    world.pebble.start().await;
    let gateway = world.gateway(NAME).await;
    eventually("another certificate comes", async || {
        world.certificate(NAME).await.is_some()
    })
    .await;
    let log = gateway.log();
    assert!(log.contains("a kept certificate counts as none"), "{log}");
    assert_eq!(attempts(&gateway, "ok").await, 1);
}

#[tokio::test]
async fn a_reload_adds_and_removes_names() {
    let mut world = World::new(0);
    world.pebble.start().await;
    let gateway = world.gateway(NAME).await;
    eventually("a certificate comes", async || {
        world.certificate(NAME).await.is_some()
    })
    .await;
    gateway.reload(&world.configuration("new.test")).await;
    eventually("a certificate of the new name comes", async || {
        world.certificate("new.test").await.is_some()
    })
    .await;
    assert!(world.certificate(NAME).await.is_none());
    gateway
        .reload(&world.configuration(&format!("new.test, {NAME}")))
        .await;
    assert!(world.certificate(NAME).await.is_some(), "it was kept");
    assert_eq!(attempts(&gateway, "ok").await, 2);
}
