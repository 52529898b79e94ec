//! `watch`: notices changes of the configuration file and of the files that it names.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use crate::state::Snapshot;

/// A hash of the content of each file; `None` for a file that cannot be read, or that can be read only once, like a pipe.
type Contents = BTreeMap<PathBuf, Option<u64>>;

/// A hash of the content of a file; `None` when it cannot be read, or is not a regular file.
pub(super) fn fingerprint(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut hasher = DefaultHasher::new();
    fs::read(path).ok()?.hash(&mut hasher);
    Some(hasher.finish())
}

/// The files that the running configuration was read from.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    /// The content of the files when they were read last.
    seen: Contents,
    /// The content at the last look, if it differs from `seen`. The program that writes the files may not be done yet.
    pending: Option<Contents>,
}

impl Watch {
    /// `content` is the hash of the configuration file before it was read.
    pub(super) fn new(path: PathBuf, content: Option<u64>) -> Self {
        Self {
            seen: Contents::from([(path.clone(), content)]),
            path,
            pending: None,
        }
    }

    /// Records the content of the files. Call it before they are read.
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        self.seen = self.look(snapshot);
        self.pending = None;
    }

    /// Looks at the files. Returns whether they are to be read again: one has changed, and all have the content of the
    /// last look.
    pub(super) fn is_due(&mut self, snapshot: &Snapshot) -> bool {
        let now = self.look(snapshot);
        if !self.differs(&now, snapshot) {
            self.seen = now;
            self.pending = None;
            return false;
        }
        let settled = self.pending.as_ref() == Some(&now);
        self.pending = Some(now);
        settled
    }

    fn look(&self, snapshot: &Snapshot) -> Contents {
        let files = [&self.path].into_iter().chain(&snapshot.files);
        files
            .map(|file| (file.clone(), fingerprint(file)))
            .collect()
    }

    fn differs(&self, now: &Contents, snapshot: &Snapshot) -> bool {
        let mut known = now.iter();
        if known.any(|(file, content)| self.seen.get(file).is_some_and(|seen| seen != content)) {
            return true;
        }
        // A file that was not watched at the last look may have changed after it was read.
        let mut files = now.keys();
        files.any(|file| !self.seen.contains_key(file)) && snapshot.is_out_of_date()
    }
}
