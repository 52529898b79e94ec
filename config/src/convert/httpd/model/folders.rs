//! Sections about folders and files of httpd's own: `<Directory>`, `<DirectoryMatch>`, `<Files>` and `<FilesMatch>`.

use super::keeps_out::restricts;
use super::place::{Kind, Place};
use crate::starts::starts;

use super::super::tree::Node;

/// What a section is about. `name` is its name, `words` are its arguments.
pub(super) fn kind(name: &str, words: &[String], place: &Place) -> Kind {
    let first = words.first().map_or("", String::as_str);
    if name == "directory" && first != "~" {
        let plain = first.split(['*', '?', '[']).next().unwrap_or_default();
        return match plain == first {
            true => Kind::Directory(first.to_owned()),
            false => Kind::Files(plain.rsplit_once('/').map_or("/", |(it, _)| it).to_owned()),
        };
    }
    match place {
        Place::Section(Kind::Directory(folder) | Kind::Files(folder)) => {
            Kind::Files(folder.clone())
        }
        _ => Kind::Files("/".to_owned()),
    }
}

/// Whether `AllowOverride` lets files of a folder say who comes in; `None`: it is another directive.
pub(super) fn overridden(node: &Node) -> Option<bool> {
    let is_harmless = |word: &String| {
        let word = word.to_ascii_lowercase();
        let what = word.split('=').next().unwrap_or_default();
        matches!(what, "none" | "indexes" | "options" | "nonfatal")
    };
    matches!(&*node.name, "allowoverride" | "allowoverridelist")
        .then(|| !node.words().iter().all(is_harmless))
}

/// Why a directive or section in a folder may keep somebody out and cannot be turned.
pub(super) fn guard(node: &Node) -> Option<String> {
    let is_known = matches!(
        &*node.name,
        "requireall"
            | "requireany"
            | "requirenone"
            | "limit"
            | "limitexcept"
            | "macro"
            | "files"
            | "filesmatch"
    );
    match &*node.name {
        "use" => Some("Use: macros are not followed".to_owned()),
        "rewriterule" if super::rewrites::forbids(node) => {
            Some("RewriteRule compares what is left of a path there".to_owned())
        }
        // With a path it is a rule about that path.
        "redirect" if super::redirects::refuses(node) && node.words().len() == 1 => {
            let status = node.arguments.trim();
            Some(format!(
                "{} {status} answers for all of its files",
                node.written
            ))
        }
        _ if node.children.is_some() && !is_known && restricts(node) => {
            Some(format!("<{}> says who may come in", node.written))
        }
        _ => None,
    }
}

/// Whether a section is about names that begin with a dot alone. The gateway never serves them.
pub(super) fn is_hidden(name: &str, words: &[String]) -> bool {
    match (name, words) {
        ("files", [tilde, pattern, ..]) if tilde == "~" => all_hidden(pattern),
        ("files", [name, ..]) => name.starts_with('.'),
        ("filesmatch", [pattern, ..]) => all_hidden(pattern),
        ("directorymatch", [pattern, ..]) => {
            let rest = pattern.trim_start_matches("^/.*").trim_start_matches("^.*");
            rest.starts_with(r"/\.") && !rest.contains(['|', '?', '*', '{'])
        }
        _ => false,
    }
}

fn all_hidden(pattern: &str) -> bool {
    starts(pattern).iter().all(|start| start.starts_with('.'))
}
