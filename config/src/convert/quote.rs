//! What a remark is about: the directive or property, as it stands in the old file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::note::Remark;
use super::secrecy::{HIDDEN, Secrecy};

/// Most letters of a line that are quoted.
const LONGEST: usize = 60;

/// Gives each remark the line that it is about, and takes secrets out of it. `sources`: the old files, each with its text.
pub(super) fn add(remarks: &mut [Remark], sources: &[(Arc<str>, String)], secrecy: &Secrecy) {
    let lines = |(name, text): &'_ (Arc<str>, String)| {
        let lines = text.lines().map(str::to_owned).collect();
        (Arc::clone(name), lines)
    };
    let files: BTreeMap<Arc<str>, Vec<String>> = sources.iter().map(lines).collect();
    for remark in remarks {
        let at = usize::try_from(remark.origin.line).unwrap_or_default();
        let lines = files.get(&remark.origin.file);
        let line = at.checked_sub(1).and_then(|at| lines?.get(at));
        remark.text = secrecy.hidden(&remark.text);
        remark.about = line.and_then(|line| quoted(&secrecy.hidden_line(line)));
    }
}

/// The line on one row, cut where it is long; `None`: nothing stands in it.
fn quoted(line: &str) -> Option<String> {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches('\\');
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    let line = line.replace(|letter: char| letter.is_control(), "");
    if line.is_empty() {
        return None;
    }
    Some(match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}{HIDDEN}", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_quoted_on_one_row() {
        for (line, expected) in [
            ("  RewriteRule  ^/a\t/b \\", Some("RewriteRule ^/a /b")),
            ("\u{feff}Use\u{1b}x", Some("Usex")),
            ("  ", None),
            (
                "ProxyPass /a balancer://a-long-name/of-a-long-path-of-the-application timeout=5",
                Some("ProxyPass /a balancer://a-long-name/of-a-long-path-of-the-ap…"),
            ),
        ] {
            assert_eq!(quoted(line).as_deref(), expected, "{line}");
        }
    }
}
