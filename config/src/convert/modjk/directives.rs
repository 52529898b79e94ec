//! `Jk…` directives of one server of an httpd (`apache-2.0/mod_jk.c`).

use crate::convert::note::{Notes, Origin};
use crate::convert::site::Takes;

use super::mount::Written;

/// A directive with the words behind it.
pub(crate) struct Directive<'a> {
    /// In lower case.
    pub(crate) name: &'a str,
    pub(crate) words: &'a [String],
    pub(crate) origin: &'a Origin,
    /// The path or expression of its `Location`, as it is written; `None`: it stands in no such section.
    pub(crate) location: Option<&'a str>,
}

/// What the directives of a server say.
#[derive(Debug, Default)]
pub(crate) struct Directives {
    /// `JkWorkersFile`
    pub(super) workers: Option<(String, Origin)>,
    /// `JkWorkerProperty`
    pub(super) properties: Vec<(String, Origin)>,
    /// `JkMount`, and `JkUnMount` with `!`.
    pub(super) mounts: Vec<Written>,
    /// `JkMountFile`
    pub(super) map: Option<(String, Origin)>,
    /// `JkMountCopy On` or `All`.
    pub(super) copy: Option<bool>,
    /// `JkMountCopy All`
    pub(super) copy_all: bool,
    /// `JkEnvVar`: name and default.
    pub(super) variables: Vec<(String, Option<String>, Origin)>,
    /// `SetEnv`: name and value.
    environment: Vec<(String, String)>,
    /// Variables that other lines set for some requests.
    conditional: Vec<String>,
    /// Expressions of the paths that `no-jk` keeps away.
    pub(super) excluded: Vec<(String, Origin)>,
    /// Whether paths are sent on as clients write them (`JkOptions +ForwardURICompatUnparsed`); `None`: nothing is said.
    pub(super) unparsed: Option<bool>,
    /// The paths for which `SetEnv no-jk` counts.
    pub(super) silent: Vec<(Takes, Origin)>,
}

impl Directives {
    /// Whether a rule says what is sent on.
    pub(crate) fn sends_on(&self) -> bool {
        !self.mounts.is_empty() || self.map.is_some()
    }

    /// Takes a directive. Returns whether it is one of mod_jk's.
    pub(crate) fn take(&mut self, directive: &Directive<'_>, notes: &mut Notes) -> bool {
        let origin = directive.origin;
        match (directive.name, directive.words) {
            ("jkworkersfile", [file, ..]) => self.workers = Some((file.clone(), origin.clone())),
            ("jkworkerproperty", words) => self.properties.push((words.join(" "), origin.clone())),
            ("jkmountfile", [file, ..]) => self.map = Some((file.clone(), origin.clone())),
            ("jkmountcopy", [word, ..]) => {
                self.copy_all = word.eq_ignore_ascii_case("all");
                self.copy = Some(self.copy_all || word.eq_ignore_ascii_case("on"));
            }
            ("jkmount" | "jkunmount", words) => self.mount(directive, words, notes),
            ("jkenvvar", [name, default @ ..]) => {
                let default = default.first().cloned();
                self.variables.push((name.clone(), default, origin.clone()));
            }
            ("setenv", [name, value @ ..]) => {
                let value = value.first().cloned().unwrap_or_default();
                self.environment.push((name.clone(), value));
                return false;
            }
            ("jkoptions", words) => {
                self.unparsed = unparsed(words).or(self.unparsed);
                options(words, origin, notes);
            }
            ("jkautoalias", _) => notes.name(origin, "JkAutoAlias is left out: see `files`"),
            ("jkmountfilereload", _) => notes.count(origin),
            (name, _) if name.starts_with("jk") && name.ends_with("indicator") => {
                notes.name(
                    origin,
                    "left out: the gateway knows these facts of its connections itself",
                );
            }
            _ => return false,
        }
        true
    }

    /// Leaves alone the requests in whose path an expression is found, whatever the rules say.
    pub(crate) fn exclude(&mut self, pattern: String, origin: &Origin) {
        self.excluded.push((pattern, origin.clone()));
    }

    /// Takes up variables that a line sets for some requests.
    pub(crate) fn sets(&mut self, names: &[String]) {
        self.conditional.extend_from_slice(names);
    }

    /// Whether a variable is set for some requests.
    pub(super) fn is_conditional(&self, name: &str) -> bool {
        self.conditional.iter().any(|it| it == name)
    }

    /// Answers 404 at these paths, where a rule takes them: mod_jk has taken them before it is told to leave them alone
    /// (`mod_jk.c: jk_handler()`).
    pub(crate) fn silence(&mut self, takes: Takes, origin: &Origin) {
        self.silent.push((takes, origin.clone()));
    }

    /// The value that `SetEnv` gives a variable.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self
            .environment
            .iter()
            .rev()
            .find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn mount(&mut self, directive: &Directive<'_>, words: &[String], notes: &mut Notes) {
        let origin = directive.origin;
        let (pattern, worker) = match (words, directive.location) {
            // The text of the section is the pattern, of whatever kind the section is (`mod_jk.c: jk_mount_context()`).
            ([worker], Some(text)) => (text.to_owned(), worker.clone()),
            ([_], None) => {
                let text = "left out: without a path it needs a <Location> around it";
                return notes.name(origin, text);
            }
            ([pattern, worker, ..], _) => (pattern.clone(), worker.clone()),
            ([], _) => return notes.name(origin, "left out: a path and a worker are wanted"),
        };
        let mark = if directive.name == "jkunmount" {
            "!"
        } else {
            ""
        };
        self.mounts
            .push((format!("{mark}{pattern}"), worker, origin.clone()));
    }
}

/// Whether the last of these `JkOptions` about paths has them sent on as clients write them; `None`: none is about paths.
fn unparsed(words: &[String]) -> Option<bool> {
    let names = words.iter().filter(|it| !it.starts_with('-'));
    let mut names = names.map(|it| it.trim_start_matches('+').to_ascii_lowercase());
    let last = names.rfind(|it| it.starts_with("forwarduri"))?;
    Some(last == "forwarduricompatunparsed")
}

/// `JkOptions`: how paths are sent on is decided here as it is for every mapping.
fn options(words: &[String], origin: &Origin, notes: &mut Notes) {
    for word in words {
        let name = word.trim_start_matches(['+', '-']).to_ascii_lowercase();
        let off = word.starts_with('-');
        let counted = off
            || name.starts_with("forwarduri")
            || name.starts_with("collapseslashes")
            || matches!(
                &*name,
                "forwardkeysize" | "flushpackets" | "flushheader" | "forwardphysicaladdress"
            );
        // mod_jk, common/jk_uri_worker_map.c: map_uri_to_worker_ext().
        let why = match &*name {
            "rejectunsafeuri" => "a path with %25 goes on here as any other does",
            _ => "it has no counterpart here",
        };
        match counted {
            true => notes.count(origin),
            false => notes.name(origin, format!("JkOptions {word} is left out: {why}")),
        }
    }
}
