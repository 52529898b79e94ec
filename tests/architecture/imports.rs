//! Which file imports which: the paths of `use` lines, and paths with `crate::`, `super::` or a child module elsewhere.
//!
//! A name that a module only hands on (`pub use`) counts as imported from the file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, names, sources, word};

/// The files of one crate and what they import from each other.
pub(super) struct Crate {
    /// By the path of their module.
    files: BTreeMap<Vec<String>, File>,
}

/// A file without its tests.
struct File {
    path: String,
    /// Its code, with the `use` lines blanked.
    code: String,
    uses: Vec<Use>,
    /// The names that it defines.
    items: BTreeSet<String>,
}

/// One name that a `use` brings in.
struct Use {
    path: Vec<String>,
    name: String,
    /// Whether others can have the name from this file only because of this line (`pub use`).
    hands_on: bool,
}

impl Crate {
    /// The crate whose root file lies in this folder.
    pub(super) fn read(folder: &str) -> Self {
        let files = sources(&[folder]).filter(|source| !source.is_test());
        let files = files.map(|source| (module_of(&source.path, folder), File::new(&source)));
        Self {
            files: files.collect(),
        }
    }

    /// File → the files that it imports something from.
    pub(super) fn imports(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let imports = self.files.iter().map(|(module, file)| {
            let targets = file.paths(&self.children(module));
            let targets = targets
                .iter()
                .filter_map(|path| self.target(module, path, 0));
            let others = targets.filter(|other| *other != file.path);
            (file.path.as_str(), others.collect())
        });
        imports.collect()
    }

    /// The names of the modules right below a module.
    fn children(&self, module: &[String]) -> Vec<String> {
        let below = self
            .files
            .keys()
            .filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
        below.filter_map(|other| other.last().cloned()).collect()
    }

    /// The file that defines what a path in this module leads to; `None` when it is in another crate, or is a module that
    /// defines nothing.
    fn target(&self, module: &[String], path: &[String], depth: usize) -> Option<&str> {
        let mut at = module.to_vec();
        let mut rest = path;
        while let [first, more @ ..] = rest {
            match first.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                name => {
                    at.push(name.to_owned());
                    if !self.files.contains_key(&at) {
                        at.pop();
                        break;
                    }
                }
            }
            rest = more;
        }
        let file = self.files.get(&at)?;
        let Some(name) = rest.first() else {
            return (!file.items.is_empty()).then_some(&file.path);
        };
        if file.items.contains(name) {
            return Some(&file.path);
        }
        // A path may lead through a few modules that hand the name on.
        let from = file
            .uses
            .iter()
            .filter(|it| it.name == *name || it.name == "*");
        let mut from = from.filter(|_| depth < 5);
        from.find_map(|it| {
            let mut path = it.path.clone();
            if it.name == "*" {
                path.pop();
                path.push(name.clone());
            }
            self.target(&at, &path, depth + 1)
        })
    }
}

impl File {
    fn new(source: &Source) -> Self {
        let code: Vec<&str> = source.code.lines().take(source.length).collect();
        let (uses, code) = uses(&code.join("\n"));
        Self {
            path: source.path.clone(),
            items: items(&code),
            uses,
            code,
        }
    }

    /// The paths that it names, but for those that it only hands on.
    fn paths(&self, children: &[String]) -> Vec<Vec<String>> {
        let imported = self
            .uses
            .iter()
            .filter(|it| !it.hands_on || names(&self.code, &it.name));
        let mut paths: Vec<_> = imported.map(|it| it.path.clone()).collect();
        let starts = ["crate", "super"].into_iter();
        for start in starts.chain(children.iter().map(String::as_str)) {
            for (at, _) in self.code.match_indices(&format!("{start}::")) {
                let before = self.code[..at].chars().next_back();
                if !before.is_some_and(|c| c.is_alphanumeric() || "_:".contains(c)) {
                    paths.push(path_at(&self.code[at..]));
                }
            }
        }
        paths
    }
}

/// The path of the module of a file in this folder; the root of the crate has the empty path.
fn module_of(path: &str, folder: &str) -> Vec<String> {
    let path = path.trim_start_matches(folder).trim_end_matches(".rs");
    let parts = path.split('/').filter(|part| !part.is_empty());
    let mut module: Vec<String> = parts.map(str::to_owned).collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        module.pop();
    }
    module
}

/// The path that a text begins with.
fn path_at(text: &str) -> Vec<String> {
    let mut path = Vec::new();
    let mut rest = text;
    loop {
        let name = word(rest);
        if name.is_empty() {
            return path;
        }
        path.push(name.to_owned());
        match rest[name.len()..].strip_prefix("::") {
            Some(behind) => rest = behind,
            None => return path,
        }
    }
}

/// The `use` lines of a code, and the code without them.
fn uses(code: &str) -> (Vec<Use>, String) {
    let (mut found, mut left) = (Vec::new(), String::new());
    let mut rest = code;
    while let Some((before, tree, hands_on, behind)) = next_use(rest) {
        left.push_str(before);
        expand(&[], tree, hands_on, &mut found);
        rest = behind;
    }
    left.push_str(rest);
    (found, left)
}

/// What stands before the first `use`, its tree, whether it hands on, and what stands behind it.
fn next_use(code: &str) -> Option<(&str, &str, bool, &str)> {
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let words = line.trim_start();
        let hands_on = words.starts_with("pub");
        let rest = match (hands_on, words.split_once("use ")) {
            (false, Some(("", rest))) => Some(rest),
            (true, Some((visibility, rest))) if is_visibility(visibility.trim()) => Some(rest),
            _ => None,
        };
        if let Some(rest) = rest {
            let start = at + line.len() - rest.len();
            let end = start + code[start..].find(';')?;
            return Some((&code[..at], &code[start..end], hands_on, &code[end + 1..]));
        }
        at += line.len();
    }
    None
}

fn is_visibility(text: &str) -> bool {
    text == "pub" || (text.starts_with("pub(") && text.ends_with(')'))
}

/// Adds each name of a tree such as `a::{b, c::{self, d as e}}`.
fn expand(prefix: &[String], tree: &str, hands_on: bool, found: &mut Vec<Use>) {
    let tree = tree.trim();
    if let Some((before, branches)) = tree.split_once('{') {
        let more = before
            .split("::")
            .map(str::trim)
            .filter(|it| !it.is_empty());
        let prefix: Vec<String> = prefix
            .iter()
            .cloned()
            .chain(more.map(str::to_owned))
            .collect();
        let branches = branches
            .rsplit_once('}')
            .map_or(branches, |(inside, _)| inside);
        for branch in split_branches(branches) {
            expand(&prefix, branch, hands_on, found);
        }
        return;
    }
    let (path, alias) = tree
        .split_once(" as ")
        .map_or((tree, None), |(path, alias)| {
            (path.trim(), Some(alias.trim().to_owned()))
        });
    let mut path: Vec<String> = prefix
        .iter()
        .cloned()
        .chain(
            path.split("::")
                .filter(|it| !it.is_empty())
                .map(str::to_owned),
        )
        .collect();
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(last) = path.last().cloned() {
        let name = alias.unwrap_or(last);
        found.push(Use {
            path,
            name,
            hands_on,
        });
    }
}

/// The parts of a list at commas outside braces.
fn split_branches(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// The names that a code defines: at the beginning of a line, behind its visibility.
fn items(code: &str) -> BTreeSet<String> {
    const KINDS: &[&str] = &[
        "struct",
        "enum",
        "trait",
        "type",
        "const",
        "static",
        "fn",
        "macro_rules!",
    ];
    let mut found = BTreeSet::new();
    for line in code
        .lines()
        .filter(|line| line.starts_with(char::is_alphabetic))
    {
        let words: Vec<&str> = line.split_whitespace().take(6).collect();
        let kind = words.iter().position(|it| KINDS.contains(it));
        // `const fn` and the like: the last of these words counts.
        let last = kind.map(|at| match words.get(at + 1) {
            Some(&"fn") => at + 2,
            _ => at + 1,
        });
        let is_impl = words
            .first()
            .is_some_and(|first| first.starts_with("impl") || *first == "use");
        if let Some(name) = last.and_then(|at| words.get(at)).filter(|_| !is_impl) {
            found.insert(word(name).to_owned());
        }
    }
    found
}

#[test]
fn a_tree_of_imports_is_expanded() {
    let code = "use a::{b, c::{self, d as e}};\nfn f() {}\npub(crate) use super::g::*;\n    use x::Y as _;\n";
    let (uses, rest) = uses(code);
    let shown: Vec<String> = uses
        .iter()
        .map(|it| format!("{} {} {}", it.path.join("."), it.name, it.hands_on))
        .collect();
    assert_eq!(
        shown,
        [
            "a.b b false",
            "a.c c false",
            "a.c.d e false",
            "super.g.* * true",
            "x.Y _ false"
        ]
    );
    assert!(names(&rest, "f") && !names(&rest, "use"), "{rest}");
}

#[test]
fn items_are_found_whatever_their_visibility() {
    let code = "pub(crate) struct A<T>(T);\nconst fn b() {}\npub const C: u8 = 1;\nimpl D {\n    fn e() {}\n}\nenum F {}\n";
    let found: Vec<String> = items(code).into_iter().collect();
    assert_eq!(found, ["A", "C", "F", "b"]);
}
