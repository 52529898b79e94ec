//! Mappings that an exclusion hides: exclusions count before everything else.

use super::Builder;
use super::mapping::BuiltMapping;

impl Builder<'_> {
    /// Warns of each mapping at or below an excluded path: no request of its hosts ever reaches it.
    pub(super) fn never_reached(&self, mappings: &[BuiltMapping]) {
        let known = mappings.iter().filter(|mapping| mapping.all_hosts);
        let (exclusions, others): (Vec<_>, Vec<_>) = known.partition(|mapping| mapping.excluded);
        for mapping in others {
            let above = exclusions.iter().copied();
            let above: Vec<_> = above
                .filter(|exclusion| is_at_or_below(mapping, exclusion))
                .collect();
            let Some(exclusion) = hiding(mapping, &above) else {
                continue;
            };
            self.report.warning(
                mapping.place,
                format!(
                    "path: {} is never reached: the exclusion of {} in line {} counts first",
                    mapping.built.path, exclusion.built.path, exclusion.place.line
                ),
                "remove this mapping, or the exclusion",
            );
        }
    }
}

fn is_at_or_below(mapping: &BuiltMapping, exclusion: &BuiltMapping) -> bool {
    let excluded = exclusion.built.path.trim_end_matches('/');
    let rest = mapping.built.path.strip_prefix(excluded);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The exclusion that hides a mapping, or the first of several that do so together; `None` when a host is left for
/// which the mapping counts.
fn hiding<'a>(mapping: &BuiltMapping, above: &[&'a BuiltMapping]) -> Option<&'a BuiltMapping> {
    let every_host = above.iter().find(|other| other.built.hosts.is_empty());
    if let Some(exclusion) = every_host {
        return Some(exclusion);
    }
    let hosts = &mapping.built.hosts;
    let hidden = |host: &String| {
        let mut excluded = above.iter().flat_map(|other| &other.built.hosts);
        excluded.any(|excluded| covers(excluded, host))
    };
    let all = !hosts.is_empty() && hosts.iter().all(hidden);
    above.first().filter(|_| all).copied()
}

/// Whether a host of an exclusion (`a.example.com`, `*.example.com`) covers all that a host of a mapping stands for.
fn covers(excluded: &str, host: &str) -> bool {
    let below = excluded
        .strip_prefix('*')
        .is_some_and(|end| host.len() > end.len() && host.ends_with(end));
    excluded == host || below
}
