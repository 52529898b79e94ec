//! A certificate of a listener with its key, and what is known about it.

use std::path::Path;
use std::sync::Arc;

use ajpgate_config::CertificatePair;
use rustls::InconsistentKeys;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use super::files::{self, FileError};

/// Most names of a certificate that count; further ones are left out.
const MOST_NAMES: usize = 200;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) validity: Validity,
}

/// Whom a certificate names, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validity {
    /// Its DNS names in small letters, else its IP addresses, else its common name; the name of its file when it has none
    /// of these.
    pub(super) names: Vec<String>,
    /// Unix time in seconds.
    pub(super) not_before: i64,
    /// Unix time in seconds.
    pub(super) not_after: i64,
}

impl Pair {
    /// Reads certificate, key and, where there is one, the OCSP response.
    ///
    /// # Errors
    /// A file that cannot be read or used; a key of another certificate.
    pub(super) fn load(
        pair: &CertificatePair,
        provider: &CryptoProvider,
    ) -> Result<Self, FileError> {
        let CertificatePair {
            certificate,
            private_key,
            ..
        } = pair;
        let chain = files::certificates(certificate)?;
        let key = files::private_key(private_key)?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|reason| FileError::unusable(private_key, &reason))?;
        let validity = validity(chain.first(), certificate)?;
        let mut key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                let reason = format!("it is not the key of {}", certificate.display());
                return Err(FileError::unusable(private_key, &reason));
            }
            Err(reason) => return Err(FileError::unusable(certificate, &reason)),
        }
        key.ocsp = files::ocsp(&pair.ocsp);
        Ok(Self {
            key: Arc::new(key),
            validity,
        })
    }
}

fn validity(leaf: Option<&CertificateDer<'_>>, file: &Path) -> Result<Validity, FileError> {
    let der = leaf.map(AsRef::as_ref).unwrap_or_default();
    let (_, leaf) =
        X509Certificate::from_der(der).map_err(|reason| FileError::unusable(file, &reason))?;
    let mut names = names(&leaf);
    if names.is_empty() {
        names.push(file.display().to_string());
    }
    Ok(Validity {
        names,
        not_before: leaf.validity().not_before.timestamp(),
        not_after: leaf.validity().not_after.timestamp(),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.map_or(&[][..], |it| &it.value.general_names);
    let dns = alternative.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    let addresses = alternative.iter().filter_map(|name| match name {
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    let common = certificate.subject().iter_common_name();
    let common = common.filter_map(|name| Some(name.as_str().ok()?.to_ascii_lowercase()));
    let lists: [Vec<String>; 3] = [
        dns.take(MOST_NAMES).collect(),
        addresses.take(MOST_NAMES).collect(),
        common.take(1).collect(),
    ];
    let mut lists = lists.into_iter().filter(|list| !list.is_empty());
    lists.next().unwrap_or_default()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let address = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from));
    address.ok().map(|address| address.to_string())
}
