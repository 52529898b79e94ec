//! Which hosts the names of a virtual host stand for.

use std::collections::BTreeSet;

use super::site::Server;

impl Server {
    /// Whether it answers for a host, or for some of those of a wildcard, where no earlier server does.
    #[must_use]
    pub fn takes(&self, host: &str) -> bool {
        let mut hosts = self.hosts.iter();
        let mut others = self.others.iter();
        hosts.any(|name| is_name(name, host)) || others.any(|name| have_common(name, host))
    }
}

/// Whether a name, which may be `*.example.com`, stands for a host.
pub(super) fn is_name(name: &str, host: &str) -> bool {
    let below = name
        .strip_prefix('*')
        .is_some_and(|end| host.len() > end.len() && host.ends_with(end));
    name == host || below
}

/// Whether two names with wildcards (`*`, `?`) have a host in common.
pub(super) fn have_common(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut seen = BTreeSet::new();
    let mut open = vec![(0, 0)];
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        let (first, second) = at;
        let (own, its) = (one.get(first), other.get(second));
        if own == Some(&b'*') {
            open.push((first + 1, second));
            open.extend(its.map(|_| (first, second + 1)));
        }
        if its == Some(&b'*') {
            open.push((first, second + 1));
            open.extend(own.map(|_| (first + 1, second)));
        }
        match (own, its) {
            (None, None) => return true,
            (Some(own), Some(its)) if own == its || *own == b'?' || *its == b'?' => {
                open.push((first + 1, second + 1));
            }
            _ => {}
        }
    }
    false
}
