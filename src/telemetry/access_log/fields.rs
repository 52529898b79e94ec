//! Header fields and other facts as they stand in a line.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::facts::joined;
use crate::head::Fields;

/// The value of an answer's field. Of several fields of one name it is the first, as in httpd, which joins those of `Set-Cookie`
/// only. (It joins those of a request.)
pub(super) fn field<'a>(fields: &Fields, name: &str) -> Option<Cow<'a, str>> {
    let all = match name.eq_ignore_ascii_case("set-cookie") {
        true => joined(fields.all(name)),
        false => fields.get(name).map(Cow::Borrowed),
    };
    all.map(|value| escaped(&value))
}

/// Text of a client with escapes for quotation marks, line ends and every byte that is not printable ASCII
/// (httpd's `util.c: ap_escape_logitem()`).
pub(super) fn escaped<'a>(text: &[u8]) -> Cow<'a, str> {
    // Nearly every text is written as it is.
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.iter().all(plain)
        && let Ok(text) = str::from_utf8(text)
    {
        return text.to_owned().into();
    }
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => {
                let _ = write!(out, "\\x{other:02x}");
            }
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_writes_ends_no_line() {
        assert_eq!(
            escaped(b"a\"b\\c\nd\re\tf\0g\x7f\xe9"),
            "a\\\"b\\\\c\\nd\\re\\tf\\x00g\\x7f\\xe9"
        );
    }
}
