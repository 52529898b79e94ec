//! What a remark is about: the directive or property, as it stands in the old file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::note::Remark;
use super::secrecy::{HIDDEN, Secrecy};

/// Most letters of a line that are quoted.
const LONGEST: usize = 60;

/// Gives each remark the line that it is about. `sources`: the old files, each with its text.
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

/// The text of a remark with what it is about before it, unless the text says that by itself.
pub(super) fn with(about: &str, text: &str) -> String {
    let (name, rest) = match about.split_once([' ', '=']) {
        Some((name, rest)) => (name.trim(), rest.trim()),
        None => (about, ""),
    };
    let bare = name.trim_start_matches('<').trim_end_matches('>');
    let first = rest.split(' ').next().unwrap_or_default();
    let first = first.trim_end_matches('>').trim_matches(['"', '\'']);
    let both = [name, first].join(" ");
    let said = text.to_ascii_lowercase();
    if said.contains(both.trim_end().to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    // A text that begins with the name needs it once, and one that goes on with another word says by itself what it is about.
    let begins = [format!("<{bare}>"), bare.to_owned()];
    let behind = begins.iter().find_map(|name| text.strip_prefix(&**name));
    match behind {
        Some(behind) if behind.starts_with(':') || behind.starts_with(" is left out") => {
            format!("`{about}`{behind}")
        }
        Some(behind) if behind.starts_with(' ') => text.to_owned(),
        Some(_) | None => format!("`{about}`: {text}"),
    }
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

    #[test]
    fn a_remark_says_once_what_it_is_about() {
        for (about, text, expected) in [
            (
                "RewriteRule ^/a /b",
                "left out: it has conditions",
                "`RewriteRule ^/a /b`: left out: it has conditions",
            ),
            (
                "SSLOCSPEnable on",
                "SSLOCSPEnable is left out",
                "`SSLOCSPEnable on` is left out",
            ),
            (
                "<If \"%{X} == 'y'\">",
                "<If> is left out",
                "`<If \"%{X} == 'y'\">` is left out",
            ),
            (
                "JkOptions +A +B",
                "JkOptions +B is left out",
                "JkOptions +B is left out",
            ),
            (
                "AuthType Shibboleth",
                "closed: AuthType shibboleth has no counterpart",
                "closed: AuthType shibboleth has no counterpart",
            ),
            ("<Else>", "see elsewhere", "`<Else>`: see elsewhere"),
            ("<Location /a>", "left out", "`<Location /a>`: left out"),
            (
                "worker.a.lock=O",
                "worker.a.lock is left out",
                "`worker.a.lock=O` is left out",
            ),
        ] {
            assert_eq!(with(about, text), expected);
        }
    }
}
