//! Host and path to rule.

use super::Normal;

/// One entry of `proxy_pass`, as far as finding it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// A path of whole segments, in normal form: `/` or `/shop`. A slash at the end is ignored.
    pub path: String,
    /// Host names, or `*.example.com` for every name below; empty: every host.
    pub hosts: Vec<String>,
    /// Whether what it matches is never proxied.
    pub exclude: bool,
}

/// The rule that decides about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Its place among the rules.
    pub index: usize,
    /// Whether it forbids proxying.
    pub exclude: bool,
}

/// The rules of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Longest path first, then in the order of the file.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The rule's path without a slash at its end: `/` is empty.
    prefix: String,
    /// Empty: every host.
    hosts: Vec<HostName>,
    exclude: bool,
    /// Where the rule stands in the file.
    index: usize,
}

#[derive(Debug, Clone)]
enum HostName {
    Exact(String),
    /// What a name must end with, its dot included.
    Below(String),
}

/// How well a host fits; the better, the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Below,
    Any,
}

impl Table {
    /// A table of these rules.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut entries: Vec<Entry> = rules.into_iter().enumerate().map(Entry::new).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.prefix.len()));
        Self { entries }
    }

    /// The rule for a request, which may be an exclusion.
    ///
    /// The longest path wins; of several with that path, the one that names the host, then the one whose wildcard
    /// does, then the one for every host; then the first of the file. `host` is that of the request: case, port and
    /// a dot at the end do not matter.
    #[must_use]
    pub fn find(&self, host: &str, path: &Normal<'_>) -> Option<Match> {
        let host = name_of(host);
        let mut best: Option<(Fit, &Entry)> = None;
        for entry in &self.entries {
            if best.is_some_and(|(_, best)| entry.prefix.len() < best.prefix.len()) {
                break;
            }
            if !entry.covers(path.as_str()) {
                continue;
            }
            if let Some(fit) = entry.fit(host)
                && best.is_none_or(|(best, _)| fit < best)
            {
                best = Some((fit, entry));
            }
        }
        best.map(|(_, entry)| Match {
            index: entry.index,
            exclude: entry.exclude,
        })
    }
}

impl Entry {
    fn new((index, rule): (usize, Rule)) -> Self {
        Self {
            prefix: prefix_of(&rule.path).to_owned(),
            hosts: rule.hosts.iter().map(|host| HostName::new(host)).collect(),
            exclude: rule.exclude,
            index,
        }
    }

    /// Whether the path is the prefix, or goes on behind it with another segment.
    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(&*self.prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn fit(&self, host: &str) -> Option<Fit> {
        if self.hosts.is_empty() {
            return Some(Fit::Any);
        }
        self.hosts.iter().filter_map(|name| name.fit(host)).min()
    }
}

impl HostName {
    fn new(text: &str) -> Self {
        match text.strip_prefix('*') {
            Some(below) if below.starts_with('.') => Self::Below(name_of(below).to_owned()),
            _ => Self::Exact(name_of(text).to_owned()),
        }
    }

    fn fit(&self, host: &str) -> Option<Fit> {
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name).then_some(Fit::Exact),
            Self::Below(end) => {
                let (label, below) = host.split_at_checked(host.len().checked_sub(end.len())?)?;
                (!label.is_empty() && below.eq_ignore_ascii_case(end)).then_some(Fit::Below)
            }
        }
    }
}

/// A rule's path as it is compared: without the slash at its end.
pub(super) fn prefix_of(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// The name in a host: without port, brackets and the dot of a fully qualified name.
fn name_of(host: &str) -> &str {
    let name = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or(literal),
        // A colon is before the port; more than one can only be a bare IPv6 address.
        None => match host.split_once(':') {
            Some((name, port)) if !port.contains(':') => name,
            _ => host,
        },
    };
    name.strip_suffix('.').unwrap_or(name)
}
