//! What turning a configuration has led to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ask::Old;
use super::note::{Origin, Remark};
use super::secrecy::Secrecy;
use super::write::Written;

/// The YAML, and what has to be said about it.
#[derive(Debug)]
pub struct Converted {
    /// The text, which `check` accepts, with the lines of the old files that its lines come from.
    pub written: Written,
    /// What could not be turned, in the order of the files.
    pub remarks: Vec<Remark>,
    /// How many lines are no business of a gateway's.
    pub counted: usize,
    /// The names of the environment variables that stand for secrets, with the places of the secrets.
    pub secrets: Vec<(String, Origin)>,
    /// The lines that are no business of a gateway's.
    pub counted_lines: BTreeSet<Origin>,
    /// The old files in the order in which they were first read: the name and the text of each.
    pub sources: Vec<(Arc<str>, String)>,
    /// What may be shown to nobody.
    pub secrecy: Secrecy,
    /// The old server, to be asked about requests.
    pub old: Old,
}
