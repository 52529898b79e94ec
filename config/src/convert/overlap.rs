//! Which paths rules have in common. The answers are on the safe side: "perhaps" is yes.

use super::site::Takes;
use crate::starts::{alternatives, is_below, literal, may_be_below, starts};

/// Whether a path stands for another one too: `/shop` for `/shop/x`.
pub(super) fn covers(above: &str, path: &str) -> bool {
    is_below(path, above)
}

/// The path and those above it, the longest first: `/a/b`, `/a`, `/`.
pub(super) fn upwards(path: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(path);
    std::iter::from_fn(move || {
        let path = next?;
        next = match path.rfind('/') {
            _ if path == "/" => None,
            Some(0) | None => Some("/"),
            Some(end) => path.get(..end),
        };
        Some(path)
    })
}

/// The number of segments.
pub(super) fn depth(path: &str) -> usize {
    path.split('/').filter(|name| !name.is_empty()).count()
}

/// Whether some path may be taken by both.
pub(super) fn meet(one: &Takes, other: &Takes) -> bool {
    let any_case = |takes: &Takes| matches!(takes, Takes::Pattern(it) if it.starts_with("(?i)"));
    if any_case(one) || any_case(other) {
        return meet(&lower(one), &lower(other));
    }
    let (one, other) = (&plainer(one), &plainer(other));
    match (one, other) {
        (Takes::Path(one), Takes::Path(other)) => covers(one, other) || covers(other, one),
        (Takes::Path(path), Takes::Exact(exact)) | (Takes::Exact(exact), Takes::Path(path)) => {
            covers(path, exact)
        }
        (Takes::Exact(one), Takes::Exact(other)) => one == other,
        (Takes::Pattern(pattern), Takes::Path(path))
        | (Takes::Path(path), Takes::Pattern(pattern)) => may_be_below(pattern, path),
        (Takes::Pattern(pattern), Takes::Exact(exact))
        | (Takes::Exact(exact), Takes::Pattern(pattern)) => {
            let mut starts = starts(pattern).into_iter();
            starts.any(|start| exact.starts_with(&start))
        }
        (Takes::Pattern(one), Takes::Pattern(other)) => {
            let other = starts(other);
            let meet = |one: &String| {
                let mut other = other.iter();
                other.any(|other| one.starts_with(other) || other.starts_with(one))
            };
            starts(one).iter().any(meet)
        }
    }
}

/// The same with letters in lower case: enough to compare the letters that paths begin with.
fn lower(takes: &Takes) -> Takes {
    match takes {
        Takes::Path(path) => Takes::Path(path.to_lowercase()),
        Takes::Exact(path) => Takes::Exact(path.to_lowercase()),
        Takes::Pattern(pattern) => {
            let pattern = pattern.strip_prefix("(?i)").unwrap_or(pattern);
            Takes::Pattern(pattern.to_lowercase())
        }
    }
}

/// An expression that takes one path alone, as that path.
fn plainer(takes: &Takes) -> Takes {
    if let Takes::Pattern(pattern) = takes
        && let Some(body) = pattern
            .strip_prefix('^')
            .and_then(|it| it.strip_suffix('$'))
        && let (path, "") = literal(body)
        && path.starts_with('/')
    {
        return Takes::Exact(path);
    }
    takes.clone()
}

/// Whether an expression is found only in paths in which a wider one is found too, and the two are not the same.
pub(super) fn is_inside(narrow: &Takes, wide: &Takes) -> bool {
    let (Takes::Pattern(narrow), Takes::Pattern(wide)) = (narrow, wide) else {
        return false;
    };
    let Some(start) = wide.strip_prefix('^').map(literal) else {
        return false;
    };
    let is_whole = matches!(start.1, "" | ".*" | "(.*)" | ".*$" | "(.*)$");
    narrow != wide && is_whole && starts(narrow).iter().all(|it| it.starts_with(&start.0))
}

/// Whether a path takes everything that the other takes.
pub(super) fn takes_all(path: &str, other: &Takes) -> bool {
    match other {
        Takes::Path(other) | Takes::Exact(other) => covers(path, other),
        Takes::Pattern(pattern) => {
            let above = path.trim_end_matches('/');
            let is_below = |start: String| {
                let rest = start.strip_prefix(above);
                rest.is_some_and(|rest| rest.starts_with('/'))
            };
            above.is_empty() || starts(pattern).into_iter().all(is_below)
        }
    }
}

/// Whether nothing is left of some paths behind others: everything that the second takes, the first takes too.
pub(super) fn hides(before: &Takes, takes: &Takes) -> bool {
    match (before, takes) {
        (Takes::Path(path), takes) => takes_all(path, takes),
        (Takes::Pattern(pattern), Takes::Path(path) | Takes::Exact(path)) => {
            takes_below(pattern, path)
        }
        (Takes::Pattern(pattern), Takes::Pattern(other)) => {
            let ending = ending(pattern);
            pattern == other
                || ending.is_some() && ending == self::ending(other)
                || starts(other).iter().all(|start| begins(pattern, start))
        }
        (before, takes) => before == takes,
    }
}

/// How the names of the paths end that an expression takes, without its `$`: `\.do` of `^/.*\.do$` and `\.do$`. No slash is in
/// it, so that it is found behind the first one of a path. `None`: the expression says more of its paths.
pub(super) fn ending(pattern: &str) -> Option<&str> {
    let wrapped = pattern
        .strip_prefix("^.*?(?:")
        .and_then(|it| it.strip_suffix(')'));
    let starts = ["^/.*", "^.*"];
    let begun = || starts.iter().find_map(|start| pattern.strip_prefix(start));
    let end = wrapped.or_else(begun).unwrap_or(pattern);
    let body = end.strip_suffix('$')?;
    (alternatives(end).len() == 1 && is_of_names(body)).then_some(body)
}

/// Whether an expression takes letters alone that stand in it, none of which is a slash.
fn is_of_names(body: &str) -> bool {
    let mut letters = body.chars();
    while let Some(letter) = letters.next() {
        let is_known = match letter {
            '\\' => letters.next().is_some_and(|it| "._-+".contains(it)),
            '(' | ')' | '|' | '?' | ':' | '_' | '-' => true,
            letter => letter.is_alphanumeric(),
        };
        if !is_known {
            return false;
        }
    }
    !body.is_empty()
}

/// Whether an expression takes a path and everything below it, as far as its letters tell.
pub(super) fn takes_below(pattern: &str, path: &str) -> bool {
    let is_folder = |it: &String| folder(it).is_some_and(|above| covers(&above, path));
    alternatives(pattern).iter().any(is_folder) || begins(pattern, path)
}

/// Whether an expression takes everything that begins with some letters, as far as its own letters tell.
fn begins(pattern: &str, start: &str) -> bool {
    alternatives(pattern).iter().any(|alternative| {
        let ends = ["(.*)$", ".*$", "(.*)", ".*", ""];
        let Some(body) = alternative.strip_prefix('^') else {
            return matches!(&**alternative, "/" | ".*" | "(.*)");
        };
        if body == "(/.*)$" {
            return true;
        }
        let body = ends.iter().find_map(|end| body.strip_suffix(end));
        let (letters, rest) = literal(body.unwrap_or_default());
        let is_below = |above: String| start.starts_with(&format!("{above}/"));
        rest.is_empty() && start.starts_with(&letters) || folder(alternative).is_some_and(is_below)
    })
}

/// The path of an expression that takes a path and everything below it: `/app` of `^/app(/.*)?$`.
fn folder(alternative: &str) -> Option<String> {
    let body = alternative.strip_prefix('^')?.strip_suffix("(/.*)?$")?;
    let (letters, rest) = literal(body);
    rest.is_empty().then_some(letters)
}

/// The expression that takes a path and everything below it; group 1 is what is behind the path, with its slash.
pub(super) fn pattern_of(path: &str) -> String {
    match path {
        "/" => "^(/.*)$".to_owned(),
        _ => format!("^{}(/.*)?$", escaped(path)),
    }
}

/// The expression that takes one path.
pub(super) fn pattern_of_one(path: &str) -> String {
    format!("^{}$", escaped(path))
}

/// What is written for some paths: a path, or the text of an expression.
pub(super) fn written(takes: &Takes) -> (&'static str, String) {
    match takes {
        Takes::Path(path) => ("path", path.clone()),
        Takes::Exact(path) => ("match", pattern_of_one(path)),
        Takes::Pattern(pattern) => ("match", pattern.clone()),
    }
}

/// A text as an expression.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, letter| {
        if r"\.+*?()|[]{}^$".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
        escaped
    })
}

/// The expression that takes the same paths and finds the whole path, so that `$0` is all of it.
pub(super) fn whole(pattern: &str) -> String {
    let one = alternatives(pattern).len() == 1;
    let is_start = one && pattern.starts_with('^');
    let is_end = one && pattern.ends_with('$') && !pattern.ends_with("\\$");
    match (is_start, is_end) {
        (true, true) => pattern.to_owned(),
        (true, false) => format!("{}.*$", pattern.trim_end_matches(".*")),
        (false, true) => format!("^.*?(?:{pattern})"),
        (false, false) => format!("^.*?(?:{pattern}).*$"),
    }
}

/// A url or path with what is behind it; exactly one slash stands where they meet.
pub(super) fn join(base: &str, rest: &str) -> String {
    let rest = rest.trim_start_matches('/');
    match rest.is_empty() {
        true => base.to_owned(),
        false => format!("{}/{rest}", base.trim_end_matches('/')),
    }
}

/// A url with what is behind the path of a request, which is not escaped.
pub(super) fn join_url(base: &str, rest: &str) -> String {
    let mut escaped = String::new();
    for byte in rest.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            | b',' | b';' | b'=' | b':' | b'@' => escaped.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            byte => escaped += &format!("%{byte:02X}"),
        }
    }
    join(base, &escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_that_a_path_begins_with() {
        for (pattern, expected) in [
            ("^/app/(.*)$", vec!["/app/"]),
            (
                "^/(manager|host-manager)",
                vec!["/manager", "/host-manager"],
            ),
            ("^/a|^/b", vec!["/a", "/b"]),
            ("^/a|b", vec!["/a", ""]),
            (r"^/a\.b+", vec!["/a.b"]),
            (r"^/app?x", vec!["/ap"]),
            ("^/(a|b)?x", vec!["/"]),
            ("^/(?:x|y(z)?)/", vec!["/x", "/y"]),
            (r"^(/\d+|/x)", vec![""]),
            (r"\.bak$", vec![""]),
        ] {
            assert_eq!(starts(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn rules_that_may_take_the_same_path() {
        let path = |text: &str| Takes::Path(text.to_owned());
        let pattern = |text: &str| Takes::Pattern(text.to_owned());
        for (one, other, expected) in [
            (path("/app"), path("/app/x"), true),
            (path("/app"), path("/apple"), false),
            (path("/app"), Takes::Exact("/app".to_owned()), true),
            (path("/app"), pattern("^/u/(.*)"), false),
            (path("/application"), pattern("^/app"), true),
            (path("/app"), pattern("^/app/x"), true),
            (path("/app"), pattern(r"\.jsp$"), true),
            (pattern("^/a/"), pattern("^/b/"), false),
            (path("/a"), pattern("^/$"), false),
            (path("/a"), pattern(r"^/a\.b$"), false),
            (path("/a"), pattern("^/a$"), true),
            (path("/a"), pattern("(?i)^/A/x"), true),
            (path("/a"), pattern("(?i)^/b"), false),
            (pattern("^/a/"), pattern("(?i)^/b"), false),
        ] {
            assert_eq!(meet(&one, &other), expected, "{one:?} {other:?}");
            assert_eq!(meet(&other, &one), expected, "{other:?} {one:?}");
        }
    }

    #[test]
    fn rules_behind_which_nothing_is_left() {
        let path = |text: &str| Takes::Path(text.to_owned());
        let pattern = |text: &str| Takes::Pattern(text.to_owned());
        for (before, takes, expected) in [
            (path("/app"), pattern("^/app/x"), true),
            (path("/app"), pattern("^/app"), false),
            (pattern("^/app/.*$"), path("/app/sub"), true),
            (pattern("^/app/(.*)$"), path("/app"), false),
            (pattern("^/app"), path("/application"), true),
            (pattern("^/app$"), path("/app"), false),
            (pattern("^/app(/.*)?$"), path("/app/x"), true),
            (pattern("^/app(/.*)?$"), path("/application"), false),
            (pattern("^/app(/.*)?$"), pattern("^/app/x$"), true),
            (pattern("^/app(/.*)?$"), pattern("^/app"), false),
            (pattern("^/x|^/app/"), path("/app/y"), true),
            (pattern(r"^/app/\.*$"), path("/app/x"), false),
            (pattern(r"^/app/[a-z].*$"), path("/app/x"), false),
            (pattern("^/ap?.*$"), path("/a"), false),
            (pattern("^/a.*"), pattern("^/(ab|ac)/x$"), true),
            (pattern("^/ab.*"), pattern("^/(ab|ac)/x$"), false),
            (pattern(".*"), pattern(r"\.jsp$"), true),
            (pattern("^(/.*)$"), path("/"), true),
            (pattern("^(/.*)$"), pattern(r"\.jsp$"), true),
            (pattern("^/a"), Takes::Exact("/abc".to_owned()), true),
            (pattern(""), path("/a"), false),
        ] {
            assert_eq!(hides(&before, &takes), expected, "{before:?} {takes:?}");
        }
    }

    #[test]
    fn expressions_for_whole_paths() {
        for (pattern, expected) in [
            ("^/a", "^/a.*$"),
            ("^/(a|b).*", "^/(a|b).*$"),
            ("^/a$", "^/a$"),
            (r"\.bak$", r"^.*?(?:\.bak$)"),
            ("^/a|^/b", "^.*?(?:^/a|^/b).*$"),
        ] {
            assert_eq!(whole(pattern), expected, "{pattern}");
        }
    }
}
