//! The two parts of a session id: what names the session, and the route.

/// A session id without its route: what stays the same when the session moves and Tomcat renames it.
#[must_use]
pub fn id_of(session: &str, separator: Option<char>) -> &str {
    separator
        .and_then(|separator| split(session, separator))
        .map_or(session, |(id, _)| id)
}

/// The route in a session id: what stands behind the first separator, as in httpd and mod_jk; what stands behind
/// the last one, if only that is a member's. And whether it is a member's.
pub(super) fn route(
    session: &str,
    separator: Option<char>,
    known: impl Fn(&str) -> bool,
) -> Option<(&str, bool)> {
    let Some(separator) = separator else {
        return Some((session, known(session)));
    };
    let (_, behind_first) = split(session, separator)?;
    if known(behind_first) {
        return Some((behind_first, true));
    }
    let (_, behind_last) = session.rsplit_once(separator)?;
    Some(match !behind_last.is_empty() && known(behind_last) {
        true => (behind_last, true),
        false => (behind_first, false),
    })
}

/// What stands before the first separator, and behind it.
fn split(session: &str, separator: char) -> Option<(&str, &str)> {
    // A search for a byte takes half as long as one for a letter.
    match u8::try_from(separator) {
        Ok(byte) if byte.is_ascii() => {
            let at = memchr::memchr(byte, session.as_bytes())?;
            Some((session.get(..at)?, session.get(at + 1..)?))
        }
        _ => session.split_once(separator),
    }
}
