//! Authorities whose certificates are believed: by a client of TLS, or by a server that asks its clients for certificates.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;

use super::files::{FileError, certificates};
use super::self_issued::Servers;

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "the system has no certificates to verify with: install them, or name a file with `ca`"
    )]
    None,
    #[error("{0}")]
    Unusable(#[from] VerifierBuilderError),
}

impl RootsError {
    /// Whether the file is not there or may not be read, or this machine has no certificates.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::File(error) => error.is_missing(),
            Self::None => true,
            Self::Unusable(_) => false,
        }
    }
}

/// Verifies servers with the certificates of a file, or the system's.
///
/// # Errors
/// The file cannot be read or used, or the system has none.
pub(crate) fn verifying(
    ca: Option<&Path>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, RootsError> {
    let (roots, named) = match ca {
        Some(file) => roots_of(file)?,
        None => (of_system()?, Vec::new()),
    };
    Ok(verifier(roots, named, provider)?)
}

/// Verifies servers with these certificates.
///
/// # Errors
/// None of them can be used.
#[cfg(feature = "kubernetes")]
pub(crate) fn verifying_with(
    named: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, VerifierBuilderError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(named.iter().cloned());
    verifier(roots, named, provider)
}

fn verifier(
    roots: RootCertStore,
    named: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, VerifierBuilderError> {
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    Ok(Arc::new(Servers::new(usual, named)))
}

fn of_system() -> Result<RootCertStore, RootsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(RootsError::None),
        false => Ok(roots),
    }
}

/// The certificates of a file as those that others must descend from, and as they are.
///
/// # Errors
/// The file cannot be read, or one of them cannot be used.
pub(crate) fn roots_of(
    file: &Path,
) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), FileError> {
    let named = certificates(file)?;
    let mut roots = RootCertStore::empty();
    for certificate in &named {
        let added = roots.add(certificate.clone());
        added.map_err(|reason| FileError::unusable(file, &reason))?;
    }
    Ok((roots, named))
}
