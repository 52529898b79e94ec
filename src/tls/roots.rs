//! Authorities whose certificates are believed: by a client of TLS, or by a server that asks its clients for certificates.

use std::path::Path;

use rustls::RootCertStore;

use super::files::{FileError, certificates};

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "the system has no certificates to verify with: install them, or name a file with `ca`"
    )]
    None,
}

impl RootsError {
    /// Whether the file is not there or may not be read, or this machine has no certificates.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::File(error) => error.is_missing(),
            Self::None => true,
        }
    }
}

/// The certificates of a file, or the system's.
///
/// # Errors
/// The file cannot be read or used, or the system has none.
pub(crate) fn roots(ca: Option<&Path>) -> Result<RootCertStore, RootsError> {
    if let Some(file) = ca {
        return Ok(roots_of(file)?);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(RootsError::None),
        false => Ok(roots),
    }
}

/// The certificates of a file as those that others must descend from.
///
/// # Errors
/// The file cannot be read, or one of them cannot be used.
pub(super) fn roots_of(file: &Path) -> Result<RootCertStore, FileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        let added = roots.add(certificate);
        added.map_err(|reason| FileError::unusable(file, &reason))?;
    }
    Ok(roots)
}
