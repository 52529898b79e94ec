//! Rules of `JkMount`, `JkUnMount` and uriworkermap, and which one decides (`common/jk_uri_worker_map.c`).

use super::extension::{self, Extension};
use super::glob;
use crate::convert::note::{Notes, Origin};

/// A rule for one pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// `/app`, `/app/*`, `/*.jsp`.
    pub(super) pattern: String,
    /// The worker; of an exclusion also `*`.
    pub(super) worker: String,
    pub(super) extension: Extension,
    pub(super) origin: Origin,
}

/// The rules of one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Mounts {
    /// Those that send on; [`Mounts::sort`] puts them into the order in which they are asked.
    pub(super) rules: Vec<Mount>,
    /// Those that take paths away from the rules of their worker.
    pub(super) exclusions: Vec<Mount>,
}

/// A rule as it is written: its pattern, its worker with what stands behind it, and its place.
pub(super) type Written = (String, String, Origin);

impl Mounts {
    /// The rules of some lines. Of those with the same pattern the last one counts.
    pub(super) fn add(&mut self, lines: &[Written], notes: &mut Notes) {
        for (at, (pattern, worker, origin)) in lines.iter().enumerate() {
            let mut later = lines.iter().skip(at + 1);
            match later.find(|later| later.0 == *pattern) {
                Some((_, other, _)) if other == worker => {}
                Some((_, _, other)) => {
                    let text = format!(
                        "left out, as in mod_jk: line {} has the same pattern",
                        other.line
                    );
                    notes.name(origin, text);
                }
                None => self.line(pattern, worker, origin, notes),
            }
        }
    }

    fn line(&mut self, pattern: &str, worker: &str, origin: &Origin, notes: &mut Notes) {
        let bare = pattern.strip_prefix('-');
        if bare.is_some() {
            return notes.count(origin);
        }
        let (pattern, excludes) = match pattern.strip_prefix('!') {
            Some(pattern) => (pattern, true),
            None => (pattern, false),
        };
        let (worker, extension) = extension::split(worker, origin, notes);
        if !pattern.starts_with('/') {
            let text = format!("left out, as in mod_jk: {pattern} does not begin with a slash");
            return notes.name(origin, text);
        }
        let patterns = match pattern.split_once('|') {
            Some((first, behind)) => vec![first.to_owned(), format!("{first}{behind}")],
            None => vec![pattern.to_owned()],
        };
        let list = if excludes {
            &mut self.exclusions
        } else {
            &mut self.rules
        };
        for pattern in patterns {
            list.push(Mount {
                pattern,
                worker: worker.clone(),
                extension: extension.clone(),
                origin: origin.clone(),
            });
        }
    }

    /// Puts the rules into mod_jk's order: more slashes first, then longer patterns (`common/jk_uri_worker_map.c: worker_compare()`).
    pub(super) fn sort(&mut self) {
        let key = |mount: &Mount| {
            let slashes = mount.pattern.matches('/').count();
            std::cmp::Reverse((slashes, mount.pattern.len()))
        };
        self.rules.sort_by_key(key);
    }

    /// The rule that takes a path, and whether an exclusion takes the path away from it.
    pub(super) fn decide(&self, path: &str) -> Option<(&Mount, bool)> {
        let rule = self
            .rules
            .iter()
            .find(|rule| glob::takes(&rule.pattern, path))?;
        let excluded = self.taking_away(rule, path).next().is_some();
        Some((rule, excluded))
    }
}

impl Mounts {
    /// The exclusions that take a path away from a rule.
    pub(super) fn taking_away<'a>(
        &'a self,
        rule: &'a Mount,
        path: &'a str,
    ) -> impl Iterator<Item = &'a Mount> {
        let exclusions = self.exclusions.iter();
        exclusions.filter(move |it| it.concerns(rule) && glob::takes(&it.pattern, path))
    }
}

impl Mount {
    /// Whether an exclusion is about the worker of a rule.
    pub(super) fn concerns(&self, rule: &Self) -> bool {
        self.worker == "*" || self.worker == rule.worker
    }

    /// `/app` of `/app/*`, where nothing else is wild; `/` of `/*`.
    pub(super) fn folder(&self) -> Option<&str> {
        let folder = self.pattern.strip_suffix("/*")?;
        let folder = if folder.is_empty() { "/" } else { folder };
        (!glob::is_wild(folder) && (folder == "/" || !folder.ends_with('/'))).then_some(folder)
    }
}
