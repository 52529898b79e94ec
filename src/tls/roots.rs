//! Authorities whose certificates are believed: by a client of TLS, or by a server that asks its clients for certificates.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;

use super::files::{FileError, certificates};
use super::self_issued::{Servers, may_sign};

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

/// Certificates that peers are verified with.
#[derive(Debug)]
pub(crate) struct Roots {
    /// Those that may sign others; where there is none, all.
    pub(super) store: Arc<RootCertStore>,
    /// All of them, each of which also stands for its own holder; none where they are the system's.
    pub(super) named: Vec<CertificateDer<'static>>,
    /// Whether one of them may sign others.
    pub(super) has_authority: bool,
}

impl Roots {
    /// `unusable` makes the error of one that cannot be used.
    fn new<E>(
        named: Vec<CertificateDer<'static>>,
        unusable: impl Fn(rustls::Error) -> E,
    ) -> Result<Self, E> {
        let (mut all, mut signing) = (RootCertStore::empty(), RootCertStore::empty());
        for certificate in &named {
            all.add(certificate.clone()).map_err(&unusable)?;
            if may_sign(certificate) {
                signing.add(certificate.clone()).map_err(&unusable)?;
            }
        }
        let has_authority = !signing.is_empty();
        Ok(Self {
            store: Arc::new(if has_authority { signing } else { all }),
            named,
            has_authority,
        })
    }

    fn of_system() -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        match roots.is_empty() {
            true => Err(RootsError::None),
            false => Ok(Self {
                store: Arc::new(roots),
                named: Vec::new(),
                has_authority: true,
            }),
        }
    }

    fn verifier(
        self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, VerifierBuilderError> {
        let store = Arc::clone(&self.store);
        let usual = WebPkiServerVerifier::builder_with_provider(store, provider).build()?;
        Ok(Arc::new(Servers::new(usual, self)))
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
    let roots = match ca {
        Some(file) => roots_of(file)?,
        None => Roots::of_system()?,
    };
    Ok(roots.verifier(provider)?)
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
    let verifier = roots.verifier(provider);
    verifier.map_err(|error| rustls::Error::General(error.to_string()))
}

/// The certificates of a file.
///
/// # Errors
/// The file cannot be read, or one of them cannot be used.
pub(crate) fn roots_of(file: &Path) -> Result<Roots, FileError> {
    Roots::new(certificates(file)?, |reason| {
        FileError::unusable(file, &reason)
    })
}
