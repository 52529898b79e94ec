//! The known word that somebody may have meant by an unknown one.

/// The candidate that is nearest to a word, when it is near enough to be a slip, or the word is it with an end.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = simplified(word);
    let most = (plain.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            let other = simplified(candidate);
            let longer = other.len() > 2 && plain.starts_with(&other);
            (
                if longer {
                    most
                } else {
                    distance(&plain, &other)
                },
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case, dashes and underscores are no difference: `stickySession` and `load-factor` are slips.
fn simplified(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .take(64)
        .collect()
}

/// Characters to insert, remove, replace or swap with the next one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&last, j) + usize::from(x != y);
            let mut best = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&y) && b.get(j - 1) == Some(&x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

/// The word, when it is near one of the names: for names that the file itself gives.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, names).map(|near| format!("did you mean {near:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let known = ["loadfactor", "lbset", "max", "min", "stickysession", "url"];
        for (word, meant) in [
            ("loadfacter", Some("loadfactor")),
            ("load_factor", Some("loadfactor")),
            ("stickySession", Some("stickysession")),
            ("lbest", Some("lbset")),
            ("mx", Some("max")),
            ("uri", Some("url")),
            ("maximum", Some("max")),
            ("weight", None),
            ("", None),
            ("completely_else", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
