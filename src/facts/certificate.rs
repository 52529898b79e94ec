//! What the client's certificate says.

use std::fmt::Write as _;

use x509_parser::certificate::X509Certificate;
use x509_parser::pem::{Pem, parse_x509_pem};
use x509_parser::prelude::{ASN1Time, AttributeTypeAndValue, X509Name};

/// Short names of attribute types: the table of RFC 4514 section 3, and OpenSSL's name of the e-mail address.
const SHORT: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

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

/// A distinguished name as RFC 4514 writes it: the last part first.
pub(crate) fn dn(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter().collect();
    let mut text = String::new();
    for (index, part) in parts.iter().rev().enumerate() {
        if index > 0 {
            text.push(',');
        }
        for (index, attribute) in part.iter().enumerate() {
            if index > 0 {
                text.push('+');
            }
            write_attribute(attribute, &mut text);
        }
    }
    text
}

/// The value of the last attribute with this short name, which is the most specific one; `None` when there is none, or it is no
/// text.
pub(crate) fn attribute<'a>(name: &'a X509Name<'_>, short: &str) -> Option<&'a str> {
    let all: Vec<_> = name.iter_attributes().collect();
    let mut named = all
        .into_iter()
        .rev()
        .filter(|it| short_name(it) == Some(short));
    named.find_map(|it| it.as_str().ok())
}

fn short_name(attribute: &AttributeTypeAndValue<'_>) -> Option<&'static str> {
    let id = attribute.attr_type().to_id_string();
    SHORT
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, name)| *name)
}

fn write_attribute(attribute: &AttributeTypeAndValue<'_>, text: &mut String) {
    match (short_name(attribute), attribute.as_str()) {
        (Some(name), Ok(value)) => {
            text.push_str(name);
            text.push('=');
            write_escaped(value, text);
        }
        // Section 2.4: what has no name, or is no text, is written in hexadecimal digits.
        (name, _) => {
            match name {
                Some(name) => text.push_str(name),
                None => text.push_str(&attribute.attr_type().to_id_string()),
            }
            text.push_str("=#");
            let value = attribute.attr_value();
            let length = value.data.len();
            let _ = write!(text, "{:02x}", value.tag().0);
            match u8::try_from(length) {
                Ok(length @ ..128) => _ = write!(text, "{length:02x}"),
                Ok(length) => _ = write!(text, "81{length:02x}"),
                Err(_) => _ = write!(text, "82{:04x}", length.min(0xffff)),
            }
            for byte in value.data.iter().take(0xffff) {
                let _ = write!(text, "{byte:02x}");
            }
        }
    }
}

/// RFC 4514 section 2.4. Control characters are written in hexadecimal digits, as OpenSSL does.
fn write_escaped(value: &str, text: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (index, letter) in value.chars().enumerate() {
        match letter {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                text.push('\\');
                text.push(letter);
            }
            ' ' if index == 0 || index == last => text.push_str("\\ "),
            '#' if index == 0 => text.push_str("\\#"),
            letter if letter.is_ascii_control() => _ = write!(text, "\\{:02X}", u32::from(letter)),
            letter => text.push(letter),
        }
    }
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
        (dn(subject), attribute(subject, "CN").map(str::to_owned))
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
