//! Files to a tree of directives: includes, definitions and conditions are followed, so the tree has neither.

mod ahead;
mod conditions;
mod include;
mod macros;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::ahead::split;
use self::state::{Reader, failure};
use super::lex::{self, Line};
use super::options::Options;
use super::tree::{Node, Tree};
use crate::convert::files::unreadable;
use crate::convert::note::{Failure, Notes, Origin};

/// Most bytes of all files together, variables filled in.
const MOST_BYTES: usize = 32 << 20;
/// Most sections in one another, and most files that include one another. httpd: 128 (`AP_MAX_INCLUDE_DEPTH`).
const DEEPEST: usize = 64;
/// Most files.
const MOST_FILES: usize = 5_000;
/// Longest line with its variables filled in, in bytes.
const LONGEST_LINE: usize = 1 << 20;

/// Reads a file with everything that it includes.
pub(super) fn read(file: &Path, options: &Options<'_>, notes: &mut Notes) -> Result<Tree, Failure> {
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut reader = Reader {
        options,
        notes,
        root: options.server_root.map_or(folder, Path::to_owned),
        defined: options
            .defined
            .iter()
            .map(|name| (name.clone(), None))
            .collect(),
        modules: BTreeSet::new(),
        assumed: BTreeSet::new(),
        macros: BTreeMap::new(),
        open: Vec::new(),
        is_latin1: false,
        files: 0,
        bytes: 0,
        is_empty: true,
    };
    let mut nodes = Vec::new();
    let origin = Origin {
        file: Arc::from(&*file.to_string_lossy()),
        line: 0,
    };
    reader.file(file, &origin, &mut nodes, 0)?;
    Ok(Tree {
        nodes,
        root: reader.root,
        is_empty: reader.is_empty,
        origin,
    })
}

/// Directives and sections about paths of requests.
const PATHS: [&str; 14] = [
    "proxypass",
    "proxypassmatch",
    "location",
    "locationmatch",
    "redirect",
    "redirectmatch",
    "redirectpermanent",
    "redirecttemp",
    "rewriterule",
    "alias",
    "jkmount",
    "jkunmount",
    "setenvif",
    "setenvifnocase",
];

/// What is said of paths beyond ASCII in a file that is not UTF-8.
const IN_LATIN1: &str = "the file is in ISO-8859-1, and httpd takes the bytes of its paths (%E9 for é); here they are taken for UTF-8 \
     (%C3%A9)";

/// What is said of values beyond ASCII in such a file.
const VALUES_IN_LATIN1: &str = "the file is in ISO-8859-1, and httpd sends the bytes of its values as they are (%E9 for é); here they \
     are sent as UTF-8 (%C3%A9)";

/// A section that is not closed yet.
struct Open {
    node: Node,
    /// Whether it is a condition: what is in it goes where the condition stands, or nowhere.
    condition: Option<bool>,
}

impl Reader<'_> {
    /// Reads one file to the end of a list of directives. `place` is what names the file.
    fn file(
        &mut self,
        path: &Path,
        place: &Origin,
        nodes: &mut Vec<Node>,
        depth: usize,
    ) -> Result<(), Failure> {
        let fail = |text: String| Err(failure(place, text));
        if self.open.iter().any(|open| open == path) {
            return fail(format!("{} includes itself", path.display()));
        }
        self.files += 1;
        if depth > DEEPEST || self.files > MOST_FILES {
            return fail(format!(
                "more than {DEEPEST} files in one another, or {MOST_FILES} files"
            ));
        }
        let bytes = match self.options.files.read(path) {
            Ok(bytes) => bytes,
            Err(why) => return fail(format!("cannot read {}: {why}", path.display())),
        };
        if let Some(why) = unreadable(&bytes) {
            return fail(format!("cannot read {}: {why}", path.display()));
        }
        self.spend(bytes.len(), place)?;
        let name: Arc<str> = Arc::from(&*path.to_string_lossy());
        self.notes.open(&name);
        self.open.push(path.to_owned());
        let mut sections: Vec<Open> = Vec::new();
        let is_latin1 = std::str::from_utf8(&bytes).is_err();
        let around = std::mem::replace(&mut self.is_latin1, is_latin1);
        let lines = lex::lines(&bytes);
        self.is_empty &= lines.is_empty();
        let mut left = lines.as_slice();
        while let Some((line, behind)) = left.split_first() {
            let origin = Origin {
                file: Arc::clone(&name),
                line: line.number,
            };
            self.line((line, behind), &origin, &mut sections, nodes, depth)?;
            left = behind;
        }
        if let Some(open) = sections.last() {
            let text = format!("<{}> is not closed", open.node.written);
            return Err(failure(&open.node.origin, text));
        }
        self.open.pop();
        self.is_latin1 = around;
        Ok(())
    }

    fn spend(&mut self, bytes: usize, place: &Origin) -> Result<(), Failure> {
        self.bytes = self.bytes.saturating_add(bytes);
        match self.bytes > MOST_BYTES {
            true => Err(failure(
                place,
                format!("more than {} MiB of configuration", MOST_BYTES >> 20),
            )),
            false => Ok(()),
        }
    }

    fn line(
        &mut self,
        (line, behind): (&Line, &[Line]),
        origin: &Origin,
        sections: &mut Vec<Open>,
        nodes: &mut Vec<Node>,
        depth: usize,
    ) -> Result<(), Failure> {
        if let Some(closing) = line.text.strip_prefix("</") {
            return self.close(closing, origin, sections, nodes);
        }
        let skipped = sections.iter().any(|open| open.condition == Some(false));
        let (written, arguments, is_section) = split(line, origin)?;
        let arguments = match skipped {
            true => String::new(),
            false => self.filled_in(&arguments, origin)?,
        };
        let node = Node {
            origin: origin.clone(),
            name: written.to_ascii_lowercase(),
            written,
            arguments,
            children: is_section.then(Vec::new),
        };
        if self.is_latin1 && !node.arguments.is_ascii() {
            match &*node.name {
                name if PATHS.contains(&name) => self.notes.name(origin, IN_LATIN1),
                "header" | "requestheader" => self.notes.name(origin, VALUES_IN_LATIN1),
                _ => {}
            }
        }
        if is_section {
            return self.open(node, behind, skipped, sections);
        }
        if skipped || self.defines(&node) {
            return Ok(());
        }
        if matches!(&*node.name, "include" | "includeoptional") {
            let mut included = Vec::new();
            self.include(&node, &mut included, depth)?;
            for node in included {
                put(node, sections, nodes);
            }
            return Ok(());
        }
        let in_macro = sections.iter().any(|open| open.node.name == "macro");
        match node.name == "use" && !in_macro {
            true => {
                for node in self.used(node, depth)? {
                    put(node, sections, nodes);
                }
            }
            false => put(node, sections, nodes),
        }
        Ok(())
    }

    /// Begins a section.
    fn open(
        &mut self,
        node: Node,
        behind: &[Line],
        skipped: bool,
        sections: &mut Vec<Open>,
    ) -> Result<(), Failure> {
        if sections.len() >= DEEPEST {
            let text = format!("more than {DEEPEST} sections in one another");
            return Err(failure(&node.origin, text));
        }
        let condition = match skipped {
            true => Some(false),
            false => {
                let mut around = sections.iter().filter(|open| open.condition.is_none());
                let is_about_paths = around.any(|open| open.node.name != "virtualhost");
                self.condition(&node, behind, is_about_paths)
            }
        };
        sections.push(Open { node, condition });
        Ok(())
    }

    /// Ends the section that is open.
    fn close(
        &mut self,
        closing: &str,
        origin: &Origin,
        sections: &mut Vec<Open>,
        nodes: &mut Vec<Node>,
    ) -> Result<(), Failure> {
        let name = closing.trim_end().trim_end_matches('>').trim();
        let Some(open) = sections.pop() else {
            return Err(failure(origin, format!("</{name}> closes nothing")));
        };
        if !open.node.name.eq_ignore_ascii_case(name) {
            let Origin { line, .. } = open.node.origin;
            let text = format!(
                "</{name}> where <{}> of line {line} is open",
                open.node.written
            );
            return Err(failure(origin, text));
        }
        match open.condition {
            None if open.node.name == "macro" => self.define_macro(open.node),
            None => put(open.node, sections, nodes),
            Some(true) => {
                for node in open.node.children.into_iter().flatten() {
                    put(node, sections, nodes);
                }
            }
            Some(false) => {}
        }
        Ok(())
    }

    /// Takes up what changes how the next lines are read. Returns whether the directive is nothing beside that.
    fn defines(&mut self, node: &Node) -> bool {
        let words = node.words();
        let first = words.first();
        match (&*node.name, first) {
            ("define", Some(name)) => {
                self.defined.insert(name.clone(), words.get(1).cloned());
                true
            }
            ("undefine", Some(name)) => {
                self.defined.remove(name);
                true
            }
            ("serverroot", Some(root)) => {
                if self.options.server_root.is_none() {
                    self.root = PathBuf::from(root);
                }
                true
            }
            ("loadmodule", Some(name)) => {
                self.modules.insert(conditions::bare_name(name));
                self.notes.count(&node.origin);
                true
            }
            _ => false,
        }
    }

    /// `${NAME}`: a definition, else a variable of the environment, else itself.
    fn filled_in(&mut self, text: &str, origin: &Origin) -> Result<String, Failure> {
        if !text.contains("${") {
            return Ok(text.to_owned());
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((name, after)) = behind.split_once('}') else {
                rest = rest.get(before.len()..).unwrap_or_default();
                break;
            };
            let value = match self.defined.get(name) {
                Some(value) => Some(value.clone().unwrap_or_default()),
                None => (self.options.env)(name).or_else(|| usual(name).map(str::to_owned)),
            };
            match value {
                Some(value) => filled.push_str(&value),
                None => {
                    filled.push_str("${");
                    filled.push_str(name);
                    filled.push('}');
                }
            }
            rest = after;
            if filled.len() > LONGEST_LINE {
                return Err(failure(
                    origin,
                    "the line is too long with its variables".to_owned(),
                ));
            }
        }
        filled.push_str(rest);
        self.spend(filled.len(), origin)?;
        Ok(filled)
    }
}

/// What the start script of Debian's package puts into the environment.
fn usual(name: &str) -> Option<&'static str> {
    match name {
        "APACHE_LOG_DIR" => Some("/var/log/apache2"),
        "APACHE_CONFDIR" => Some("/etc/apache2"),
        "APACHE_RUN_DIR" => Some("/var/run/apache2"),
        _ => None,
    }
}

/// Adds a directive to the section that is open, or to the file.
fn put(node: Node, sections: &mut [Open], nodes: &mut Vec<Node>) {
    match sections.last_mut() {
        Some(open) => open.node.children.get_or_insert_default().push(node),
        None => nodes.push(node),
    }
}
