//! Mappings that no request reaches, because exclusions count before everything else, and `match` before `path`.

use super::Builder;
use super::mapping::BuiltMapping;
use crate::pattern::PathPattern;
use crate::starts::is_below;

impl Builder<'_> {
    /// Warns of each mapping that others take everything from: no request of its hosts ever reaches it.
    pub(super) fn never_reached(&self, mappings: &[BuiltMapping]) {
        let known: Vec<_> = mappings
            .iter()
            .filter(|mapping| mapping.all_hosts)
            .collect();
        for (at, mapping) in known.iter().enumerate().filter(|(_, it)| !it.excluded) {
            let others = known.iter().enumerate();
            let above = others.filter(|(other_at, other)| {
                let by_pattern = other.built.pattern.is_some();
                let is_first = other.excluded
                    || by_pattern && (mapping.built.pattern.is_none() || *other_at < at);
                is_first && takes_all_of(other, mapping)
            });
            let above: Vec<&BuiltMapping> = above.map(|(_, other)| *other).collect();
            let Some(other) = hiding(mapping, &above) else {
                continue;
            };
            let ((key, takes), (_, others)) = (mapping.takes(), other.takes());
            let line = self.report.line_of(other.place, mapping.place);
            let (what, hint) = match other.excluded {
                true => ("exclusion of", "remove this mapping, or the exclusion"),
                false => (
                    "match",
                    "a `match` comes before each `path`, and an earlier one before a later one",
                ),
            };
            self.report.warning(
                mapping.place,
                format!(
                    "{key}: {takes} is never reached: the {what} {others} in {line} counts first"
                ),
                hint,
            );
        }
    }
}

/// Whether every request of one mapping, whatever its host, is one of another.
fn takes_all_of(other: &BuiltMapping, mapping: &BuiltMapping) -> bool {
    if other.built.scheme.is_some() && other.built.scheme != mapping.built.scheme {
        return false;
    }
    // Where the paths of the mapping begin: a whole path, or letters of one.
    let start = mapping.built.pattern.as_ref().map(PathPattern::start);
    match (&other.built.pattern, start) {
        (None, None) => is_below(&mapping.built.path, &other.built.path),
        (None, Some(start)) => {
            let above = other.built.path.trim_end_matches('/');
            above.is_empty()
                || start
                    .strip_prefix(above)
                    .is_some_and(|rest| rest.starts_with('/'))
        }
        (Some(pattern), _) if mapping.built.pattern.as_ref() == Some(pattern) => true,
        (Some(pattern), start) => {
            let start = start.as_deref().unwrap_or(&mapping.built.path);
            pattern
                .taken()
                .is_some_and(|taken| start.starts_with(&taken))
        }
    }
}

/// The mapping that hides another, or the first of several that do so together; `None` when a host is left for which the
/// other counts.
fn hiding<'a>(mapping: &BuiltMapping, above: &[&'a BuiltMapping]) -> Option<&'a BuiltMapping> {
    let every_host = above.iter().find(|other| other.built.hosts.is_empty());
    if let Some(other) = every_host {
        return Some(other);
    }
    let hosts = &mapping.built.hosts;
    let hidden = |host: &String| {
        let mut taken = above.iter().flat_map(|other| &other.built.hosts);
        taken.any(|taken| covers(taken, host))
    };
    let all = !hosts.is_empty() && hosts.iter().all(hidden);
    above.first().filter(|_| all).copied()
}

/// Whether a host of a mapping (`a.example.com`, `*.example.com`) covers all that a host of another stands for.
pub(super) fn covers(taken: &str, host: &str) -> bool {
    let below = taken
        .strip_prefix('*')
        .is_some_and(|end| host.len() > end.len() && host.ends_with(end));
    taken == host || below
}
