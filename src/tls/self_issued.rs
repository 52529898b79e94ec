//! Peers whose certificate is itself among those that they are verified with, as `openssl req -x509` makes one.
//!
//! The crate `webpki` takes no certificate that may sign others for a peer's own. And it takes each certificate that it verifies
//! with for an authority, whether or not that may sign others. OpenSSL, and so curl and httpd, do the opposite in both cases.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{ExtendedKeyUsage, FromDer as _, X509Certificate};

use super::roots::Roots;

/// What a certificate is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Server,
    Client,
}

impl Purpose {
    const fn is_in(self, usage: &ExtendedKeyUsage<'_>) -> bool {
        usage.any
            || match self {
                Self::Server => usage.server_auth,
                Self::Client => usage.client_auth,
            }
    }
}

/// Certificates that peers are verified with.
#[derive(Debug)]
struct Named {
    certificates: Vec<CertificateDer<'static>>,
    /// Whether one of them may sign others.
    has_authority: bool,
}

impl Named {
    fn of(roots: Roots) -> Self {
        Self {
            certificates: roots.named,
            has_authority: roots.has_authority,
        }
    }

    /// Fails where no certificate may have signed that of a peer.
    fn may_have_signed(&self) -> Result<(), CertificateError> {
        match self.has_authority {
            true => Ok(()),
            false => Err(CertificateError::UnknownIssuer),
        }
    }

    /// Judges a certificate that is one of these: whether it can be used now for this purpose. `None` for any other
    /// certificate: `webpki` decides.
    fn judge(
        &self,
        shown: &CertificateDer<'_>,
        purpose: Purpose,
        now: UnixTime,
    ) -> Option<Result<(), CertificateError>> {
        if !self.certificates.contains(shown) {
            return None;
        }
        let (_, certificate) = X509Certificate::from_der(shown).ok()?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let validity = certificate.validity();
        let usage = certificate.extended_key_usage();
        Some(match usage {
            _ if now < validity.not_before.timestamp() => Err(CertificateError::NotValidYet),
            _ if now > validity.not_after.timestamp() => Err(CertificateError::Expired),
            Ok(Some(usage)) if !purpose.is_in(usage.value) => Err(CertificateError::InvalidPurpose),
            Ok(_) => Ok(()),
            Err(_) => Err(CertificateError::BadEncoding),
        })
    }
}

/// Verifies servers.
#[derive(Debug)]
pub(super) struct Servers {
    usual: Arc<WebPkiServerVerifier>,
    named: Named,
}

impl Servers {
    /// `usual` verifies with the store of these certificates.
    pub(super) fn new(usual: Arc<WebPkiServerVerifier>, roots: Roots) -> Self {
        let named = Named::of(roots);
        Self { usual, named }
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(judged) = self.named.judge(shown, Purpose::Server, now) {
            judged?;
            verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.named.may_have_signed()?;
        self.usual
            .verify_server_cert(shown, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// Verifies clients.
#[derive(Debug)]
pub(super) struct Clients {
    usual: Arc<dyn ClientCertVerifier>,
    named: Named,
    /// The names of all certificates, for clients that choose theirs by them.
    subjects: Vec<DistinguishedName>,
}

impl Clients {
    /// `usual` verifies with the store of these certificates. With revocation lists, none stands for its own holder: it would
    /// need a list of its own.
    pub(super) fn new(
        usual: Arc<dyn ClientCertVerifier>,
        mut roots: Roots,
        has_lists: bool,
    ) -> Self {
        let mut all = RootCertStore::empty();
        all.add_parsable_certificates(roots.named.iter().cloned());
        let subjects = all.subjects();
        if has_lists {
            roots.named.clear();
        }
        let named = Named::of(roots);
        Self {
            usual,
            named,
            subjects,
        }
    }
}

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        self.usual.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.usual.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match self.named.judge(shown, Purpose::Client, now) {
            Some(judged) => Ok(judged.map(|()| ClientCertVerified::assertion())?),
            None => {
                self.named.may_have_signed()?;
                self.usual.verify_client_cert(shown, others, now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};

    use super::*;

    /// A certificate of this kind for `localhost`, valid from 1975 to 4096.
    fn issued(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn at(year: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_556_952))
    }

    fn named(certificate: &CertificateDer<'static>) -> Named {
        Named {
            certificates: vec![certificate.clone()],
            has_authority: true,
        }
    }

    fn judge(
        shown: &CertificateDer<'static>,
        purpose: Purpose,
        year: u64,
    ) -> Option<Result<(), CertificateError>> {
        named(shown).judge(shown, purpose, at(year))
    }

    #[test]
    fn a_certificate_that_is_its_own_authority_counts_while_it_is_valid() {
        let shown = issued(|params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        });
        let server = |year| judge(&shown, Purpose::Server, year);
        assert_eq!(server(2026), Some(Ok(())));
        assert_eq!(server(2019), Some(Err(CertificateError::NotValidYet)));
        assert_eq!(server(2031), Some(Err(CertificateError::Expired)));
        assert_eq!(judge(&shown, Purpose::Client, 2026), Some(Ok(())));
        let other = named(&issued(|_| {}));
        assert_eq!(other.judge(&shown, Purpose::Server, at(2026)), None);
    }

    #[test]
    fn it_counts_for_what_it_was_made_for() {
        let shown = issued(|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        assert_eq!(judge(&shown, Purpose::Client, 2026), Some(Ok(())));
        assert_eq!(
            judge(&shown, Purpose::Server, 2026),
            Some(Err(CertificateError::InvalidPurpose))
        );
    }

    #[test]
    fn one_that_signs_no_others_counts_for_itself() {
        let shown = issued(|params| params.is_ca = IsCa::ExplicitNoCa);
        assert_eq!(judge(&shown, Purpose::Server, 2026), Some(Ok(())));
    }
}
