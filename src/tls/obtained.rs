//! Certificates that the gateway has got from an authority, in the folder where they are kept.
//!
//! A name has one file: the private key, then the certificate and its chain, all in PEM. It is replaced as a whole.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ajpgate_config::{Acme, CertificatePair};
use ring::digest::{SHA256, digest};
use rustls::crypto::CryptoProvider;
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

/// Letters of a name that stand in the name of its file. A file may have 255 (Linux, `NAME_MAX`), and a name 253.
const SHOWN: usize = 150;

/// The file of a name. That of a long name has a digest in place of its end; `~` stands in no name of a host.
pub(crate) fn file(acme: &Acme, name: &str) -> PathBuf {
    let file = match name.split_at_checked(SHOWN) {
        Some((start, end)) if !end.is_empty() => {
            let digest = digest(&SHA256, name.as_bytes());
            let digest: String = digest
                .as_ref()
                .iter()
                .map(|it| format!("{it:02x}"))
                .collect();
            format!("{start}~{digest}.pem")
        }
        _ => format!("{name}.pem"),
    };
    folder(acme).join(file)
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
    let pair = read(file, name, &rustls::crypto::ring::default_provider())?;
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn acme(domains: &[&str]) -> Acme {
        let text = format!(
            "listeners: [{{ bind: \"[::1]:0\", tls: {{ acme: {{ domains: [{}], cache: /cache, \
             directory: \"https://ca/d\" }} }} }}]\nproxy_pass: [{{ path: /, to: \"http://localhost/\" }}]\n",
            domains.join(", ")
        );
        let loaded = ajpgate_config::parse(&text, Path::new("/x"), &|_| None).unwrap();
        let listener = loaded.config.listeners.into_iter().next().unwrap();
        listener.tls.unwrap().acme.unwrap()
    }

    #[test]
    fn the_file_of_the_longest_name_has_a_name_that_systems_take() {
        let labels = vec!["a".repeat(63); 3].join(".");
        let longest = format!("{labels}.{}", "b".repeat(61));
        let other = format!("{labels}.{}", "c".repeat(61));
        assert_eq!(longest.len(), 253);
        let acme = acme(&["shop.example.com", &longest]);
        let short = file(&acme, "shop.example.com");
        assert_eq!(short, Path::new("/cache/ca_d/shop.example.com.pem"));
        let name = file(&acme, &longest);
        let name = name.file_name().unwrap();
        // It is written under this name with `.new` behind it.
        assert!(name.len() <= 255 - ".new".len(), "{name:?}");
        assert_ne!(file(&acme, &longest), file(&acme, &other));
    }
}
