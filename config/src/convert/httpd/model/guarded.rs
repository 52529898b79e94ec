//! What sections about folders say about the paths under which the folders are served.

use std::collections::BTreeMap;

use super::part::{Part, Section};
use super::place::{Kind, path_of};
use crate::convert::note::{Closed, Notes, Origin};
use crate::convert::overlap::covers;
use crate::convert::site::{Access, Overlay, Takes};
use crate::convert::value::Keys;

/// What sections say about a path of requests and its folder. `secure`: whether clients come over TLS.
pub(super) fn overlays(
    parts: &[&Part],
    served: (&str, &str),
    secure: bool,
    notes: &mut Notes,
) -> Vec<Overlay> {
    let mut overlays = Vec::new();
    let mut closed = Whys::default();
    let mut overridden = None;
    for (folder, section) in about_folders(parts) {
        let Some(path) = path_of(folder, served) else {
            continue;
        };
        if let Kind::Files(_) = section.kind {
            let access = section.rules.access(&mut Notes::default(), secure);
            if access.restricts() {
                let why = format!(
                    "{} tells files apart by their names",
                    short(&section.origin)
                );
                let whys = closed.entry(path.clone()).or_default();
                whys.push((why, &section.origin));
            }
            if let Some((true, origin)) = &section.overridden {
                let whys = closed.entry(path).or_default();
                whys.push((htaccess(origin), origin));
            }
            continue;
        }
        match &section.overridden {
            Some((on, origin)) if covers(folder, served.1) => overridden = on.then_some(origin),
            Some((true, origin)) => {
                let whys = closed.entry(path.clone()).or_default();
                whys.push((htaccess(origin), origin));
            }
            _ => {}
        }
        let access = section.rules.access(notes, secure);
        if access != Access::default() {
            overlays.push(overlay(path, served.1, access, &section.origin));
        }
    }
    if let Some(origin) = overridden {
        let own = closed.entry(served.0.to_owned()).or_default();
        own.push((htaccess(origin), origin));
    }
    overlays.extend(closing(closed, served.1));
    overlays
}

/// Why each path is closed, with the lines that say so.
type Whys<'a> = BTreeMap<String, Vec<(String, &'a Origin)>>;

/// Closes paths for everybody.
fn closing(closed: Whys<'_>, folder: &str) -> Vec<Overlay> {
    let of = |(path, whys): (String, Vec<(String, &Origin)>)| {
        let (_, origin) = whys.first()?;
        let texts: Vec<&str> = whys.iter().map(|(why, _)| why.as_str()).collect();
        let access = Access {
            sealed: vec![Closed::by(origin, texts.join("; "))],
            ..Access::default()
        };
        Some(overlay(path, folder, access, origin))
    };
    closed.into_iter().filter_map(of).collect()
}

fn overlay(path: String, folder: &str, access: Access, origin: &Origin) -> Overlay {
    Overlay {
        takes: Takes::Path(path),
        keys: Keys::default(),
        access,
        target: Some(folder.to_owned()),
        hosts: Vec::new(),
        origin: origin.clone(),
    }
}

/// The sections about folders with their folders, the shortest first.
fn about_folders<'a>(parts: &[&'a Part]) -> Vec<(&'a str, &'a Section)> {
    let mut sections: Vec<(&str, &Section)> = Vec::new();
    for section in parts.iter().flat_map(|part| &part.sections) {
        if let Kind::Directory(folder) | Kind::Files(folder) = &section.kind {
            sections.push((folder.as_str(), section));
        }
    }
    sections.sort_by_key(|(folder, _)| folder.trim_end_matches('/').len());
    sections
}

fn htaccess(origin: &Origin) -> String {
    format!(
        "{} (AllowOverride) lets .htaccess files say who comes in",
        short(origin)
    )
}

/// `httpd.conf:12`, without folders.
pub(super) fn short(origin: &Origin) -> String {
    let name = origin.file.rsplit('/').next().unwrap_or_default();
    format!("{name}:{}", origin.line)
}

/// Whether a section about a folder is about files of another one: that is in it, or it is in that.
pub(super) fn is_about(folder: &str, served: &str) -> bool {
    covers(folder, served) || covers(served, folder)
}
