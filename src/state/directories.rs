//! The directories whose files are served, opened when a configuration is read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ajpgate_config::{Action, Config};
use tracing::warn;

use crate::site::files::Directory;

/// Open directories by their paths.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directories(BTreeMap<PathBuf, Arc<Directory>>);

/// A directory of the configuration that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("files: {}: {error}", path.display())]
pub(crate) struct NoDirectory {
    path: PathBuf,
    error: io::Error,
}

impl Directories {
    /// Opens those that a configuration names.
    ///
    /// # Errors
    /// When one is no directory, or may not be entered.
    pub(crate) fn open(config: &Config) -> Result<Self, NoDirectory> {
        let mut opened = BTreeMap::new();
        for mapping in &config.mappings {
            let Action::Files(files) = &mapping.action else {
                continue;
            };
            let path = &files.directory;
            if opened.contains_key(path) {
                continue;
            }
            let directory = Directory::open(path).map_err(|error| NoDirectory {
                path: path.clone(),
                error,
            })?;
            if !directory.follows_links() {
                warn!(
                    directory = %path.display(),
                    "this system has no openat2, or forbids it: links among these files are not followed"
                );
            }
            opened.insert(path.clone(), Arc::new(directory));
        }
        Ok(Self(opened))
    }

    pub(super) fn get(&self, path: &Path) -> Option<Arc<Directory>> {
        self.0.get(path).map(Arc::clone)
    }
}
