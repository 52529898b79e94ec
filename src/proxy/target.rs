//! What a request asks for: its host, path and query, checked.

use http::{Method, Version};

use crate::client::{Client, Host};
use crate::head::{Known, RequestHead};
use crate::mount::Site;

/// Why a request is refused before it is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTarget {
    #[error("CONNECT is not for a gateway")]
    Connect,
    #[error("no Host in HTTP/1.1")]
    NoHost,
    #[error("more than one Host")]
    SeveralHosts,
    #[error("invalid Host")]
    BadHost,
    #[error("absolute request target with another scheme than http or https")]
    BadScheme,
    #[error("absolute request target with user information")]
    UserInfo,
    #[error("absolute request target with another authority than the Host")]
    OtherAuthority,
    #[error("request target is neither a path nor a URL")]
    BadForm,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The raw path; `*` for `OPTIONS *`.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) host: Host<'a>,
}

impl<'a> Target<'a> {
    /// Checks method, target and Host against each other (RFC 9112 section 3.2).
    pub(crate) fn of(head: &'a RequestHead, client: &'a Client) -> Result<Self, BadTarget> {
        if head.method == Method::CONNECT {
            return Err(BadTarget::Connect);
        }
        let host = host_of(head)?;
        if let Some(authority) = head.target.authority() {
            // HTTP/2 has its authority here, and may have no Host.
            let absolute = head.version < Version::HTTP_2;
            match head.target.scheme() {
                Some("http" | "https") => {}
                _ => return Err(BadTarget::BadScheme),
            }
            if authority.contains('@') {
                return Err(BadTarget::UserInfo);
            }
            let named = Host::parse(authority).ok_or(BadTarget::BadHost)?;
            match host {
                Some(host) if !host.is_same(&named, client.default_port()) => {
                    return Err(BadTarget::OtherAuthority);
                }
                None if absolute && head.version == Version::HTTP_11 => {
                    return Err(BadTarget::NoHost);
                }
                _ => {}
            }
            return Self::with(head, client, named);
        }
        match host {
            None if head.version == Version::HTTP_11 => Err(BadTarget::NoHost),
            host => Self::with(head, client, host.unwrap_or(Host::NONE)),
        }
    }

    /// What mappings ask beside the path.
    pub(super) const fn site(&self, client: &Client) -> Site<'a> {
        Site {
            host: self.host.text,
            secure: client.is_secure,
        }
    }

    /// The host that a trusted proxy names takes the place of the request's own.
    fn with(head: &'a RequestHead, client: &'a Client, host: Host<'a>) -> Result<Self, BadTarget> {
        let path = match head.target.path() {
            "*" if head.method == Method::OPTIONS => "*",
            path if path.starts_with('/') => path,
            _ => return Err(BadTarget::BadForm),
        };
        Ok(Self {
            path,
            query: head.target.query(),
            host: client.host_said().unwrap_or(host),
        })
    }
}

/// The one Host field.
fn host_of(head: &RequestHead) -> Result<Option<Host<'_>>, BadTarget> {
    let mut values = head.fields.all(Known::Host);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(BadTarget::SeveralHosts);
    }
    let text = std::str::from_utf8(value).map_err(|_| BadTarget::BadHost)?;
    if text.is_empty() {
        return Ok(Some(Host::NONE));
    }
    Host::parse(text).map(Some).ok_or(BadTarget::BadHost)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(method: &str, target: &str, hosts: &[&str], version: Version) -> RequestHead {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).unwrap().into_parts().0.into()
    }

    fn check(
        method: &str,
        target: &str,
        hosts: &[&str],
        version: Version,
    ) -> Result<String, BadTarget> {
        let client = Client::new(
            "127.0.0.1:1".parse().unwrap(),
            "127.0.0.1:8080".parse().unwrap(),
        );
        let head = head(method, target, hosts, version);
        let Target { path, query, host } = Target::of(&head, &client)?;
        Ok(format!(
            "{} {} {path} {query:?}",
            host.name,
            client.port_told(&host)
        ))
    }

    #[test]
    fn targets_and_hosts_that_agree() {
        let v11 = Version::HTTP_11;
        for (target, host, expected) in [
            (
                "/a;x=1/b?c=d",
                "shop.example.com",
                "shop.example.com 80 /a;x=1/b Some(\"c=d\")",
            ),
            ("/", "shop.example.com:8080", "shop.example.com 8080 / None"),
            ("/", "[2001:db8::1]:8080", "[2001:db8::1] 8080 / None"),
            ("/", "127.0.0.1", "127.0.0.1 80 / None"),
            ("/", "a_b.c-d:", "a_b.c-d 80 / None"),
            ("/", "", " 8080 / None"),
            // R06: the authority of an absolute target is the Host.
            (
                "http://shop.example.com/a?b",
                "SHOP.example.com:80",
                "shop.example.com 80 /a Some(\"b\")",
            ),
            (
                "https://shop.example.com:443/",
                "shop.example.com:443",
                "shop.example.com 443 / None",
            ),
            (
                "http://shop.example.com",
                "shop.example.com",
                "shop.example.com 80 / None",
            ),
        ] {
            assert_eq!(
                check("GET", target, &[host], v11).unwrap(),
                expected,
                "{target} {host}"
            );
        }
        assert_eq!(check("OPTIONS", "*", &["a"], v11).unwrap(), "a 80 * None");
        assert_eq!(
            check("GET", "/", &[], Version::HTTP_10).unwrap(),
            " 8080 / None"
        );
    }

    #[test]
    fn targets_and_hosts_that_do_not() {
        let v11 = Version::HTTP_11;
        for (method, target, hosts, error) in [
            ("GET", "/", &[][..], BadTarget::NoHost),
            ("GET", "/", &["a", "a"], BadTarget::SeveralHosts),
            ("GET", "/", &["a b"], BadTarget::BadHost),
            ("GET", "/", &["user@a"], BadTarget::BadHost),
            ("GET", "/", &["a/b"], BadTarget::BadHost),
            ("GET", "/", &["a:b"], BadTarget::BadHost),
            ("GET", "/", &["a:0"], BadTarget::BadHost),
            ("GET", "/", &["a:65536"], BadTarget::BadHost),
            ("GET", "/", &["[::g]"], BadTarget::BadHost),
            ("GET", "/", &["[::1"], BadTarget::BadHost),
            ("GET", "/", &["[::1]x"], BadTarget::BadHost),
            ("GET", "/", &["a,b"], BadTarget::BadHost),
            ("GET", "*", &["a"], BadTarget::BadForm),
            ("CONNECT", "a:443", &["a:443"], BadTarget::Connect),
            ("GET", "http://a@b/", &["b"], BadTarget::UserInfo),
            ("GET", "http://other/", &["b"], BadTarget::OtherAuthority),
            ("GET", "http://b:81/", &["b"], BadTarget::OtherAuthority),
            ("GET", "http://b/", &[], BadTarget::NoHost),
            ("GET", "ftp://b/", &["b"], BadTarget::BadScheme),
            ("GET", "b:80", &["b:80"], BadTarget::BadScheme),
        ] {
            assert_eq!(
                check(method, target, hosts, v11),
                Err(error),
                "{method} {target} {hosts:?}"
            );
        }
    }
}
