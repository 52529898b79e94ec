//! `Alias` and what is like it: which folder or program stands behind a path.

use std::path::Path;

use super::super::tree::Node;
use super::folders::folder_name;
use super::passes::bare_path;
use super::place::{Kind, Place};
use crate::convert::note::Origin;
use crate::convert::site::Takes;

/// A path that something else than the document root stands behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alias {
    pub(super) takes: Takes,
    pub(super) behind: Behind,
    pub(super) origin: Origin,
}

/// What stands behind a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    Folder(String),
    /// Something that cannot be served here: nobody may see the files that have the same path below another folder.
    Else {
        why: String,
        /// Whether the other aliases are asked before it.
        is_late: bool,
    },
}

/// What a line puts behind a path, or why it puts nothing there; `None`: it is another directive.
pub(super) fn alias(
    node: &Node,
    words: &[String],
    place: &Place,
    root: &Path,
) -> Option<Result<Alias, &'static str>> {
    let (is_run, is_pattern) = match &*node.name {
        "alias" => (false, false),
        "aliasmatch" => (false, true),
        "scriptalias" | "wsgiscriptalias" => (true, false),
        "scriptaliasmatch" | "wsgiscriptaliasmatch" => (true, true),
        _ => return None,
    };
    let takes = match (place, words) {
        (Place::Section(Kind::Location(takes) | Kind::Text(takes)), [_]) => takes.clone(),
        (Place::Section(_), [_]) | (_, []) => return Some(Err("left out: it has no path")),
        (_, [pattern, ..]) if is_pattern => Takes::Pattern(pattern.clone()),
        (_, [path, ..]) if !path.starts_with('/') => {
            return Some(Err("left out: its path does not begin with a slash"));
        }
        (_, [path, ..]) => Takes::Path(bare_path(path)),
    };
    let is_late = node.name.starts_with("wsgi");
    let other = |what: &str| Behind::Else {
        why: format!("{} {what}", node.written),
        is_late,
    };
    let behind = match (&takes, words) {
        (Takes::Path(_), [_, folder, ..]) if !is_run => Behind::Folder(folder_name(root, folder)),
        _ if is_run => other("runs programs there"),
        _ => other("has no counterpart"),
    };
    Some(Ok(Alias {
        takes,
        behind,
        origin: node.origin.clone(),
    }))
}
