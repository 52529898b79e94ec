//! The user that a client's certificate names. TLS has verified the certificate before it gets here.

use ajpgate_config::CertificateName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::{Any, FromDer as _, Tag};
use x509_parser::extensions::GeneralName;

use crate::distinguished_name;

/// userPrincipalName of Microsoft's domains, as an otherName.
const PRINCIPAL_NAME: &str = "1.3.6.1.4.1.311.20.2.3";

/// What the first certificate of a PEM text says about its owner; `None` where it says nothing of the kind.
pub(super) fn name_in(pem: &str, wanted: CertificateName) -> Option<String> {
    let body = pem.split_once("-----BEGIN CERTIFICATE-----")?.1;
    let body = body.split_once("-----END CERTIFICATE-----")?.0;
    let base64: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    match wanted {
        CertificateName::CommonName => distinguished_name::last(certificate.subject(), "CN", &[]),
        CertificateName::DistinguishedName => {
            Some(distinguished_name::written(certificate.subject(), &[]))
        }
        CertificateName::Email => alternative(&certificate, |name| match name {
            GeneralName::RFC822Name(address) => Some((*address).to_owned()),
            _ => None,
        }),
        CertificateName::PrincipalName => alternative(&certificate, |name| match name {
            GeneralName::OtherName(kind, value) if kind.to_id_string() == PRINCIPAL_NAME => {
                principal(value)
            }
            _ => None,
        }),
    }
}

/// The first of the subject's alternative names for which `read` finds something (RFC 5280 section 4.2.1.6).
fn alternative(
    certificate: &X509Certificate<'_>,
    read: impl Fn(&GeneralName<'_>) -> Option<String>,
) -> Option<String> {
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(read)
}

/// The text of an otherName: `[0] EXPLICIT UTF8String`.
fn principal(value: &[u8]) -> Option<String> {
    let (rest, outer) = Any::from_der(value).ok()?;
    let tagged = rest.is_empty() && outer.tag() == Tag(0);
    let inner = match tagged {
        true => Any::from_der(outer.data).ok()?.1,
        false => outer,
    };
    (inner.tag() == Tag::Utf8String)
        .then(|| std::str::from_utf8(inner.data).ok().map(str::to_owned))
        .flatten()
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, OtherNameValue, SanType,
    };

    use super::*;

    fn pem(subject: &[(DnType, DnValue)], names: Vec<SanType>) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        params.subject_alt_names = names;
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .pem()
    }

    fn text(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    #[test]
    fn the_parts_of_a_certificate_that_name_a_user() {
        let principal = OtherNameValue::Utf8String("anna@corp.example".to_owned());
        let pem = pem(
            &[
                (DnType::CountryName, text("DE")),
                (DnType::OrganizationName, text("Shop, Inc.")),
                (DnType::CommonName, text("Anna Änger")),
            ],
            vec![
                SanType::DnsName("host.example".try_into().unwrap()),
                SanType::Rfc822Name("anna@example.com".try_into().unwrap()),
                SanType::Rfc822Name("other@example.com".try_into().unwrap()),
                SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], principal)),
            ],
        );
        for (wanted, name) in [
            (CertificateName::CommonName, "Anna Änger"),
            (
                CertificateName::DistinguishedName,
                "CN=Anna Änger,O=Shop\\, Inc.,C=DE",
            ),
            (CertificateName::Email, "anna@example.com"),
            (CertificateName::PrincipalName, "anna@corp.example"),
        ] {
            assert_eq!(name_in(&pem, wanted).as_deref(), Some(name), "{wanted:?}");
        }
    }

    #[test]
    fn a_certificate_without_them_names_nobody() {
        let other = OtherNameValue::Utf8String("anna@corp.example".to_owned());
        let other = SanType::OtherName((vec![1, 2, 3, 4], other));
        let pem = pem(&[(DnType::OrganizationName, text("Shop"))], vec![other]);
        for wanted in [
            CertificateName::CommonName,
            CertificateName::Email,
            CertificateName::PrincipalName,
        ] {
            assert_eq!(name_in(&pem, wanted), None, "{wanted:?}");
        }
        assert_eq!(
            name_in(&pem, CertificateName::DistinguishedName).as_deref(),
            Some("O=Shop")
        );
        for broken in [
            "",
            "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(name_in(broken, CertificateName::CommonName), None);
        }
    }

    #[test]
    fn kinds_without_a_short_name_are_numbers() {
        let email = DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]);
        let value = DnValue::Ia5String("a@b".try_into().unwrap());
        let pem = pem(
            &[(email, value), (DnType::CommonName, text("anna"))],
            vec![],
        );
        assert_eq!(
            name_in(&pem, CertificateName::DistinguishedName).as_deref(),
            Some("CN=anna,1.2.840.113549.1.9.1=#1603614062")
        );
    }
}
