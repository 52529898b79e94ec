//! How servers are verified.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
#[cfg(feature = "kubernetes")]
use rustls::pki_types::CertificateDer;

use super::roots::{Roots, RootsError, roots_of};
use super::self_issued::Servers;

/// Verifies servers with the certificates of a file, or the system's.
///
/// # Errors
/// The file cannot be read or used, or the system has none.
pub(crate) fn verifying(
    ca: Option<&Path>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, RootsError> {
    let roots = match ca {
        Some(file) => roots_of(file)?,
        None => Roots::of_system()?,
    };
    Ok(verifier(roots, provider)?)
}

/// Verifies servers with these certificates.
///
/// # Errors
/// One of them cannot be used.
#[cfg(feature = "kubernetes")]
pub(crate) fn verifying_with(
    named: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    let roots = Roots::new(named, |error| error)?;
    let verifier = verifier(roots, provider);
    verifier.map_err(|error| rustls::Error::General(error.to_string()))
}

fn verifier(
    roots: Roots,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, VerifierBuilderError> {
    let store = Arc::clone(&roots.store);
    let usual = WebPkiServerVerifier::builder_with_provider(store, provider).build()?;
    Ok(Arc::new(Servers::new(usual, roots)))
}
