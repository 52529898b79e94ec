//! What a section is about.

use super::passes::bare_path;
use super::place::{Kind, Place};
use super::{balancers, folders, wildcard};
use crate::convert::site::Takes;

/// What a section is about; `None`: it is of another kind.
pub(super) fn kind(name: &str, words: &[String], place: &Place) -> Option<Kind> {
    let first = words.first().map_or("", String::as_str);
    Some(match name {
        "location" => location(words),
        "locationmatch" => Kind::Location(Takes::Pattern(first.to_owned())),
        "proxy" if balancers::is_every(first) => Kind::Proxy(String::new()),
        "proxy" => Kind::Proxy(balancers::lower_host(first)),
        "directory" | "directorymatch" | "files" | "filesmatch" => {
            folders::kind(name, words, place)
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
        [path, ..] => Kind::Location(Takes::Path(bare_path(path))),
        [] => Kind::Location(Takes::Path("/".to_owned())),
    }
}
