//! Paths that are answered over plain http, although a redirect of `/` to https looks like one of the whole site.

use super::Builder;
use super::mapping::BuiltMapping;
use super::unguarded::share_hosts;
use crate::model::{Action, ClientScheme, RedirectTo};

impl Builder<'_> {
    /// Warns of a `/` over http that leads to https while longer paths of its hosts are answered over http: they come before it.
    pub(super) fn redirected_in_part(&self, mappings: &[BuiltMapping]) {
        for all in mappings.iter().filter(|it| leads_all_to_https(it)) {
            let others = mappings.iter().filter(|it| is_answered_over_http(it, all));
            let mut others = others.peekable();
            let Some(first) = others.peek() else {
                continue;
            };
            let (key, takes) = first.takes();
            let line = self.report.line_of(first.place, all.place);
            let more = match others.count() - 1 {
                0 => String::new(),
                count => format!(", and {count} more"),
            };
            self.report.warning(
                all.place,
                format!(
                    "path: not everything leads to https: {key} {takes} in {line} is answered over http too{more}"
                ),
                "write `match: \"^/\"` in place of `path: /`: a `match` comes before each `path`",
            );
        }
    }
}

fn leads_all_to_https(mapping: &BuiltMapping) -> bool {
    let to_https =
        matches!(&mapping.built.action, Action::Redirect(it) if it.to == RedirectTo::Https);
    let all = mapping.built.pattern.is_none() && mapping.built.path == "/";
    to_https && all && mapping.built.scheme == Some(ClientScheme::Http)
}

/// Whether a mapping answers requests over http that somebody may have meant to be redirected.
fn is_answered_over_http(mapping: &BuiltMapping, all: &BuiltMapping) -> bool {
    let answers = matches!(mapping.built.action, Action::Forward(_) | Action::Files(_));
    // With a `match` or a scheme somebody has thought of it.
    let by_length = mapping.built.pattern.is_none() && mapping.built.scheme.is_none();
    // A host of its own comes before the redirect of every host, also for `/`.
    let (theirs, hosts) = (&mapping.built.hosts, &all.built.hosts);
    let comes_first = mapping.built.path != "/" || hosts.is_empty() && !theirs.is_empty();
    answers && by_length && comes_first && share_hosts(mapping, all)
}
