//! A path as Tomcat sees it.
//!
//! Source: Tomcat's `CoyoteAdapter`, `postParseRequest()`, `parsePathParameters()` and `normalize()`, with the
//! connector's defaults (`encodedSolidusHandling="reject"`, no backslashes).

use std::borrow::Cow;
use std::fmt;

/// A path in normal form: absolute, decoded, without parameters, empty segments or dot segments.
///
/// Whether it ends with a slash is kept: `/a/` and `/a` are different paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal<'a>(Cow<'a, str>);

impl Normal<'_> {
    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path with everything escaped that would be read as something else: Tomcat decodes it to the same text.
    #[must_use]
    pub fn encoded(&self) -> Cow<'_, str> {
        encode(&self.0)
    }
}

impl fmt::Display for Normal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a path is refused: with 400, and without asking a backend. Tomcat would refuse it too, except for control
/// characters and bytes that HTTP does not allow, which it takes over AJP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BadPath {
    /// It does not begin with `/`.
    NotAbsolute,
    /// `%2F`
    EncodedSlash,
    /// `%5C`
    EncodedBackslash,
    /// `\`
    Backslash,
    /// `%00`, or the byte itself.
    Nul,
    /// Another control character, as a byte or escaped; DEL is one.
    Control,
    /// A space, a byte that is not ASCII, `?` or `#`: none can stand in a path (RFC 3986 section 3.3).
    BadByte,
    /// A `%` without two hexadecimal digits behind it.
    BadEscape,
    /// A `..` with nothing left to leave.
    AboveRoot,
    /// Escapes that are not UTF-8.
    NotUtf8,
}

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not begin with a slash",
            Self::EncodedSlash => "the path has an encoded slash",
            Self::EncodedBackslash => "the path has an encoded backslash",
            Self::Backslash => "the path has a backslash",
            Self::Nul => "the path has a NUL",
            Self::Control => "the path has a control character",
            Self::BadByte => "the path has a character that must be escaped",
            Self::BadEscape => "the path has a percent sign without two hexadecimal digits",
            Self::AboveRoot => "the path leads above the root",
            Self::NotUtf8 => "the path is not UTF-8",
        })
    }
}

impl std::error::Error for BadPath {}

/// Brings a path, as it stood in a request without its query, into normal form.
///
/// In Tomcat's order: parameters (`;` to the next `/`) are cut from the bytes as they are, so that `%3B` belongs to a
/// name; what is left is decoded once, so that `%252e` is the text `%2e`; then empty and dot segments go, whatever
/// they were spelled like.
///
/// # Errors
///
/// What is wrong with it. Escapes inside parameters are held to the same rules.
pub fn normalize(raw: &str) -> Result<Normal<'_>, BadPath> {
    if !raw.starts_with('/') {
        return Err(BadPath::NotAbsolute);
    }
    check_bytes(raw)?;
    if is_normal(raw) {
        return Ok(Normal(Cow::Borrowed(raw)));
    }
    let normal = resolve(raw)?;
    match String::from_utf8(normal) {
        Ok(normal) => Ok(Normal(Cow::Owned(normal))),
        Err(_) => Err(BadPath::NotUtf8),
    }
}

fn check_bytes(raw: &str) -> Result<(), BadPath> {
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = bytes.next().zip(bytes.next());
                match digits.and_then(unescape).ok_or(BadPath::BadEscape)? {
                    b'/' => return Err(BadPath::EncodedSlash),
                    b'\\' => return Err(BadPath::EncodedBackslash),
                    decoded => check_control(decoded)?,
                }
            }
            b'\\' => return Err(BadPath::Backslash),
            b' ' | b'?' | b'#' | 0x80.. => return Err(BadPath::BadByte),
            _ => check_control(byte)?,
        }
    }
    Ok(())
}

fn check_control(byte: u8) -> Result<(), BadPath> {
    match byte {
        0 => Err(BadPath::Nul),
        _ if byte.is_ascii_control() => Err(BadPath::Control),
        _ => Ok(()),
    }
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

/// Whether nothing has to be done to a path: the common case, which allocates nothing.
fn is_normal(raw: &str) -> bool {
    let mut segments = raw.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let plain = match segment {
            "" => segments.peek().is_none(),
            "." | ".." => false,
            _ => !segment.bytes().any(|byte| matches!(byte, b'%' | b';')),
        };
        if !plain {
            return false;
        }
    }
    true
}

fn resolve(raw: &str) -> Result<Vec<u8>, BadPath> {
    let mut path: Vec<u8> = Vec::with_capacity(raw.len());
    let mut ends_with_slash = false;
    for segment in raw.split('/').skip(1) {
        let start = path.len();
        path.push(b'/');
        decode(without_parameters(segment), &mut path);
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

/// What Tomcat leaves of a raw segment before it decodes it.
pub(super) fn without_parameters(segment: &str) -> &str {
    segment.split_once(';').map_or(segment, |(name, _)| name)
}

fn decode(name: &str, path: &mut Vec<u8>) {
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = (byte == b'%')
            .then(|| bytes.next().zip(bytes.next()))
            .flatten()
            .and_then(unescape);
        path.push(escaped.unwrap_or(byte));
    }
}

/// Escapes every byte that does not stand for itself in a path: all but `pchar` and `/` (RFC 3986 section 3.3), and
/// `;`, behind which Tomcat sees parameters.
pub(super) fn encode(path: &str) -> Cow<'_, str> {
    if path.bytes().all(stands_for_itself) {
        return Cow::Borrowed(path);
    }
    let mut encoded = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if stands_for_itself(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 0xf] {
                encoded.extend(char::from_digit(digit.into(), 16).map(|d| d.to_ascii_uppercase()));
            }
        }
    }
    Cow::Owned(encoded)
}

fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@/".contains(&byte)
}
