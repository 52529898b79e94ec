//! Sections about folders and files of httpd's own: `<Directory>`, `<DirectoryMatch>`, `<Files>` and `<FilesMatch>`.

use std::path::Path;

use super::keeps_out::restricts;
use super::place::{Kind, Place};
use crate::convert::files::below;
use crate::starts::starts;

use super::super::tree::Node;

/// The name of a folder as it is compared: whole, and without what says nothing (`//`, `/./`, `x/..`, a slash at its end), as httpd
/// compares it (`filepath.c: apr_filepath_merge()`). `root` is the folder that relative names start from.
pub(super) fn folder_name(root: &Path, written: &str) -> String {
    let name = match has_drive(written) {
        true => written.replace('\\', "/"),
        false => below(root, written).to_string_lossy().into_owned(),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." if !matches!(parts.last(), None | Some(&"..")) => {
                parts.pop();
            }
            // Nothing is above `/`.
            ".." if name.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let start = if name.starts_with('/') { "/" } else { "" };
    format!("{start}{}", parts.join("/"))
}

/// Whether a name of a folder is one of Windows: `C:/www`.
fn has_drive(written: &str) -> bool {
    written
        .get(1..3)
        .is_some_and(|it| matches!(it, ":/" | r":\"))
}

/// What a section is about. `name` is its name, `words` are its arguments; `root` is the folder that relative names start from.
pub(super) fn kind(name: &str, words: &[String], place: &Place, root: &Path) -> Kind {
    let first = words.first().map_or("", String::as_str);
    if name == "directory" && first != "~" {
        let whole = folder_name(root, first);
        let plain = whole.split(['*', '?', '[']).next().unwrap_or_default();
        let is_plain = plain == whole;
        // httpd takes a relative name from the folder in which it was started, which no file tells: what it says may close.
        let is_known = first.starts_with('/') || has_drive(first);
        return match is_plain && is_known {
            true => Kind::Directory(whole),
            false if is_plain => Kind::Files(whole),
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

/// Why a directive or section in a folder may keep somebody out and cannot be turned. `is_of_files`: whether the section tells files
/// apart by their names.
pub(super) fn guard(node: &Node, is_of_files: bool) -> Option<String> {
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
        "rewritecond" if super::rewrites::asks(node) => {
            Some("RewriteCond asks who the client is".to_owned())
        }
        // With a path it is a rule about that path, but for some files of the folder alone.
        "redirect" | "redirectmatch"
            if super::redirects::refuses(node) && (is_of_files || node.words().len() == 1) =>
        {
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
