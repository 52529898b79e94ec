//! Names of fields as programs see them that make a variable of a name, as CGI does (RFC 3875 section 4.1.18): they make `_` of
//! `-`, and many of them of everything that is neither letter nor digit.

/// A letter of a name as such programs see it.
pub(super) const fn folded(letter: u8) -> u8 {
    match letter.is_ascii_alphanumeric() {
        true => letter.to_ascii_lowercase(),
        false => b'_',
    }
}

/// Whether a name is `other` to such programs, which is in their form.
pub(super) fn is_same(name: &[u8], other: &[u8]) -> bool {
    name.len() == other.len() && begins(name, other)
}

/// Whether a name begins with `start` to such programs, which is in their form.
pub(super) fn begins(name: &[u8], start: &[u8]) -> bool {
    name.len() >= start.len()
        && name
            .iter()
            .zip(start)
            .all(|(letter, other)| folded(*letter) == *other)
}

/// Whether a name has signs that are not `-`, so that such a program may take it for another name.
pub(super) fn has_other_signs(name: &[u8]) -> bool {
    let is_plain = |letter: &u8| letter.is_ascii_alphanumeric() || *letter == b'-';
    !name.iter().all(is_plain)
}
