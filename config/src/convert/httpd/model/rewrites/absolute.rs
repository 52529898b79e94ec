//! Targets that are whole URLs: httpd redirects clients there, with or without `[R]`.

use std::borrow::Cow;

use super::Rewrite;
use super::front::{Front, Own};
use crate::convert::host_names::have_common;

/// The status of such a redirect (`mod_rewrite.c: apply_rewrite_rule()`).
const FOUND: u16 = 302;

impl Rewrite {
    /// The rule as httpd reads it: a target with scheme and host is a redirect, but one of the server itself is a path
    /// (`mod_rewrite.c: reduce_uri()`). A redirect to the host that the client has named is one to a path.
    pub(super) fn as_redirect(&self, front: Front, own: &Own) -> Cow<'_, Self> {
        let mut rule = Cow::Borrowed(self);
        if self.flags.stays_inside(&self.to) && leads_away(&self.to, front, own) {
            rule.to_mut().flags.redirect = Some(FOUND);
        }
        let leads_elsewhere = matches!(rule.flags.redirect, Some(300..400));
        if let Some(path) = path_of(&self.to, front).filter(|_| leads_elsewhere) {
            rule.to_mut().to = path.to_owned();
        }
        rule
    }
}

/// The path of a target on the host that the client has named.
fn path_of(to: &str, front: Front) -> Option<&str> {
    let start = if front.secure { "https" } else { "http" };
    let rest = to.strip_prefix(start)?.strip_prefix("://%{")?;
    let hosts = ["HTTP_HOST}", "SERVER_NAME}"];
    let path = hosts.iter().find_map(|host| rest.strip_prefix(host))?;
    path.starts_with('/').then_some(path)
}

/// Whether a target leads to another host, scheme or port.
fn leads_away(to: &str, front: Front, own: &Own) -> bool {
    let Some((scheme, rest)) = to.split_once("://") else {
        return false;
    };
    let (is_secure, usual) = match &*scheme.to_ascii_lowercase() {
        "http" => (false, 80),
        "https" => (true, 443),
        // A client can do nothing with the others.
        _ => return false,
    };
    let Some(own_port) = own.port.filter(|_| is_secure == front.secure) else {
        return true;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains(['%', '$']) {
        return false;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(usual)),
        None => (authority, usual),
    };
    let host = host.to_ascii_lowercase();
    let is_own = own.names.iter().any(|name| have_common(name, &host));
    !is_own || own_port != port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_on_other_hosts() {
        let front = Front {
            secure: false,
            port: Some(80),
        };
        let mut own = Own {
            names: ["shop.example.com", "*.example.org"]
                .map(str::to_owned)
                .to_vec(),
            port: Some(80),
        };
        for (to, expected) in [
            ("http://other.example.com/x/$1", true),
            ("HTTP://other.example.com", true),
            ("https://shop.example.com/", true),
            ("https://%{HTTP_HOST}/x", true),
            ("http://shop.example.com/x", false),
            ("http://SHOP.example.com:80/x", false),
            ("http://shop.example.com:8080/x", true),
            ("http://a.example.org/x", false),
            ("http://%{HTTP_HOST}/x", false),
            ("http://$1/x", false),
            ("ajp://10.0.0.1/x", false),
            ("/x", false),
            ("-", false),
        ] {
            assert_eq!(leads_away(to, front, &own), expected, "{to}");
        }
        own.port = None;
        assert!(leads_away("http://shop.example.com/x", front, &own));
        assert!(leads_away("http://%{HTTP_HOST}/x", front, &own));
    }

    #[test]
    fn paths_of_targets_on_the_same_host() {
        let front = Front {
            secure: true,
            port: None,
        };
        for (to, expected) in [
            ("https://%{HTTP_HOST}/x/$1", Some("/x/$1")),
            ("https://%{SERVER_NAME}/", Some("/")),
            ("http://%{HTTP_HOST}/x", None),
            ("https://%{HTTP_HOST}%{REQUEST_URI}", None),
            ("https://%{HTTP_HOST}:8443/x", None),
            ("https://shop.example.com/x", None),
        ] {
            assert_eq!(path_of(to, front), expected, "{to}");
        }
    }
}
