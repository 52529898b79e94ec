//! What httpd serves itself: `DocumentRoot`, `Alias`, and the pages of `ErrorDocument`.

use std::path::Path;

use super::part::{Part, Section};
use super::place::Kind;
use crate::convert::files::Files;
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::{covers, join};
use crate::convert::site::{Access, Action, Overlay, Rule, Takes};
use crate::convert::value::{Keys, Value};

/// Folders that a distribution puts there: nobody's site is in them.
const STOCK: [&str; 13] = [
    "/var/www/html",
    "/var/www",
    "/var/www/empty",
    "/usr/local/apache2/htdocs",
    "/usr/share/apache2/default-site/htdocs",
    "/srv/www/htdocs",
    "htdocs",
    "/usr/share/apache2/icons",
    "/usr/share/apache2/error",
    "/usr/share/httpd/icons",
    "/usr/share/httpd/error",
    "/usr/share/httpd/noindex",
    "/usr/local/apache2/icons",
];

/// A path of requests and its folder.
struct Served {
    path: String,
    folder: String,
    origin: Origin,
}

fn served(parts: &[&Part]) -> Vec<Served> {
    let mut found = Vec::new();
    for part in parts.iter().rev() {
        for (path, folder, origin) in &part.aliases {
            found.push(Served {
                path: path.clone(),
                folder: folder.clone(),
                origin: origin.clone(),
            });
        }
    }
    let roots = parts
        .iter()
        .rev()
        .filter_map(|part| part.document_root.as_ref());
    for (folder, origin) in roots.take(1) {
        found.push(Served {
            path: "/".to_owned(),
            folder: folder.clone(),
            origin: origin.clone(),
        });
    }
    found
}

/// The rules of the folders, and the sections that say who may come into them.
pub(super) fn files(parts: &[&Part], notes: &mut Notes) -> (Vec<Rule>, Vec<Overlay>) {
    let (mut rules, mut overlays) = (Vec::new(), Vec::new());
    let mut sections: Vec<(&str, &Section)> = Vec::new();
    for section in parts.iter().flat_map(|part| &part.sections) {
        if let Kind::Directory(folder) = &section.kind {
            sections.push((folder.as_str(), section));
        }
    }
    sections.sort_by_key(|(folder, _)| folder.len());
    for served in served(parts) {
        if STOCK.contains(&&*served.folder) {
            notes.count(&served.origin);
            continue;
        }
        for (folder, section) in &sections {
            let path = match (
                covers(folder, &served.folder),
                covers(&served.folder, folder),
            ) {
                (true, _) => served.path.clone(),
                (false, true) => {
                    let rest = folder.get(served.folder.len()..).unwrap_or_default();
                    join(&served.path, rest).trim_end_matches('/').to_owned()
                }
                (false, false) => continue,
            };
            let access = section.rules.access(notes, true);
            if access != Access::default() {
                overlays.push(Overlay {
                    takes: Takes::Path(path),
                    keys: Keys::default(),
                    access,
                    target: Some(served.folder.clone()),
                    origin: section.origin.clone(),
                });
            }
        }
        rules.push(Rule {
            takes: Takes::Path(served.path),
            action: Action::Files(served.folder),
            keys: Keys::default(),
            origin: served.origin,
            comments: Vec::new(),
        });
    }
    (rules, overlays)
}

/// `error_pages` of some servers: pages that are files of httpd's own.
pub(super) fn error_pages(parts: &[&Part], files: &dyn Files, notes: &mut Notes) -> Keys {
    let mut pages = Keys::default();
    let served = served(parts);
    for (code, target, origin) in parts.iter().flat_map(|part| &part.error_documents) {
        let passes = parts.iter().flat_map(|part| &part.passes);
        let mut taking = passes.filter(|pass| match &pass.takes {
            Takes::Path(path) => covers(path, target),
            Takes::Exact(_) | Takes::Pattern(_) => false,
        });
        let is_proxied = taking.next().is_some_and(|pass| pass.url.is_some());
        let longest = served
            .iter()
            .filter(|it| covers(&it.path, target))
            .max_by_key(|it| it.path.len());
        match (longest, code.parse::<u16>()) {
            (Some(served), Ok(400..600)) if target.starts_with('/') && !is_proxied => {
                let rest = target.get(served.path.trim_end_matches('/').len()..);
                let file = join(&served.folder, rest.unwrap_or_default());
                match files.read(Path::new(&file)) {
                    Ok(_) => pages.set(code, Value::text(file)),
                    Err(why) => notes.name(
                        origin,
                        format!("left out: {file}: {why}; write `error_pages` where the page is"),
                    ),
                }
            }
            _ => notes.name(
                origin,
                "left out: pages are files here, neither texts nor URLs; write `error_pages`",
            ),
        }
    }
    pages
}
