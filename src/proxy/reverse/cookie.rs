//! `Path` and `Domain` of cookies.

use std::borrow::Cow;

use super::Reverse;

/// What becomes of an attribute.
enum Change {
    Value(Vec<u8>),
    Removed,
}

impl Reverse<'_> {
    /// The public form of a `Set-Cookie`; `None` when it stays as it is.
    pub(super) fn cookie(&self, cookie: &[u8]) -> Option<Vec<u8>> {
        // The first part is name and value of the cookie.
        let attributes = || cookie.split(|&byte| byte == b';').skip(1);
        if attributes().all(|attribute| self.attribute(attribute).is_none()) {
            return None;
        }
        let pair = cookie.split(|&byte| byte == b';').next()?;
        let mut mapped = pair.to_vec();
        for attribute in attributes() {
            let change = self.attribute(attribute);
            if let Some(Change::Removed) = change {
                continue;
            }
            mapped.push(b';');
            match change {
                Some(Change::Value(value)) => {
                    let equals = attribute.iter().position(|&byte| byte == b'=')?;
                    mapped.extend_from_slice(attribute.get(..=equals)?);
                    mapped.extend_from_slice(&value);
                }
                _ => mapped.extend_from_slice(attribute),
            }
        }
        Some(mapped)
    }

    fn attribute(&self, part: &[u8]) -> Option<Change> {
        let equals = part.iter().position(|&byte| byte == b'=')?;
        let (name, value) = part.split_at_checked(equals)?;
        let value = value.get(1..)?.trim_ascii();
        match name.trim_ascii() {
            name if name.eq_ignore_ascii_case(b"path") => {
                self.cookie_path(value).map(Change::Value)
            }
            name if name.eq_ignore_ascii_case(b"domain") => self.cookie_domain(value),
            _ => None,
        }
    }

    /// The prefix is mapped and the rest kept; httpd replaces the whole path.
    fn cookie_path(&self, path: &[u8]) -> Option<Vec<u8>> {
        // As old cookie processors of Tomcat write it (RFC 2109).
        if let Some(quoted) = path
            .strip_prefix(b"\"")
            .and_then(|path| path.strip_suffix(b"\""))
        {
            let mapped = self.cookie_path(quoted)?;
            return Some([b"\"", mapped.as_slice(), b"\""].concat());
        }
        if !path.starts_with(b"/") {
            return None;
        }
        let back = self.mounts.back;
        let path = match (path, back) {
            // A cookie for all of the backend is one for all of the mapping.
            (b"/", "") => b"",
            // It is for everything, the mapping included.
            (b"/", _) => return None,
            (path, _) => path,
        };
        match self.mounts.public(path)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(public) => Some(public),
        }
    }

    fn cookie_domain(&self, domain: &[u8]) -> Option<Change> {
        let client = name_of(self.client_host());
        let bare = domain.strip_prefix(b".").unwrap_or(domain);
        let is = |host: &str| {
            let name = name_of(host).as_bytes();
            !bare.is_empty() && bare.eq_ignore_ascii_case(name)
        };
        if is(client) || !(is(self.host_sent) || is(self.member_host())) {
            return None;
        }
        // Without a domain a cookie is for the host that the client asked, which has named none.
        if client.is_empty() {
            return Some(Change::Removed);
        }
        let dot: &[u8] = if domain == bare { b"" } else { b"." };
        Some(Change::Value([dot, client.as_bytes()].concat()))
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}
