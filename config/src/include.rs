//! `include`: further files with balancers and mappings.
//!
//! The trees of these files are added to that of the main file before it is read, so that everything that is checked
//! for one file is checked over all of them. Each value keeps the file that it stands in.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, glob_with};

use crate::document::{MAX_FILE_SIZE, read_tree};
use crate::environment::Lookup;
use crate::fault::{Fault, quoted};
use crate::input::fingerprint;
use crate::model::{Include, IncludedFile};
use crate::node::{Entry, Node, Shape};
use crate::report::{Place, Report, Source};
use crate::schema;
use crate::text::{ReadError, read_named};

/// Most files that one configuration includes.
const MOST_FILES: usize = 500;

/// Most folders of a pattern that are warned of.
const MOST_FOLDERS: usize = 10;

/// Most values of all included files, those of aliases included.
const MOST_VALUES: usize = 1_000_000;

/// How names are matched: `*` stands for no slash, and for no dot at the start of a name.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

const KEYS: [&str; 2] = ["balancers", "proxy_pass"];

/// Reads the files that `include` names and adds what they say to the tree of the main file. What is wrong with them is
/// reported, at their own lines. Mappings come behind those of the main file, in the order of `include` and of the names.
pub(crate) fn include(tree: &mut Node, env: Lookup<'_>, report: &mut Report) -> Include {
    let mut including = Including {
        seen: HashSet::new(),
        values: 0,
        found: Include::default(),
    };
    for (place, pattern) in patterns(tree) {
        let resolved = resolved(report.main().folder(), &pattern);
        let found = match resolved
            .as_deref()
            .map_or_else(|fault| Err(fault.clone()), found_by)
        {
            Ok(found) => found,
            Err(fault) => {
                report.fault(place, "include", fault);
                continue;
            }
        };
        including.found.patterns.extend(resolved);
        for folder in found.folders {
            report.warning(
                place,
                format!(
                    "include: {} is a folder: nothing of it is read",
                    folder.display()
                ),
                "files in it are named `FOLDER/*.yaml`",
            );
        }
        for file in found.files {
            if !including.add(tree, &file, place, env, report) {
                return including.found;
            }
        }
    }
    including.found
}

/// The texts of `include`, each with its place. What is no list of texts is reported when the main file is read.
fn patterns(tree: &Node) -> Vec<(Place, String)> {
    let Some(Shape::List(items)) = entry(tree, "include").map(|entry| &entry.value.shape) else {
        return Vec::new();
    };
    let texts = items
        .iter()
        .filter_map(|item| Some((item.place, item.text()?.to_owned())));
    texts.filter(|(_, text)| !text.is_empty()).collect()
}

fn entry<'a>(map: &'a Node, key: &str) -> Option<&'a Entry> {
    match &map.shape {
        Shape::Map(entries) => entries.iter().find(|entry| entry.name() == Some(key)),
        _ => None,
    }
}

/// A pattern, from the folder of the main file on; letters of that folder's name mean only themselves.
pub(crate) fn resolved(folder: &Path, pattern: &str) -> Result<String, Fault> {
    if Path::new(pattern).is_absolute() || folder.as_os_str().is_empty() {
        return Ok(pattern.to_owned());
    }
    let folder = folder.to_str().ok_or_else(|| {
        Fault::new("the name of the configuration's folder is not UTF-8")
            .hint("rename the folder, or start the names here with a slash")
    })?;
    Ok(format!(
        "{}/{pattern}",
        Pattern::escape(folder.trim_end_matches('/'))
    ))
}

fn is_wild(text: &str) -> bool {
    // An escaped letter of the folder's name stands in brackets alone.
    let bare = ["[?]", "[*]", "[[]", "[]]"];
    let rest = bare
        .iter()
        .fold(text.to_owned(), |text, escaped| text.replace(escaped, ""));
    rest.contains(['*', '?', '['])
}

/// The name that a pattern without wildcards stands for.
fn plain(pattern: &str) -> PathBuf {
    let escaped = [("[?]", "?"), ("[*]", "*"), ("[[]", "["), ("[]]", "]")];
    let name = escaped.iter().fold(pattern.to_owned(), |name, (from, to)| {
        name.replace(from, to)
    });
    name.into()
}

/// What a resolved pattern names, in alphabetical order.
#[derive(Default)]
struct Named {
    files: Vec<PathBuf>,
    /// Folders whose names fit.
    folders: Vec<PathBuf>,
}

/// The files of a resolved pattern, in alphabetical order. A name without wildcards is one file, there or not.
pub(crate) fn files_of(pattern: &str) -> Result<Vec<PathBuf>, Fault> {
    found_by(pattern).map(|named| named.files)
}

fn found_by(pattern: &str) -> Result<Named, Fault> {
    let mut named = Named::default();
    if !is_wild(pattern) {
        named.files.push(plain(pattern));
        return Ok(named);
    }
    let matches = glob_with(pattern, MATCHING).map_err(|error| {
        // The end of a path says which file is meant, so it is not cut.
        Fault::new(format!("{pattern:?} is not a pattern: {}", error.msg))
            .hint("`*` stands for any letters of a name, `?` for one, `[ab]` for one of these")
    })?;
    let folder: PathBuf = Path::new(pattern)
        .components()
        .map(|part| part.as_os_str().to_str().unwrap_or_default().to_owned())
        .take_while(|part| !is_wild(part))
        .map(|part| plain(&part))
        .collect();
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        return Err(
            Fault::new(format!("there is no folder {}", folder.display()))
                .hint("names are relative to the folder of the configuration file"),
        );
    }
    for file in matches {
        let file = file.map_err(|error| {
            let why = error.error();
            Fault::new(format!(
                "cannot read the folder {}: {why}",
                error.path().display()
            ))
            .hint("the user that runs the gateway must be able to read it")
        })?;
        match file.is_dir() {
            false => named.files.push(file),
            // `**` stands for folders.
            true if !pattern.ends_with("**") && named.folders.len() < MOST_FOLDERS => {
                named.folders.push(file);
            }
            true => {}
        }
        if named.files.len() > MOST_FILES {
            break;
        }
    }
    named.files.sort();
    named.folders.sort();
    Ok(named)
}

/// What has been included so far.
struct Including {
    /// The files, by the names that links lead to.
    seen: HashSet<PathBuf>,
    /// How many values their trees have.
    values: usize,
    found: Include,
}

impl Including {
    /// Adds one file. Whether further ones may follow.
    fn add(
        &mut self,
        tree: &mut Node,
        file: &Path,
        place: Place,
        env: Lookup<'_>,
        report: &mut Report,
    ) -> bool {
        let real = |file: &Path| fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        if real(file) == real(report.main().file()) {
            let fault = Fault::new(format!("{} would include itself", file.display()));
            let hint = "keep included files in a folder of their own, like conf.d";
            report.fault(place, "include", fault.hint(hint));
            return true;
        }
        if !self.seen.insert(real(file)) {
            return true;
        }
        if self.seen.len() > MOST_FILES {
            let fault = Fault::new(format!("more than {MOST_FILES} files"));
            report.fault(place, "include", fault.hint("write fewer and larger files"));
            return false;
        }
        let Some(text) = self.text(file, place, report) else {
            return true;
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let number = report.include(Source::new(file, text));
        let Some(added) = read_tree(text, number, env, report) else {
            return true;
        };
        self.values = self.values.saturating_add(added.count());
        if self.values > MOST_VALUES {
            let fault = Fault::new(format!("more than {MOST_VALUES} values in all files"));
            report.fault(place, "include", fault.hint("write fewer aliases"));
            return false;
        }
        merge(tree, added, report);
        true
    }

    /// The text of a file, which is noted; `None` when it cannot be read, which is reported.
    fn text(&mut self, file: &Path, place: Place, report: &mut Report) -> Option<String> {
        let cannot = |why: String| {
            Fault::new(format!("cannot read {}: {why}", file.display()))
                .hint("names are relative to the folder of the configuration file")
        };
        let read = read_named(file);
        self.found.files.push(IncludedFile {
            path: file.to_owned(),
            hash: fingerprint(file, MAX_FILE_SIZE as u64),
        });
        match read {
            Ok(text) => Some(text),
            Err(ReadError::Io(why)) => {
                report.fault(place, "include", cannot(why));
                None
            }
            Err(ReadError::NotUtf8(at, text)) => {
                let file = report.include(Source::new(file, &text));
                let fault = Fault::new("this byte is not UTF-8").hint("save the file as UTF-8");
                report.fault(Place { file, ..at }, "", fault);
                None
            }
        }
    }
}

/// Adds the balancers and mappings of an included file to those of the main file.
fn merge(tree: &mut Node, added: Node, report: &Report) {
    let entries = match added.shape {
        Shape::Map(entries) => entries,
        // A file with comments only.
        Shape::Null | Shape::Broken => return,
        Shape::Scalar(_) | Shape::List(_) => {
            let fault = Fault::new("expected a map of keys");
            report.fault(added.place, "", fault.hint(hint_of_keys("")));
            return;
        }
    };
    for Entry { key, value } in entries {
        let name = key.text().unwrap_or_default().to_owned();
        if !KEYS.contains(&name.as_str()) {
            let fault = Fault::new(format!("unknown key {}", quoted(&name)));
            report.fault(key.place, "", fault.hint(hint_of_keys(&name)));
            continue;
        }
        let Some(into) = section(tree, &name, &key) else {
            continue;
        };
        match (&mut into.shape, value.shape) {
            (Shape::Map(known), Shape::Map(more)) => add_names(known, more, report),
            (Shape::List(known), Shape::List(more)) => known.extend(more),
            // The main file's own value is wrong, which is reported when it is read.
            (Shape::Scalar(_) | Shape::Broken, _) | (_, Shape::Broken) => {}
            (into, _) => {
                let wanted = match into {
                    Shape::Map(_) => "a map of keys",
                    _ => "a list",
                };
                let fault = Fault::new(format!("expected {wanted}"));
                let hint = "it is written as in the main file";
                report.fault(value.place, &name, fault.hint(hint));
            }
        }
    }
}

fn hint_of_keys(key: &str) -> String {
    let keys = "an included file has `balancers` and `proxy_pass` only";
    match schema::owners(key).iter().any(|owner| owner == schema::TOP) {
        true => format!("`{key}` stands in the main file; {keys}"),
        false => keys.to_owned(),
    }
}

/// The value of `balancers` or `proxy_pass` of the main file. An absent one is made, empty.
fn section<'a>(tree: &'a mut Node, name: &str, key: &Node) -> Option<&'a mut Node> {
    let Shape::Map(entries) = &mut tree.shape else {
        return None;
    };
    let at = entries.iter().position(|entry| entry.name() == Some(name));
    let at = at.unwrap_or_else(|| {
        entries.push(Entry {
            key: key.clone(),
            value: Node {
                place: key.place,
                shape: match name {
                    "balancers" => Shape::Map(Vec::new()),
                    _ => Shape::List(Vec::new()),
                },
            },
        });
        entries.len() - 1
    });
    entries.get_mut(at).map(|entry| &mut entry.value)
}

/// Adds balancers; a name that is taken is reported.
fn add_names(known: &mut Vec<Entry>, more: Vec<Entry>, report: &Report) {
    for entry in more {
        let same = known.iter().find(|other| other.name() == entry.name());
        if let Some(same) = same {
            let name = quoted(entry.name().unwrap_or_default());
            let first = report.line_of(same.key.place, entry.key.place);
            report.error_with_hint(
                entry.key.place,
                format!("balancers: {name} is given twice"),
                format!("the first one is in {first}; rename one of them"),
            );
            continue;
        }
        known.push(entry);
    }
}

impl Include {
    /// The files that the patterns name now, with hashes of their contents, in the order in which they are read.
    #[must_use]
    pub fn now(&self) -> Vec<IncludedFile> {
        let mut seen = HashSet::new();
        let files = self
            .patterns
            .iter()
            .flat_map(|pattern| files_of(pattern).unwrap_or_default());
        let files = files
            .filter(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
        files
            .map(|path| IncludedFile {
                hash: fingerprint(&path, MAX_FILE_SIZE as u64),
                path,
            })
            .collect()
    }

    /// Whether the patterns name the files that were read, and these hold what they held then.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.now() == self.files
    }
}
