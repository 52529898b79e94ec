//! The prefix of a path that a mapping takes away or puts in front.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::escape::encode;

/// The path of a mapping, prepared for comparing and for writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// As configured, decoded: `/` or `/my app`.
    path: String,
    /// As a URL has it, without the slash at its end: empty or `/my%20app`.
    escaped: String,
}

impl Front {
    /// `path` is decoded text that begins with a slash.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            escaped: encode(prefix_of(path).as_bytes()).into_owned(),
            path: path.to_owned(),
        }
    }

    /// The path as configured: `/` or `/my app`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded prefix: empty or `/my app`.
    pub(super) fn prefix(&self) -> &str {
        prefix_of(&self.path)
    }

    /// The prefix as a URL has it: empty or `/my%20app`.
    pub(super) fn escaped(&self) -> &str {
        &self.escaped
    }
}

/// A path as it is compared: without slashes at its end.
pub(super) fn prefix_of(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// What stands in `path` behind the segments of `prefix`: nothing, a slash and more, or the parameters of the last of
/// these segments. `None` when `path` is not below `prefix`.
///
/// Both are escaped, and compared by what their escapes stand for: `/caf%c3%a9` is `/caf%C3%A9`. Neither may have a
/// query. In `path`, dot segments, empty segments and parameters that stand before the end of `prefix` hide it.
pub(super) fn strip<'p>(prefix: &str, path: &'p [u8]) -> Option<&'p [u8]> {
    if let Some(rest) = path.strip_prefix(prefix.as_bytes())
        && matches!(rest.first(), None | Some(b'/' | b';'))
    {
        return Some(rest);
    }
    let mut rest = path;
    for name in prefix.split('/').skip(1) {
        rest = rest.strip_prefix(b"/")?;
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b';'));
        let (segment, behind) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        if !percent_decode(segment).eq(percent_decode(name.as_bytes())) {
            return None;
        }
        rest = behind;
    }
    matches!(rest.first(), None | Some(b'/' | b';')).then_some(rest)
}

/// A prefix and what stands behind it, with exactly one slash where they meet. `rest` is empty or begins with slashes
/// or parameters.
pub(super) fn join<'a>(prefix: &str, rest: &'a str) -> Cow<'a, str> {
    let behind_slashes = rest.trim_start_matches('/');
    let slashes = rest.len() - behind_slashes.len();
    let rest = rest.get(slashes.saturating_sub(1)..).unwrap_or(rest);
    if prefix.is_empty() && slashes > 0 {
        Cow::Borrowed(rest)
    } else if prefix.is_empty() {
        Cow::Owned(format!("/{rest}"))
    } else {
        Cow::Owned(format!("{prefix}{rest}"))
    }
}
