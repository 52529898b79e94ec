//! Sections about a part of the paths that an expression takes: mappings of their own before that of the expression.

use super::decide::outcome;
use super::entry::{Entry, entry};
use crate::convert::overlap::{covers, depth, ending, escaped, meet, takes_all};
use crate::convert::site::{Access, Overlay, Rule, Server, Takes};
use crate::starts::alternatives;

/// Most sections that get mappings of their own before one expression.
const MOST: usize = 32;

/// The mappings of a rule by expression: one for each section about a part of its paths, the longest paths first, and its own.
/// `None`: no section is about a part alone, or which part cannot be said.
pub(super) fn carved(server: &Server, rule: &Rule) -> Option<Vec<Entry>> {
    let Takes::Pattern(pattern) = &rule.takes else {
        return None;
    };
    let mut parts: Vec<(&str, &Overlay, String)> = Vec::new();
    for overlay in &server.overlays {
        let says = overlay.access != Access::default() || !overlay.keys.is_empty();
        let is_part = !covers_all(&overlay.takes, &rule.takes) && meet(&overlay.takes, &rule.takes);
        match &overlay.takes {
            _ if !says || !is_part || overlay.target.is_some() => {}
            Takes::Path(path) => parts.push((path, overlay, below(pattern, path)?)),
            Takes::Exact(_) | Takes::Pattern(_) => {}
        }
    }
    let matters = |it: &&(&str, &Overlay, String)| it.1.access.matters() || !it.1.keys.is_empty();
    if !parts.iter().any(|it| matters(&it)) || parts.len() > MOST {
        return None;
    }
    parts.sort_by_key(|(path, ..)| (std::cmp::Reverse(depth(path)), *path));
    let mut entries: Vec<Entry> = Vec::new();
    for (path, _, part) in &parts {
        // Sections about further parts of this part have mappings before this one.
        let others = |it: &Overlay| match &it.takes {
            Takes::Path(other) if other != path => {
                let mut known = parts.iter();
                known.any(|(_, known, _)| std::ptr::eq(*known, it)) && !covers(other, path)
            }
            _ => false,
        };
        let takes = Takes::Pattern(part.clone());
        let found = of_part(server, rule, &takes, others);
        if !entries.iter().any(|entry| entry.takes == takes) {
            entries.push(found);
        }
    }
    let is_known = |it: &Overlay| parts.iter().any(|(_, known, _)| std::ptr::eq(*known, it));
    entries.push(of_part(server, rule, &rule.takes, is_known));
    Some(entries)
}

/// The mapping of some paths of a rule, without the sections that have others.
fn of_part(
    server: &Server,
    rule: &Rule,
    takes: &Takes,
    without: impl Fn(&Overlay) -> bool,
) -> Entry {
    let overlays = server.overlays.iter().filter(|it| !without(it));
    let part = Server {
        overlays: overlays.cloned().collect(),
        ..Server::default()
    };
    entry(takes.clone(), outcome(&part, rule, takes), false)
}

fn covers_all(takes: &Takes, other: &Takes) -> bool {
    match takes {
        Takes::Path(path) => takes_all(path, other),
        takes => takes == other,
    }
}

/// The expression of those paths below a path in which another expression is found: one about the end of a path, in whose letters
/// there is no slash, such as `\.do$`. `None`: it is of another kind, or about the path itself too.
pub(super) fn below(pattern: &str, path: &str) -> Option<String> {
    let body = ending(pattern)?;
    let own = regex::Regex::new(&format!("(?:{body})$")).ok()?;
    if own.is_match(path) {
        return None;
    }
    let path = escaped(path.trim_end_matches('/'));
    Some(format!("^{path}/.*(?:{body})$"))
}

/// The expression and target of a section that covers a part of what the mapping of a path sends to `url`. `pattern` finds the whole
/// path. `None`: they cannot be said.
pub(super) fn sent_below(url: &str, path: &str, pattern: &str) -> Option<(String, String)> {
    let (url, path) = (url.trim_end_matches('/'), path.trim_end_matches('/'));
    if let Some(base) = url.strip_suffix(path) {
        return Some((pattern.to_owned(), format!("{base}$0")));
    }
    let start = format!("^{}", escaped(path));
    let rest = pattern.strip_prefix(&start)?.strip_suffix('$')?;
    let is_one = rest.starts_with('/') && alternatives(pattern).len() == 1;
    is_one.then(|| (format!("{start}({rest})$"), format!("{url}$1")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expression_finds_below_a_path() {
        for (pattern, path, expected) in [
            (r"^/.*\.do$", "/adm", Some(r"^/adm/.*(?:\.do)$")),
            (r"\.(jsp|do)$", "/a.b/", Some(r"^/a\.b/.*(?:\.(jsp|do))$")),
            (r"^.*?(?:\.do$)", "/adm", Some(r"^/adm/.*(?:\.do)$")),
            (r"\.do$", "/adm.do", None),
            (r"\.do", "/adm", None),
            (r"/x\.do$", "/adm", None),
            (r"^/app/.*\.do$", "/app/adm", None),
            (r"[^/]do$", "/adm", None),
        ] {
            assert_eq!(
                below(pattern, path).as_deref(),
                expected,
                "{pattern} {path}"
            );
        }
    }
}
