//! What the client's certificate says.

use x509_parser::certificate::X509Certificate;
use x509_parser::pem::{Pem, parse_x509_pem};
use x509_parser::prelude::{ASN1Time, X509Name};

use crate::distinguished_name;

/// Object identifiers of attribute types that OpenSSL has a short name for, beside those of RFC 4514.
const OPENSSL_NAMES: [(&str, &str); 1] = [("1.2.840.113549.1.9.1", "emailAddress")];

/// A certificate in PEM, decoded.
#[derive(Debug)]
pub(crate) struct Decoded(Pem);

impl Decoded {
    /// The first certificate of a text.
    pub(crate) fn of(pem: &str) -> Option<Self> {
        parse_x509_pem(pem.as_bytes())
            .ok()
            .map(|(_, pem)| Self(pem))
    }

    /// What it says; `None` when it is no certificate.
    pub(crate) fn parse(&self) -> Option<X509Certificate<'_>> {
        self.0.parse_x509().ok()
    }
}

/// A distinguished name as OpenSSL writes it with `-nameopt RFC2253`: the last part first.
pub(crate) fn dn(name: &X509Name<'_>) -> String {
    distinguished_name::written(name, &OPENSSL_NAMES)
}

/// The value of the last attribute with this short name; `None` when there is none, or it is no text.
pub(crate) fn attribute(name: &X509Name<'_>, short: &str) -> Option<String> {
    distinguished_name::last(name, short, &OPENSSL_NAMES)
}

/// A time as OpenSSL's `ASN1_TIME_print()` writes it.
pub(crate) fn time(time: ASN1Time) -> String {
    let at = jiff::Timestamp::from_second(time.timestamp()).unwrap_or_default();
    at.strftime("%b %e %H:%M:%S %Y GMT").to_string()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    use super::*;

    fn shown(parts: &[(DnType, DnValue)]) -> (String, Option<String>) {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let pem = params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .pem();
        let decoded = Decoded::of(&pem).unwrap();
        let certificate = decoded.parse().unwrap();
        let subject = certificate.subject();
        (dn(subject), attribute(subject, "CN"))
    }

    fn text(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    #[test]
    fn names_are_written_as_rfc_4514_has_them() {
        let (subject, name) = shown(&[
            (DnType::CountryName, text("DE")),
            (DnType::OrganizationName, text("Shop, Inc. ")),
            (DnType::CommonName, text("#al\"ice+<bob>;\\ \u{e9}\n")),
        ]);
        assert_eq!(
            subject,
            "CN=\\#al\\\"ice\\+\\<bob\\>\\;\\\\ \u{e9}\\0A,O=Shop\\, Inc.\\ ,C=DE"
        );
        assert_eq!(name.as_deref(), Some("#al\"ice+<bob>;\\ \u{e9}\n"));
    }

    #[test]
    fn types_without_a_name_are_written_in_digits() {
        let kind = DnType::CustomDnType(vec![2, 5, 4, 4]);
        let (subject, name) = shown(&[(kind, text("Doe"))]);
        assert_eq!((subject.as_str(), name), ("2.5.4.4=#0c03446f65", None));
    }
}
