//! Where a redirect leads.

use std::borrow::Cow;

use ajpgate_config::{Redirect, RedirectTo};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::mount::{Front, Normal, rewrite};

/// What is escaped in a path and a query that a client wrote: what no URL has (RFC 3986 section 2), so that the value is
/// one field, and browsers take no part of it for another host.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A request that is redirected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Redirected<'a> {
    /// The host without a port; where the client named none, the address that it is connected to.
    pub(super) host: &'a str,
    /// The raw path.
    pub(super) path: &'a str,
    /// Its normal form.
    pub(super) normal: &'a Normal<'a>,
    pub(super) query: Option<&'a str>,
    /// The path of the mapping.
    pub(super) front: &'a Front,
    /// The path that is made of captures, for a `match`.
    pub(super) made: Option<&'a str>,
    /// The query of the redirect, in front of the client's.
    pub(super) own_query: Option<&'a str>,
    /// What stands behind `#`.
    pub(super) fragment: Option<&'a str>,
}

/// The value of `Location`. It leads to the host that the configuration names, or else to the client's own.
pub(super) fn location(redirect: &Redirect, request: &Redirected<'_>) -> String {
    match &redirect.to {
        RedirectTo::Https => {
            let path = utf8_percent_encode(request.path, UNSAFE);
            let query = with_mark(request.query.map(safe).as_deref());
            format!("https://{}{path}{query}", request.host)
        }
        RedirectTo::Url { origin, path } => {
            let path = match request.made {
                Some(made) => Cow::Borrowed(made),
                None => appended(path, request),
            };
            // A path that began with two slashes would be another host.
            let path = path.trim_start_matches('/');
            let query = joined(request.own_query, request.query);
            let query = with_mark(query.as_deref());
            let fragment = request
                .fragment
                .map_or_else(String::new, |it| format!("#{}", safe(it)));
            format!("{origin}/{}{query}{fragment}", safe(path))
        }
    }
}

fn safe(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, UNSAFE).into()
}

/// The target's path, and what stands behind the mapping's path, with one slash where they meet.
fn appended<'a>(to: &str, request: &Redirected<'a>) -> Cow<'a, str> {
    let path = rewrite(request.front, to, request.path, request.normal);
    // With nothing behind it, the path stays as it was written.
    match to.ends_with('/') && *path == *to.trim_end_matches('/') {
        true => Cow::Owned(to.to_owned()),
        false => path,
    }
}

/// Two queries with `&` between them.
pub(super) fn joined<'a>(own: Option<&'a str>, clients: Option<&'a str>) -> Option<Cow<'a, str>> {
    match (own, clients) {
        (None | Some(""), None) => None,
        (Some(own), None | Some("")) => Some(Cow::Borrowed(own)),
        (None | Some(""), Some(query)) => Some(Cow::Borrowed(query)),
        (Some(own), Some(query)) => Some(Cow::Owned(format!("{own}&{query}"))),
    }
}

fn with_mark(query: Option<&str>) -> String {
    query.map_or_else(String::new, |query| format!("?{}", safe(query)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::head::is_value;
    use crate::mount::normalize;

    fn redirect(to: &str) -> Redirect {
        let text = format!(
            "listeners: [{{ bind: '127.0.0.1:0' }}]\nproxy_pass: [{{ path: /, redirect: '{to}' }}]\n"
        );
        let file = std::path::Path::new("test.yaml");
        let text = text.replace(
            &format!("redirect: '{to}'"),
            &format!("redirect: {{ to: '{to}' }}"),
        );
        let loaded = ajpgate_config::parse(&text, file, &|_| None).unwrap();
        let ajpgate_config::Action::Redirect(redirect) = &loaded.config.mappings[0].action else {
            panic!("{to}")
        };
        redirect.clone()
    }

    fn to(to: &str, front: &str, path: &str, query: Option<&str>) -> Option<String> {
        let normal = normalize(path).ok()?;
        let request = Redirected {
            host: "h",
            path,
            normal: &normal,
            query,
            front: &Front::new(front),
            made: None,
            own_query: to.split_once('?').map(|(_, query)| query),
            fragment: to.split_once('#').map(|(_, fragment)| fragment),
        };
        Some(location(&redirect(to), &request))
    }

    type Case = (
        &'static str,
        &'static str,
        &'static str,
        Option<&'static str>,
        &'static str,
    );

    /// Target, path of the mapping, path and query of the request, and where they lead.
    #[rustfmt::skip]
    const CASES: &[Case] = &[
            ("https", "/", "/a;x=1/%2E%61?", None, "https://h/a;x=1/%2E%61"),
            ("https", "/", "//evil.example/x", Some("a=1&b=%20"), "https://h//evil.example/x?a=1&b=%20"),
            ("https", "/", "/", Some("\"<a>\\ü"), "https://h/?%22%3Ca%3E%5C%C3%BC"),
            ("/new", "/old", "/old", None, "/new"),
            ("/new/", "/old", "/old", None, "/new/"),
            ("/new/", "/old", "/old/", None, "/new/"),
            ("/new", "/old", "/old/a%20b;x/", Some("q"), "/new/a%20b;x/?q"),
            ("/new?a=1", "/old", "/old/x", Some("q"), "/new/x?a=1&q"),
            ("/", "/old", "/old//evil.example", None, "/evil.example"),
            ("/", "/old", "/old", None, "/"),
            ("https://new.example", "/old", "/old/x", None, "https://new.example/x"),
            ("https://new.example", "/", "/.evil.example", None, "https://new.example/.evil.example"),
            ("https://new.example/a#top", "/old", "/old/x", Some(""), "https://new.example/a/x?#top"),
            ("/new", "/old", "/x/../old/y", None, "/new/y"),
    ];

    #[test]
    fn redirects_lead_where_they_say() {
        for &(target, front, path, query, expected) in CASES {
            let path = path.trim_end_matches('?');
            assert_eq!(
                to(target, front, path, query).as_deref(),
                Some(expected),
                "{target} {path}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_path_and_no_query_makes_another_host(
            rest in "(/|//|%5[cC]|%2[fF]|\\.\\.|;|[a-z.@:]|%09|%20){0,12}",
            query in "\\PC{0,12}",
            front in prop::sample::select(vec!["/", "/old"]),
        ) {
            let path = format!("{}/{rest}", front.trim_end_matches('/'));
            for target in ["https", "/", "/new", "https://new.example", "https://new.example/x/"] {
                let Some(location) = to(target, front, &path, Some(&query)) else { return Ok(()) };
                prop_assert!(is_value(location.as_bytes()) && location.is_ascii(), "{}", location);
                prop_assert!(!location.contains(['\\', '\t']), "{}", location);
                let expected = match target {
                    "https" => "https://h/",
                    "/" | "/new" => "/",
                    _ => "https://new.example/",
                };
                prop_assert!(location.starts_with(expected), "{}", location);
                prop_assert!(!location.starts_with("//"), "{}", location);
            }
        }
    }
}
