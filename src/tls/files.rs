//! Files with certificates, keys and revocation lists, in PEM (RFC 7468).

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use ajpgate_config::{InputError, fingerprint, read_file};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

/// Largest file in bytes. Revocation lists of large authorities have tens of megabytes.
const LARGEST: u64 = 64 << 20;

/// Why a file cannot be used. The text names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: InputError },
    #[error("cannot read a private key from {}: {reason}", file.display())]
    UnreadableKey { file: PathBuf, reason: InputError },
    #[error("cannot read {}: {reason}", file.display())]
    NotPem { file: PathBuf, reason: pem::Error },
    #[error("{} holds no {what}", file.display())]
    Empty { file: PathBuf, what: &'static str },
    #[error("{} cannot be used: {reason}", file.display())]
    Unusable { file: PathBuf, reason: String },
    #[error("cannot read a private key from {}: {reason}", file.display())]
    Key { file: PathBuf, reason: pem::Error },
}

impl FileError {
    /// Whether the file is not there, or may not be read: on another machine, or for another user, it may be fine.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Unreadable { reason, .. } | Self::UnreadableKey { reason, .. } => {
                reason.is_missing()
            }
            Self::NotPem { .. } | Self::Empty { .. } | Self::Unusable { .. } | Self::Key { .. } => {
                false
            }
        }
    }

    /// The file.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Unreadable { file, .. }
            | Self::UnreadableKey { file, .. }
            | Self::NotPem { file, .. }
            | Self::Empty { file, .. }
            | Self::Unusable { file, .. }
            | Self::Key { file, .. } => file,
        }
    }

    /// The file can be read, and what it holds cannot be used.
    pub(crate) fn unusable(file: &Path, reason: &dyn Display) -> Self {
        Self::Unusable {
            file: file.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// The certificates of a file, in their order; at least one.
///
/// # Errors
/// The file cannot be read, is no PEM, or holds none.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    all(file, "certificate")
}

/// The revocation lists of a file; at least one.
///
/// # Errors
/// As [`certificates`].
pub(super) fn revocation_lists(
    file: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, FileError> {
    all(file, "revocation list")
}

fn all<T: PemObject>(file: &Path, what: &'static str) -> Result<Vec<T>, FileError> {
    let content = content(file)?;
    let found: Result<Vec<T>, pem::Error> = T::pem_slice_iter(&content).collect();
    let found = found.map_err(|reason| FileError::NotPem {
        file: file.to_owned(),
        reason,
    })?;
    match found.is_empty() {
        true => Err(FileError::Empty {
            file: file.to_owned(),
            what,
        }),
        false => Ok(found),
    }
}

/// The private key of a file.
///
/// # Errors
/// The file cannot be read, or holds none that is not encrypted.
pub(crate) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let named = || file.to_owned();
    let content = read_file(file, LARGEST);
    let content = content.map_err(|reason| FileError::UnreadableKey {
        file: named(),
        reason,
    })?;
    PrivateKeyDer::from_pem_slice(&content).map_err(|reason| FileError::Key {
        file: named(),
        reason,
    })
}

/// What is in a file.
///
/// # Errors
/// It cannot be read, is no regular file, or is too large.
fn content(file: &Path) -> Result<Vec<u8>, FileError> {
    read_file(file, LARGEST).map_err(|reason| FileError::Unreadable {
        file: file.to_owned(),
        reason,
    })
}

/// The OCSP response (RFC 6960) of a file; `None` when there is none.
pub(super) fn ocsp(file: &Path) -> Option<Vec<u8>> {
    let content = read_file(file, LARGEST).ok();
    content.filter(|response| !response.is_empty())
}

/// Files that something was made from, and a hash of what was in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    content: u64,
}

impl Files {
    /// Reads the files. Call it before they are read for their use, so that a change in between is noticed.
    pub(crate) fn of(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        Self {
            content: hash(&paths),
            paths,
        }
    }

    /// The same files as they are now.
    pub(crate) fn look(&self) -> Self {
        Self {
            paths: self.paths.clone(),
            content: hash(&self.paths),
        }
    }

    /// Whether they hold something else by now: a certificate was renewed, say.
    pub(crate) fn have_changed(&self) -> bool {
        hash(&self.paths) != self.content
    }
}

/// A hash of the files' contents. Files that cannot be read count alike, because their readers report the error.
fn hash(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        fingerprint(path, LARGEST).hash(&mut hasher);
    }
    hasher.finish()
}
