//! Where front and backend differ, answers name the backend: `Location`, `Content-Location`, and the `Path` and
//! `Domain` of cookies are mapped back (ProxyPassReverse, ProxyPassReverseCookiePath, …CookieDomain).

use http::header::{CONTENT_LOCATION, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};

/// One mapping's two sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reverse<'a> {
    /// The mapping's path: `/` or `/shop`.
    pub(crate) front: &'a str,
    /// What the backend sees in its place: empty or `/app`.
    pub(crate) back: &'a str,
    /// The client's scheme.
    pub(crate) scheme: &'a str,
    /// The Host that the client sent; may be empty.
    pub(crate) client_host: &'a str,
    /// The Host that the backend was sent.
    pub(crate) backend_host: &'a str,
    /// The host and port of the member's url: an application may know itself by nothing else.
    pub(crate) member_host: &'a str,
}

impl Reverse<'_> {
    /// Maps all fields of an answer.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for name in [LOCATION, CONTENT_LOCATION] {
            if let Some(mapped) = headers
                .get(&name)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| self.location(value))
                .and_then(|value| HeaderValue::try_from(value).ok())
            {
                headers.insert(name, mapped);
            }
        }
        if let http::header::Entry::Occupied(mut cookies) = headers.entry(SET_COOKIE) {
            for value in cookies.iter_mut() {
                if let Some(mapped) = value
                    .to_str()
                    .ok()
                    .and_then(|cookie| self.cookie(cookie))
                    .and_then(|cookie| HeaderValue::try_from(cookie).ok())
                {
                    *value = mapped;
                }
            }
        }
    }

    /// The public form of a Location; `None` when it stays as it is.
    fn location(&self, value: &str) -> Option<String> {
        if value.starts_with('/') && !value.starts_with("//") {
            return self.path(value);
        }
        let (scheme, rest) = value.split_once("//")?;
        if !["http:", "https:", ""].contains(&&*scheme.to_ascii_lowercase()) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let port = if scheme.eq_ignore_ascii_case("https:") {
            ":443"
        } else {
            ":80"
        };
        let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
        let is = |host: &str| !host.is_empty() && bare(authority) == bare(host);
        if is(self.client_host) {
            let path = self.path(path)?;
            return Some(format!("{scheme}//{authority}{path}"));
        }
        if (is(self.backend_host) || is(self.member_host)) && !self.client_host.is_empty() {
            let path = self.path(path).unwrap_or_else(|| path.to_owned());
            return Some(format!("{}://{}{path}", self.scheme, self.client_host));
        }
        None
    }

    /// The public form of a backend's path, query and all; `None` when it is not under the mapping.
    fn path(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(self.back)?;
        if !(rest.is_empty() || rest.starts_with(['/', ';', '?', '#'])) {
            return None;
        }
        let front = self.front.trim_end_matches('/');
        Some(match (front, rest) {
            ("", rest) if !rest.starts_with('/') => format!("/{rest}"),
            (front, rest) => format!("{front}{rest}"),
        })
    }

    fn cookie(&self, cookie: &str) -> Option<String> {
        let mut changed = false;
        let mapped: Vec<String> = cookie
            .split(';')
            .enumerate()
            .map(|(index, part)| {
                let Some((name, value)) = part.split_once('=').filter(|_| index > 0) else {
                    return part.to_owned();
                };
                let public = match name.trim() {
                    name if name.eq_ignore_ascii_case("path") => self.cookie_path(value.trim()),
                    name if name.eq_ignore_ascii_case("domain") => self.cookie_domain(value.trim()),
                    _ => None,
                };
                match public {
                    Some(public) => {
                        changed = true;
                        format!("{name}={public}")
                    }
                    None => part.to_owned(),
                }
            })
            .collect();
        changed.then(|| mapped.join(";"))
    }

    /// The prefix is mapped and the rest kept; httpd replaces the whole path.
    fn cookie_path(&self, path: &str) -> Option<String> {
        // A cookie for all of the backend is one for all of the mapping.
        let path = if path == "/" && self.back.is_empty() {
            ""
        } else {
            path
        };
        let mapped = self.path(path)?;
        Some(if mapped.is_empty() {
            "/".to_owned()
        } else {
            mapped
        })
    }

    fn cookie_domain(&self, domain: &str) -> Option<String> {
        let client = name_of(self.client_host);
        let bare = domain.strip_prefix('.').unwrap_or(domain);
        let is = |host: &str| !bare.is_empty() && bare.eq_ignore_ascii_case(name_of(host));
        if client.is_empty() || is(client) || !(is(self.backend_host) || is(self.member_host)) {
            return None;
        }
        let dot = if domain == bare { "" } else { "." };
        Some(format!("{dot}{client}"))
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVED: Reverse<'_> = Reverse {
        front: "/shop",
        back: "/app",
        scheme: "https",
        client_host: "shop.example.com",
        backend_host: "10.0.0.11:8009",
        member_host: "10.0.0.11:8009",
    };

    fn mapped(reverse: Reverse<'_>, name: http::HeaderName, value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(&name, HeaderValue::from_str(value).unwrap());
        reverse.apply(&mut headers);
        headers[name].to_str().unwrap().to_owned()
    }

    #[test]
    fn locations_under_the_mapping_get_their_public_form() {
        for (value, expected) in [
            ("/app/x?y#z", "/shop/x?y#z"),
            ("/app", "/shop"),
            ("/app;jsessionid=1.n1", "/shop;jsessionid=1.n1"),
            ("/app?x", "/shop?x"),
            ("/apple", "/apple"),
            ("/other", "/other"),
            ("x/y", "x/y"),
            ("//evil/app", "//evil/app"),
            (
                "http://shop.example.com/app/x",
                "http://shop.example.com/shop/x",
            ),
            (
                "http://shop.example.com/other",
                "http://shop.example.com/other",
            ),
            (
                "http://10.0.0.11:8009/app/x",
                "https://shop.example.com/shop/x",
            ),
            (
                "http://10.0.0.11:8009/other",
                "https://shop.example.com/other",
            ),
            ("http://elsewhere/app/x", "http://elsewhere/app/x"),
            ("mailto:a@b", "mailto:a@b"),
            ("mailto://10.0.0.11:8009/app", "mailto://10.0.0.11:8009/app"),
            (
                "http://shop.example.com:80/app/x",
                "http://shop.example.com:80/shop/x",
            ),
            (
                "http://shop.example.com:81/app/x",
                "http://shop.example.com:81/app/x",
            ),
            ("//SHOP.example.com/app/x", "//SHOP.example.com/shop/x"),
            ("//10.0.0.11:8009/app/x", "https://shop.example.com/shop/x"),
        ] {
            assert_eq!(mapped(MOVED, LOCATION, value), expected, "{value}");
            assert_eq!(mapped(MOVED, CONTENT_LOCATION, value), expected, "{value}");
        }
    }

    #[test]
    fn roots_on_either_side() {
        let below = Reverse {
            front: "/plain",
            back: "",
            ..MOVED
        };
        assert_eq!(mapped(below, LOCATION, "/x"), "/plain/x");
        assert_eq!(mapped(below, LOCATION, "/"), "/plain/");
        assert_eq!(mapped(below, SET_COOKIE, "a=1; Path=/"), "a=1; Path=/plain");
        let above = Reverse {
            front: "/",
            back: "/app",
            ..MOVED
        };
        assert_eq!(mapped(above, LOCATION, "/app/x"), "/x");
        assert_eq!(mapped(above, LOCATION, "/app"), "/");
        assert_eq!(mapped(above, LOCATION, "/app?x"), "/?x");
        assert_eq!(
            mapped(above, SET_COOKIE, "a=1; Path=/app; HttpOnly"),
            "a=1; Path=/; HttpOnly"
        );
    }

    #[test]
    fn cookies_keep_everything_else() {
        for (value, expected) in [
            (
                "JSESSIONID=1.n1; Path=/app; HttpOnly",
                "JSESSIONID=1.n1; Path=/shop; HttpOnly",
            ),
            ("a=1; path=/app/sub", "a=1; path=/shop/sub"),
            ("a=1; Path=/other", "a=1; Path=/other"),
            ("path=/app", "path=/app"),
            ("a=1; Domain=10.0.0.11", "a=1; Domain=shop.example.com"),
            ("a=1; Domain=.10.0.0.11", "a=1; Domain=.shop.example.com"),
            ("a=1; Domain=example.com", "a=1; Domain=example.com"),
            ("a=1", "a=1"),
        ] {
            assert_eq!(mapped(MOVED, SET_COOKIE, value), expected, "{value}");
        }
    }

    /// With `preserve_host` the backend was sent the client's Host, and may name its own address all the same.
    #[test]
    fn a_member_that_names_itself_is_mapped_whatever_host_it_was_sent() {
        let preserved = Reverse {
            front: "/",
            back: "",
            client_host: "[::1]:8080",
            backend_host: "[::1]:8080",
            ..MOVED
        };
        for (name, value, expected) in [
            (LOCATION, "http://10.0.0.11:8009/x", "https://[::1]:8080/x"),
            (LOCATION, "http://10.0.0.11/x", "http://10.0.0.11/x"),
            (SET_COOKIE, "a=1; Domain=10.0.0.11", "a=1; Domain=[::1]"),
            (SET_COOKIE, "a=1; Domain=", "a=1; Domain="),
        ] {
            assert_eq!(mapped(preserved, name, value), expected);
        }
        let default_port = Reverse {
            member_host: "tomcat:80",
            ..preserved
        };
        let location = mapped(default_port, LOCATION, "http://Tomcat/x");
        assert_eq!(location, "https://[::1]:8080/x");
    }

    #[test]
    fn nothing_is_touched_where_both_sides_agree() {
        let same = Reverse {
            front: "/",
            back: "",
            client_host: "a",
            backend_host: "a",
            member_host: "a",
            scheme: "http",
        };
        for location in ["/app/x", "/", "http://a/x", "http://b/x", "x"] {
            assert_eq!(mapped(same, LOCATION, location), location);
        }
        for cookie in ["a=1; Path=/app; Domain=a", "a=1; Path=/", "a=1"] {
            assert_eq!(mapped(same, SET_COOKIE, cookie), cookie);
        }
    }
}
