//! Names of header fields that browsers send with each request and the crate `http` does not know. It would copy each of
//! them into an allocation of its own.

use http::HeaderName;
use http::header::InvalidHeaderName;

const PREFIX: &[u8] = b"sec-";

/// Fetch metadata and client hints, which all browsers of today send.
static KNOWN: [HeaderName; 7] = [
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("sec-fetch-user"),
    HeaderName::from_static("sec-ch-ua"),
    HeaderName::from_static("sec-ch-ua-mobile"),
    HeaderName::from_static("sec-ch-ua-platform"),
];

/// The name of a field, in any case.
///
/// # Errors
/// When it is no token.
pub(super) fn field_name(name: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
    let prefix = name.get(..PREFIX.len());
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX)) {
        let known = |known: &&HeaderName| known.as_str().as_bytes().eq_ignore_ascii_case(name);
        if let Some(known) = KNOWN.iter().find(known) {
            return Ok(known.clone());
        }
    }
    HeaderName::from_bytes(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_known_or_not() {
        for name in [
            "Sec-Fetch-Dest",
            "sec-ch-ua",
            "SEC-CH-UA",
            "sec-other",
            "Sec-",
            "se",
            "Host",
        ] {
            let expected = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(field_name(name.as_bytes()).unwrap(), expected);
        }
        assert!(field_name(b"sec-ch ua").is_err());
        assert!(field_name(b"").is_err());
    }
}
