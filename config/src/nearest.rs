//! Finds the known word that an unknown word may have been meant for.

/// The candidate that is nearest to a word, when it is near enough to be a slip, or the word is it with an end.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = simplified(word);
    let most = (plain.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            let other = simplified(candidate);
            let begins = other.len() > 2 && plain.len() > other.len();
            let distance = match begins && plain.starts_with(&other) {
                true => most,
                false => strsim::osa_distance(&plain, &other),
            };
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A word without its case, dashes and underscores, so that `stickySession` and `load-factor` are found. Long words are cut.
fn simplified(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .take(64)
        .collect()
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
            ("URL", Some("url")),
            ("weight", None),
            ("", None),
            ("completely_else", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }

    /// Before, the first word with which it begins was as near as the word itself.
    #[test]
    fn the_word_itself_is_nearer_than_one_that_it_begins_with() {
        assert_eq!(nearest("HTTPS", ["http", "https"]), Some("https"));
        assert_eq!(nearest("https_", ["http", "https"]), Some("https"));
    }
}
