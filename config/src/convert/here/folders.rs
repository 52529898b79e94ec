//! Folders that are served. `files` names a folder that is there; anything else is refused by `check`.

use std::path::Path;

use crate::convert::arrange::{ABOUT_ACCESS, Answer, Entry, Outcome};
use crate::convert::files::Files;
use crate::convert::note::Notes;
use crate::convert::site::Takes;
use crate::convert::value::Keys;

/// Where `files` would name something else than a folder of this machine: a mapping of one file serves that file alone, every
/// other one answers 404 and is named.
pub(super) fn settle(entries: &mut Vec<Entry>, files: &dyn Files, notes: &mut Notes) {
    let all: Vec<Takes> = entries.iter().map(|entry| entry.takes.clone()).collect();
    let mut below = Vec::new();
    for entry in entries.iter_mut() {
        let Answer::Files(name) = &entry.outcome.answer else {
            continue;
        };
        if files.is_folder(Path::new(name)) {
            continue;
        }
        let name = name.clone();
        let alone = all.iter().filter(|takes| **takes == entry.takes).count() == 1;
        match file_below(&entry.takes, &name, files).filter(|_| alone) {
            Some((path, folder)) => {
                below.push(nothing_below(entry));
                entry.takes = Takes::Exact(path);
                entry.outcome.answer = Answer::Files(folder);
            }
            None => absent(&name, &entry.takes, &mut entry.outcome, notes),
        }
    }
    entries.extend(below);
}

/// What is below the path of a single file: nothing, whatever has the paths above it.
fn nothing_below(entry: &Entry) -> Entry {
    let outcome = Outcome {
        lost: Vec::new(),
        guards: Vec::new(),
        closed: entry.outcome.closed.clone(),
        keys: about_access(&entry.outcome),
        ..Outcome::not_found(entry.outcome.origins.clone())
    };
    Entry {
        outcome,
        exclude: false,
        ..entry.clone()
    }
}

/// Who may come in counts for a fixed answer too.
fn about_access(outcome: &Outcome) -> Keys {
    let mut keys = Keys::default();
    for key in ABOUT_ACCESS {
        if let Some(value) = outcome.keys.get(key) {
            keys.set(key, value.clone());
        }
    }
    keys
}

/// The path of a single file, and the folder from which the path leads to it: `/robots.txt` and `/srv/www` for
/// `/srv/www/robots.txt`. `None`: it is no file, or has another name than its path.
fn file_below(takes: &Takes, name: &str, files: &dyn Files) -> Option<(String, String)> {
    let Takes::Path(path) = takes else {
        return None;
    };
    let folder = match name.strip_suffix(path.as_str())? {
        "" => "/",
        folder => folder,
    };
    let (parent, own) = name.rsplit_once('/')?;
    let parent = if parent.is_empty() { "/" } else { parent };
    let names = files.names(Path::new(parent))?;
    (names.iter().any(|it| it == own)).then(|| (path.clone(), folder.to_owned()))
}

/// Nothing can be served there: 404 for those who may come in.
fn absent(name: &str, takes: &Takes, outcome: &mut Outcome, notes: &mut Notes) {
    outcome.answer = Answer::NotFound;
    outcome.keys = about_access(outcome);
    let why = format!("{name} is no folder of this machine");
    let what = match takes {
        Takes::Path(path) | Takes::Exact(path) | Takes::Pattern(path) => path,
    };
    let comment = format!("{why}: write `files: {name}` where it is one");
    outcome.comments.push(comment);
    // The line of the folder comes first; behind it stand those that leave the path to it, and those of its guards.
    if let Some(origin) = outcome.origins.first() {
        let text = format!("{why}: {what} is 404; convert where it is one, or write `files`");
        notes.name(origin, text);
    }
}
