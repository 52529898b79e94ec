//! Whether a change may come from where it comes from: no page of another site may make one with the browser of
//! somebody who is allowed to.

use http::header::{HOST, HeaderMap, ORIGIN};
use http::{HeaderName, HeaderValue, StatusCode, Uri};

use super::refusal::Refusal;

/// What browsers say of the page that sends a request (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what a browser sends for another site, and what it sends without the token of a page of this gateway.
/// Programs, which send neither `Origin` nor `Sec-Fetch-Site`, need none.
pub(in crate::admin) fn check(headers: &HeaderMap, has_token: bool) -> Result<(), Refusal> {
    let site = headers.get(SEC_FETCH_SITE);
    let origins = || headers.get_all(ORIGIN).iter();
    let foreign = site.is_some_and(|site| site == "cross-site" || site == "same-site")
        || origins().any(|origin| !is_own(origin, headers.get(HOST)));
    let reason = match foreign {
        true => "the change comes from a page of another site",
        false if !has_token && (site.is_some() || origins().next().is_some()) => {
            "a change from a browser needs the token of a page of this gateway"
        }
        false => return Ok(()),
    };
    Err(Refusal::new(StatusCode::FORBIDDEN, reason))
}

/// Whether an origin names the host that was asked. `null` does not.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let authority = |value: &HeaderValue| -> Option<String> {
        let uri = Uri::try_from(value.as_bytes()).ok()?;
        Some(uri.authority()?.as_str().to_ascii_lowercase())
    };
    let asked = host.and_then(authority);
    asked.is_some() && origin != "null" && authority(origin) == asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(fields: &[(&'static str, &'static str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:9404"));
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        check(&headers, false).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn programs_may_and_pages_may_not() {
        assert_eq!(reason(&[]), None);
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "http://127.0.0.1:8080"),
            ("origin", "http://127.0.0.1"),
            ("origin", "null"),
            ("origin", ""),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let reason = reason(&[foreign]).unwrap();
            assert!(reason.contains("another site"), "{foreign:?}: {reason}");
        }
        let two = [
            ("origin", "http://127.0.0.1:9404"),
            ("origin", "http://evil.example"),
        ];
        assert!(reason(&two).unwrap().contains("another site"));
        for own in [
            ("origin", "http://127.0.0.1:9404"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
        ] {
            let reason = reason(&[own]).unwrap();
            assert!(reason.contains("token"), "{own:?}: {reason}");
        }
    }
}
