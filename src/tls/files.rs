//! Files with certificates, keys and revocation lists, in PEM (RFC 7468).

use std::fmt::Display;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

/// Why a file cannot be used. The text names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: pem::Error },
    #[error("{} holds no {what}", file.display())]
    Empty { file: PathBuf, what: &'static str },
    #[error("{} cannot be used: {reason}", file.display())]
    Unusable { file: PathBuf, reason: String },
    #[error("cannot read a private key from {}: {reason}", file.display())]
    Key { file: PathBuf, reason: pem::Error },
}

impl FileError {
    /// Whether the file is not there, or may not be read: on another machine, or for another user, it may be fine.
    pub(crate) const fn is_missing(&self) -> bool {
        match self {
            Self::Unreadable { reason, .. } | Self::Key { reason, .. } => {
                matches!(reason, pem::Error::Io(_))
            }
            Self::Empty { .. } | Self::Unusable { .. } => false,
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
    let read = || -> Result<Vec<T>, pem::Error> { T::pem_file_iter(file)?.collect() };
    let found = read().map_err(|reason| FileError::Unreadable {
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
    PrivateKeyDer::from_pem_file(file).map_err(|reason| FileError::Key {
        file: file.to_owned(),
        reason,
    })
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

/// A hash of the files' contents. A file that cannot be read counts as empty, because its reader reports the error, and so
/// does one that can be read only once, like a pipe.
fn hash(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        let is_file = fs::metadata(path).is_ok_and(|it| it.is_file());
        let content = is_file.then(|| fs::read(path).unwrap_or_default());
        content.unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}
