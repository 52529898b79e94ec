//! From the host and path of a request to a rule.

use super::Normal;
use super::host::{Fit, HostName, name_of};
use super::prefix::prefix_of;

/// One entry of `proxy_pass`, as far as finding it needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// A path of whole segments, decoded: `/` or `/shop`. A slash at the end is ignored.
    pub path: String,
    /// Host names, or `*.example.com` for every name below; empty: every host.
    pub hosts: Vec<String>,
    /// Whether what it matches is never proxied.
    pub exclude: bool,
}

/// The rule that decides about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The mapping at this place among the rules takes the request.
    Mapping(usize),
    /// The exclusion at this place among the rules forbids proxying it.
    Exclusion(usize),
}

/// The rules of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Longest path first, then in the order of the file.
    exclusions: Vec<Entry>,
    /// In the same order.
    mappings: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The rule's path in UTF-8, without a slash at its end: empty for `/`.
    prefix: Vec<u8>,
    /// The names of an exclusion with letters beyond ASCII; else empty.
    names: Vec<Name>,
    /// Empty: every host.
    hosts: Vec<HostName>,
    /// Where the rule stands in the file.
    index: usize,
}

/// The name of a segment as a Tomcat reads it, whose `URIEncoding` is not known here.
#[derive(Debug, Clone)]
struct Name {
    utf8: Vec<u8>,
    /// In ISO-8859-1; `None` when a letter is not in it.
    latin1: Option<Vec<u8>>,
}

impl Table {
    /// A table of these rules.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut table = Self::default();
        for (index, rule) in rules.into_iter().enumerate() {
            let entries = match rule.exclude {
                true => &mut table.exclusions,
                false => &mut table.mappings,
            };
            entries.push(Entry::new(index, &rule));
        }
        for entries in [&mut table.exclusions, &mut table.mappings] {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.prefix.len()));
        }
        table
    }

    /// The rule for a request: the longest exclusion that covers the path, else the mapping.
    ///
    /// Exclusions count before everything else. One covers a path when it does so in any of the ways in which a server
    /// may read the path: with encoded slashes and backslashes as part of a segment, or as slashes. `host` is that of
    /// the request: case, port and a dot at the end do not matter.
    #[must_use]
    pub fn find(&self, host: &str, path: &Normal<'_>) -> Option<Match> {
        let covers = |entry: &Entry| match path.is_ambiguous() {
            false => entry.covers(path.as_bytes()),
            true => path.readings().any(|reading| entry.covers(reading)),
        };
        let mut exclusions = self.exclusions.iter();
        let excluded = exclusions.find(|entry| covers(entry) && entry.fit(name_of(host)).is_some());
        match excluded {
            Some(entry) => Some(Match::Exclusion(entry.index)),
            None => self.mapping(host, path).map(Match::Mapping),
        }
    }

    /// The place of the mapping for a request, whatever the exclusions say.
    ///
    /// The longest path wins; of several with that path, the one that names the host, then the one whose wildcard
    /// does, then the one for every host; then the first of the file.
    #[must_use]
    pub fn mapping(&self, host: &str, path: &Normal<'_>) -> Option<usize> {
        self.mapping_of(host, path.as_bytes())
    }

    /// The same for a decoded path.
    pub(super) fn mapping_of(&self, host: &str, path: &[u8]) -> Option<usize> {
        let host = name_of(host);
        let mut best: Option<(Fit, &Entry)> = None;
        for entry in &self.mappings {
            if best.is_some_and(|(_, best)| entry.prefix.len() < best.prefix.len()) {
                break;
            }
            if !entry.covers(path) {
                continue;
            }
            if let Some(fit) = entry.fit(host)
                && best.is_none_or(|(best, _)| fit < best)
            {
                best = Some((fit, entry));
            }
        }
        best.map(|(_, entry)| entry.index)
    }
}

impl Entry {
    fn new(index: usize, rule: &Rule) -> Self {
        let prefix = prefix_of(&rule.path);
        let names = match rule.exclude && !prefix.is_ascii() {
            true => prefix.split('/').skip(1).map(Name::new).collect(),
            false => Vec::new(),
        };
        Self {
            prefix: prefix.as_bytes().to_vec(),
            names,
            hosts: rule.hosts.iter().map(|host| HostName::new(host)).collect(),
            index,
        }
    }

    /// Whether a decoded path is the rule's, or goes on behind it with another segment.
    fn covers(&self, path: &[u8]) -> bool {
        if self.names.is_empty() {
            let rest = path.strip_prefix(&*self.prefix);
            return rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')));
        }
        // Name by name: a mapping may replace the first names, which are in UTF-8, and Tomcat reads those behind them.
        let mut names = path.split(|&byte| byte == b'/').skip(1);
        self.names
            .iter()
            .all(|excluded| names.next().is_some_and(|name| excluded.is(name)))
    }

    /// `host` is a name without port and brackets.
    fn fit(&self, host: &str) -> Option<Fit> {
        if self.hosts.is_empty() {
            return Some(Fit::Any);
        }
        self.hosts.iter().filter_map(|name| name.fit(host)).min()
    }
}

impl Name {
    fn new(text: &str) -> Self {
        let latin1 = text.chars().map(|letter| u8::try_from(letter).ok());
        Self {
            utf8: text.as_bytes().to_vec(),
            latin1: latin1.collect(),
        }
    }

    fn is(&self, name: &[u8]) -> bool {
        name == self.utf8 || self.latin1.as_deref() == Some(name)
    }
}
