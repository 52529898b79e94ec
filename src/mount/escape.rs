//! Escapes of a path (RFC 3986 section 2.1), and what segments are made of.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// Stands for an encoded slash (`%2F`) in a decoded path: it is part of a segment, where `/` is not. A path with an
/// encoded NUL is refused, so that the byte cannot mean anything else.
pub(super) const ENCODED_SLASH: u8 = 0;

/// The bytes that are escaped in a path: all but `pchar` and `/` (RFC 3986 section 3.3); `;` too, behind which Tomcat
/// sees parameters.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

/// Escapes a decoded path. [`ENCODED_SLASH`] becomes `%2F`.
pub(super) fn encode(path: &[u8]) -> Cow<'_, str> {
    if !path.contains(&ENCODED_SLASH) {
        return percent_encode(path, IN_PATH).into();
    }
    let parts = path.split(|&byte| byte == ENCODED_SLASH);
    let parts: Vec<Cow<'_, str>> = parts
        .map(|part| percent_encode(part, IN_PATH).into())
        .collect();
    Cow::Owned(parts.join("%2F"))
}

/// The bytes of a segment once its escapes are taken out. An encoded slash is [`ENCODED_SLASH`].
pub(super) fn decoded(segment: &[u8]) -> impl Iterator<Item = u8> {
    percent_decode(segment).map(|byte| match byte {
        b'/' => ENCODED_SLASH,
        byte => byte,
    })
}

/// What Tomcat leaves of a raw segment before it decodes it: all before the first `;`.
pub(super) fn without_parameters(segment: &str) -> &str {
    segment.split_once(';').map_or(segment, |(name, _)| name)
}

/// A dot segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dots {
    /// `.`
    One,
    /// `..`
    Two,
}

impl Dots {
    /// Whether a raw name is a dot segment once it is decoded.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        if !matches!(name.first(), Some(b'.' | b'%')) {
            return None;
        }
        let mut count = 0;
        let mut rest = name;
        while !rest.is_empty() {
            rest = [&b"."[..], b"%2e", b"%2E"]
                .into_iter()
                .find_map(|dot| rest.strip_prefix(dot))?;
            count += 1;
        }
        match count {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }
}
