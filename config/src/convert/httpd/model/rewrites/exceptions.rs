//! Paths for which a rule does not count (`RewriteRule !^/(app|web)/ - [F]`), as the paths of mappings.

use crate::convert::httpd::model::plain::is_plain;
use crate::convert::site::Takes;
use crate::field::Kind as _;
use crate::starts::alternatives;
use crate::value::PathPrefix;

/// How an expression ends that takes a path with everything below it.
const WHOLE: [&str; 6] = ["(/.*)?$", "(/|$)", "(?:/|$)", "($|/)", "(/.*|$)", "(/.*)?"];

/// How an expression ends that takes what is below a path, but not the path itself.
const BELOW: [&str; 6] = ["/(.*)$", "/.*$", "/(.*)", "/.*", "/.+", "/"];

/// How an expression ends that takes every path that begins with its letters.
const LETTERS: [&str; 5] = ["(.*)$", ".*$", "(.*)", ".*", ""];

/// A path with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) path: String,
    /// Whether the expression does not take the path itself.
    pub(super) is_below: bool,
    /// Whether the expression takes further paths: those that begin with the same letters.
    pub(super) is_wider: bool,
}

/// The paths that stand for what an expression takes; `None`: there are none.
pub(super) fn paths(takes: &Takes) -> Option<Vec<Exception>> {
    let Takes::Pattern(pattern) = takes else {
        return None;
    };
    let found = alternatives(pattern)
        .iter()
        .map(|it| of_alternative(it))
        .collect::<Option<Vec<_>>>()?;
    Some(found.into_iter().flatten().collect())
}

fn of_alternative(pattern: &str) -> Option<Vec<Exception>> {
    let body = pattern.strip_prefix('^')?;
    let whole = WHOLE.iter().find_map(|end| body.strip_suffix(end));
    let below = || BELOW.iter().find_map(|end| body.strip_suffix(end));
    let letters = || LETTERS.iter().find_map(|end| body.strip_suffix(end));
    let (body, is_below, is_wider) = match whole {
        Some(body) => (body, false, false),
        None => match below() {
            Some(body) => (body, true, false),
            None => (letters()?, false, true),
        },
    };
    let exception = |path: String| {
        let is_path = path.len() > 1 && path.starts_with('/') && is_plain(&path);
        let path = path.replace('\\', "");
        let is_path = is_path && !path.ends_with('/') && PathPrefix::read(&path).is_ok();
        is_path.then_some(Exception {
            path,
            is_below,
            is_wider,
        })
    };
    let names = match body.split_once('(') {
        None => return exception(body.to_owned()).map(|it| vec![it]),
        Some((start, group)) => {
            let group = group.strip_suffix(')')?;
            let group = group.strip_prefix("?:").unwrap_or(group);
            group.split('|').map(move |name| format!("{start}{name}"))
        }
    };
    names.map(exception).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_expressions() {
        for (pattern, expected) in [
            ("^/app", Some("/app…")),
            ("^/app/", Some("/app/")),
            ("^/app(/|$)", Some("/app")),
            ("^/(app|web)/", Some("/app/ /web/")),
            ("^/(?:app|web)(/.*)?$", Some("/app /web")),
            ("^/app/|^/web", Some("/app/ /web…")),
            ("^/(app|web).*$", Some("/app… /web…")),
            ("^/", None),
            ("^/(|a)", None),
            (r"\.html$", None),
            ("^/app$", None),
            ("^/(a(b|c))/", None),
            ("^/a.c/", None),
            ("app/", None),
        ] {
            let found = paths(&Takes::Pattern(pattern.to_owned()));
            let text = |it: &Exception| {
                let end = match (it.is_below, it.is_wider) {
                    (true, _) => "/",
                    (_, true) => "…",
                    _ => "",
                };
                format!("{}{end}", it.path)
            };
            let found = found.map(|it| it.iter().map(text).collect::<Vec<_>>().join(" "));
            assert_eq!(found.as_deref(), expected, "{pattern}");
        }
    }
}
