//! Why a path is refused.

use std::fmt;

/// Why a path is refused: with 400, and without asking a backend. Tomcat refuses such paths too, except for line ends
/// and for bytes that HTTP does not allow, which it takes over AJP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BadPath {
    /// It does not begin with `/`.
    NotAbsolute,
    /// `%2F`, where the mapping does not let it pass.
    EncodedSlash,
    /// `%5C`, where the mapping does not let it pass.
    EncodedBackslash,
    /// `.` or `..` beside an encoded slash or backslash, as in `..%2Fa`.
    HiddenDots,
    /// `.` or `..` that is made of what a `match` captured.
    CapturedDots,
    /// `\`
    Backslash,
    /// `%00`
    Nul,
    /// `%0A` or `%0D`
    LineEnd,
    /// A control character that is not escaped; DEL is one.
    Control,
    /// A space, a byte that is not ASCII, `?` or `#`: none can stand in a path (RFC 3986 section 3.3).
    BadByte,
    /// A `%` without two hexadecimal digits behind it.
    BadEscape,
    /// A `..` with nothing left to leave.
    AboveRoot,
}

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not begin with a slash",
            Self::EncodedSlash => {
                "the path has an encoded slash, and the mapping does not say `encoded_slash: pass`"
            }
            Self::EncodedBackslash => {
                "the path has an encoded backslash, and the mapping does not say `encoded_slash: pass`"
            }
            Self::HiddenDots => "the path has a dot segment beside an encoded slash or backslash",
            Self::CapturedDots => "what `match` captured makes a dot segment",
            Self::Backslash => "the path has a backslash",
            Self::Nul => "the path has an encoded NUL",
            Self::LineEnd => "the path has an encoded line end",
            Self::Control => "the path has a control character that is not escaped",
            Self::BadByte => "the path has a character that must be escaped",
            Self::BadEscape => "the path has a percent sign without two hexadecimal digits",
            Self::AboveRoot => "the path leads above the root",
        })
    }
}

impl std::error::Error for BadPath {}
