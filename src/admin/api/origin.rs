//! The origin of a change: a page of another site must not make one through the browser of somebody who is allowed to.

use std::net::IpAddr;

use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::refusal::Refusal;
use crate::admin::client::Client;

/// The relation between the page that sends a request and this site, as browsers tell it (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a change that a browser sends for a page of another site, or without the token of a page of this gateway.
/// Programs send neither `Origin` nor `Sec-Fetch-Site`, and need no token.
///
/// Without `admin.auth` an origin must be an address or `localhost`. The owner of any other name can let it resolve to
/// this address (DNS rebinding), and a page of that name would then be a page of the same site.
pub(in crate::admin) fn check(
    head: &Parts,
    has_token: bool,
    client: &Client,
) -> Result<(), Refusal> {
    let headers = &head.headers;
    let site = headers.get(SEC_FETCH_SITE);
    let origins = || headers.get_all(ORIGIN).iter();
    let foreign = site.is_some_and(|site| site == "cross-site" || site == "same-site")
        || origins().any(|origin| !is_own(origin, headers.get(HOST)));
    let rebound = !client.authenticated && origins().any(|origin| !is_address(origin));
    let reason = match foreign {
        true => "the change comes from a page of another site",
        false if rebound => {
            "without `admin.auth` a browser may change something only at localhost or at an address, not at a name"
        }
        false if !has_token && (site.is_some() || origins().next().is_some()) => {
            "a change from a browser needs the token of a page of this gateway"
        }
        false if !has_token && is_form(head) => {
            "a form needs the token of a page of this gateway; programs send application/json"
        }
        false => return Ok(()),
    };
    Err(Refusal::new(StatusCode::FORBIDDEN, reason))
}

/// Whether a page of any site can send this request with a plain HTML form. Old browsers send no `Origin` with it.
fn is_form(head: &Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    let kind = kind.unwrap_or_default().trim_ascii();
    let of_forms = [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
    ];
    head.method == Method::POST
        && of_forms
            .iter()
            .any(|it| kind.eq_ignore_ascii_case(it.as_bytes()))
}

/// Whether an origin is the host of the request. `null` is not.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let text = |authority: Authority| authority.as_str().to_ascii_lowercase();
    let asked = host.and_then(authority).map(text);
    asked.is_some() && origin != "null" && authority(origin).map(text) == asked
}

/// Whether an origin's host is an address, or `localhost`, which browsers resolve themselves.
fn is_address(origin: &HeaderValue) -> bool {
    authority(origin).is_some_and(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
    })
}

fn authority(value: &HeaderValue) -> Option<Authority> {
    Uri::try_from(value.as_bytes()).ok()?.authority().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(authenticated: bool) -> Client {
        Client {
            user: "-".into(),
            address: ([127, 0, 0, 1], 1).into(),
            authenticated,
        }
    }

    fn head(host: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::post("/").header(HOST, host);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn reason(fields: &[(&str, &str)]) -> Option<String> {
        let head = head("127.0.0.1:9404", fields);
        let refused = check(&head, false, &client(false)).err();
        refused.map(|refusal| refusal.reason)
    }

    #[test]
    fn without_credentials_an_origin_with_a_name_is_refused() {
        let at = |host: &str, authenticated| {
            let head = head(host, &[("origin", &format!("http://{host}"))]);
            check(&head, true, &client(authenticated)).is_ok()
        };
        for host in ["127.0.0.1:9404", "[::1]:9404", "localhost:9404", "10.0.0.1"] {
            assert!(at(host, false), "{host}");
        }
        for host in [
            "evil.example:9404",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
        ] {
            assert!(!at(host, false) && at(host, true), "{host}");
        }
    }

    #[test]
    fn a_form_without_an_origin_needs_the_token() {
        for kind in [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "Text/Plain;charset=UTF-8",
        ] {
            let reason = reason(&[("content-type", kind)]).unwrap();
            assert!(reason.contains("token"), "{kind}: {reason}");
            let head = head("a", &[("content-type", kind)]);
            assert!(check(&head, true, &client(false)).is_ok());
        }
        assert_eq!(reason(&[("content-type", "application/json")]), None);
    }

    #[test]
    fn programs_need_no_token_and_pages_do() {
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
