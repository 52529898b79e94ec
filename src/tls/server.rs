//! The server's side of TLS on one listener: certificates, client certificates, versions, tickets.

use std::sync::{Arc, Mutex, PoisonError};

use ajpgate_config::{Acme, ListenerTls, TlsVersion};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{self, Ticketer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::version::{TLS12, TLS13};
use tokio::sync::Notify;

use super::client_auth::{self, Verifier};
use super::files::{FileError, Files};
use super::names::ByName;
use super::obtained;
use super::pair::{Pair, Validity};
use super::roots::{RootsError, roots_of};
use crate::client::Tls;

/// Why a listener cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error("{0}")]
    Other(#[from] rustls::Error),
}

impl ServerError {
    /// Whether a file is not there, or may not be read.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::File(error) => error.is_missing(),
            Self::Roots(error) => error.is_missing(),
            Self::Other(_) => false,
        }
    }
}

/// See the [module](self).
pub(crate) struct Server {
    pub(super) settings: ListenerTls,
    /// Whether HTTP/2 is offered (ALPN, RFC 7301).
    http2: bool,
    current: Mutex<Arc<Current>>,
    looked: Mutex<Looked>,
    /// A certificate has come from an authority.
    pub(super) obtained: Notify,
}

/// What the files held when they were read last.
pub(super) struct Current {
    pub(super) config: Arc<ServerConfig>,
    pub(super) verifier: Verifier,
    /// Of the certificates, in the order of the file.
    pub(super) certificates: Vec<Validity>,
    files: Files,
    /// Those that say which clients are let in.
    client_files: Files,
    /// The keys of the tickets with which sessions are resumed. All cores have the same, and they change every 6 h.
    tickets: Arc<dyn ProducesTickets>,
}

/// Contents of the files that are not [`Current`].
#[derive(Debug, Default)]
struct Looked {
    /// At the last look. The program that writes the files may not be done yet.
    pending: Option<Files>,
    /// They cannot be used, and this was said.
    refused: Option<Files>,
}

/// What became of a look at the files.
#[derive(Debug)]
pub(super) enum Refreshed {
    /// They are as they were, or change just now, or cannot be used as before.
    AsBefore,
    /// New connections get what they hold now. `clients`: the files about clients are among those that have changed.
    Changed { clients: bool },
    /// They have changed and cannot be used: all stays as it was.
    Failed(ServerError),
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({:?})", self.settings)
    }
}

impl Server {
    /// `before` is what the listener spoke TLS with until now, in this run of the program: sessions that began with it are
    /// resumed, if the same clients are let in.
    ///
    /// # Errors
    /// A file that cannot be read or used.
    pub(crate) fn new(
        settings: &ListenerTls,
        http2: bool,
        before: Option<&Self>,
    ) -> Result<Self, ServerError> {
        let same_clients = |before: &&Self| {
            let with =
                |it: &ListenerTls| (it.client_auth, it.client_ca.clone(), it.client_crl.clone());
            with(&before.settings) == with(settings)
        };
        let before = before.filter(same_clients);
        let before = before.map(Self::current);
        Ok(Self {
            current: Mutex::new(Arc::new(Current::load(settings, http2, before.as_deref())?)),
            settings: settings.clone(),
            http2,
            looked: Mutex::default(),
            obtained: Notify::new(),
        })
    }

    /// What a connection that comes now gets.
    pub(super) fn current(&self) -> Arc<Current> {
        let current = self.current.lock();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the same clients are let in as with the one before.
    pub(crate) fn lets_in_as(&self, before: &Self) -> bool {
        self.current().lets_in_as(&before.current())
    }

    /// Whether the client of a connection would be let in now, with a handshake of its own.
    pub(crate) fn lets_in(&self, client: &Tls) -> bool {
        let chain = CertificateDer::pem_slice_iter(client.chain.as_bytes());
        let chain: Result<Vec<_>, pem::Error> = chain.collect();
        chain.is_ok_and(|chain| client_auth::lets_in(&self.current().verifier, &chain))
    }

    /// The names of the certificates, each with the Unix time in seconds at which its certificate expires.
    pub(crate) fn expiries(&self) -> Vec<(String, i64)> {
        let current = self.current();
        let certificates = current.certificates.iter();
        let named =
            certificates.flat_map(|it| it.names.iter().map(|name| (name.clone(), it.not_after)));
        named.collect()
    }

    /// Where certificates come from an authority: how.
    pub(crate) const fn acme(&self) -> Option<&Acme> {
        self.settings.acme.as_ref()
    }

    /// Reads the certificates that have come from an authority at once. Their files are replaced as a whole, so one look is
    /// enough.
    pub(crate) fn has_obtained(&self) {
        let now = self.current().files.look();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.pending = Some(now);
        drop(looked);
        self.obtained.notify_one();
    }

    /// Looks at the files, and reads them when they have changed and are the same at two looks.
    pub(super) fn refresh(&self) -> Refreshed {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        let now = current.files.look();
        if now == current.files {
            *looked = Looked::default();
            return Refreshed::AsBefore;
        }
        if looked.refused.as_ref() == Some(&now) {
            return Refreshed::AsBefore;
        }
        if looked.pending.as_ref() != Some(&now) {
            looked.pending = Some(now);
            return Refreshed::AsBefore;
        }
        match Current::load(&self.settings, self.http2, Some(&current)) {
            Ok(new) => {
                let clients = !new.lets_in_as(&current);
                let current = self.current.lock();
                *current.unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                *looked = Looked::default();
                Refreshed::Changed { clients }
            }
            Err(error) => {
                looked.refused = Some(now);
                Refreshed::Failed(error)
            }
        }
    }
}

impl Current {
    /// Whether the same clients are let in as with the one before.
    fn lets_in_as(&self, before: &Self) -> bool {
        // The keys of the tickets are kept as long as that.
        Arc::ptr_eq(&self.tickets, &before.tickets)
    }

    /// Reads the files. The keys of the tickets are those of `before` while its files about clients are the same; a ticket
    /// would let a client in whose certificate was revoked meanwhile.
    fn load(
        settings: &ListenerTls,
        http2: bool,
        before: Option<&Self>,
    ) -> Result<Self, ServerError> {
        let obtained = settings.acme.iter();
        let obtained =
            obtained.flat_map(|acme| acme.domains.iter().map(|it| obtained::file(acme, it)));
        let files = Files::of(settings.files().map(Into::into).chain(obtained));
        let client_files = Files::of(
            [&settings.client_ca, &settings.client_crl]
                .into_iter()
                .flatten(),
        );
        let provider = Arc::new(ring::default_provider());
        let pairs = settings
            .pairs
            .iter()
            .map(|pair| Pair::load(pair, &provider));
        let mut pairs: Vec<Pair> = pairs.collect::<Result<_, _>>()?;
        let acme = settings.acme.as_ref();
        if let Some(ca) = acme.and_then(|acme| acme.ca.as_deref()) {
            roots_of(ca)?;
        }
        let (obtained, missing) = acme
            .map(|it| obtained::pairs(it, &provider))
            .unwrap_or_default();
        pairs.extend(obtained);
        let verifier = client_auth::verifier(settings, &provider)?;
        let tickets = match before.filter(|before| before.client_files == client_files) {
            Some(before) => Arc::clone(&before.tickets),
            None => Ticketer::new()?,
        };
        let certificates = ByName::new(&pairs, missing);
        let mut config = config(settings, provider, &verifier, certificates)?;
        config.ticketer = Arc::clone(&tickets);
        // `curl --http1.0` offers nothing but http/1.0.
        let protocols = [(http2, "h2"), (true, "http/1.1"), (true, "http/1.0")];
        let protocols = protocols.iter().filter(|(offered, _)| *offered);
        config.alpn_protocols = protocols
            .map(|(_, name)| name.as_bytes().to_vec())
            .collect();
        Ok(Self {
            config: Arc::new(config),
            verifier,
            certificates: pairs.into_iter().map(|pair| pair.validity).collect(),
            files,
            client_files,
            tickets,
        })
    }
}

/// Versions, client certificates and certificates of a listener, without tickets and without ALPN.
fn config(
    settings: &ListenerTls,
    provider: Arc<CryptoProvider>,
    verifier: &Verifier,
    certificates: ByName,
) -> Result<ServerConfig, rustls::Error> {
    let versions = match settings.min_version {
        TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(certificates));
    // Sessions are in tickets; a table of them would be one per process and have locks.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}
