//! Where the old files are read from.

use std::path::{Path, PathBuf};

/// Reads old files. The crate itself opens none, so that tests and fuzz targets need no file system.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// Why it cannot be read, in words.
    fn read(&self, file: &Path) -> Result<Vec<u8>, String>;

    /// The names in a folder, in any order; `None` when it is no folder, or cannot be read.
    fn names(&self, folder: &Path) -> Option<Vec<String>>;
}

/// A name that an old file gives, seen from a folder.
pub(super) fn below(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}
