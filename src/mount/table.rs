//! From the host and path of a request to a rule.

use super::Normal;
use super::host::{Fit, HostName, name_of};
use super::pattern::{Pattern, texts};
use super::prefix::prefix_of;

/// One entry of `proxy_pass`, as far as finding it needs it.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// A path of whole segments, decoded: `/` or `/shop`. A slash at the end is ignored.
    pub path: String,
    /// What is looked for in place of a path.
    pub pattern: Option<Pattern>,
    /// The scheme of its requests: whether it is https; `None`: both.
    pub secure: Option<bool>,
    /// Host names, or `*.example.com` for every name below; empty: every host.
    pub hosts: Vec<String>,
    /// Whether what it matches is never proxied.
    pub exclude: bool,
    /// Whether it keeps requests from members, or lets only some of them through.
    pub guards: bool,
}

/// What a request says beside its path.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The host; case, port and a dot at the end do not matter.
    pub host: &'a str,
    /// Whether its scheme is https.
    pub secure: bool,
}

impl<'a> From<&'a str> for Site<'a> {
    /// A host that is asked over http.
    fn from(host: &'a str) -> Self {
        Self {
            host,
            secure: false,
        }
    }
}

/// The rule that decides about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The mapping at this place among the rules takes the request.
    Mapping(usize),
    /// The exclusion at this place among the rules forbids proxying it.
    Exclusion(usize),
    /// Another rule would take the path, but a server may read it as one of the mapping at this place, which guards it.
    Guarded(usize),
}

/// The rules of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Those by path: longest path first, then in the order of the file.
    exclusions: Vec<Entry>,
    /// In the same order.
    mappings: Vec<Entry>,
    /// Those by pattern, in the order of the file.
    excluded: Vec<(Pattern, Entry)>,
    matched: Vec<(Pattern, Entry)>,
    /// Whether a mapping guards its paths.
    guards: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The rule's path in UTF-8, without a slash at its end: empty for `/`.
    prefix: Vec<u8>,
    /// The names of an exclusion with letters beyond ASCII; else empty.
    names: Vec<Name>,
    /// Empty: every host.
    hosts: Vec<HostName>,
    /// `None`: both schemes.
    secure: Option<bool>,
    /// Where the rule stands in the file.
    index: usize,
    guards: bool,
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
        let guards = rules.iter().any(|rule| rule.guards);
        let mut table = Self {
            guards,
            ..Self::default()
        };
        for (index, rule) in rules.into_iter().enumerate() {
            let entry = Entry::new(index, &rule);
            match (rule.exclude, rule.pattern) {
                (true, None) => table.exclusions.push(entry),
                (false, None) => table.mappings.push(entry),
                (true, Some(pattern)) => table.excluded.push((pattern, entry)),
                (false, Some(pattern)) => table.matched.push((pattern, entry)),
            }
        }
        for entries in [&mut table.exclusions, &mut table.mappings] {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.prefix.len()));
        }
        table
    }

    /// The rule for a request: the longest exclusion that covers the path, else the first exclusion whose pattern is in it,
    /// else the mapping.
    ///
    /// Exclusions count before everything else. One covers a path when it does so in any of the ways in which a server
    /// may read the path: with encoded slashes and backslashes as part of a segment, or as slashes. A pattern is looked for
    /// in each of these ways, and in letters of UTF-8 and of ISO-8859-1. A mapping that guards its paths covers them in each
    /// of these ways too: whoever has to pass it does not get there by another mapping.
    #[must_use]
    pub fn find<'a>(&self, site: impl Into<Site<'a>>, path: &Normal<'_>) -> Option<Match> {
        let site = site.into();
        let covers = |entry: &Entry| match path.is_ambiguous() {
            false => entry.covers(path.as_bytes()),
            true => path.readings().any(|reading| entry.covers(reading)),
        };
        let mut exclusions = self.exclusions.iter();
        let excluded = exclusions.find(|entry| covers(entry) && entry.fit(site).is_some());
        let excluded = excluded.or_else(|| self.excluded_by_pattern(site, path));
        if let Some(entry) = excluded {
            return Some(Match::Exclusion(entry.index));
        }
        let mapping = self.entry(site, path.as_bytes())?;
        Some(match self.guard_of(site, path, mapping) {
            Some(guard) => Match::Guarded(guard.index),
            None => Match::Mapping(mapping.index),
        })
    }

    /// The mapping that guards a path as some server reads it, where another one takes it.
    fn guard_of(&self, site: Site<'_>, path: &Normal<'_>, mapping: &Entry) -> Option<&Entry> {
        let is_read_in_one_way = path.as_bytes().is_ascii() && !path.is_ambiguous();
        if is_read_in_one_way || !self.guards {
            return None;
        }
        let mut readings = path.readings();
        readings.find_map(|reading| {
            let texts = texts(reading, mapping.prefix.len());
            let mut entries = texts.iter().filter_map(|text| {
                let has = |pattern: &Pattern| pattern.is_in(reading) || pattern.is_in_text(text);
                self.entry_with(site, text.as_bytes(), has)
            });
            entries.find(|entry| entry.guards && entry.index != mapping.index)
        })
    }

    /// The first exclusion whose pattern is in a path, however a server reads the path.
    fn excluded_by_pattern(&self, site: Site<'_>, path: &Normal<'_>) -> Option<&Entry> {
        if self.excluded.is_empty() {
            return None;
        }
        // The names that the mapping replaces are in UTF-8, whatever encoding the names behind them are read in.
        let front = match path.as_bytes().is_ascii() {
            true => None,
            false => self.entry_of(site, path.as_bytes()),
        };
        let front = front.map_or(0, |(_, entry)| entry.prefix.len());
        let mut excluded = self.excluded.iter();
        let found = excluded.find(|(pattern, entry)| {
            let mut readings = path.readings();
            entry.fit(site).is_some() && readings.any(|reading| pattern.is_read_in(reading, front))
        });
        found.map(|(_, entry)| entry)
    }

    /// The place of the mapping for a request, whatever the exclusions say.
    ///
    /// The first one whose pattern is in the path wins. Else the longest path does; of several with that path, the one that
    /// names the host, then the one whose wildcard does, the longest wildcard first, then the one for every host; of these, one
    /// that names the scheme; then the first of the file.
    #[must_use]
    pub fn mapping<'a>(&self, site: impl Into<Site<'a>>, path: &Normal<'_>) -> Option<usize> {
        self.entry(site.into(), path.as_bytes())
            .map(|entry| entry.index)
    }

    /// The same for a decoded path.
    fn entry(&self, site: Site<'_>, path: &[u8]) -> Option<&Entry> {
        self.entry_with(site, path, |pattern| pattern.is_in(path))
    }

    /// The same; `has` says which patterns are in the path.
    fn entry_with(
        &self,
        site: Site<'_>,
        path: &[u8],
        has: impl Fn(&Pattern) -> bool,
    ) -> Option<&Entry> {
        let mut matched = self.matched.iter();
        let matched = matched.find(|(pattern, entry)| entry.fit(site).is_some() && has(pattern));
        match matched {
            Some((_, entry)) => Some(entry),
            None => self.entry_of(site, path).map(|(_, entry)| entry),
        }
    }

    /// The mapping by path for a decoded path.
    pub(super) fn mapping_of(&self, site: Site<'_>, path: &[u8]) -> Option<usize> {
        self.entry_of(site, path).map(|(_, entry)| entry.index)
    }

    fn entry_of(&self, site: Site<'_>, path: &[u8]) -> Option<((Fit, bool), &Entry)> {
        let mut best: Option<((Fit, bool), &Entry)> = None;
        for entry in &self.mappings {
            if best.is_some_and(|(_, best)| entry.prefix.len() < best.prefix.len()) {
                break;
            }
            if !entry.covers(path) {
                continue;
            }
            if let Some(fit) = entry.fit(site)
                && best.is_none_or(|(best, _)| fit < best)
            {
                best = Some((fit, entry));
            }
        }
        best
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
            secure: rule.secure,
            index,
            guards: rule.guards,
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

    /// How well the rule fits, and whether it leaves the scheme open; a better fit is smaller.
    fn fit(&self, site: Site<'_>) -> Option<(Fit, bool)> {
        if self.secure.is_some_and(|secure| secure != site.secure) {
            return None;
        }
        let host = name_of(site.host);
        let fit = match self.hosts.is_empty() {
            true => Some(Fit::Any),
            false => self.hosts.iter().filter_map(|name| name.fit(host)).min(),
        };
        fit.map(|fit| (fit, self.secure.is_none()))
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
