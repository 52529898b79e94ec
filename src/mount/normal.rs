//! A path as Tomcat sees it.
//!
//! Source: Tomcat's `CoyoteAdapter`, `postParseRequest()`, `parsePathParameters()` and `normalize()`. Which encoding
//! Tomcat reads escapes in (`URIEncoding`) is not known here, so a path is bytes.

use std::borrow::Cow;
use std::fmt;

use super::BadPath;
use super::escape::{Dots, ENCODED_SLASH, decoded, encode, without_parameters};
use super::prefix::Front;

/// A path in normal form: absolute, decoded, without parameters, empty segments or dot segments.
///
/// A slash at its end is kept: `/a/` and `/a` are different paths. An encoded slash is part of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal<'a> {
    path: Cow<'a, [u8]>,
    /// For a path with encoded slashes or backslashes, which servers read in several ways.
    encoded: Option<Box<Encoded>>,
}

/// What is known of a path with encoded slashes or backslashes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Encoded {
    found: Found,
    /// The path for a server that takes `%2F` and `%5C` for slashes: once for a server that cuts parameters first, as
    /// Tomcat does, and once for a server that does so after decoding. Then the path for a server that leaves them as
    /// they are written.
    readings: [Vec<u8>; 3],
}

/// Encoded slashes and backslashes in a raw path, its parameters included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Found {
    slash: bool,
    backslash: bool,
}

impl Normal<'_> {
    /// The path's bytes; an encoded slash is a NUL in them.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.path
    }

    /// The path with everything escaped that has another meaning unescaped: Tomcat decodes it to the same bytes.
    #[must_use]
    pub fn escaped(&self) -> Cow<'_, str> {
        encode(&self.path)
    }

    /// What stands behind the path of a mapping, decoded: nothing, or a slash and more. An encoded slash is a NUL in it.
    #[must_use]
    pub fn behind(&self, front: &Front) -> &[u8] {
        let rest = self.path.strip_prefix(front.prefix().as_bytes());
        rest.unwrap_or(&self.path)
    }

    /// The path with the name of an entry behind it. The path ends with a slash.
    #[must_use]
    pub fn with_name(&self, name: &str) -> Normal<'static> {
        let join = |path: &[u8]| {
            let path = path.strip_suffix(b"/").unwrap_or(path);
            [path, b"/", name.as_bytes()].concat()
        };
        let encoded = self.encoded.as_ref().map(|encoded| {
            Box::new(Encoded {
                found: encoded.found,
                readings: encoded.readings.each_ref().map(|reading| join(reading)),
            })
        });
        Normal {
            path: Cow::Owned(join(&self.path)),
            encoded,
        }
    }

    /// The path without this ending of its last name. A reading that does not end so stays as it is.
    #[must_use]
    pub fn without_ending(&self, ending: &[u8]) -> Normal<'static> {
        let cut = |path: &[u8]| path.strip_suffix(ending).unwrap_or(path).to_vec();
        let encoded = self.encoded.as_ref().map(|encoded| {
            Box::new(Encoded {
                found: encoded.found,
                readings: encoded.readings.each_ref().map(|reading| cut(reading)),
            })
        });
        Normal {
            path: Cow::Owned(cut(&self.path)),
            encoded,
        }
    }

    /// Whether the path has an encoded slash (`%2F`), in a segment or a parameter.
    #[must_use]
    pub fn has_encoded_slash(&self) -> bool {
        self.encoded.as_ref().is_some_and(|it| it.found.slash)
    }

    /// Whether the path has an encoded backslash (`%5C`), in a segment or a parameter.
    #[must_use]
    pub fn has_encoded_backslash(&self) -> bool {
        self.encoded.as_ref().is_some_and(|it| it.found.backslash)
    }

    /// Whether the client has written the path in normal form.
    pub(super) fn is_as_written(&self) -> bool {
        matches!(self.path, Cow::Borrowed(_))
    }

    /// Whether servers may read the path in several ways.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.encoded.is_some()
    }

    /// The path in each way in which a server may read it, this one first.
    pub(super) fn readings(&self) -> impl Iterator<Item = &[u8]> {
        let others = self.encoded.iter().flat_map(|it| &it.readings);
        std::iter::once(self.as_bytes()).chain(others.map(Vec::as_slice))
    }
}

/// The decoded path where it is text without encoded slashes, else the escaped one.
impl fmt::Display for Normal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::str::from_utf8(&self.path).ok();
        let plain = |text: &&str| !text.contains(|c: char| c.is_control() || c == '\\');
        match text.filter(plain) {
            Some(text) => f.write_str(text),
            None => f.write_str(&self.escaped()),
        }
    }
}

/// Brings a path, as it stood in a request without its query, into normal form.
///
/// In Tomcat's order: parameters (`;` to the next `/`) are cut from the bytes as they are, so that `%3B` belongs to a
/// name; the rest is decoded once, so that `%252e` is the text `%2e`; then empty and dot segments are resolved,
/// whatever their spelling.
///
/// # Errors
///
/// What is wrong with the path. Escapes inside parameters follow the same rules. Encoded slashes and backslashes are
/// no error: whether they pass is the mapping's business.
pub fn normalize(raw: &str) -> Result<Normal<'_>, BadPath> {
    if !raw.starts_with('/') {
        return Err(BadPath::NotAbsolute);
    }
    if is_plain(raw.as_bytes()) {
        return Ok(Normal {
            path: Cow::Borrowed(raw.as_bytes()),
            encoded: None,
        });
    }
    let found = check_bytes(raw)?;
    let path = resolve(raw)?;
    let encoded = match found == Found::default() {
        true => None,
        false => Some(Box::new(Encoded::new(found, raw, &path)?)),
    };
    let path = Cow::Owned(path);
    Ok(Normal { path, encoded })
}

/// Whether a path is in normal form already, and has no byte that needs a look: the common case, found in one pass. A
/// segment that begins with a dot is looked at again.
fn is_plain(raw: &[u8]) -> bool {
    let mut previous = b' ';
    raw.iter().all(|&byte| {
        let begins_badly = previous == b'/' && matches!(byte, b'/' | b'.');
        previous = byte;
        let is_letter =
            byte.is_ascii_graphic() && !matches!(byte, b'%' | b';' | b'\\' | b'?' | b'#');
        is_letter && !begins_badly
    })
}

/// Checks each byte and each escape, and looks for encoded slashes and backslashes.
fn check_bytes(raw: &str) -> Result<Found, BadPath> {
    let mut found = Found::default();
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = bytes.next().zip(bytes.next());
                match digits.and_then(unescape).ok_or(BadPath::BadEscape)? {
                    0 => return Err(BadPath::Nul),
                    b'\n' | b'\r' => return Err(BadPath::LineEnd),
                    b'/' => found.slash = true,
                    b'\\' => found.backslash = true,
                    _ => {}
                }
            }
            b'\\' => return Err(BadPath::Backslash),
            b' ' | b'?' | b'#' | 0x80.. => return Err(BadPath::BadByte),
            _ if byte.is_ascii_control() => return Err(BadPath::Control),
            _ => {}
        }
    }
    Ok(found)
}

/// The byte that two hexadecimal digits stand for.
fn unescape((high, low): (u8, u8)) -> Option<u8> {
    let digit = |byte| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

/// Cuts parameters, decodes, and resolves empty and dot segments.
fn resolve(raw: &str) -> Result<Vec<u8>, BadPath> {
    let mut path: Vec<u8> = Vec::with_capacity(raw.len());
    let mut ends_with_slash = false;
    for segment in raw.split('/').skip(1) {
        let start = path.len();
        path.push(b'/');
        path.extend(decoded(without_parameters(segment).as_bytes()));
        let name = path.get(start + 1..).unwrap_or_default();
        let leaves = name == b"..";
        ends_with_slash = leaves || matches!(name, b"" | b".");
        if ends_with_slash {
            path.truncate(start);
        }
        if leaves {
            let parent = path.iter().rposition(|&byte| byte == b'/');
            path.truncate(parent.ok_or(BadPath::AboveRoot)?);
        }
    }
    if ends_with_slash {
        path.push(b'/');
    }
    Ok(path)
}

impl Encoded {
    /// `path` is the normal form of `raw`.
    fn new(found: Found, raw: &str, path: &[u8]) -> Result<Self, BadPath> {
        if raw.split('/').any(hides_dots) {
            return Err(BadPath::HiddenDots);
        }
        let after_cutting = path.split(|byte| matches!(*byte, b'/' | b'\\' | ENCODED_SLASH));
        let mut parameters_cut = Vec::with_capacity(path.len());
        for name in after_cutting.filter(|name| !name.is_empty()) {
            parameters_cut.push(b'/');
            parameters_cut.extend_from_slice(name);
        }
        Ok(Self {
            found,
            readings: [
                parameters_cut,
                resolve(&slashes_decoded(raw))?,
                resolve(&slashes_kept(raw))?,
            ],
        })
    }
}

/// Whether a dot segment comes out where the encoded slashes of a segment are taken for slashes.
pub(super) fn hides_dots(segment: &str) -> bool {
    let spelled = slashes_decoded(segment);
    let is_dots = |name: &str| Dots::of(without_parameters(name).as_bytes()).is_some();
    spelled.contains('/') && spelled.split('/').any(is_dots)
}

/// A raw path with slashes in place of its encoded slashes and backslashes.
fn slashes_decoded(raw: &str) -> String {
    ["%2F", "%2f", "%5C", "%5c"]
        .into_iter()
        .fold(raw.to_owned(), |raw, escape| raw.replace(escape, "/"))
}

/// A raw path whose encoded slashes and backslashes are still escaped once it is decoded.
fn slashes_kept(raw: &str) -> String {
    [
        ("%2F", "%252F"),
        ("%2f", "%252f"),
        ("%5C", "%255C"),
        ("%5c", "%255c"),
    ]
    .into_iter()
    .fold(raw.to_owned(), |raw, (from, to)| raw.replace(from, to))
}
