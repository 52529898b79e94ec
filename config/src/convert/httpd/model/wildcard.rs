//! Paths with wildcards, as `<Location>` compares them (`server/request.c: ap_location_walk()`).

use crate::convert::overlap::escaped;

/// Whether a path has a wildcard in it.
pub(super) fn is_wild(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The expression that takes the same paths; no wildcard takes a slash.
pub(super) fn expression(path: &str) -> String {
    let mut pattern = String::from("^");
    let mut rest = path;
    while let Some(letter) = rest.chars().next() {
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        match letter {
            '*' => pattern.push_str("[^/]*"),
            '?' => pattern.push_str("[^/]"),
            '[' => match class(rest) {
                Some((class, behind)) => {
                    pattern.push_str(&class);
                    rest = behind;
                }
                None => pattern.push_str(r"\["),
            },
            '\\' => {
                let next = rest.chars().next();
                pattern.push_str(&escaped(&next.unwrap_or('\\').to_string()));
                rest = rest
                    .get(next.map_or(0, char::len_utf8)..)
                    .unwrap_or_default();
            }
            letter => pattern.push_str(&escaped(&letter.to_string())),
        }
    }
    pattern.push('$');
    pattern
}

/// A class of letters behind its `[`, and what is behind it; `None`: it has no end.
fn class(text: &str) -> Option<(String, &str)> {
    let (is_negated, inner) = match text.strip_prefix(['!', '^']) {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    // A bracket at the start stands for itself.
    let start = usize::from(inner.starts_with(']'));
    let end = inner.get(start..)?.find(']')? + start;
    let (letters, behind) = (inner.get(..end)?, inner.get(end + 1..)?);
    let mut class = String::from(if is_negated { "[^/" } else { "[" });
    for letter in letters.chars() {
        if r"\[]^&~".contains(letter) {
            class.push('\\');
        }
        class.push(letter);
    }
    class.push(']');
    Some((class, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_as_expressions() {
        for (path, expected) in [
            ("/a*", "^/a[^/]*$"),
            ("/a?.b", r"^/a[^/]\.b$"),
            ("/[!p]*", "^/[^/p][^/]*$"),
            ("/[^p-r]", "^/[^/p-r]$"),
            ("/[ab]", "^/[ab]$"),
            ("/[]x]", r"^/[\]x]$"),
            ("/[x", r"^/\[x$"),
            (r"/\*", r"^/\*$"),
        ] {
            assert_eq!(expression(path), expected, "{path}");
        }
    }
}
