//! What httpd serves itself: `DocumentRoot`, `Alias`, and the pages of `ErrorDocument`.

use std::collections::BTreeSet;
use std::path::Path;

use super::aliases::{Alias, Behind};
use super::always;
use super::guarded;
use super::own_files;
use super::part::Part;
use super::place::Kind;
use super::redirects::closing;
use crate::convert::files::Files;
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::{covers, join, meet};
use crate::convert::site::{Action, Overlay, Rule, Takes};
use crate::convert::value::{Keys, Value};
use crate::field::Kind as _;
use crate::value::EntryName;

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
        for alias in &part.aliases {
            if let (Takes::Path(path), Behind::Folder(folder)) = (&alias.takes, &alias.behind) {
                found.push(Served {
                    path: path.clone(),
                    folder: folder.clone(),
                    origin: alias.origin.clone(),
                });
            }
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

/// The redirects of sections about folders.
pub(super) fn redirects(parts: &[&Part], notes: &mut Notes) -> Vec<Rule> {
    let served = served(parts);
    let served: Vec<(&str, &str)> = served
        .iter()
        .map(|it| (it.path.as_str(), it.folder.as_str()))
        .collect();
    let parts = parts.iter().rev();
    parts
        .flat_map(|part| part.redirects.of_folders(&served, notes))
        .collect()
}

/// Names or counts the sections about files of httpd's own where nothing of these is served. `is_kept`: whether the main server
/// answers somewhere.
pub(super) fn unserved(main: &Part, hosts: &[&Part], is_kept: bool, notes: &mut Notes) {
    let mut each: Vec<Vec<&Part>> = hosts.iter().map(|host| vec![main, host]).collect();
    each.extend(is_kept.then(|| vec![main]));
    let all = each.iter().flat_map(|parts| served(parts));
    let all: Vec<Served> = all.filter(|it| !STOCK.contains(&&*it.folder)).collect();
    let both: Vec<(&str, &str)> = all.iter().map(|it| (&*it.path, &*it.folder)).collect();
    let folders: BTreeSet<&str> = both.iter().map(|it| it.1).collect();
    let is_about = |folder: &str| folders.iter().any(|it| guarded::is_about(folder, it));
    for part in hosts.iter().copied().chain([main]) {
        own_files::unserved(&part.of_files, &both, notes);
    }
    let main = (!each.is_empty()).then_some(main);
    let parts = main.into_iter().chain(hosts.iter().copied());
    for section in parts.flat_map(|part| &part.sections) {
        let (Kind::Directory(folder) | Kind::Files(folder)) = &section.kind else {
            continue;
        };
        if is_about(folder) {
            continue;
        }
        let access = section.rules.access(&mut Notes::default(), false);
        if matches!(section.kind, Kind::Files(_)) && access.restricts() {
            let text = "left out with everything in it: httpd asks it for files of its own alone, and none of these is served \
                        here; it guards nothing that is sent on, neither there nor here";
            notes.name(&section.origin, text);
            continue;
        }
        for line in section.lines.iter().chain([&section.origin]) {
            notes.count(line);
        }
    }
}

/// The rules of the folders, and the sections that say who may come into them. `secure`: whether clients come over TLS.
pub(super) fn files(
    parts: &[&Part],
    secure: bool,
    files: &dyn Files,
    notes: &mut Notes,
) -> (Vec<Rule>, Vec<Overlay>) {
    let (mut rules, mut overlays) = (Vec::new(), Vec::new());
    let mut all = served(parts);
    for served in all.extract_if(.., |it| STOCK.contains(&&*it.folder)) {
        stock(&served, files, notes);
    }
    let index = index(parts, &all, files, notes);
    let mut by_length: Vec<&Served> = all.iter().collect();
    // What is said about a longer path comes later, and counts there.
    by_length.sort_by_key(|it| it.path.trim_end_matches('/').len());
    for served in by_length {
        overlays.extend(guarded::overlays(
            parts,
            (&served.path, &served.folder),
            secure,
            notes,
        ));
        let own = (&*served.path, &*served.folder);
        let lines = parts.iter().flat_map(|part| &part.of_files);
        overlays.extend(own_files::overlays(lines, own, files, notes));
    }
    let runs = parts.iter().find_map(|part| part.runs.as_ref());
    rules.extend(closed(parts, &all, notes));
    for served in all {
        if let Some(origin) = runs {
            let why = format!(
                "files are run there ({}), and would be sent as text here",
                guarded::short(origin)
            );
            overlays.push(Overlay {
                takes: Takes::Path(served.path.clone()),
                target: Some(served.folder.clone()),
                ..always::closed(why, origin.clone())
            });
        }
        let action = Action::Files(served.folder);
        let mut rule = Rule::new(Takes::Path(served.path), action, served.origin);
        if let Some(name) = &index {
            rule.keys.set("index", Value::text(name));
        }
        rules.push(rule);
    }
    rules.sort_by_key(|rule| rank(parts, &rule.origin));
    (rules, overlays)
}

/// Counts a folder that a distribution puts there, or names it where somebody has put files into it.
fn stock(served: &Served, files: &dyn Files, notes: &mut Notes) {
    let names = files.names(Path::new(&served.folder)).unwrap_or_default();
    let is_own = |name: &String| served.path == "/" && !name.starts_with("index.");
    match names.iter().find(|name| is_own(name)) {
        None => notes.count(&served.origin),
        Some(name) => {
            let text = format!(
                "left out: the folder of the distribution is not served, and there are files in it, such as {name}: write \
                 `files` for their paths, if they are wanted"
            );
            notes.name(&served.origin, text);
        }
    }
}

/// The page of folders that is not the usual one, where folders are served; names what else httpd does there with a folder.
fn index(
    parts: &[&Part],
    served: &[Served],
    files: &dyn Files,
    notes: &mut Notes,
) -> Option<String> {
    let listing = parts.iter().flat_map(|part| &part.listing);
    for (folder, origin) in listing {
        let is_about = |it: &Served| guarded::is_about(folder, &it.folder);
        match served.iter().any(is_about) {
            false => notes.count(origin),
            true => notes.name(
                origin,
                "folders without a page of their own are 404 here; httpd lists their files",
            ),
        }
    }
    let indexes = parts.iter().flat_map(|part| &part.indexes);
    let indexes: Vec<&(Vec<String>, Origin)> = indexes.collect();
    if served.is_empty() {
        indexes.iter().for_each(|it| notes.count(&it.1));
        return None;
    }
    let (names, origin) = indexes.last()?;
    let is_there = |name: &&String| {
        let mut folders = served.iter().map(|it| Path::new(&it.folder).join(name));
        folders.any(|page| files.read(&page).is_ok())
    };
    let name = names.iter().find(is_there).or(names.first())?;
    if names.len() > 1 {
        let text = format!("of these pages {name} alone is looked for here (`index`)");
        notes.name(origin, text);
    }
    match EntryName::read(name) {
        Ok(_) => Some(name.clone()),
        Err(fault) => {
            notes.name(origin, format!("left out: {}", fault.message));
            None
        }
    }
}

/// When a line is asked what stands behind a path: aliases in the order of the file, programs of mod_wsgi behind them, the document
/// root at last.
fn rank(parts: &[&Part], origin: &Origin) -> (bool, usize) {
    let mut all = parts.iter().rev().flat_map(|part| &part.aliases);
    let is_late = |it: &Alias| matches!(&it.behind, Behind::Else { is_late: true, .. });
    let at = all.clone().position(|it| it.origin == *origin);
    let is_behind = all.any(|it| it.origin == *origin && is_late(it));
    (is_behind || at.is_none(), at.unwrap_or(usize::MAX))
}

/// Closes the paths behind which something else stands than a folder that is served. Where no folder is served at all, there is
/// nothing to be closed.
fn closed(parts: &[&Part], served: &[Served], notes: &mut Notes) -> Vec<Rule> {
    let all = parts.iter().rev().flat_map(|part| &part.aliases);
    let mut rules = Vec::new();
    for alias in all {
        let Behind::Else { why, .. } = &alias.behind else {
            continue;
        };
        let meets = |it: &Served| meet(&alias.takes, &Takes::Path(it.path.clone()));
        match served.iter().any(meets) {
            true => rules.push(closing(alias.takes.clone(), &alias.origin, why, notes)),
            false => notes.name(
                &alias.origin,
                format!("left out: {why}, and nothing is served here"),
            ),
        }
    }
    rules
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
