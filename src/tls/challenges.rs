//! What an authority is answered that asks whether a name is ours (tls-alpn-01, RFC 8737).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// The protocol that an authority asks for (RFC 8737 section 6.2).
const PROTOCOL: &[u8] = b"acme-tls/1";

/// Bytes of the answer: a SHA-256 digest.
const DIGEST: usize = 32;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChallengeError {
    #[error("the digest of the key authorization has {0} bytes")]
    Digest(usize),
    #[error("{0}")]
    Certificate(#[from] rcgen::Error),
    #[error("{0}")]
    Tls(#[from] rustls::Error),
}

/// The answers that are due now, by name. Every listener that speaks TLS gives them. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Challenges(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How many there are, for those who ask with each connection.
    count: AtomicUsize,
    by_name: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

/// An answer that is given until this is dropped.
#[derive(Debug)]
pub(crate) struct Answering {
    challenges: Challenges,
    name: String,
}

impl Challenges {
    /// Answers for a name in small letters, with the digest of the key authorization (RFC 8555 section 8.1).
    ///
    /// # Errors
    /// The digest is none, or no certificate can be made.
    pub(crate) fn answer(&self, name: &str, digest: &[u8]) -> Result<Answering, ChallengeError> {
        let config = Arc::new(config(name, digest)?);
        let mut by_name = self.0.lock();
        by_name.insert(name.to_owned(), config);
        self.0.count.store(by_name.len(), Ordering::Relaxed);
        Ok(Answering {
            challenges: self.clone(),
            name: name.to_owned(),
        })
    }

    /// Whether none is due: then no handshake needs to be looked at.
    pub(super) fn are_none(&self) -> bool {
        self.0.count.load(Ordering::Relaxed) == 0
    }

    /// The answer to this client, if it is an authority that asks.
    pub(super) fn to(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut protocols = hello.alpn()?;
        // An authority offers this protocol alone (RFC 8737 section 3).
        if protocols.next() != Some(PROTOCOL) || protocols.next().is_some() {
            return None;
        }
        let name = hello.server_name()?.to_ascii_lowercase();
        self.0.lock().get(&name).cloned()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<ServerConfig>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let inner = &self.challenges.0;
        let mut by_name = inner.lock();
        by_name.remove(&self.name);
        inner.count.store(by_name.len(), Ordering::Relaxed);
    }
}

/// TLS for the authority alone: nobody shows a certificate, no session is resumed, and nothing is spoken inside.
fn config(name: &str, digest: &[u8]) -> Result<ServerConfig, ChallengeError> {
    if digest.len() != DIGEST {
        return Err(ChallengeError::Digest(digest.len()));
    }
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(ring::default_provider());
    let key = provider.key_provider.load_private_key(key)?;
    // Certificate and key are not compared: the extension is critical, and unknown to who compares.
    let pair = CertifiedKey::new(vec![certificate.der().clone()], key);
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
