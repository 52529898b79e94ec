//! What the expressions of rules take, where that can be told by their letters.

use super::super::plain::is_plain;

/// Whether an expression is found in every path.
pub(super) fn is_every(pattern: &str) -> bool {
    matches!(
        pattern,
        "^" | "^/"
            | ".*"
            | "(.*)"
            | "^(.*)"
            | "^(.*)$"
            | "^.*$"
            | "^.*"
            | "^/.*"
            | "^/.*$"
            | "^/(.*)"
            | "^/(.*)$"
            | "^/?(.*)"
            | "^/?(.*)$"
            | "^(/.*)$"
            | "/"
            | "."
    )
}

/// `https://%{HTTP_HOST}%{REQUEST_URI}` and the like: the same URL on https.
pub(super) fn is_to_https(pattern: &str, to: &str) -> bool {
    let rest = ["https://%{HTTP_HOST}", "https://%{SERVER_NAME}"];
    let rest = rest.iter().find_map(|start| to.strip_prefix(start));
    let inner = pattern
        .strip_prefix("^(")
        .and_then(|it| it.strip_suffix(")$").or_else(|| it.strip_suffix(')')));
    let is_whole = is_every(pattern) || inner.is_some_and(|inner| !inner.contains(['(', ')', '|']));
    match rest {
        Some("%{REQUEST_URI}" | "/%{REQUEST_URI}") => true,
        Some("$1" | "/$1" | "$0") => is_whole,
        // `^/?account/(.*)` and `/account/$1`
        Some(rest) => {
            let path = pattern
                .strip_prefix("^/")
                .map(|it| it.strip_prefix('?').unwrap_or(it));
            let path =
                path.and_then(|it| it.strip_suffix("(.*)").or_else(|| it.strip_suffix("(.*)$")));
            path.is_some_and(|path| is_plain(path) && rest == format!("/{path}$1"))
        }
        None => false,
    }
}

/// The path of a pattern that takes a path with everything below it.
pub(super) fn prefix(pattern: &str) -> Option<String> {
    let path = pattern.strip_prefix('^')?;
    let ends = ["/(.*)$", "(/.*)?$", "/.*$", "(/|$)", "/(.*)", "/.*", "/"];
    let path = ends.iter().find_map(|end| path.strip_suffix(end))?;
    let is_path = path.starts_with('/') && is_plain(path);
    is_path.then(|| path.to_owned())
}

/// The path of an expression that takes a path with everything below it, and nothing else.
pub(super) fn whole_path(pattern: &str) -> Option<String> {
    let path = pattern.strip_prefix('^')?;
    let ends = ["(/.*)?$", "(/|$)", "(?:/|$)", "($|/)", "(/.*|$)"];
    let path = ends.iter().find_map(|end| path.strip_suffix(end))?;
    let is_path = path.len() > 1 && path.starts_with('/') && !path.ends_with('/');
    (is_path && is_plain(path)).then(|| path.to_owned())
}
