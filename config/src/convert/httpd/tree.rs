//! The directives of an httpd's files, includes and conditions resolved.

use std::path::PathBuf;

use super::lex;
use crate::convert::note::Origin;

/// A directive or a section.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    /// The name in lower case; that of a section has no brackets.
    pub(super) name: String,
    /// The name as it was written.
    pub(super) written: String,
    /// The text behind the name, variables filled in.
    pub(super) arguments: String,
    /// What is in the section; `None`: a directive.
    pub(super) children: Option<Vec<Node>>,
}

impl Node {
    /// The words behind the name.
    pub(super) fn words(&self) -> Vec<String> {
        lex::words(&self.arguments)
    }

    /// What is in the section.
    pub(super) fn inner(&self) -> &[Node] {
        self.children.as_deref().unwrap_or_default()
    }
}

/// The tree, and where relative names start from.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) root: PathBuf,
    /// Whether nothing stands in the files but comments.
    pub(super) is_empty: bool,
    /// The main file.
    pub(super) origin: Origin,
}
