//! What a rule by expression leaves to the stages behind it, where several rules there share its paths: a mapping for each part.

use super::carving::{below, sent_below};
use super::entry::{Answer, Entry, Outcome, above, as_expression, entry};
use super::exclusion::Item;
use crate::convert::overlap::{hides, is_inside, meet, pattern_of, whole};
use crate::convert::site::Takes;

/// The mappings of the paths that a rule leaves to the stages behind it, which would have the mappings `behind` alone: those that the server would have without the stages up to
/// its own, each for the paths that both take. `None`: one of them cannot be said, or nothing is served there.
pub(super) fn remaining(left: &Item<'_>, behind: Vec<Entry>) -> Option<Vec<Entry>> {
    let Takes::Pattern(pattern) = left.takes else {
        return None;
    };
    let mut parts = Vec::new();
    let mut is_whole = false;
    for later in behind {
        if !meet(&later.takes, left.takes) {
            continue;
        }
        is_whole = hides(&later.takes, left.takes);
        parts.push(common(later, pattern, is_whole)?);
        if is_whole {
            break;
        }
    }
    if parts.iter().all(|it| it.outcome.answer == Answer::NotFound) {
        return None;
    }
    if !is_whole {
        let nothing = Outcome::not_found(Vec::new());
        parts.push(entry(left.takes.clone(), nothing, false));
    }
    for part in &mut parts {
        let origins = &mut part.outcome.origins;
        let at = origins.len().min(1);
        origins.splice(at..at, left.rule.map(|rule| rule.origin.clone()));
    }
    Some(parts)
}

/// The mapping of the paths that another mapping and an expression both take. `takes_all`: the other takes all of them.
fn common(other: Entry, pattern: &str, takes_all: bool) -> Option<Entry> {
    let own = Takes::Pattern(pattern.to_owned());
    let is_fixed = matches!(other.outcome.answer, Answer::NotFound | Answer::Respond(_));
    let path = match &other.takes {
        Takes::Path(path) => path.clone(),
        takes if *takes == own || is_inside(takes, &own) => return Some(plain(other)),
        _ if takes_all && is_fixed => return Some(entry(own, other.outcome, false)),
        _ => return None,
    };
    if is_fixed && takes_all {
        return Some(entry(own, other.outcome, false));
    }
    if !takes_all && finds_all_below(pattern, &path) {
        let outcome = as_expression(other.outcome, &path);
        return Some(entry(Takes::Pattern(pattern_of(&path)), outcome, false));
    }
    let part = match takes_all {
        true => whole(pattern),
        false => below(pattern, &path)?,
    };
    let mut outcome = other.outcome;
    let (part, answer) = match outcome.answer {
        Answer::To(url) => {
            let (part, to) = sent_below(&url, &path, &part)?;
            (part, Answer::To(to))
        }
        Answer::Files(folder) => (part, Answer::Files(above(&folder, &path).ok()?)),
        Answer::Redirect { ref to, .. } if to != "https" => return None,
        other => (part, other),
    };
    outcome.answer = answer;
    Some(entry(Takes::Pattern(part), outcome, false))
}

/// A mapping that counts at its place among the others.
fn plain(entry: Entry) -> Entry {
    Entry {
        exclude: false,
        ..entry
    }
}

/// Whether an expression is found in every path below another one: it is found in that path with its slash, whatever comes behind.
fn finds_all_below(pattern: &str, path: &str) -> bool {
    let start = ["(.*)$", ".*$"]
        .iter()
        .find_map(|end| pattern.strip_suffix(end));
    let start = start.unwrap_or(pattern);
    let looks_behind = ["$", r"\b", r"\B", r"\z", r"\>"];
    let is_open = !looks_behind.iter().any(|it| start.contains(it));
    let folder = format!("{}/", path.trim_end_matches('/'));
    is_open && regex::Regex::new(start).is_ok_and(|it| it.is_match(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_is_found_in_everything_below_a_path() {
        for (pattern, path, expected) in [
            ("^/(pub|api)", "/pub", true),
            ("^/(pub|api)/.*$", "/pub", true),
            ("^/[a-c]/", "/b", true),
            ("(pub|api)", "/x/pub", true),
            ("^/[a-c]/", "/d", false),
            ("^/[a-c]/$", "/b", false),
            (r"^/pub\b", "/pub", false),
            (r"\.png$", "/x", false),
        ] {
            assert_eq!(finds_all_below(pattern, path), expected, "{pattern} {path}");
        }
    }
}
