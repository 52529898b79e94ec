//! Where the old files are read from.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

    /// Whether nothing has this name. What has it and cannot be read, and what stands in a folder that cannot be looked into, is
    /// not missing.
    fn is_missing(&self, path: &Path) -> bool {
        self.names(path).is_none() && self.read(path).is_err()
    }

    /// Whether there is such a folder. Its names need not be readable.
    fn is_folder(&self, path: &Path) -> bool {
        self.names(path).is_some()
    }

    /// The lines of a file of users (`AuthUserFile`) that the gateway does not take.
    ///
    /// # Errors
    ///
    /// Why nobody knows them, in words.
    fn bad_users(&self, file: &Path) -> Result<Vec<BadUser>, String> {
        Err(format!("{}: nobody has looked into it", file.display()))
    }
}

/// A line of a file of users that the gateway does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadUser {
    /// From 1.
    pub line: usize,
    /// The name of the user; `None` where the line does not say it.
    pub name: Option<String>,
    /// What is wrong, without the hash: `MD5 is not taken`.
    pub why: String,
}

/// Keeps the bytes of the files that are read.
pub(super) struct Recorder<'a> {
    files: &'a dyn Files,
    read: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Self {
            files,
            read: RefCell::default(),
        }
    }

    /// The texts of some of the files, each with its name. Bytes that are not UTF-8 are taken for Latin-1.
    pub(super) fn texts(&self, names: &[Arc<str>]) -> Vec<(Arc<str>, String)> {
        let read = self.read.borrow();
        let text = |name: &Arc<str>| {
            let bytes = read.get(Path::new(&**name))?;
            Some((Arc::clone(name), text_of(bytes)))
        };
        names.iter().filter_map(text).collect()
    }
}

impl Files for Recorder<'_> {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        let bytes = self.files.read(file)?;
        self.read
            .borrow_mut()
            .insert(file.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn names(&self, folder: &Path) -> Option<Vec<String>> {
        self.files.names(folder)
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.files.is_folder(path)
    }

    fn bad_users(&self, file: &Path) -> Result<Vec<BadUser>, String> {
        self.files.bad_users(file)
    }

    fn is_missing(&self, path: &Path) -> bool {
        self.files.is_missing(path)
    }
}

/// The text of an old file. Bytes that are not UTF-8 are taken for Latin-1.
pub(super) fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Why the bytes are no old file that can be read; `None`: they may be one.
pub(super) fn unreadable(bytes: &[u8]) -> Option<&'static str> {
    let is_wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    is_wide
        .then_some("it is UTF-16 text, which the old server does not read either; save it as UTF-8")
}

/// A name that an old file gives, seen from a folder.
pub(super) fn below(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}
