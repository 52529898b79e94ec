//! Sessions that backends issue: their routes show whether `route` and Tomcat's `jvmRoute` agree.

use super::cookie::unquoted;
use super::names::Names;
use super::route::route;

/// A session that a backend's `Set-Cookie` issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issued<'a> {
    /// The whole value, never empty.
    pub session: &'a str,
    /// What stands behind the first separator; `None` without a separator.
    pub route: Option<&'a str>,
    separator: Option<char>,
}

impl Issued<'_> {
    /// The route that a request with this session will be taken for, where members have the `known` ones.
    #[must_use]
    pub fn route_among(&self, known: impl Fn(&str) -> bool) -> Option<&str> {
        route(self.session, self.separator, known).map(|(route, _)| route)
    }

    /// Whether a request with this session will be taken for one of that route.
    #[must_use]
    pub fn belongs_to(&self, member: &str) -> bool {
        !member.is_empty()
            && route(self.session, self.separator, |route| route == member) == Some((member, true))
    }
}

/// Reads a `Set-Cookie` field (RFC 6265 section 5.2).
///
/// `None` for a cookie of another name, and for one that deletes the session: an empty value, a `Max-Age` that is not
/// positive, or an `Expires` in the year 1970, which containers write for that.
pub fn issued<'a, 'n>(names: impl Into<Names<'n>>, set_cookie: &'a [u8]) -> Option<Issued<'a>> {
    let Names {
        cookie, separator, ..
    } = names.into();
    let mut parts = set_cookie.split(|&byte| byte == b';');
    let (name, value) = pair(parts.next()?)?;
    if name != cookie.as_bytes() || name.is_empty() || parts.any(expires_at_once) {
        return None;
    }
    let session = unquoted(value)?;
    Some(Issued {
        session,
        route: route(session, separator, |_| false).map(|(route, _)| route),
        separator,
    })
}

fn expires_at_once(attribute: &[u8]) -> bool {
    let Some((name, value)) = pair(attribute) else {
        return false;
    };
    if name.eq_ignore_ascii_case(b"max-age") {
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_suffix(b"\"").unwrap_or(value);
        return value.starts_with(b"-")
            || (!value.is_empty() && value.iter().all(|&digit| digit == b'0'));
    }
    name.eq_ignore_ascii_case(b"expires")
        && value
            .split(|byte| !byte.is_ascii_digit())
            .any(|number| number == b"1970")
}

/// Name and value around the first `=`, without white space.
fn pair(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = part.iter().position(|&byte| byte == b'=')?;
    let (name, value) = part.split_at_checked(equals)?;
    Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
}
