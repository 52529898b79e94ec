//! TLS towards clients.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{Field, Scalar};
use crate::model::{ClientAuth, TlsVersion};
use crate::value::{AuthorityUrl, DomainName, Email, FileName, Word};

/// TLS towards clients.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "listener.tls", default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["certificate", "private_key"] }, { "required": ["certificates"] }, { "required": ["acme"] }]))]
pub(crate) struct ListenerTls {
    /// PEM file: the server's certificate, then its chain; reloaded when it changes. A file of the same name with .ocsp
    /// behind it is an OCSP response (DER), which is sent with the certificate.
    pub(crate) certificate: Scalar<FileName>,
    /// PEM file: the private key.
    pub(crate) private_key: Scalar<FileName>,
    /// Further certificates. The name that the client asks for chooses: the exact name, then a wildcard, else the first.
    #[schemars(extend("minItems" = 1))]
    pub(crate) certificates: Field<Vec<Field<CertificatePair>>>,
    /// Certificates that the gateway gets itself from an authority (ACME, RFC 8555, with tls-alpn-01).
    pub(crate) acme: Field<Acme>,
    /// Whether clients show a certificate.
    #[schemars(extend("default" = "none"))]
    pub(crate) client_auth: Scalar<Word<ClientAuth>>,
    /// PEM file: the root certificates that client certificates are verified with.
    pub(crate) client_ca: Scalar<FileName>,
    /// PEM file: the revocation lists of all issuers of client certificates.
    pub(crate) client_crl: Scalar<FileName>,
    /// The lowest version of TLS that is spoken.
    #[schemars(extend("default" = "1.2"))]
    pub(crate) min_version: Scalar<Word<TlsVersion>>,
}

/// A certificate and its private key.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "certificate", default, deny_unknown_fields)]
#[schemars(extend("required" = ["certificate", "private_key"]))]
pub(crate) struct CertificatePair {
    /// PEM file: the server's certificate, then its chain.
    pub(crate) certificate: Scalar<FileName>,
    /// PEM file: the private key.
    pub(crate) private_key: Scalar<FileName>,
}

/// Certificates from an authority, one for each name.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "listener.tls.acme", default, deny_unknown_fields)]
#[schemars(extend("required" = ["domains", "directory", "cache"]))]
pub(crate) struct Acme {
    /// The names, without wildcards. The authority connects to port 443 of each.
    #[schemars(extend("minItems" = 1, "maxItems" = 100))]
    pub(crate) domains: Field<Vec<Scalar<DomainName>>>,
    /// Whom the authority may write to.
    pub(crate) email: Scalar<Email>,
    /// The https URL of the authority's directory. Whoever names it agrees to the authority's terms of service.
    pub(crate) directory: Scalar<AuthorityUrl>,
    /// PEM file: the root certificates that the authority's own TLS certificate is verified with; absent: the system's.
    pub(crate) ca: Scalar<FileName>,
    /// The folder in which account and certificates are kept. It is made where there is none.
    pub(crate) cache: Scalar<FileName>,
}
