//! The user that a client's certificate names. TLS has verified the certificate before it gets here.

use ajpgate_config::CertificateName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::{Any, FromDer as _, Tag};
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::Oid;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// userPrincipalName of Microsoft's domains, as an otherName.
const PRINCIPAL_NAME: &str = "1.3.6.1.4.1.311.20.2.3";

/// The short names of RFC 4514 section 3.
const SHORT_NAMES: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// What the first certificate of a PEM text says about its owner; `None` where it says nothing of the kind.
pub(super) fn name_in(pem: &str, wanted: CertificateName) -> Option<String> {
    let body = pem.split_once("-----BEGIN CERTIFICATE-----")?.1;
    let body = body.split_once("-----END CERTIFICATE-----")?.0;
    let base64: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    match wanted {
        CertificateName::CommonName => common_name(certificate.subject()),
        CertificateName::DistinguishedName => Some(distinguished_name(certificate.subject())),
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

/// The most specific common name: names go from the general to the particular (RFC 4514 section 2.1).
fn common_name(subject: &X509Name<'_>) -> Option<String> {
    let name = subject.iter_common_name().last()?;
    string(name.attr_value())
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

/// A name as RFC 4514 writes it: the last part first.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let parts: Vec<&RelativeDistinguishedName<'_>> = name.iter().collect();
    let parts = parts.iter().rev().map(|part| {
        let pairs: Vec<String> = part.iter().map(pair).collect();
        pairs.join("+")
    });
    parts.collect::<Vec<_>>().join(",")
}

/// `CN=Anna`, or `1.2.3=#04024869` where the kind has no short name (RFC 4514 sections 2.3 and 2.4).
fn pair(pair: &AttributeTypeAndValue<'_>) -> String {
    let kind: &Oid<'_> = pair.attr_type();
    let kind = kind.to_id_string();
    let short = SHORT_NAMES.iter().find(|(oid, _)| *oid == kind);
    let text = short.and_then(|(_, short)| Some((short, string(pair.attr_value())?)));
    match text {
        Some((short, text)) => format!("{short}={}", escaped(&text)),
        None => {
            let name = short.map_or(&*kind, |(_, short)| short);
            let hex = der(pair.attr_value());
            let hex: String = hex.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{name}=#{hex}")
        }
    }
}

/// The bytes of a value in DER.
fn der(value: &Any<'_>) -> Vec<u8> {
    let length = value.data.len();
    let tag = u8::try_from(value.tag().0).unwrap_or_default();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=127) => der.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let bytes = bytes.get(zeros..).unwrap_or_default();
            der.push(0x80 | u8::try_from(bytes.len()).unwrap_or_default());
            der.extend_from_slice(bytes);
        }
    }
    der.extend_from_slice(value.data);
    der
}

/// The text of a value that is one.
fn string(value: &Any<'_>) -> Option<String> {
    let bytes = value.data;
    match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Tag::BmpString => {
            let (pairs, rest) = bytes.as_chunks();
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            let text: Result<String, _> = char::decode_utf16(units).collect();
            text.ok().filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

/// Characters with a meaning of their own have a backslash before them (RFC 4514 section 2.4); control characters are
/// written as numbers, so that the whole fits a line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, c) in text.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', c]),
            '#' if at == 0 => escaped.push_str("\\#"),
            ' ' if at == 0 || at == last => escaped.push_str("\\ "),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    escaped.push_str(&format!("\\{byte:02x}"));
                }
            }
            c => escaped.push(c),
        }
    }
    escaped
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

    /// RFC 4514 section 4 has most of these.
    #[test]
    fn characters_with_a_meaning_are_escaped() {
        for (text, written) in [
            ("James \"Jim\" Smith, III", "James \\\"Jim\\\" Smith\\, III"),
            ("#1+2", "\\#1\\+2"),
            (" a b ", "\\ a b\\ "),
            (" ", "\\ "),
            ("a\\b;c<d>e=f", "a\\\\b\\;c\\<d\\>e=f"),
            ("Before\rAfter", "Before\\0dAfter"),
            ("a\0b", "a\\00b"),
            ("Lučić", "Lučić"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), written);
        }
    }
}
