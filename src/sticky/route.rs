//! The two parts of a session id: what names the session, and the route.

/// A session id without its route: what stays the same when the session moves and Tomcat renames it.
#[must_use]
pub fn id_of(session: &str, separator: Option<char>) -> &str {
    separator
        .and_then(|separator| session.split_once(separator))
        .map_or(session, |(id, _)| id)
}

/// The route in a session id: what stands behind the first separator, as in httpd and mod_jk; what stands behind
/// the last one, if only that is a member's.
pub(super) fn route(
    session: &str,
    separator: Option<char>,
    known: impl Fn(&str) -> bool,
) -> Option<&str> {
    let Some(separator) = separator else {
        return Some(session);
    };
    let (_, behind_first) = session.split_once(separator)?;
    let (_, behind_last) = session.rsplit_once(separator)?;
    let use_last = !known(behind_first) && !behind_last.is_empty() && known(behind_last);
    Some(if use_last { behind_last } else { behind_first })
}
