//! Certificates that the gateway has got from an authority, in the folder where they are kept.
//!
//! A name has one file: the private key, then the certificate and its chain, all in PEM. It is replaced as a whole.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ajpgate_config::{Acme, CertificatePair};
use rustls::crypto::{CryptoProvider, ring};
use tracing::warn;

use super::files::FileError;
use super::pair::Pair;

/// The folder of an authority in the cache, named after its URL: certificates of a test authority are not mixed with others.
pub(crate) fn folder(acme: &Acme) -> PathBuf {
    let url = acme.directory.strip_prefix("https://");
    let letter = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '.' | '-') => c,
        _ => '_',
    };
    let name: String = url.unwrap_or_default().chars().map(letter).collect();
    acme.cache.join(name)
}

/// The file of a name.
pub(crate) fn file(acme: &Acme, name: &str) -> PathBuf {
    folder(acme).join(format!("{name}.pem"))
}

/// From when until when a certificate is valid, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Valid {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// The validity of the certificate in a file; `None` where there is no file.
///
/// # Errors
/// The file cannot be read or used, or is of another name.
pub(crate) fn validity(file: &Path, name: &str) -> Result<Option<Valid>, FileError> {
    let pair = read(file, name, &ring::default_provider())?;
    let valid = |pair: Pair| Valid {
        from: pair.validity.not_before,
        until: pair.validity.not_after,
    };
    Ok(pair.map(valid))
}

/// The certificates that there are, with the names that have none yet. A file that cannot be used counts as none, and is
/// named in the log.
pub(super) fn pairs(acme: &Acme, provider: &CryptoProvider) -> (Vec<Pair>, Vec<String>) {
    let (mut pairs, mut missing) = (Vec::new(), Vec::new());
    for name in &acme.domains {
        match read(&file(acme, name), name, provider) {
            Ok(Some(pair)) => pairs.push(pair),
            Ok(None) => missing.push(name.clone()),
            Err(error) => {
                warn!(name, %error, "acme: a kept certificate counts as none");
                missing.push(name.clone());
            }
        }
    }
    (pairs, missing)
}

fn read(file: &Path, name: &str, provider: &CryptoProvider) -> Result<Option<Pair>, FileError> {
    let absent = std::fs::metadata(file).err();
    if absent.is_some_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let pair = Pair::load(&CertificatePair::in_one(file), provider)?;
    match pair.validity.names.iter().any(|its| its == name) {
        true => Ok(Some(pair)),
        false => {
            let names = pair.validity.names.join(", ");
            Err(FileError::unusable(file, &format!("it is of {names}")))
        }
    }
}
