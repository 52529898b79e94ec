//! What became of each line of the old files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::converted::Converted;
use super::modjk::property;
use super::note::{Origin, Remark};

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It became nothing here: its remark says why, or what to do.
    NotTurned,
    /// It is turned, and its meaning differs, or something is to be done.
    Differs,
    /// It is turned.
    Turned,
    /// It is no business of a gateway's.
    NoConcern,
    /// The old server does not read it either: a condition around it does not hold.
    Skipped,
    /// It was followed, or holds others together: an include, a condition, the end of a section.
    Followed,
    /// A comment, or nothing.
    Empty,
}

/// A line of an old file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: u32,
    /// Its text without secrets.
    pub text: String,
    /// What became of it.
    pub fate: Fate,
    /// Whether it continues the line before, whose fate it has.
    pub continues: bool,
    /// The lines of the YAML that come from it, from 1.
    pub yaml: Vec<usize>,
    /// Whether those lines come from the section or worker that it belongs to, not from the line alone.
    pub is_shared: bool,
    /// What is said about it.
    pub remarks: Vec<String>,
}

/// An old file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldFile {
    /// Its name as it was opened.
    pub name: Arc<str>,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// What became of every line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The old files in the order in which they were first read.
    pub files: Vec<OldFile>,
    /// What is said about no single line of theirs, with its place.
    pub general: Vec<String>,
    /// The lines of the YAML without secrets.
    pub yaml: Vec<String>,
}

/// Directives that are only followed while files are read.
const FOLLOWED: [&str; 8] = [
    "include",
    "includeoptional",
    "define",
    "undefine",
    "serverroot",
    "unsetenv",
    "use",
    "undefmacro",
];

/// Conditions that are decided while files are read, and macros, whose lines stand where they are used.
const CONDITIONS: [&str; 5] = ["<ifmodule", "<ifdefine", "<ifversion", "<iffile", "<macro"];

/// Directives that become keys of the whole file, by how they begin, with the key.
const WHOLE: [(&str, &str); 15] = [
    ("customlog", "access_log:"),
    ("logformat", "access_log:"),
    ("errordocument", "error_pages:"),
    ("proxyerroroverride", "error_override:"),
    ("limit", "limits:"),
    ("maxrequestworkers", "limits:"),
    ("maxclients", "limits:"),
    ("asyncrequestworkerfactor", "limits:"),
    ("protocols", "listeners:"),
    ("keepalivetimeout", "limits:"),
    ("requestreadtimeout", "limits:"),
    ("remoteip", "trusted_proxies:"),
    ("ssl", "    tls:"),
    ("gracefulshutdowntimeout", "shutdown_timeout:"),
    ("worker.list", "balancers:"),
];

impl Account {
    /// The account of what was turned.
    #[must_use]
    pub fn of(converted: &Converted) -> Self {
        let known = Known::of(converted);
        let files = converted.sources.iter().map(|(name, text)| OldFile {
            name: Arc::clone(name),
            lines: known.lines(name, text),
        });
        let files: Vec<OldFile> = files.collect();
        let has_line = |origin: &Origin| {
            let mut files = files.iter();
            let last = |file: &OldFile| file.lines.last().map_or(0, |line| line.number);
            files.any(|it| it.name == origin.file && (1..=last(it)).contains(&origin.line))
        };
        let general = converted.remarks.iter().filter(|it| !has_line(&it.origin));
        let general = general
            .map(|it| converted.secrecy.hidden(&it.to_string()))
            .collect();
        let yaml = converted.written.text.lines();
        Self {
            files,
            general,
            yaml: yaml.map(|line| converted.secrecy.hidden(line)).collect(),
        }
    }

    /// How many lines have a fate, without those that continue another one.
    #[must_use]
    pub fn count(&self, fate: Fate) -> usize {
        let lines = self.files.iter().flat_map(|file| &file.lines);
        lines
            .filter(|line| line.fate == fate && !line.continues)
            .count()
    }
}

/// What is known of the lines, by their places.
struct Known<'a> {
    converted: &'a Converted,
    /// The lines of the YAML, from 1, that come from a line.
    yaml: BTreeMap<&'a Origin, Vec<usize>>,
    /// The lines whose meaning differs, as a comment in the YAML says.
    commented: BTreeSet<&'a Origin>,
    remarks: BTreeMap<&'a Origin, Vec<&'a Remark>>,
    /// The directives of an httpd, with the sections that they stand in.
    directives: BTreeMap<Origin, Option<Origin>>,
    /// The files with directives of an httpd.
    httpd: BTreeSet<Arc<str>>,
}

impl<'a> Known<'a> {
    fn of(converted: &'a Converted) -> Self {
        let (mut yaml, mut commented) = (BTreeMap::new(), BTreeSet::new());
        let mut above: Vec<usize> = Vec::new();
        let texts = converted.written.text.lines();
        for ((number, text), origins) in (1..).zip(texts).zip(&converted.written.origins) {
            if text.trim_start().starts_with('#') {
                above.push(number);
                continue;
            }
            for origin in origins {
                let lines: &mut Vec<usize> = yaml.entry(origin).or_default();
                lines.extend(&above);
                lines.push(number);
            }
            for comment in above.drain(..) {
                // The section that says who comes in is the last of the lines.
                commented.extend(match converted.written.closed.contains(&comment) {
                    true => origins.last(),
                    false => origins.first(),
                });
            }
        }
        let mut remarks: BTreeMap<&Origin, Vec<&Remark>> = BTreeMap::new();
        for remark in &converted.remarks {
            remarks.entry(&remark.origin).or_default().push(remark);
        }
        let directives = converted.old.lines();
        let httpd = directives.keys().map(|it| Arc::clone(&it.file)).collect();
        Self {
            converted,
            yaml,
            commented,
            remarks,
            directives,
            httpd,
        }
    }

    fn lines(&self, name: &Arc<str>, text: &str) -> Vec<Line> {
        let is_httpd = self.httpd.contains(name);
        let workers = match is_httpd {
            true => BTreeMap::new(),
            false => self.workers(name, text),
        };
        let mut lines: Vec<Line> = Vec::new();
        let mut goes_on = false;
        for (number, written) in (1..).zip(text.lines()) {
            let file = Arc::clone(name);
            let origin = Origin { file, line: number };
            let bare = written.trim().trim_start_matches('\u{feff}');
            let fate = match (is_httpd, goes_on) {
                // A line that continues another one shares its fate.
                (true, true) => lines.last().map_or(Fate::Empty, |line| line.fate),
                (true, false) => self.of_directive(&origin, bare),
                (false, _) => self.of_property(&origin, bare),
            };
            let continues = goes_on;
            goes_on = is_httpd && written.ends_with('\\');
            let own = self.yaml.get(&origin);
            let shared = || match property(bare) {
                _ if is_httpd => self.around(&origin, bare),
                Some((key, _)) => worker(&key).and_then(|it| workers.get(it)).cloned(),
                None => None,
            };
            let is_turned = matches!(fate, Fate::Turned | Fate::Differs);
            let yaml = match own {
                Some(own) => own.clone(),
                None if is_turned => shared().unwrap_or_default(),
                None => Vec::new(),
            };
            let remarks = self.remarks.get(&origin).into_iter().flatten();
            let secrecy = &self.converted.secrecy;
            lines.push(Line {
                number,
                text: secrecy.hidden_line(written),
                fate,
                continues,
                is_shared: own.is_none() && !yaml.is_empty(),
                yaml,
                remarks: remarks.map(|it| secrecy.hidden(&it.text)).collect(),
            });
        }
        if is_httpd {
            with_rules(&mut lines);
        }
        lines
    }

    /// The lines of the YAML that come from a worker's properties, by its name.
    fn workers(&self, name: &Arc<str>, text: &'a str) -> BTreeMap<String, Vec<usize>> {
        let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let file = Arc::clone(name);
            let lines = self.yaml.get(&Origin { file, line: number });
            let key = property(line).map(|it| it.0);
            if let Some((lines, worker)) = lines.zip(key.as_deref().and_then(worker)) {
                found.entry(worker.to_owned()).or_default().extend(lines);
            }
        }
        found
    }

    /// The lines that come from the section around a directive, or that hold a key of the whole file.
    fn around(&self, origin: &Origin, text: &str) -> Option<Vec<usize>> {
        let mut above = self.directives.get(origin)?.as_ref();
        while let Some(section) = above {
            if let Some(lines) = self.yaml.get(section) {
                return Some(lines.clone());
            }
            above = self.directives.get(section)?.as_ref();
        }
        let lower = text.to_ascii_lowercase();
        let (_, key) = WHOLE.iter().find(|(start, _)| lower.starts_with(start))?;
        let mut yaml = (1..).zip(self.converted.written.text.lines());
        let found = yaml.find(|(_, line)| line.starts_with(key))?;
        Some(vec![found.0])
    }

    fn of_directive(&self, origin: &Origin, text: &str) -> Fate {
        let name = text.split([' ', '\t', '>']).next().unwrap_or_default();
        let name = name.to_ascii_lowercase();
        match () {
            () if text.is_empty() || text.starts_with('#') => Fate::Empty,
            () if text.starts_with("</") => Fate::Followed,
            () if self.is_in_left_out(origin) => Fate::NotTurned,
            () if self.is_known(origin) => self.fate(origin),
            () if CONDITIONS.contains(&&*name) || FOLLOWED.contains(&&*name) => Fate::Followed,
            () => Fate::Skipped,
        }
    }

    /// Whether a section around a directive is left out with everything in it.
    fn is_in_left_out(&self, origin: &Origin) -> bool {
        let mut above = self.directives.get(origin).and_then(Option::as_ref);
        while let Some(section) = above {
            let mut remarks = self.remarks.get(section).into_iter().flatten();
            if remarks.any(|it| it.text.contains("left out with everything in it")) {
                return true;
            }
            above = self.directives.get(section).and_then(Option::as_ref);
        }
        false
    }

    fn is_known(&self, origin: &Origin) -> bool {
        self.directives.contains_key(origin)
            || self.remarks.contains_key(origin)
            || self.converted.counted_lines.contains(origin)
    }

    fn of_property(&self, origin: &Origin, text: &str) -> Fate {
        let bare = text.split('#').next().unwrap_or_default().trim();
        match bare.is_empty() {
            true => Fate::Empty,
            false => self.fate(origin),
        }
    }

    fn fate(&self, origin: &Origin) -> Fate {
        let own = self.yaml.get(origin);
        let remarks = self.remarks.get(origin);
        let is_left_out = |remarks: &&Vec<&Remark>| remarks.iter().any(|it| it.is_left_out());
        match (own, remarks) {
            (None, Some(remarks)) if is_left_out(&remarks) => Fate::NotTurned,
            (_, Some(_)) => Fate::Differs,
            (Some(_), None) if self.commented.contains(origin) => Fate::Differs,
            (None, None) if self.converted.counted_lines.contains(origin) => Fate::NoConcern,
            _ => Fate::Turned,
        }
    }
}

/// Gives a `RewriteCond` the fate of the rule that it belongs to; one without a rule says nothing, as in httpd.
fn with_rules(lines: &mut [Line]) {
    let mut rule = Fate::NotTurned;
    for line in lines.iter_mut().rev() {
        let name = line.text.split_whitespace().next().unwrap_or_default();
        if name.eq_ignore_ascii_case("rewriterule") {
            rule = line.fate;
        } else if name.eq_ignore_ascii_case("rewritecond") && line.fate == Fate::Turned {
            line.fate = rule;
        } else if name.starts_with('<') {
            rule = Fate::NotTurned;
        }
    }
}

/// `lb` of `worker.lb.type`.
fn worker(key: &str) -> Option<&str> {
    Some(key.strip_prefix("worker.")?.rsplit_once('.')?.0)
}
