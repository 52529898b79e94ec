//! Source files as lines of code, without comments and strings.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository.
pub(crate) struct Source {
    /// Relative to the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments, strings and characters replaced by blanks; lines keep their numbers.
    pub(crate) code: String,
    /// The text with everything blanked but its comments, line for line. A document is one comment.
    pub(crate) comments: String,
    /// The number of lines before the tests in the file.
    pub(crate) length: usize,
}

impl Source {
    pub(crate) fn read(path: &str) -> Self {
        let text =
            fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (code, comments) = match path.rsplit('.').next() {
            Some("rs") => split(&text),
            Some("md") => (String::new(), text.clone()),
            _ => (text.clone(), hash_comments(&text)),
        };
        let tests = text.find("#[cfg(test)]\nmod tests {");
        Self {
            path: path.to_owned(),
            length: text[..tests.unwrap_or(text.len())].lines().count(),
            text,
            code,
            comments,
        }
    }

    /// All lines, with their numbers.
    pub(crate) fn raw(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The code of all lines, with their numbers.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    /// Whether the whole file is tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Whether a line belongs to tests.
    pub(crate) fn is_test_line(&self, number: usize) -> bool {
        self.is_test() || number > self.length
    }

    /// The module of the crate root that this file of `src/` belongs to.
    pub(crate) fn module(&self) -> String {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/').next().unwrap_or_default().to_owned()
    }

    /// How many modules deep this file is: 1 for `src/headers.rs` and `src/proxy/mod.rs`.
    fn depth(&self) -> usize {
        let parts = self.path.trim_start_matches("src/").split('/').count();
        parts - usize::from(self.path.ends_with("/mod.rs"))
    }

    /// Modules of the crate root that a line imports.
    pub(crate) fn imports<'a>(&self, number: usize, line: &'a str) -> Vec<&'a str> {
        let root = "super::".repeat(self.depth());
        let mut rests: Vec<&'a str> = line.split("crate::").skip(1).collect();
        // In tests `super` is the file's own module.
        if !self.is_test_line(number) {
            rests.extend(line.split(root.as_str()).skip(1));
        }
        rests.into_iter().map(word).collect()
    }

    /// Whether a chart stands in the documentation of an enum, or of a struct that has it as a field.
    pub(crate) fn is_charted(&self, name: &str) -> bool {
        let text: Vec<&str> = self.text.lines().collect();
        let code: Vec<&str> = self.code.lines().collect();
        let mut struct_at = None;
        code.iter().enumerate().any(|(at, line)| {
            if line.contains("struct ") {
                struct_at = Some(at);
            }
            let item = match line.trim_end().ends_with(&format!(": {name},")) {
                true => struct_at,
                false => names(line, &format!("enum {name}")).then_some(at),
            };
            let documentation = item.map(|item| {
                text[..item].iter().rev().take_while(|line| {
                    let line = line.trim_start();
                    line.starts_with("///") || line.starts_with("#[")
                })
            });
            documentation.is_some_and(|mut lines| lines.any(|line| line.contains("```")))
        })
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below these folders, or these files.
pub(crate) fn sources(places: &[&str]) -> impl Iterator<Item = Source> + use<> {
    let mut paths = BTreeSet::new();
    let mut left: Vec<PathBuf> = places.iter().map(|place| root().join(place)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
            left.retain(|path| !path.ends_with("target") && !path.ends_with("protocol/fuzz"));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap();
            paths.insert(name.to_str().unwrap().to_owned());
        }
    }
    assert!(!paths.is_empty(), "{places:?}");
    paths.into_iter().map(|path| Source::read(&path))
}

/// The word that a text begins with.
pub(crate) fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// Whether a line has a path or word that is not a part of a longer one.
pub(crate) fn names(line: &str, wanted: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(wanted).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let behind = line[at + wanted.len()..].chars().next();
        !before.is_some_and(part) && !behind.is_some_and(part)
    })
}

/// The code of a Rust text and its comments, each with everything else blanked. Lines stay where they are.
fn split(text: &str) -> (String, String) {
    let mut code = String::with_capacity(text.len());
    let mut comments = String::with_capacity(text.len());
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match_of(rest).unwrap_or(0);
        let (part, behind) = rest.split_at(length.max(first.len_utf8()));
        let is_comment = length > 0 && (part.starts_with("//") || part.starts_with("/*"));
        let keep = |kept: bool, c: char| if kept { c } else { blank(c) };
        code.extend(part.chars().map(|c| keep(length == 0, c)));
        comments.extend(part.chars().map(|c| keep(is_comment, c)));
        rest = behind;
    }
    (code, comments)
}

/// What stands behind the first `#` of each line that begins with one or has white space before it.
fn hash_comments(text: &str) -> String {
    let comment = |line: &str| {
        let at = line
            .match_indices('#')
            .map(|(at, _)| at)
            .find(|&at| line[..at].is_empty() || line[..at].ends_with([' ', '\t']));
        at.map_or(String::new(), |at| line[at + 1..].to_owned())
    };
    text.lines().map(comment).collect::<Vec<_>>().join("\n")
}

/// The length of the comment, string or character that a text begins with.
fn match_of(text: &str) -> Option<usize> {
    let until = |end: &str, from: usize| {
        text[from..]
            .find(end)
            .map_or(text.len(), |at| from + at + end.len())
    };
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(until("*/", 2));
    }
    if let Some(raw) = text.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return Some(until(&format!("\"{}", "#".repeat(hashes)), hashes + 2));
        }
    }
    if text.starts_with('"') {
        return Some(closing(text, '"'));
    }
    // A character, and not a lifetime: 'x' or '\…'.
    let mut characters = text.chars();
    if characters.next() == Some('\'') {
        let escaped = characters.next() == Some('\\');
        if escaped || characters.next() == Some('\'') {
            return Some(closing(text, '\''));
        }
    }
    None
}

/// The length of a quoted text, with its escapes.
fn closing(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[test]
fn code_is_told_from_comments_and_strings() {
    let text = "let a = \"unsafe // \\\" \"; // unsafe\nlet b = 'x'; let c: &'a str = r#\"unsafe \"\"#;\n/* unsafe\n*/ fn f<'a>() { '\"' }";
    let (code, comments) = split(text);
    assert!(!code.contains("unsafe"), "{code}");
    assert_eq!(comments.matches("unsafe").count(), 2, "{comments}");
    assert_eq!(code.lines().count(), text.lines().count());
    assert!(
        code.contains("let c: &'a str =") && code.ends_with("fn f<'a>() {     }"),
        "{code}"
    );
}
