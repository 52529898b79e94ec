//! Redirects by expression that are looked at behind other rules, for paths that an exclusion of these rules leaves to them
//! (`ProxyPass /old !` and `RedirectMatch ^/old/(.*)`): they get the place of the exclusion.

use super::overlap::{escaped, hides, meet};
use super::site::{Action, Rule, Server, Site, Takes};

/// A rule with its new place: the stage, and what it stands before there.
type Lifted = (usize, usize, Rule);

/// Gives each such redirect a place before the exclusion, where all of its paths, or those of them that can be said, are.
pub(super) fn lift(site: &mut Site) {
    for server in &mut site.servers {
        let mut lifted: Vec<Lifted> = Vec::new();
        for (number, stage) in server.stages.iter().enumerate().skip(1) {
            for (at, rule) in stage.iter().enumerate() {
                let before = stage.iter().take(at);
                let crosses = |it: &Rule| meet(&it.takes, &rule.takes);
                let is_lifted = |it: &Rule| lifted.iter().any(|other| other.2.origin == it.origin);
                let is_first = before.into_iter().all(|it| !crosses(it) || is_lifted(it));
                if is_first && matches!(rule.action, Action::Redirect { .. }) {
                    lifted.extend(place(server, number, rule));
                }
            }
        }
        lifted.sort_by_key(|(stage, at, _)| (*stage, *at));
        for (number, at, rule) in lifted.into_iter().rev() {
            if let Some(stage) = server.stages.get_mut(number) {
                stage.insert(at, rule);
            }
        }
    }
}

/// The place of a redirect of a stage before the exclusion that leaves its paths to it, where another rule would take them else.
fn place(server: &Server, own: usize, rule: &Rule) -> Option<Lifted> {
    let Takes::Pattern(pattern) = &rule.takes else {
        return None;
    };
    let earlier = server.stages.iter().take(own).enumerate();
    let mut earlier = earlier.flat_map(|(number, stage)| {
        let rules = stage.iter().enumerate();
        rules.map(move |(at, rule)| (number, at, rule))
    });
    let (number, at, takes) = loop {
        let (number, at, before) = earlier.next()?;
        let is_met = meet(&before.takes, &rule.takes);
        match before.action {
            _ if !is_met => {}
            Action::Pass => {
                if let Some(part) = within(&before.takes, pattern) {
                    break (number, at, part);
                }
            }
            _ => return None,
        }
    };
    let mut later =
        earlier.filter(|(_, _, it)| it.action != Action::Pass && meet(&it.takes, &takes));
    let is_here = |other: usize| other == number;
    let first = later.next()?;
    let is_alone = is_here(first.0) && later.all(|(other, ..)| is_here(other));
    is_alone.then(|| {
        let rule = Rule {
            takes,
            ..rule.clone()
        };
        (number, at, rule)
    })
}

/// The paths that an expression takes and an exclusion too; `None`: they cannot be said.
fn within(excluded: &Takes, pattern: &str) -> Option<Takes> {
    let own = Takes::Pattern(pattern.to_owned());
    if hides(excluded, &own) {
        return Some(own);
    }
    match excluded {
        Takes::Pattern(excluded) => (same(excluded) == same(pattern)).then_some(own),
        Takes::Path(path) => {
            let start = format!("^{}", escaped(path));
            let narrower = match pattern.strip_prefix(&start)? {
                "" | ".*" | ".*$" => format!("{start}(?:/.*)?$"),
                "(.*)" | "(.*)$" => format!("{start}(/.*)?$"),
                rest => {
                    let end = rest
                        .strip_prefix("(.*)")
                        .filter(|it| it.starts_with("\\."))?;
                    format!("{start}(/.*){end}")
                }
            };
            Some(Takes::Pattern(narrower))
        }
        Takes::Exact(_) => None,
    }
}

/// An expression about the end of a path, whatever it captures before that.
fn same(pattern: &str) -> &str {
    let starts = ["^/(.*)", "^(.*)", "^/.*", "^.*", "(.*)", ".*"];
    let end = starts.iter().find_map(|start| pattern.strip_prefix(start));
    end.filter(|it| it.starts_with("\\.")).unwrap_or(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_that_an_expression_and_an_exclusion_both_take() {
        let path = |text: &str| Takes::Path(text.to_owned());
        let expression = |text: &str| Takes::Pattern(text.to_owned());
        for (excluded, pattern, expected) in [
            (path("/old"), "^/old/(.*)", Some("^/old/(.*)")),
            (path("/c"), "^/c", Some("^/c(?:/.*)?$")),
            (path("/st"), r"^/st(.*)\.gif$", Some(r"^/st(/.*)\.gif$")),
            (path("/st"), "^/st(.*)", Some("^/st(/.*)?$")),
            (path("/st"), "^/st(.*)/x$", None),
            (path("/a"), "^/(a|b)/", None),
            (path("/a"), r"\.gif$", None),
            (
                expression(r"^/.*\.gif$"),
                r"^(.*)\.gif$",
                Some(r"^(.*)\.gif$"),
            ),
            (expression(r"^/.*\.gif$"), r"^(.*)\.jpg$", None),
            (expression("^/img"), "^/img/(.*)", Some("^/img/(.*)")),
        ] {
            let found = within(&excluded, pattern);
            let expected = expected.map(expression);
            assert_eq!(found, expected, "{excluded:?} {pattern}");
        }
    }
}
