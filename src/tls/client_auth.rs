//! Whether clients show a certificate, and which ones are let in.

use std::path::Path;
use std::sync::Arc;

use ajpgate_config::{ClientAuth, ListenerTls};
use rustls::client::VerifierBuilderError;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::files::{self, FileError};
use super::roots::roots_of;
use super::self_issued::Clients;

/// Checks client certificates; `None` where none is asked for.
pub(super) type Verifier = Option<Arc<dyn ClientCertVerifier>>;

/// With `client_crl` each issuer of a chain needs a revocation list that has not expired; otherwise the client is refused.
///
/// # Errors
/// A file that cannot be read or used.
pub(super) fn verifier(
    tls: &ListenerTls,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier, FileError> {
    let optional = match tls.client_auth {
        ClientAuth::None => return Ok(None),
        ClientAuth::Optional => true,
        ClientAuth::Required => false,
    };
    // The configuration has it wherever clients are asked.
    let file = tls.client_ca.as_deref().unwrap_or(Path::new(""));
    let roots = roots_of(file)?;
    let provider = Arc::clone(provider);
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots.store), provider);
    if let Some(crl) = &tls.client_crl {
        builder = builder
            .with_crls(files::revocation_lists(crl)?)
            .enforce_revocation_expiration();
    }
    if optional {
        builder = builder.allow_unauthenticated();
    }
    let file = tls.client_crl.as_deref().unwrap_or(file);
    let has_lists = tls.client_crl.is_some();
    let built = builder
        .build()
        .map(|usual| Clients::new(usual, roots, has_lists));
    let built = built.map(|clients| -> Arc<dyn ClientCertVerifier> { Arc::new(clients) });
    built.map(Some).map_err(|reason| match reason {
        VerifierBuilderError::InvalidCrl(_) => {
            let reason = format!(
                "{reason}: only version 2 lists with extensions (RFC 5280 section 5) are read"
            );
            FileError::unusable(file, &reason)
        }
        reason => FileError::unusable(file, &reason),
    })
}

/// Checks the certificates of a client whose session was resumed. TLS itself does not: the certificate may have expired
/// since, and so may the revocation list.
///
/// # Errors
/// The client would not be let in with a handshake of its own.
pub(super) fn verify_again(
    verifier: &Verifier,
    chain: Option<&[CertificateDer<'static>]>,
) -> Result<(), rustls::Error> {
    let Some(verifier) = verifier else {
        return Ok(());
    };
    match chain.and_then(<[_]>::split_first) {
        Some((leaf, others)) => {
            let verified = verifier.verify_client_cert(leaf, others, UnixTime::now());
            verified.map(|_| ())
        }
        None if verifier.client_auth_mandatory() => Err(rustls::Error::NoCertificatesPresented),
        None => Ok(()),
    }
}

/// Whether the client of an open connection, which has shown these certificates, would be let in now as the same one. Where
/// none is asked for any more, it would come without.
pub(super) fn lets_in(verifier: &Verifier, chain: &[CertificateDer<'static>]) -> bool {
    match verifier {
        Some(_) => verify_again(verifier, Some(chain)).is_ok(),
        None => chain.is_empty(),
    }
}
