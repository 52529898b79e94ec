//! What is known while files are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::super::options::Options;
use crate::convert::note::{Failure, Notes, Origin};

/// What is known while files are read.
pub(super) struct Reader<'a> {
    pub(super) options: &'a Options<'a>,
    pub(super) notes: &'a mut Notes,
    pub(super) root: PathBuf,
    /// `Define`; `None`: without a value.
    pub(super) defined: BTreeMap<String, Option<String>>,
    /// `LoadModule`, the bare names.
    pub(super) modules: BTreeSet<String>,
    /// The files that are being read.
    pub(super) open: Vec<PathBuf>,
    pub(super) files: usize,
    pub(super) bytes: usize,
}

/// What is wrong at a place.
pub(super) fn failure(origin: &Origin, text: String) -> Failure {
    Failure {
        origin: origin.clone(),
        text,
    }
}
