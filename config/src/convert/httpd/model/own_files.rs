//! What httpd says of files of its own: fields of their answers, and their types.

use std::path::Path;

use super::super::tree::Node;
use super::fields;
use super::place::{Kind, Place, path_of};
use super::programs::is_run_by_type;
use crate::convert::files::Files;
use crate::convert::note::Notes;
use crate::convert::overlap::{join, meet};
use crate::convert::site::{Access, Overlay, Takes};
use crate::convert::value::{Keys, Value};

/// How many names of a folder and of the folders in it are looked at.
const MOST: usize = 10_000;

/// A line about files of httpd's own.
#[derive(Debug)]
pub(super) struct Line {
    node: Node,
    place: Place,
}

impl Line {
    /// The line, where it is one of these.
    pub(super) fn of(node: &Node, place: &Place) -> Option<Self> {
        let is_in_folder = matches!(place, Place::Section(Kind::Directory(_) | Kind::Files(_)));
        let is_proxy = matches!(place, Place::Section(Kind::Proxy(_)));
        let is_one = match &*node.name {
            "forcetype" | "addtype" => !is_proxy && !is_run(node),
            "addcharset" | "addencoding" | "addlanguage" => !is_proxy,
            "header" | "adddefaultcharset" | "setoutputfilter" | "addoutputfilterbytype" => {
                is_in_folder
            }
            "setenv" => is_in_folder && fields::stays_plain(node),
            _ => false,
        };
        is_one.then(|| Self {
            node: node.clone(),
            place: place.clone(),
        })
    }

    /// When httpd takes it: the sections about folders from the shortest one on, those about files, those about paths.
    fn rank(&self) -> (u8, usize) {
        match &self.place {
            Place::Server => (0, 0),
            Place::Section(Kind::Directory(folder)) => (1, folder.trim_end_matches('/').len()),
            Place::Section(Kind::Files(folder)) => (2, folder.trim_end_matches('/').len()),
            Place::Section(_) => (3, 0),
        }
    }

    /// The paths of a folder that it is about; `None`: none. `served` is the path with the folder.
    fn takes(&self, served: (&str, &str)) -> Option<Takes> {
        let whole = Takes::Path(served.0.to_owned());
        match &self.place {
            Place::Server => Some(whole),
            Place::Section(Kind::Directory(folder) | Kind::Files(folder)) => {
                path_of(folder, served).map(Takes::Path)
            }
            Place::Section(Kind::Location(takes) | Kind::Text(takes)) => {
                meet(takes, &whole).then(|| takes.clone())
            }
            Place::Section(Kind::Proxy(_)) => None,
        }
    }

    /// What it becomes for the files of a folder.
    fn turned(
        &self,
        served: (&str, &str),
        files: &dyn Files,
        notes: &mut Notes,
    ) -> Option<Overlay> {
        let takes = self.takes(served)?;
        let (node, origin) = (&self.node, &self.node.origin);
        let written = &node.written;
        if matches!(
            &*node.name,
            "addtype" | "addcharset" | "addencoding" | "addlanguage"
        ) {
            let words = node.words();
            let endings = words.get(1..).unwrap_or_default();
            match found(files, served.1, endings) {
                Some(name) => notes.name(
                    origin,
                    format!(
                        "left out: files have the types of the gateway's own table, {name} too; write a mapping with `match` and \
                         `response_headers` where {written} matters"
                    ),
                ),
                None => notes.count(origin),
            }
            return None;
        }
        if let Place::Section(Kind::Files(_)) = self.place {
            let text = "left out: its section tells files apart by their names; write a mapping with `match`, `files` and \
                        `response_headers`";
            notes.name(origin, text);
            return None;
        }
        let mut keys = Keys::default();
        match &*node.name {
            "forcetype" => keys.push("response_headers", forced(node)?),
            _ => {
                fields::take(node, &mut keys, None, notes);
            }
        }
        Some(Overlay {
            takes,
            keys,
            access: Access::default(),
            target: Some(served.1.to_owned()),
            hosts: Vec::new(),
            origin: origin.clone(),
        })
    }
}

/// Whether the type that a line says has files run: their folder is closed.
fn is_run(node: &Node) -> bool {
    node.words().first().is_some_and(|it| is_run_by_type(it))
}

/// `ForceType text/plain`; `None`: it takes another one back.
fn forced(node: &Node) -> Option<Value> {
    let kind = node.words().into_iter().next()?;
    let kind = kind.replace(['$', '%'], "");
    let rule = Keys::from([
        ("set", Value::text("Content-Type")),
        ("value", Value::text(&kind)),
    ]);
    (!kind.eq_ignore_ascii_case("none")).then_some(Value::Map(rule))
}

/// What such lines say of a path and its folder.
pub(super) fn overlays<'a>(
    lines: impl Iterator<Item = &'a Line>,
    served: (&str, &str),
    files: &dyn Files,
    notes: &mut Notes,
) -> Vec<Overlay> {
    let mut lines: Vec<&Line> = lines.collect();
    lines.sort_by_key(|line| line.rank());
    let turned = lines
        .iter()
        .filter_map(|line| line.turned(served, files, notes));
    turned.collect()
}

/// Counts the lines that are about no folder that is served.
pub(super) fn unserved(lines: &[Line], folders: &[(&str, &str)], notes: &mut Notes) {
    for line in lines {
        if !folders.iter().any(|served| line.takes(*served).is_some()) {
            notes.count(&line.node.origin);
        }
    }
}

/// A file of a folder, or of a folder in it, whose name has one of some endings.
fn found(files: &dyn Files, folder: &str, endings: &[String]) -> Option<String> {
    let endings: Vec<String> = endings
        .iter()
        .map(|it| it.trim_start_matches('.').to_ascii_lowercase())
        .collect();
    let mut open = vec![folder.to_owned()];
    let mut looked_at = 0;
    while let Some(folder) = open.pop() {
        for name in files.names(Path::new(&folder)).unwrap_or_default() {
            looked_at += 1;
            let path = join(&folder, &format!("/{name}"));
            let mut parts = name.split('.').skip(1).map(str::to_ascii_lowercase);
            let is_shown = !name.starts_with('.');
            if is_shown && parts.any(|part| endings.contains(&part)) {
                return Some(name);
            }
            if is_shown && looked_at < MOST && files.is_folder(Path::new(&path)) {
                open.push(path);
            }
        }
    }
    None
}
