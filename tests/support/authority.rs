//! A certificate authority for one test.

use super::scratch::Scratch;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};

/// A certificate authority that writes its certificates into a folder of its own.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: Scratch,
}

impl Authority {
    /// A new authority, which no system trusts; its own certificate is `ca.pem`.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let folder = Scratch::new("authority");
        folder.write("ca.pem", &issuer.pem());
        Self { issuer, folder }
    }

    /// The path of a file in its folder.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Issues `NAME.pem` and `NAME.key`, and returns the paths of both.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        self.write(name, name, CertificateParams::new([name.to_owned()]))
    }

    /// The same with a certificate that expired long ago.
    pub(crate) fn issue_expired(&self, name: &str) -> (String, String) {
        let params = CertificateParams::new([name.to_owned()]).map(|mut params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
            params
        });
        self.write(&format!("{name}-expired"), name, params)
    }

    fn write(
        &self,
        file: &str,
        name: &str,
        params: Result<CertificateParams, rcgen::Error>,
    ) -> (String, String) {
        let mut params = params.unwrap_or_else(|e| panic!("{name}: {e}"));
        // OpenSSL takes a certificate for self-signed when its subject is that of its issuer.
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        self.folder
            .write(&format!("{file}.pem"), &certificate.pem());
        self.folder
            .write(&format!("{file}.key"), &key.serialize_pem());
        (
            self.file(&format!("{file}.pem")),
            self.file(&format!("{file}.key")),
        )
    }
}
