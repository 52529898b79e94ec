//! Servers that are believed without an authority: any, or those with a known certificate.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

/// Looks neither at the name nor at the validity nor at the issuer of a server's certificate. That the server has the key
/// of it is still checked.
#[derive(Debug)]
pub(crate) struct Believing {
    /// The certificates that are believed; `None`: every one.
    known: Option<Vec<CertificateDer<'static>>>,
    provider: Arc<CryptoProvider>,
}

impl Believing {
    /// Believes every certificate: `verify: off`.
    pub(crate) const fn anyone(provider: Arc<CryptoProvider>) -> Self {
        Self {
            known: None,
            provider,
        }
    }

    /// Believes only a server that shows one of these certificates.
    pub(crate) const fn only(
        known: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self {
            known: Some(known),
            provider,
        }
    }
}

impl ServerCertVerifier for Believing {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let is_known = |known: &Vec<CertificateDer<'_>>| known.contains(shown);
        match self.known.as_ref().is_none_or(is_known) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(rustls::Error::General(
                "the server has another certificate".to_owned(),
            )),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
