//! `RewriteCond %{HTTP_HOST}`: the hosts whose names an expression takes.

use super::language::Language;
use crate::convert::site::HostTest;

/// Most names that are counted up.
const MOST: usize = 32;

/// What a pattern says of hosts; `None`: it cannot be read.
pub(super) fn test(pattern: &str, is_negated: bool) -> Option<HostTest> {
    let pattern = match pattern.strip_prefix('=') {
        Some(name) => format!("^{}$", regex::escape(name.trim_matches('"'))),
        None => with_dots(pattern),
    };
    of(format!("(?i){pattern}"), is_negated)
}

/// What two tests say of which one is enough; `None`: it cannot be said in one.
pub(super) fn either(one: &HostTest, other: &HostTest) -> Option<HostTest> {
    let both = format!("(?:{})|(?:{})", one.pattern, other.pattern);
    match one.is_negated || other.is_negated {
        true => None,
        false => of(both, false),
    }
}

fn of(pattern: String, is_negated: bool) -> Option<HostTest> {
    let mut language = Language::of(&pattern, true)?;
    let names = language.texts("abcdefghijklmnopqrstuvwxyz0123456789-.:", None);
    let bare = |name: String| match name.split_once(':') {
        Some((bare, _)) => bare.to_owned(),
        None => name,
    };
    let names = names.map(|names| names.into_iter().map(bare).collect::<Vec<String>>());
    Some(HostTest {
        pattern,
        names: names.filter(|names| names.len() <= MOST),
        is_negated,
    })
}

/// The expression in which a dot between letters is a dot: nobody means the hosts that have another letter there.
fn with_dots(pattern: &str) -> String {
    let letters: Vec<char> = pattern.chars().collect();
    let is_letter = |at: Option<usize>| {
        let letter = at.and_then(|at| letters.get(at));
        letter.is_some_and(char::is_ascii_alphanumeric)
    };
    let mut text = String::new();
    for (at, letter) in letters.iter().enumerate() {
        // `\d.` has a class of letters before it.
        let is_class = at >= 2 && letters.get(at - 2) == Some(&'\\');
        if *letter == '.' && is_letter(at.checked_sub(1)) && is_letter(Some(at + 1)) && !is_class {
            text.push('\\');
        }
        text.push(*letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_expressions_take() {
        for (pattern, expected) in [
            (r"^shop\.example\.com$", Some("shop.example.com")),
            ("^shop.example.com$", Some("shop.example.com")),
            (
                r"^Shop\.example\.com(:80)?$",
                Some("shop.example.com shop.example.com"),
            ),
            (
                r"^(www\.)?example\.com$",
                Some("example.com www.example.com"),
            ),
            ("=example.com", Some("example.com")),
            (r"^shop\.", None),
            (r"\.example\.com$", None),
        ] {
            let found = test(pattern, false).and_then(|it| it.names);
            assert_eq!(
                found.map(|it| it.join(" ")).as_deref(),
                expected,
                "{pattern}"
            );
        }
    }
}
