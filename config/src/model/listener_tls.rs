//! TLS towards clients.

use std::path::{Path, PathBuf};

/// `listeners[].tls` and `admin.tls`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerTls {
    /// `certificate` with `private_key` first, then `certificates`; at least one where there is no `acme`. The first serves
    /// clients that ask for no name, or for a name of none of them.
    pub pairs: Vec<CertificatePair>,
    /// Certificates that the gateway gets itself.
    pub acme: Option<Acme>,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuth,
    /// Root certificates in PEM that client certificates are verified with.
    pub client_ca: Option<PathBuf>,
    /// PEM revocation lists of the issuers of client certificates.
    pub client_crl: Option<PathBuf>,
    /// The lowest version that is spoken.
    pub min_version: TlsVersion,
}

/// `acme`: certificates from an authority (RFC 8555), one for each name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Acme {
    /// Names in small letters, each once; at least one, and no wildcard.
    pub domains: Vec<String>,
    /// Whom the authority may write to.
    pub email: Option<String>,
    /// The https URL of the authority's directory.
    pub directory: String,
    /// Root certificates in PEM that the authority's own TLS certificate is verified with; `None` for those of the system.
    pub ca: Option<PathBuf>,
    /// The folder in which account and certificates are kept.
    pub cache: PathBuf,
}

/// A certificate and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificatePair {
    /// PEM chain, the server's certificate first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub private_key: PathBuf,
    /// An OCSP response in DER (RFC 6960), if there is such a file: the certificate's name with `.ocsp` behind it.
    pub ocsp: PathBuf,
}

impl CertificatePair {
    /// A certificate and its key in one file of PEM.
    #[must_use]
    pub fn in_one(file: &Path) -> Self {
        let mut ocsp = file.as_os_str().to_owned();
        ocsp.push(".ocsp");
        Self {
            certificate: file.to_owned(),
            private_key: file.to_owned(),
            ocsp: PathBuf::from(ocsp),
        }
    }
}

/// `client_auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// No certificate is asked for.
    None,
    /// Asked for, and verified when shown.
    Optional,
    /// No connection without one.
    Required,
}

/// `min_version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}
