//! What a section is about.

use std::path::Path;

use super::place::{Kind, Place};
use super::{balancers, folders, wildcard};
use crate::convert::site::Takes;

/// What a section is about; `None`: it is of another kind. `root` is the folder that relative names start from.
pub(super) fn kind(name: &str, words: &[String], place: &Place, root: &Path) -> Option<Kind> {
    let first = words.first().map_or("", String::as_str);
    Some(match name {
        "location" => location(words),
        "locationmatch" => Kind::Location(Takes::Pattern(first.to_owned())),
        "proxy" if balancers::is_every(first) => Kind::Proxy(String::new()),
        "proxy" => Kind::Proxy(balancers::lower_host(first)),
        "directory" | "directorymatch" | "files" | "filesmatch" => {
            folders::kind(name, words, place, root)
        }
        _ => return None,
    })
}

/// Whether it is `<Location /app/>`, which is not about `/app` itself.
pub(super) fn is_below(name: &str, words: &[String]) -> bool {
    let first = words.first().map_or("", String::as_str);
    name == "location" && first.len() > 1 && first.ends_with('/')
}

/// `<Location /path>`, `<Location ~ "expression">` and `<Location /p*>`.
fn location(words: &[String]) -> Kind {
    match words {
        [first, expression, ..] if first == "~" => Kind::Text(Takes::Pattern(expression.clone())),
        [path, ..] if wildcard::is_wild(path) => {
            Kind::Text(Takes::Pattern(wildcard::expression(path)))
        }
        // Two slashes in a row stay: no path that is compared has them.
        [path, ..] => Kind::Location(Takes::Path(match path.trim_end_matches('/') {
            "" => "/".to_owned(),
            path => path.to_owned(),
        })),
        [] => Kind::Location(Takes::Path("/".to_owned())),
    }
}
