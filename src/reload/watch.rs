//! `watch`: notices changes of the configuration file and of the files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ajpgate_config::IncludedFile;

use crate::state::Snapshot;

/// Most bytes of a file that is watched: no reader takes more.
const LARGEST: u64 = 64 << 20;

/// A hash of the content of each file; `None` for a file that cannot be read, or that can be read only once, like a pipe.
type Contents = BTreeMap<PathBuf, Option<u64>>;

/// A hash of the content of a file; `None` when it cannot be read, or is not a regular file.
pub(super) fn fingerprint(path: &Path) -> Option<u64> {
    ajpgate_config::fingerprint(path, LARGEST)
}

/// The files that the running configuration was read from.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    /// The content of the files when they were read last.
    seen: Contents,
    /// The files that `include` named then; `None` until they were looked at.
    included: Option<Vec<IncludedFile>>,
    /// The content at the last look, if it differs from `seen`. The program that writes the files may not be done yet.
    pending: Option<(Contents, Vec<IncludedFile>)>,
}

impl Watch {
    /// `content` is the hash of the configuration file before it was read.
    pub(super) fn new(path: PathBuf, content: Option<u64>) -> Self {
        Self {
            seen: Contents::from([(path.clone(), content)]),
            path,
            included: None,
            pending: None,
        }
    }

    /// Records the content of the files. Call it before they are read.
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        self.seen = self.look(snapshot);
        self.included = Some(snapshot.include.now());
        self.pending = None;
    }

    /// Looks at the files. Returns whether they are to be read again: one has changed, and all have the content of the
    /// last look.
    pub(super) fn is_due(&mut self, snapshot: &Snapshot) -> bool {
        let now = (self.look(snapshot), snapshot.include.now());
        if !self.differs(&now, snapshot) {
            (self.seen, self.included) = (now.0, Some(now.1));
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

    fn differs(&self, now: &(Contents, Vec<IncludedFile>), snapshot: &Snapshot) -> bool {
        let (now, included) = now;
        let before = self.included.as_ref().unwrap_or(&snapshot.include.files);
        if before != included {
            return true;
        }
        let mut known = now.iter();
        if known.any(|(file, content)| self.seen.get(file).is_some_and(|seen| seen != content)) {
            return true;
        }
        // A file that was not watched at the last look may have changed after it was read.
        let mut files = now.keys();
        files.any(|file| !self.seen.contains_key(file)) && snapshot.is_out_of_date()
    }
}
