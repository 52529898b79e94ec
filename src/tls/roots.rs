//! Authorities whose certificates are believed: by a client of TLS, or by a server that asks its clients for certificates.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::VerifierBuilderError;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

use super::files::{FileError, certificates};

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "the system has no certificates to verify with: install them, or name a file with `ca`"
    )]
    None,
    #[error("{0}")]
    Unusable(#[from] VerifierBuilderError),
}

impl RootsError {
    /// Whether the file is not there or may not be read, or this machine has no certificates.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::File(error) => error.is_missing(),
            Self::None => true,
            Self::Unusable(_) => false,
        }
    }
}

/// Certificates that peers are verified with.
#[derive(Debug)]
pub(crate) struct Roots {
    /// Those that may sign others; where there is none, all.
    pub(super) store: Arc<RootCertStore>,
    /// All of them, each of which also stands for its own holder; none where they are the system's.
    pub(super) named: Vec<CertificateDer<'static>>,
    /// Whether one of them may sign others.
    pub(super) has_authority: bool,
}

impl Roots {
    /// `unusable` makes the error of one that cannot be used.
    pub(super) fn new<E>(
        named: Vec<CertificateDer<'static>>,
        unusable: impl Fn(rustls::Error) -> E,
    ) -> Result<Self, E> {
        let (mut all, mut signing) = (RootCertStore::empty(), RootCertStore::empty());
        for certificate in &named {
            all.add(certificate.clone()).map_err(&unusable)?;
            if may_sign(certificate) {
                signing.add(certificate.clone()).map_err(&unusable)?;
            }
        }
        let has_authority = !signing.is_empty();
        Ok(Self {
            store: Arc::new(if has_authority { signing } else { all }),
            named,
            has_authority,
        })
    }

    pub(super) fn of_system() -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        match roots.is_empty() {
            true => Err(RootsError::None),
            false => Ok(Self {
                store: Arc::new(roots),
                named: Vec::new(),
                has_authority: true,
            }),
        }
    }
}

/// The certificates of a file.
///
/// # Errors
/// The file cannot be read, or one of them cannot be used.
pub(crate) fn roots_of(file: &Path) -> Result<Roots, FileError> {
    Roots::new(certificates(file)?, |reason| {
        FileError::unusable(file, &reason)
    })
}

/// Whether a certificate may sign those of others (RFC 5280 sections 4.2.1.3 and 4.2.1.9). One of version 1 cannot say so, and may.
fn may_sign(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let usage = certificate.key_usage();
    let signs = usage.is_ok_and(|usage| usage.is_none_or(|it| it.value.key_cert_sign()));
    signs && (certificate.is_ca() || certificate.version() == X509Version::V1)
}

#[cfg(test)]
mod tests {
    use rcgen::KeyUsagePurpose::{DigitalSignature, KeyCertSign};
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    #[test]
    fn only_an_authority_may_sign() {
        let with = |change: fn(&mut CertificateParams)| {
            let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            change(&mut params);
            let key = KeyPair::generate().unwrap();
            may_sign(params.self_signed(&key).unwrap().der())
        };
        assert!(with(|_| {}));
        assert!(with(|it| it.key_usages = vec![KeyCertSign]));
        assert!(!with(|it| it.key_usages = vec![DigitalSignature]));
        assert!(!with(|it| it.is_ca = IsCa::NoCa));
        assert!(!with(|it| it.is_ca = IsCa::ExplicitNoCa));
    }
}
