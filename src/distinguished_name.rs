//! Distinguished names of certificates as text (RFC 4514).

use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Object identifiers of attribute types, each with its short name: the table of RFC 4514 section 3.
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

/// A name as RFC 4514 writes it: the last part first. `more` has short names beside those of its section 3.
pub(crate) fn written(name: &X509Name<'_>, more: &[(&str, &str)]) -> String {
    let parts: Vec<_> = name.iter().collect();
    let parts = parts.iter().rev().map(|part| {
        let pairs: Vec<String> = part.iter().map(|attribute| pair(attribute, more)).collect();
        pairs.join("+")
    });
    parts.collect::<Vec<_>>().join(",")
}

/// The value of the last attribute with this short name, which is the most specific one (RFC 4514 section 2.1); `None` when there
/// is none, or it is no text.
pub(crate) fn last(name: &X509Name<'_>, short: &str, more: &[(&str, &str)]) -> Option<String> {
    let named = name.iter_attributes().filter(|attribute| {
        let kind = attribute.attr_type().to_id_string();
        let mut known = SHORT_NAMES.iter().chain(more);
        known.any(|(oid, name)| *name == short && *oid == kind)
    });
    text(named.last()?.attr_value())
}

/// `CN=Anna`, or `1.2.3=#04024869` where the kind has no short name (RFC 4514 sections 2.3 and 2.4).
fn pair(attribute: &AttributeTypeAndValue<'_>, more: &[(&str, &str)]) -> String {
    let kind = attribute.attr_type().to_id_string();
    let mut known = SHORT_NAMES.iter().chain(more);
    let short = known.find(|(oid, _)| *oid == kind);
    let text = short.and_then(|(_, short)| Some((short, text(attribute.attr_value())?)));
    match text {
        Some((short, text)) => format!("{short}={}", escaped(&text)),
        None => {
            let name = short.map_or(&*kind, |(_, short)| short);
            let hex = der(attribute.attr_value());
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

/// The text of a value; `None` when it is of a type that is no text, or not valid.
fn text(value: &Any<'_>) -> Option<String> {
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
/// written as numbers, as OpenSSL does, so that the whole fits a line.
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
                    escaped.push_str(&format!("\\{byte:02X}"));
                }
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4514 section 4 has most of these.
    #[test]
    fn characters_with_a_meaning_are_escaped() {
        for (text, written) in [
            ("James \"Jim\" Smith, III", "James \\\"Jim\\\" Smith\\, III"),
            ("#1+2", "\\#1\\+2"),
            (" a b ", "\\ a b\\ "),
            (" ", "\\ "),
            ("a\\b;c<d>e=f", "a\\\\b\\;c\\<d\\>e=f"),
            ("Before\rAfter", "Before\\0DAfter"),
            ("a\0b", "a\\00b"),
            ("Lučić", "Lučić"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), written);
        }
    }
}
