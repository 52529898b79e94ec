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
            let read = match has_pattern {
                true => self.expand(&path, &mut found),
                false => self.walk(&path, &mut found, 0),
            };
            read.map_err(|why| failure(&node.origin, format!("{} {name}: {why}", node.written)))?;
            if found.is_empty() && !optional {
                let text = format!("Include {name}: there is no such file");
                return Err(failure(&node.origin, text));
            }
            for file in found {
                if optional && !has_pattern && self.options.files.is_missing(&file) {
                    continue;
                }
                self.file(&file, &node.origin, nodes, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Whether a directive names something that is there.
    pub(super) fn finds(&self, node: &Node) -> bool {
        node.words().iter().any(|name| {
            let path = crate::convert::files::below(&self.root, name);
            let mut found = Vec::new();
            match name.contains(['*', '?', '[']) {
                true => self.expand(&path, &mut found).is_err() || !found.is_empty(),
                false => !self.options.files.is_missing(&path),
            }
        })
    }

    /// The file, or all files below the folder in the order of their names. What cannot be listed is found as if it were a file,
    /// and cannot be read then.
    fn walk(&self, path: &Path, found: &mut Vec<PathBuf>, depth: usize) -> Result<(), String> {
        match self.options.files.names(path) {
            Some(mut names) if depth < DEEPEST => {
                names.sort();
                for name in names {
                    self.walk(&path.join(name), found, depth + 1)?;
                }
            }
            Some(_) => return Err(format!("more than {DEEPEST} folders in one another")),
            None => found.push(path.to_owned()),
        }
        Ok(())
    }

    /// The names in a folder, in their order. What does not exist, or is a file, has none.
    fn listed(&self, folder: &Path) -> Result<Vec<String>, String> {
        let files = self.options.files;
        match files.names(folder) {
            Some(mut names) => {
                names.sort();
                Ok(names)
            }
            None if files.is_missing(folder) || files.read(folder).is_ok() => Ok(Vec::new()),
            None => Err(format!("cannot list {}", folder.display())),
        }
    }

    /// What fits a pattern, in the order of the names.
    fn expand(&self, pattern: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
        let mut fitting = vec![PathBuf::new()];
        for part in pattern.components() {
            let part = part.as_os_str().to_string_lossy();
            let mut next = Vec::new();
            for folder in fitting {
                if !part.contains(['*', '?', '[']) {
                    next.push(folder.join(&*part));
                    continue;
                }
                // httpd takes both signs of a class that takes other letters than its own.
                let pattern = Pattern::new(&part.replace("[^", "[!"));
                let pattern = pattern.map_err(|why| format!("no pattern: {}", why.msg))?;
                let mut names = self.listed(&folder)?;
                names.retain(|name| pattern.matches_with(name, OPTIONS));
                next.extend(names.iter().map(|name| folder.join(name)));
            }
            fitting = next;
        }
        let last_is_plain = pattern
            .file_name()
            .is_some_and(|name| !name.to_string_lossy().contains(['*', '?', '[']));
        for path in fitting {
            if !(last_is_plain && self.options.files.is_missing(&path)) {
                self.walk(&path, found, 0)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::convert::{Files, Wanted, convert};

    /// `/etc/httpd.conf` with one line, and files that are there and cannot be read.
    struct Locked(&'static str);

    const SECRET: [&str; 3] = ["/etc/acl.conf", "/etc/locked", "/etc/locked/acl.conf"];

    impl Files for Locked {
        fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
            match file.to_str() {
                Some("/etc/httpd.conf") => Ok(self.0.into()),
                _ => Err("Permission denied".to_owned()),
            }
        }

        fn names(&self, folder: &Path) -> Option<Vec<String>> {
            let names = ["httpd.conf", "acl.conf", "locked"].map(str::to_owned);
            (folder == Path::new("/etc")).then(|| names.to_vec())
        }

        fn is_missing(&self, path: &Path) -> bool {
            let is_secret = path.to_str().is_some_and(|it| SECRET.contains(&it));
            !is_secret && self.names(path).is_none() && self.read(path).is_err()
        }
    }

    #[test]
    fn what_is_there_and_cannot_be_read_ends_the_work() {
        for (line, said) in [
            ("IncludeOptional acl.conf", Some("Permission denied")),
            ("IncludeOptional ac*.conf", Some("Permission denied")),
            ("IncludeOptional locked", Some("Permission denied")),
            (
                "IncludeOptional locked/*.conf",
                Some("cannot list /etc/locked"),
            ),
            ("IncludeOptional locked/acl.conf", Some("Permission denied")),
            ("IncludeOptional lock*/acl.conf", Some("Permission denied")),
            ("IncludeOptional [^b-z]cl.conf", Some("Permission denied")),
            ("IncludeOptional [.conf", Some("no pattern")),
            ("IncludeOptional none.conf", None),
            ("IncludeOptional none/*.conf", None),
            ("IncludeOptional n*/acl.conf", None),
            ("IncludeOptional [^a]cl.conf", None),
        ] {
            let wanted = Wanted {
                httpd: Some(PathBuf::from("/etc/httpd.conf")),
                ..Wanted::default()
            };
            let done = convert(&wanted, &Locked(line), &|_| None);
            let why = done.err().map(|failure| failure.to_string());
            match said {
                Some(said) => assert!(why.is_some_and(|it| it.contains(said)), "{line}"),
                None => assert_eq!(why, None, "{line}"),
            }
        }
    }
}
