//! What is known while files are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::super::options::Options;
use super::super::tree::Node;
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
    /// Modules of no `LoadModule` line that are taken as loaded, because their sections may keep somebody out; the bare names.
    pub(super) assumed: BTreeSet<String>,
    /// `<Macro>`, by name in lower case.
    pub(super) macros: BTreeMap<String, Macro>,
    /// The files that are being read.
    pub(super) open: Vec<PathBuf>,
    /// Whether the file that is being read is not UTF-8, and so taken for ISO-8859-1.
    pub(super) is_latin1: bool,
    pub(super) files: usize,
    pub(super) bytes: usize,
    /// Whether no file had a line so far.
    pub(super) is_empty: bool,
}

/// The directives of a `<Macro>`.
#[derive(Debug, Clone)]
pub(super) struct Macro {
    pub(super) parameters: Vec<String>,
    pub(super) body: Vec<Node>,
}

/// What is wrong at a place.
pub(super) fn failure(origin: &Origin, text: String) -> Failure {
    Failure {
        origin: origin.clone(),
        text,
    }
}
