//! Which certificate an https admin listener may show.
//!
//! Where a configuration file names the listener, it names its certificate too: exactly that one is believed, whatever name,
//! end and issuer it has, because people ask at an address. Where only a URL is known, the certificate must be issued for the
//! URL's host by an authority of the system, or of a file.

use std::path::Path;
use std::sync::Arc;

use ajpgate_config::ListenerTls;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::refusal::ApiError;
use crate::tls::{self, Believing, certificates, verifying};

pub(super) struct Trust {
    connector: TlsConnector,
    /// The name that the server is asked for; `None`: the host that is connected to.
    name: Option<String>,
}

impl Trust {
    /// Believes the certificates of this listener.
    pub(super) fn of_listener(listener: &ListenerTls) -> Result<Self, ApiError> {
        let acme = listener.acme.iter();
        let obtained = acme.flat_map(|acme| acme.domains.iter().map(|it| tls::file(acme, it)));
        let named = listener.pairs.iter().map(|pair| pair.certificate.clone());
        let mut known = Vec::new();
        let mut failure = None;
        for file in named.chain(obtained) {
            match certificates(&file) {
                Ok(chain) => known.extend(chain.into_iter().next()),
                Err(error) => failure = Some(error),
            }
        }
        if let (true, Some(error)) = (known.is_empty(), failure) {
            return Err(ApiError::Usage(format!("admin.tls: {error}")));
        }
        let domains = listener.acme.as_ref().map(|acme| acme.domains.as_slice());
        let name = domains.filter(|_| listener.pairs.is_empty());
        let name = name.and_then(|domains| domains.first()).cloned();
        let verifier = Believing::only(known, Arc::new(ring::default_provider()));
        Self::new(Arc::new(verifier), name)
    }

    /// Believes who has a certificate for the host. With a configuration file beside the URL, that one counts instead and
    /// the authorities of the system are not needed.
    pub(super) fn of_host(
        host: &str,
        ca: Option<&Path>,
        config: Option<&Path>,
    ) -> Result<Self, ApiError> {
        let usage = |error: String| ApiError::Usage(format!("--admin: {error}"));
        let provider = Arc::new(ring::default_provider());
        let verifier = match (verifying(ca, Arc::clone(&provider)), config) {
            (Ok(verifier), _) => verifier,
            // Nobody is believed until the file has been read.
            (Err(_), Some(_)) if ca.is_none() => {
                return Self::new(Arc::new(Believing::only(Vec::new(), provider)), None);
            }
            (Err(error), _) => return Err(usage(error.to_string())),
        };
        Self::new(verifier, Some(host.to_owned()))
    }

    fn new(verifier: Arc<dyn ServerCertVerifier>, name: Option<String>) -> Result<Self, ApiError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| ApiError::Usage(error.to_string()))?;
        let mut config = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    /// Makes the handshake. The text of an error says what to do where that is known.
    pub(super) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, String> {
        let name = self.name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name)
            .map_err(|_| "the host is no name of a TLS server".to_owned())?;
        let connected = self.connector.connect(name, stream).await;
        connected.map_err(|error| error.to_string())
    }
}
