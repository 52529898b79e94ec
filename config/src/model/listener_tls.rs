//! TLS towards clients.

use std::path::PathBuf;

/// `listeners[].tls` and `admin.tls`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerTls {
    /// `certificate` with `private_key` first, then `certificates`; at least one. The first serves clients that ask for no
    /// name, or for a name of none of them.
    pub pairs: Vec<CertificatePair>,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuth,
    /// PEM certificates that client certificates must descend from.
    pub client_ca: Option<PathBuf>,
    /// PEM revocation lists of the issuers of client certificates.
    pub client_crl: Option<PathBuf>,
    /// The lowest version that is spoken.
    pub min_version: TlsVersion,
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
