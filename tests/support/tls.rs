//! Certificates of a test, and clients that speak TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    CertifiedIssuer, DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::Client;
use super::scratch::Scratch;
use super::soon;

/// An issuer of certificates.
pub(crate) type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A certificate authority of a test, and the folder of its files. Its own certificate is `ca.pem`.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer,
    pub(crate) folder: Scratch,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let this = Self {
            issuer: issuer("Test Authority", None),
            folder: Scratch::new("tls"),
        };
        this.folder.write("ca.pem", &this.issuer.pem());
        this
    }

    /// The path of a file in its folder.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes `FILE.pem` and `FILE.key` for a server of these names; returns their keys for `tls: {…}`.
    pub(crate) fn server(&self, file: &str, names: &[&str]) -> String {
        self.pair(file, &self.issue(names))
    }

    /// A certificate for these names.
    pub(crate) fn issue(&self, names: &[&str]) -> (Certificate, KeyPair) {
        issue(&self.issuer, &params(names))
    }

    /// Writes `FILE.pem` and `FILE.key`; returns their keys for `tls: {…}`.
    pub(crate) fn pair(&self, file: &str, (certificate, key): &(Certificate, KeyPair)) -> String {
        self.folder
            .write(&format!("{file}.pem"), &certificate.pem());
        self.folder
            .write(&format!("{file}.key"), &key.serialize_pem());
        let [certificate, key] = ["pem", "key"].map(|kind| self.file(&format!("{file}.{kind}")));
        format!("certificate: {certificate}, private_key: {key}")
    }

    /// A client that trusts this authority.
    pub(crate) fn client(&self) -> TlsClient {
        TlsClient {
            roots: vec![self.issuer.der().clone()],
            versions: vec![&TLS13, &TLS12],
            certificate: None,
            resuming: None,
            before: Vec::new(),
            name: "localhost".to_owned(),
        }
    }
}

/// An authority of this name, issued by itself or another.
pub(crate) fn issuer(name: &str, by: Option<&Issuer>) -> Issuer {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    match by {
        None => CertifiedIssuer::self_signed(params, key).unwrap(),
        Some(by) => CertifiedIssuer::signed_by(params, key, by).unwrap(),
    }
}

/// What a certificate for these names says.
pub(crate) fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let common = names.first().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common);
    params
}

pub(crate) fn issue(by: &Issuer, params: &CertificateParams) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

pub(crate) fn revocation_list(by: &Issuer, until: i32, serials: &[u64]) -> String {
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2001, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2001, 1, 1),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(by).unwrap().pem().unwrap()
}

/// How a client speaks TLS.
#[derive(Clone)]
pub(crate) struct TlsClient {
    roots: Vec<CertificateDer<'static>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    certificate: Option<(Vec<CertificateDer<'static>>, Vec<u8>)>,
    /// The configuration of all connections, which resume the sessions of each other.
    resuming: Option<Arc<ClientConfig>>,
    name: String,
    /// What a load balancer sends before the handshake.
    before: Vec<u8>,
}

impl TlsClient {
    /// Sends these bytes before the handshake.
    pub(crate) fn behind(mut self, header: &[u8]) -> Self {
        self.before = header.to_vec();
        self
    }

    /// Asks for this name.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    pub(crate) fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// Shows a certificate, with the certificates of these issuers behind it.
    pub(crate) fn showing(
        mut self,
        (certificate, key): &(Certificate, KeyPair),
        issuers: &[&Issuer],
    ) -> Self {
        let mut chain = vec![certificate.der().clone()];
        chain.extend(issuers.iter().map(|issuer| issuer.der().clone()));
        self.certificate = Some((chain, key.serialize_der()));
        self
    }

    /// From now on resumes the sessions of earlier connections of this value and its clones. To be called last.
    pub(crate) fn resuming(mut self) -> Self {
        let mut config = self.config();
        config.resumption = Resumption::in_memory_sessions(8);
        self.resuming = Some(Arc::new(config));
        self
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for root in &self.roots {
            roots.add(root.clone()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.certificate.clone() {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::try_from(key).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.resumption = Resumption::disabled();
        config
    }

    /// Connects; the error is that of the handshake.
    pub(crate) async fn try_connect(
        &self,
        to: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&self.before).await?;
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let config = self.resuming.clone();
        let connector = TlsConnector::from(config.unwrap_or_else(|| Arc::new(self.config())));
        soon("the handshake", connector.connect(name, stream)).await
    }

    pub(crate) async fn connect(&self, to: SocketAddr) -> Client<TlsStream<TcpStream>> {
        Client::inside(self.try_connect(to).await.unwrap())
    }

    /// Connects and sends a GET; an error is that of the handshake, which TLS 1.3 may show behind it only.
    pub(crate) async fn get(&self, to: SocketAddr, target: &str) -> std::io::Result<u16> {
        use tokio::io::AsyncReadExt as _;
        let mut stream = self.try_connect(to).await?;
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        soon("the answer", stream.read_to_end(&mut answer)).await?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }
}

/// The certificates of a text in PEM, as they are.
pub(crate) fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem)
        .map(Result::unwrap)
        .collect()
}
