//! Finds the known word that an unknown word may have been meant for.

use std::cmp::Reverse;

/// The candidate that is nearest to a word, when it is near enough to be a slip, or the word is it with more before or behind
/// it, or its beginning. Of several such candidates the one counts that has most in common with the word.
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
            let common = in_common(&plain, &other);
            let distance = strsim::osa_distance(&plain, &other);
            let distance = if common > 0 {
                distance.min(most)
            } else {
                distance
            };
            // The shorter one has less that was not meant.
            ((distance, Reverse(common), other.len()), candidate)
        })
        .filter(|((distance, _, _), _)| *distance <= most)
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, candidate)| candidate)
}

/// The length of the word or candidate that the other one begins with, or of a candidate that the word ends with; 0: neither.
/// Short ones say nothing.
fn in_common(word: &str, candidate: &str) -> usize {
    let length = word.len().min(candidate.len());
    let word_goes_on = candidate.len() > 2 && word.starts_with(candidate);
    let ends = candidate.len() > 3 && word.ends_with(candidate);
    let is_beginning = word.len() > 3 && candidate.starts_with(word);
    match word.len() != candidate.len() && (word_goes_on || ends || is_beginning) {
        true => length,
        false => 0,
    }
}

/// A word without its case, dashes and underscores, so that `stickySession` and `load-factor` are found. Long words are cut.
pub(crate) fn simplified(word: &str) -> String {
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

    /// Before, the first of them counted, and a word that is only a beginning or has something before it was not known.
    #[test]
    fn the_longest_common_part_counts() {
        let known = [
            "max",
            "packet_size",
            "stickysession",
            "stickysessionsep",
            "listeners",
            "limits",
            "route",
        ];
        for (word, meant) in [
            ("stickysessionseparator", "stickysessionsep"),
            ("stickysessions", "stickysession"),
            ("max_packet_size", "packet_size"),
            ("listen", "listeners"),
            ("jvmroute", "route"),
            ("jvmRoute", "route"),
        ] {
            assert_eq!(nearest(word, known), Some(meant), "{word}");
        }
    }

    /// Before, the first word with which it begins was as near as the word itself.
    #[test]
    fn the_word_itself_is_nearer_than_one_that_it_begins_with() {
        assert_eq!(nearest("HTTPS", ["http", "https"]), Some("https"));
        assert_eq!(nearest("https_", ["http", "https"]), Some("https"));
    }
}
