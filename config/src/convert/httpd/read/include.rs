//! `Include` and `IncludeOptional`: files, folders with everything below them, and patterns in any part of a name.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::super::tree::Node;
use super::state::{Reader, failure};
use crate::convert::note::Failure;

/// As in httpd: a wildcard takes neither a slash nor a dot at the start of a name.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Deepest folder below an included one.
const DEEPEST: usize = 32;

impl Reader<'_> {
    /// Reads the files that a directive names.
    pub(super) fn include(
        &mut self,
        node: &Node,
        nodes: &mut Vec<Node>,
        depth: usize,
    ) -> Result<(), Failure> {
        let optional = node.name == "includeoptional";
        for name in node.words() {
            let path = crate::convert::files::below(&self.root, &name);
            let mut found = Vec::new();
            let has_pattern = name.contains(['*', '?', '[']);
            match has_pattern {
                true => self.expand(&path, &mut found),
                false => self.walk(&path, &mut found, 0),
            }
            if found.is_empty() && !optional {
                let text = format!("Include {name}: there is no such file");
                return Err(failure(&node.origin, text));
            }
            for file in found {
                if optional && !has_pattern && self.options.files.read(&file).is_err() {
                    continue;
                }
                self.file(&file, &node.origin, nodes, depth + 1)?;
            }
        }
        Ok(())
    }

    /// The file, or all files below the folder in the order of their names.
    fn walk(&self, path: &Path, found: &mut Vec<PathBuf>, depth: usize) {
        match self.options.files.names(path) {
            Some(mut names) if depth < DEEPEST => {
                names.sort();
                for name in names {
                    self.walk(&path.join(name), found, depth + 1);
                }
            }
            Some(_) => {}
            None => found.push(path.to_owned()),
        }
    }

    /// What fits a pattern, in the order of the names.
    fn expand(&self, pattern: &Path, found: &mut Vec<PathBuf>) {
        let mut fitting = vec![PathBuf::new()];
        for part in pattern.components() {
            let part = part.as_os_str().to_string_lossy();
            let mut next = Vec::new();
            for folder in fitting {
                if !part.contains(['*', '?', '[']) {
                    next.push(folder.join(&*part));
                    continue;
                }
                let Ok(pattern) = Pattern::new(&part) else {
                    continue;
                };
                let mut names = self.options.files.names(&folder).unwrap_or_default();
                names.retain(|name| pattern.matches_with(name, OPTIONS));
                names.sort();
                next.extend(names.iter().map(|name| folder.join(name)));
            }
            fitting = next;
        }
        let last_is_plain = pattern
            .file_name()
            .is_some_and(|name| !name.to_string_lossy().contains(['*', '?', '[']));
        for path in fitting {
            let exists = || {
                let folder = path.parent().unwrap_or(Path::new(""));
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                let names = self.options.files.names(folder).unwrap_or_default();
                name.is_some_and(|name| names.contains(&name))
            };
            if !last_is_plain || exists() {
                self.walk(&path, found, 0);
            }
        }
    }
}
