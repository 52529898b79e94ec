//! Patterns of paths with `*` and `?` (`common/jk_uri_worker_map.c: wildchar_match()`): `*` is any number of characters,
//! slashes among them, and `?` is one.

/// Most patterns that an intersection becomes.
const MOST: usize = 16;
/// Most steps that looking for an intersection takes.
const MOST_STEPS: usize = 4096;

/// Whether a pattern holds `*` or `?`.
pub(super) fn is_wild(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

/// Whether a pattern takes every path that another one takes. "Perhaps not" is no.
pub(super) fn covers(above: &str, pattern: &str) -> bool {
    let takes = |one: char, other: char| one == other || one == '?' && other != '*';
    matches_with(above, pattern, takes)
}

/// Whether a pattern takes a path.
pub(crate) fn takes(pattern: &str, path: &str) -> bool {
    matches_with(pattern, path, |one, other| one == other || one == '?')
}

/// Compares in time that grows with the product of the lengths. `same` compares a character of the pattern, not `*`.
fn matches_with(pattern: &str, text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    // Whether the pattern's first characters, as many as the place in the row, take the text so far.
    let mut row: Vec<bool> = vec![false; pattern.len() + 1];
    let mut before = true;
    for (at, cell) in row.iter_mut().enumerate() {
        *cell = before;
        before = before && pattern.get(at) == Some(&'*');
    }
    for letter in text.chars() {
        let mut next: Vec<bool> = Vec::with_capacity(row.len());
        next.push(false);
        for (at, wanted) in pattern.iter().enumerate() {
            let took = |row: &[bool], at: usize| row.get(at).copied().unwrap_or_default();
            let cell = match wanted {
                '*' => took(&row, at + 1) || took(&next, at) || took(&row, at),
                wanted => took(&row, at) && same(*wanted, letter),
            };
            next.push(cell);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Patterns that together take what both take; `None` where they would be too many.
pub(super) fn common(one: &str, other: &str) -> Option<Vec<String>> {
    if covers(one, other) {
        return Some(vec![other.to_owned()]);
    }
    if covers(other, one) {
        return Some(vec![one.to_owned()]);
    }
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut search = Search {
        found: Vec::new(),
        steps: 0,
    };
    search.go(&one, &other, &mut String::new())?;
    let mut found = search.found;
    found.sort_by_key(|pattern| (pattern.len(), pattern.clone()));
    found.dedup();
    let mut kept: Vec<String> = Vec::new();
    for (at, pattern) in found.iter().enumerate() {
        let mut others = found.iter().enumerate();
        let hidden = others.any(|(other, it)| {
            other != at && covers(it, pattern) && (other < at || !covers(pattern, it))
        });
        if !hidden {
            kept.push(pattern.clone());
        }
    }
    (kept.len() <= MOST).then_some(kept)
}

struct Search {
    found: Vec<String>,
    steps: usize,
}

impl Search {
    /// Adds what the rests of two patterns have in common, behind `before`; `None`: it takes too long.
    fn go(&mut self, one: &[char], other: &[char], before: &mut String) -> Option<()> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return None;
        }
        let length = before.len();
        match (one, other) {
            ([], []) => self.found.push(before.clone()),
            (['*', one_rest @ ..], ['*', other_rest @ ..]) => {
                star(before);
                let begun = before.len();
                self.go(one_rest, other, before)?;
                before.truncate(begun);
                self.go(one, other_rest, before)?;
            }
            (['*', one_rest @ ..], []) => self.go(one_rest, other, before)?,
            ([], ['*', other_rest @ ..]) => self.go(one, other_rest, before)?,
            (['*', one_rest @ ..], [letter, other_rest @ ..]) => {
                self.go(one_rest, other, before)?;
                before.truncate(length);
                before.push(*letter);
                self.go(one, other_rest, before)?;
            }
            (_, ['*', ..]) => self.go(other, one, before)?,
            ([one, one_rest @ ..], [other, other_rest @ ..]) => {
                let letter = match (one, other) {
                    (one, '?') => one,
                    ('?', other) => other,
                    (one, other) if one == other => one,
                    _ => return Some(()),
                };
                before.push(*letter);
                self.go(one_rest, other_rest, before)?;
            }
            _ => {}
        }
        before.truncate(length);
        Some(())
    }
}

/// Two stars in a row are one.
fn star(text: &mut String) {
    if !text.ends_with('*') {
        text.push('*');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_two_patterns_have_in_common() {
        for (one, other, expected) in [
            ("/a/*", "/*.jpg", vec!["/a/*.jpg"]),
            ("/a/*", "/a/b", vec!["/a/b"]),
            ("/a*", "/*a", vec!["/a", "/a*a"]),
            ("/a?", "/?b", vec!["/ab"]),
            ("/a", "/b", vec![]),
        ] {
            assert_eq!(
                common(one, other),
                Some(expected.into_iter().map(str::to_owned).collect())
            );
        }
    }

    proptest! {
        #[test]
        fn the_common_patterns_take_what_both_take(
            one in "/[ab*?/]{0,5}",
            other in "/[ab*?/]{0,5}",
            path in "/[ab/]{0,6}",
        ) {
            if let Some(common) = common(&one, &other) {
                let both = takes(&one, &path) && takes(&other, &path);
                prop_assert_eq!(common.iter().any(|it| takes(it, &path)), both);
            }
        }

        #[test]
        fn a_pattern_that_covers_another_takes_its_paths(
            one in "/[ab*?/]{0,4}",
            other in "/[ab*?/]{0,4}",
            path in "/[ab/]{0,5}",
        ) {
            if covers(&one, &other) && takes(&other, &path) {
                prop_assert!(takes(&one, &path));
            }
        }
    }
}
