//! Which certificate a client gets: by the name that it asks for (SNI, RFC 6066 section 3).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::Pair;

/// The certificates of a listener by name: the exact name counts, then a wildcard, else the first certificate. Several
/// with the same name, of RSA and ECDSA keys say, are chosen by what the client can verify.
#[derive(Debug)]
pub(super) struct ByName {
    exact: HashMap<String, Several>,
    /// By what follows `*.`.
    wildcard: HashMap<String, Several>,
    first: Several,
    /// Names whose certificate has not come yet. They do not get the first one, which names others.
    missing: HashSet<String>,
}

/// Certificates of one name, in the order of the file.
type Several = Vec<Arc<CertifiedKey>>;

impl ByName {
    pub(super) fn new(pairs: &[Pair], missing: Vec<String>) -> Self {
        let mut by_name = Self {
            missing: missing.into_iter().collect(),
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            first: Vec::new(),
        };
        let first = pairs.first().map(|pair| &pair.validity.names);
        for pair in pairs {
            let key = || Arc::clone(&pair.key);
            if Some(&pair.validity.names) == first {
                by_name.first.push(key());
            }
            for name in &pair.validity.names {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(rest) => (&mut by_name.wildcard, rest),
                    None => (&mut by_name.exact, name.as_str()),
                };
                names.entry(name.to_owned()).or_default().push(key());
            }
        }
        by_name
    }

    /// `name` is in small letters.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let exact = name.and_then(|name| self.exact.get(name));
        // A wildcard stands for one label (RFC 9525 section 6.3).
        let wildcard = || {
            let (_, rest) = name?.split_once('.')?;
            self.wildcard.get(rest)
        };
        let first = || match name.is_some_and(|name| self.missing.contains(name)) {
            true => None,
            false => Some(&self.first),
        };
        let several = exact.or_else(wildcard).or_else(first)?;
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let chosen = several.iter().find(fits).or_else(|| several.first());
        chosen.cloned()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        self.choose(name.as_deref(), hello.signature_schemes())
    }
}
