//! Where directives stand.

use crate::convert::overlap::{covers, join};
use crate::convert::site::Takes;

/// Where a directive stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the main file or a virtual host, in no section.
    Server,
    /// In a section, the last one of its kind in the part.
    Section(Kind),
}

/// What a section is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Paths of requests.
    Location(Takes),
    /// Paths that are compared as text, which no ProxyPass of one argument can use.
    Text(Takes),
    /// What is sent on to urls that begin so; empty: all.
    Proxy(String),
    /// A folder of httpd's own, with everything in it.
    Directory(String),
    /// Some files or folders below a folder of httpd's own, told apart by a name or an expression.
    Files(String),
}

/// The text of a section about paths, of the words behind its name: a path, with wildcards perhaps, or an expression.
pub(super) fn section_text(words: &[String]) -> Option<&str> {
    let is_marked = words.first().is_some_and(|it| it == "~");
    words.get(usize::from(is_marked)).map(String::as_str)
}

/// The path of requests that a section about a folder is about; `None`: none.
pub(super) fn path_of(folder: &str, served: (&str, &str)) -> Option<String> {
    let (path, root) = served;
    if covers(folder, root) {
        return Some(path.to_owned());
    }
    let rest = covers(root, folder).then(|| folder.get(root.len()..))?;
    let below = join(path, rest.unwrap_or_default());
    Some(below.trim_end_matches('/').to_owned())
}
