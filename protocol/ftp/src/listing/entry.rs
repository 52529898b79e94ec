//! One line of a listing and the entry that it describes.

use jiff::Timestamp;

use crate::path::climbs;

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes that the server uses.
    pub name: Vec<u8>,
    /// What the name stands for.
    pub kind: EntryKind,
    /// Bytes of a file.
    pub size: Option<u64>,
    /// When it was changed.
    pub modified: Option<Timestamp>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, or something unknown.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, to a file or a directory.
    Link,
}

/// What one line of a listing says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Entry(Entry),
    /// Not shown: the directory itself, its parent, a total, a name that no request can ask for.
    Other,
    /// A line that is not of the format: the rest of a name that contains a line end and begins in the line before.
    Rest,
}

/// An entry; [`Line::Other`] when no request can ask for its name.
pub(super) fn entry(
    name: &[u8],
    kind: EntryKind,
    size: Option<u64>,
    modified: Option<Timestamp>,
) -> Line {
    let unusable = |byte: &u8| byte.is_ascii_control() || *byte == b'/';
    if name.iter().any(unusable) || matches!(name, b"" | b"." | b"..") || climbs(name) {
        return Line::Other;
    }
    Line::Entry(Entry {
        name: name.to_vec(),
        kind,
        size,
        modified,
    })
}
