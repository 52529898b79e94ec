//! Redirects of sections: they take the paths that both the section and the redirect itself are about.

use crate::convert::overlap::{covers, escaped, hides, join, meet, pattern_of, takes_all};
use crate::convert::site::Takes;
use crate::starts::{alternatives, literal};

/// What a redirect of a section takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Within {
    /// Nothing: no path is in both.
    Never,
    /// These paths, with what its target ends with.
    Takes(Takes, String),
    /// Some paths of both, which cannot be said in one expression.
    Unsayable,
}

/// What a redirect takes that is about the paths `own` and stands in a section about the paths `section`. `goes_on`: it appends
/// what is behind its own path to its target.
pub(super) fn within(section: &Takes, own: &Takes, goes_on: bool) -> Within {
    if !meet(section, own) {
        return Within::Never;
    }
    let as_it_is = |takes: &Takes| Within::Takes(takes.clone(), String::new());
    match (section, own) {
        (Takes::Path(section), own) if takes_all(section, own) => as_it_is(own),
        (Takes::Path(section), Takes::Path(own)) if covers(own, section) => {
            let rest = section
                .get(own.trim_end_matches('/').len()..)
                .unwrap_or_default();
            Within::Takes(Takes::Path(section.clone()), join("", rest))
        }
        (Takes::Path(section), Takes::Pattern(pattern)) => {
            let both = anchored(section, pattern).or_else(|| somewhere(section, pattern));
            both.map_or(Within::Unsayable, |both| as_it_is(&Takes::Pattern(both)))
        }
        (Takes::Pattern(_), own) if section == own || hides(section, own) => as_it_is(own),
        (section, own) if !goes_on && hides(own, section) => as_it_is(section),
        _ => Within::Unsayable,
    }
}

/// An expression that begins with the path of the section itself: `^/app` and `^/app/?$` in a section about `/app`.
fn anchored(section: &str, pattern: &str) -> Option<String> {
    let body = pattern.strip_prefix('^')?;
    let (start, rest) = literal(body);
    if start != section || alternatives(pattern).len() != 1 {
        return None;
    }
    let start = escaped(section);
    Some(match rest {
        "" | ".*" | ".*$" => pattern_of(section),
        "$" | "/?$" | "(/.*)?$" | "(/|$)" | "($|/)" => pattern.to_owned(),
        "(.*)" | "(.*)$" => format!("^{start}((?:/.*)?)$"),
        "/?(.*)" | "/?(.*)$" => format!("^{start}(?:/(.*))?$"),
        _ => return None,
    })
}

/// An expression that is found anywhere in a path, as one that is found behind the path of the section.
fn somewhere(section: &str, pattern: &str) -> Option<String> {
    let start = escaped(section);
    let starts: Vec<String> = alternatives(pattern).iter().map(|it| first(it)).collect();
    let is_behind = |found: &String| !found.is_empty() && !overlaps(section, found);
    if pattern.starts_with("(?") || !starts.iter().all(is_behind) {
        return None;
    }
    let has_slash = |found: &&String| found.starts_with('/');
    match starts.iter().filter(has_slash).count() {
        0 => Some(format!("^{start}/.*?(?:{pattern})")),
        count if count == starts.len() => Some(format!("^{start}(?:/.*?)??(?:{pattern})")),
        _ => None,
    }
}

/// The letters that an alternative begins with; empty: it says none, or is about the beginning of a path.
fn first(alternative: &str) -> String {
    let (found, _) = literal(alternative);
    found
}

/// Whether some letters may begin in a path, its end included.
fn overlaps(path: &str, letters: &str) -> bool {
    let mut places = path.char_indices().map(|(at, _)| at);
    places.any(|at| {
        let rest = path.get(at..).unwrap_or_default();
        rest.starts_with(letters) || letters.starts_with(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_a_redirect_takes_in_a_section() {
        let path = |text: &str| Takes::Path(text.to_owned());
        let pattern = |text: &str| Takes::Pattern(text.to_owned());
        let both = |takes: Takes| Within::Takes(takes, String::new());
        for (section, own, expected) in [
            (path("/"), pattern("^/$"), both(pattern("^/$"))),
            (path("/app"), path("/app/old"), both(path("/app/old"))),
            (
                path("/app/in"),
                path("/app"),
                Within::Takes(path("/app/in"), "/in".to_owned()),
            ),
            (
                path("/old"),
                path("/"),
                Within::Takes(path("/old"), "/old".to_owned()),
            ),
            (path("/app"), path("/web"), Within::Never),
            (path("/app"), pattern("^/web"), Within::Never),
            (path("/app"), pattern("^/app/x"), both(pattern("^/app/x"))),
            (path("/app"), pattern("^/app/?$"), both(pattern("^/app/?$"))),
            (
                path("/app"),
                pattern("^/app"),
                both(pattern("^/app(/.*)?$")),
            ),
            (
                path("/app"),
                pattern("^/app/?(.*)$"),
                both(pattern("^/app(?:/(.*))?$")),
            ),
            (
                path("/app"),
                pattern(r"\.git"),
                both(pattern(r"^/app/.*?(?:\.git)")),
            ),
            (
                path("/app"),
                pattern(r"/\.(git|svn)"),
                both(pattern(r"^/app(?:/.*?)??(?:/\.(git|svn))")),
            ),
            (path("/app"), pattern("pp"), Within::Unsayable),
            (path("/app"), pattern("p/x"), Within::Unsayable),
            (path("/app"), pattern(".*x"), Within::Unsayable),
            (path("/app"), pattern("^/a.*x"), Within::Unsayable),
            (path("/app"), pattern("x|^/app/y"), Within::Unsayable),
            (pattern("^/a/"), pattern("^/a/x$"), both(pattern("^/a/x$"))),
            (pattern("^/a/x"), pattern(r"\.do$"), Within::Unsayable),
        ] {
            assert_eq!(
                within(&section, &own, true),
                expected,
                "{section:?} {own:?}"
            );
        }
        let narrow = pattern(r"\.do$");
        assert_eq!(within(&narrow, &path("/"), false), both(narrow.clone()));
        assert_eq!(within(&narrow, &path("/"), true), Within::Unsayable);
    }
}
