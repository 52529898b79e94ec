//! References to other resources: `Location`, `Content-Location` and `Refresh`.

use std::borrow::Cow;

use super::Reverse;
use crate::mount::resolve_reference;

impl Reverse<'_> {
    /// The public form of a reference (RFC 3986 section 4.1); `None` when it stays as it is.
    pub(super) fn link(&self, value: &[u8]) -> Option<Vec<u8>> {
        if value.starts_with(b"//") {
            return self.absolute(self.scheme.as_bytes(), value, b"");
        }
        if value.starts_with(b"/") {
            return self.path(value);
        }
        match scheme_of(value) {
            Some(scheme) if is_http(scheme) => {
                let rest = value.get(scheme.len() + 1..)?;
                let written = value.get(..=scheme.len())?;
                self.absolute(scheme, rest, written)
            }
            Some(_) => None,
            None => self.relative(value),
        }
    }

    /// `rest` is what stands behind the scheme and its colon, `written` these two where there are any.
    fn absolute(&self, scheme: &[u8], rest: &[u8], written: &[u8]) -> Option<Vec<u8>> {
        let rest = rest.strip_prefix(b"//")?;
        let end = rest.iter().position(|byte| b"/?#".contains(byte));
        let (authority, path) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let is = |host: &str| is_same_host(authority, host, scheme);
        if is(self.client_host()) || is(self.local) {
            let path = self.path(path)?;
            return Some([written, b"//", authority, &path].concat());
        }
        let path = match is(self.host_sent) || is(self.member_host()) {
            true => self.path(path).unwrap_or_else(|| path.to_vec()),
            false => self.path_at(authority, scheme, path)?,
        };
        if !self.client_host().is_empty() {
            let host = self.client_host().as_bytes();
            return Some([self.scheme.as_bytes(), b"://", host, &path].concat());
        }
        // The client has named no host: it finds the path where it asked (RFC 9110 section 10.2.2).
        Some(match path.first() {
            Some(b'/') => path,
            _ => [b"/", path.as_slice()].concat(),
        })
    }

    /// The public form of a path that is absolute or empty, query and fragment included; `None` when it stays as it
    /// is.
    fn path(&self, value: &[u8]) -> Option<Vec<u8>> {
        let (path, behind) = split_path(value);
        match self.mounts.public(path)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(public) => Some([public.as_slice(), behind].concat()),
        }
    }

    /// The public form of a path at another backend, which an application may know by its address.
    fn path_at(&self, authority: &[u8], scheme: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        let mut address = std::str::from_utf8(authority).ok()?.to_ascii_lowercase();
        let has_port = address
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        if !has_port {
            address.push_str(default_port(scheme));
        }
        let (path, behind) = split_path(value);
        let path = if path.is_empty() { b"/" } else { path };
        let public = self.mounts.public_at(&address, path)?;
        Some([&public, behind].concat())
    }

    /// A relative reference stays as it is where the client, which resolves it against the path that it asked for,
    /// ends up where the member means. It does not when the reference leaves the mapping.
    fn relative(&self, value: &[u8]) -> Option<Vec<u8>> {
        let (path, behind) = split_path(value);
        if path.is_empty() {
            return None;
        }
        let asked = self.asked;
        let sent = (self.sent)();
        let meant = resolve_reference(sent.as_bytes(), path);
        let public = self.mounts.public(&meant)?;
        let taken = resolve_reference(asked.as_bytes(), path);
        (*public != *taken).then(|| [&public, behind].concat())
    }

    /// `5; url=/app/x`, as browsers read it (HTML, "shared declarative refresh steps"); `None` when it stays as it is.
    pub(super) fn refresh(&self, value: &[u8]) -> Option<Vec<u8>> {
        let (start, end) = refresh_link(value)?;
        let mapped = self.link(value.get(start..end)?)?;
        Some([value.get(..start)?, &mapped, value.get(end..)?].concat())
    }
}

/// Where the link of a `Refresh` begins and ends.
fn refresh_link(value: &[u8]) -> Option<(usize, usize)> {
    let behind = |rest: &[u8]| value.len() - rest.len();
    let time = value
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'.'));
    let rest = value.get(time?..)?.trim_ascii_start();
    let rest = rest
        .strip_prefix(b";")
        .or_else(|| rest.strip_prefix(b","))
        .unwrap_or(rest);
    let mut rest = rest.trim_ascii_start();
    if let Some((name, more)) = rest.split_at_checked(3)
        && name.eq_ignore_ascii_case(b"url")
        && let Some(more) = more.trim_ascii_start().strip_prefix(b"=")
    {
        rest = more.trim_ascii_start();
    }
    let start = behind(rest);
    match rest.split_first() {
        None => None,
        Some((quote @ (b'"' | b'\''), rest)) => {
            let end = rest.iter().position(|byte| byte == quote);
            Some((start + 1, start + 1 + end.unwrap_or(rest.len())))
        }
        Some(_) => Some((start, value.trim_ascii_end().len())),
    }
}

/// A path, and the query and fragment behind it.
fn split_path(value: &[u8]) -> (&[u8], &[u8]) {
    let end = value.iter().position(|byte| matches!(byte, b'?' | b'#'));
    value
        .split_at_checked(end.unwrap_or(value.len()))
        .unwrap_or((value, b""))
}

/// The scheme of a reference without its colon (RFC 3986 section 3.1).
fn scheme_of(value: &[u8]) -> Option<&[u8]> {
    let colon = value.iter().position(|byte| b":/?#".contains(byte))?;
    let (scheme, rest) = value.split_at_checked(colon)?;
    (rest.starts_with(b":") && scheme.first()?.is_ascii_alphabetic()).then_some(scheme)
}

fn is_http(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")
}

/// Whether both name the same host and port in URLs of this scheme.
fn is_same_host(authority: &[u8], host: &str, scheme: &[u8]) -> bool {
    let default = default_port(scheme).as_bytes();
    fn bare<'a>(host: &'a [u8], default: &[u8]) -> &'a [u8] {
        host.strip_suffix(default).unwrap_or(host)
    }
    !host.is_empty()
        && bare(authority, default).eq_ignore_ascii_case(bare(host.as_bytes(), default))
}

/// The port of a scheme, with its colon.
const fn default_port(scheme: &[u8]) -> &'static str {
    match scheme.eq_ignore_ascii_case(b"https") {
        true => ":443",
        false => ":80",
    }
}
