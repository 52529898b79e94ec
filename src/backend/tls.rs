//! TLS towards a member: the trusted authorities, the gateway's own certificate, and the name that is verified.

use std::sync::Arc;

use ajpgate_config::MemberTls;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::ConnectError;
use crate::tls::{Believing, FileError, Files, RootsError, certificates, private_key, verifying};

/// How a member is spoken to through TLS. Sessions are resumed within one of these only.
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    files: Files,
}

/// Why TLS towards a member cannot be set up. Its text names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{0} is not a name of a TLS server")]
    Name(String),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error("{0}")]
    Other(#[from] rustls::Error),
}

impl TlsError {
    /// Whether a file is not there or may not be read, or this machine has no certificates to verify with.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::File(error) => error.is_missing(),
            Self::Roots(error) => error.is_missing(),
            Self::Name(_) | Self::Other(_) => false,
        }
    }
}

/// The files that it is made from.
fn files(tls: Option<&MemberTls>) -> Files {
    let named = tls.map(|tls| [&tls.ca, &tls.certificate, &tls.private_key]);
    Files::of(named.into_iter().flatten().flatten())
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({:?})", self.name)
    }
}

impl Tls {
    /// Without `tls` the system's roots and the URL's `host` count. `alpn` names the protocol that is spoken inside
    /// (RFC 7301): a server of another one is not to be talked to by mistake. Empty: the protocol has no name there.
    ///
    /// # Errors
    /// A file that cannot be read or used, or a name that is none.
    pub(crate) fn new(host: &str, tls: Option<&MemberTls>, alpn: &[u8]) -> Result<Self, TlsError> {
        // The files are hashed before they are read, so that a change in between is noticed next time.
        let files = files(tls);
        let name = tls.and_then(|tls| tls.server_name.as_deref());
        let name = name.unwrap_or(host);
        let name =
            ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let verifier = match tls {
            Some(tls) if !tls.verify => Arc::new(Believing::anyone(provider)),
            _ => verifying(tls.and_then(|tls| tls.ca.as_deref()), provider)?,
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let shown =
            tls.and_then(|tls| Some((tls.certificate.as_deref()?, tls.private_key.as_deref()?)));
        let mut config = match shown {
            Some((certificate, key)) => {
                builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?)?
            }
            None => builder.with_no_client_auth(),
        };
        if !alpn.is_empty() {
            config.alpn_protocols = vec![alpn.to_vec()];
        }
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
            files,
        })
    }

    /// Whether its files say something else by now: a certificate was renewed, say.
    pub(super) fn is_out_of_date(&self) -> bool {
        self.files.have_changed()
    }

    /// For tests of what happens above TLS.
    #[cfg(test)]
    pub(super) fn believing_anyone() -> Self {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believing::anyone(provider)))
            .with_no_client_auth();
        Self {
            connector: TlsConnector::from(Arc::new(config)),
            name: ServerName::try_from("localhost").unwrap(),
            files: files(None),
        }
    }

    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        self.connector
            .connect(self.name.clone(), stream)
            .await
            .map_err(ConnectError::Tls)
    }
}
