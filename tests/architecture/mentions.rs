//! What a document or comment mentions between backticks or as a link, and whether it exists: files, headings, modules,
//! identifiers.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, root};

/// Words in backticks that are no names of this repository, by where they come from.
pub(super) const FOREIGN: &[(&str, &[&str])] = &[
    (
        "httpd",
        &[
            "AllowEncodedSlashes",
            "HeartbeatStorage",
            "LimitRequestBody",
            "LimitRequestFieldSize",
            "LimitRequestFields",
            "LimitRequestLine",
            "ProxyIOBufferSize",
            "ProxyPassReverse",
            "ProxyPassReverseCookiePath",
            "ProxyTimeout",
        ],
    ),
    ("mod_jk", &["JkUnMount", "ajp_process_callback"]),
    (
        "Tomcat",
        &[
            "AjpProcessor",
            "CoyoteAdapter",
            "ErrorReportValve",
            "URIEncoding",
        ],
    ),
    ("vsftpd", &["max_per_ip"]),
    ("crates", &["yaml_serde"]),
];

/// Ends of file names.
const ENDS: &[&str] = &[".rs", ".md", ".sh", ".toml", ".yaml", ".yml", ".snap"];

/// Folders at the top.
const FOLDERS: &[&str] = &[
    "src/",
    "tests/",
    "protocol/",
    "config/",
    "docker/",
    "docs/",
    "testdata/",
    ".ci/",
];

/// Where a path may start, beside the folder of the file that mentions it.
const ROOTS: &[&str] = &[
    "",
    "src/",
    "tests/",
    "tests/gateway/",
    "protocol/",
    "protocol/src/",
    "config/",
];

/// The user's own files.
const USERS: &[&str] = &["ajpgate.yaml", "bad.yaml", "server.xml", "two-tomcats.sh"];

/// One thing that a text mentions.
#[derive(Debug)]
pub(super) enum Mention<'a> {
    /// A file or folder, and a heading in it.
    Path(&'a str, Option<&'a str>),
    /// A recording, such as `raw 224`.
    Recording(&'a str, &'a str),
    /// An identifier, or several joined by `::`.
    Name(&'a str),
    /// The beginning of an identifier, before `…`.
    Beginning(&'a str),
}

impl Mention<'_> {
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Name(name) if *name == word)
    }
}

/// All names of the code.
pub(super) struct Corpus<'a> {
    /// Each file's modules and words.
    files: Vec<(Vec<&'a str>, BTreeSet<&'a str>)>,
    /// All words, those in strings included.
    words: BTreeSet<&'a str>,
    headings: BTreeMap<String, Vec<String>>,
    /// Names of files with Rust code.
    file_names: BTreeSet<&'a str>,
}

impl<'a> Corpus<'a> {
    pub(super) fn new(code: &'a [Source]) -> Self {
        let files = code
            .iter()
            .map(|source| (modules(&source.path), words(&source.code)));
        let all = code.iter().flat_map(|source| {
            // Comments are no proof that something exists.
            let lines = source.text.lines().zip(source.comments.lines());
            lines.flat_map(|(text, comment)| match comment.trim().is_empty() {
                true => words(text),
                false => BTreeSet::new(),
            })
        });
        let mut corpus = Self {
            files: files.collect(),
            words: all.collect(),
            headings: BTreeMap::new(),
            file_names: code
                .iter()
                .filter_map(|source| source.path.rsplit('/').next())
                .collect(),
        };
        for source in &corpus.files {
            corpus.words.extend(&source.1);
        }
        for document in super::documents::documents() {
            let lines = document.text.lines().filter(|line| line.starts_with('#'));
            let headings = lines.map(|line| line.trim_start_matches('#').trim().to_owned());
            let headings = headings.collect();
            corpus.headings.insert(document.path, headings);
        }
        corpus
    }

    /// What is wrong with a mention in this file.
    pub(super) fn problem(&self, source: &Source, mention: &Mention<'_>) -> Option<String> {
        match mention {
            Mention::Path(path, heading) => self.path_problem(source, path, *heading),
            Mention::Recording(folder, number) => {
                let folder = match *folder {
                    "raw" => "tomcat_raw",
                    "px" => "mod_proxy_ajp",
                    _ => "mod_jk",
                };
                let begins = format!("{number}-");
                let mut files =
                    std::fs::read_dir(root().join("testdata/captures").join(folder)).ok()?;
                let there = files.any(|file| {
                    file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with(&begins))
                });
                (!there).then(|| format!("there is no recording {folder} {number}"))
            }
            Mention::Name(name) if is_foreign(name) => None,
            Mention::Name(name) if name.contains("::") => {
                (!self.has_path(name)).then(|| format!("there is no `{name}`"))
            }
            Mention::Name(name) => {
                // Header fields are written in lower case in code, and metrics without the prefix of all.
                let there = self.words.contains(name)
                    || self.words.contains(name.to_ascii_lowercase().as_str())
                    || name
                        .strip_prefix("ajpgate_")
                        .is_some_and(|metric| self.words.contains(metric));
                (!there).then(|| format!("no code names `{name}`"))
            }
            Mention::Beginning(beginning) => {
                let mut words = self.words.range(*beginning..);
                let there = words.next().is_some_and(|word| word.starts_with(beginning));
                (!there).then(|| format!("nothing begins with `{beginning}`"))
            }
        }
    }

    fn path_problem(&self, source: &Source, path: &str, heading: Option<&str>) -> Option<String> {
        let own = source
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let module = source.path.trim_end_matches(".rs");
        let mut roots = ROOTS.iter().copied().chain([own, module]);
        let found = roots.find(|folder| root().join(folder).join(path).exists());
        if found.is_none() && heading.is_none() && self.file_names.contains(path) {
            return None;
        }
        let Some(folder) = found
            .filter(|_| !path.is_empty())
            .or(path.is_empty().then_some(""))
        else {
            return Some(format!("there is no {path}"));
        };
        let heading = heading?;
        let document = match path {
            "" => source.path.clone(),
            _ => root()
                .join(folder)
                .join(path)
                .strip_prefix(root())
                .ok()?
                .to_str()?
                .to_owned(),
        };
        let headings = self.headings.get(&document)?;
        let there = headings
            .iter()
            .any(|known| known == heading || anchor(known) == heading);
        (!there).then(|| format!("{document} has no heading \"{heading}\""))
    }

    /// Whether a path of modules, types and items leads somewhere.
    fn has_path(&self, path: &str) -> bool {
        let segments: Vec<&str> = path
            .split("::")
            .filter(|segment| {
                ![
                    "crate",
                    "self",
                    "super",
                    "ajp13",
                    "ajpgate_config",
                    "ajpgate",
                ]
                .contains(segment)
            })
            .collect();
        self.files.iter().any(|(modules, words)| {
            (0..=segments.len()).any(|known| {
                let (inside, items) = segments.split_at(known);
                let here = match items.is_empty() {
                    true => modules.windows(known.max(1)).any(|part| part == inside),
                    false => modules.ends_with(inside),
                };
                here && items.iter().all(|item| words.contains(item))
            })
        })
    }
}

/// The mentions of a file, with their lines.
pub(super) fn mentions_in(source: &Source) -> Vec<(usize, Mention<'_>)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(source.comments.lines()) {
        if line.trim_start_matches(['/', '!', ' ']).starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if !fenced {
            found.extend(mentions_of(line).map(|mention| (number, mention)));
        }
    }
    found
}

fn mentions_of(line: &str) -> impl Iterator<Item = Mention<'_>> {
    let quoted = line.split('`').skip(1).step_by(2);
    let links = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    // Documents count without backticks too.
    let documents = line
        .split(|c: char| c.is_whitespace() || "`()[],;:\"".contains(c))
        .filter(|word| word.trim_end_matches('.').ends_with(".md"));
    let headings = line.match_indices(".md, \"").filter_map(|(at, _)| {
        let start = line[..at].rfind(|c: char| c.is_whitespace() || "(`[".contains(c));
        let path = &line[start.map_or(0, |start| start + 1)..at + 3];
        let heading = line[at + 6..].split('"').next()?;
        Some(Mention::Path(path, Some(heading)))
    });
    let recordings = line.split('[').skip(1).filter_map(|rest| {
        let (folder, number) = rest.split(']').next()?.split_once(' ')?;
        let known = ["raw", "px", "jk"].contains(&folder);
        (known && number.bytes().all(|b| b.is_ascii_digit()))
            .then_some(Mention::Recording(folder, number))
    });
    let links = links.filter(|link| !link.contains("://"));
    let found = quoted
        .filter_map(mention_of)
        .chain(links.filter_map(link_of));
    let documents = documents.map(|word| Mention::Path(word.trim_end_matches('.'), None));
    found.chain(documents).chain(headings).chain(recordings)
}

fn link_of(link: &str) -> Option<Mention<'_>> {
    match link.split_once('#') {
        Some((path, heading)) => Some(Mention::Path(path, Some(heading))),
        None => mention_of(link),
    }
}

/// What a text in backticks is, if anything that can be looked up.
fn mention_of(text: &str) -> Option<Mention<'_>> {
    let text = text.strip_suffix("()").unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let file = ENDS.iter().any(|end| text.ends_with(end))
        || FOLDERS.iter().any(|folder| text.starts_with(folder));
    if file && text.chars().all(plain) {
        let own = USERS.iter().any(|name| text.ends_with(name));
        return (!own).then_some(Mention::Path(text, None));
    }
    if let Some(beginning) = text.strip_suffix('…') {
        let last = beginning.rsplit("::").next()?;
        return is_name(last).then_some(Mention::Beginning(last));
    }
    let parts = text.split("::");
    let all = parts
        .clone()
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'));
    (all && (parts.count() > 1 || is_name(text))).then_some(Mention::Name(text))
}

/// Whether a word is an identifier: words joined by underscores, or a type's name.
fn is_name(word: &str) -> bool {
    let simple = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let lower = word.chars().any(|c| c.is_ascii_lowercase());
    let upper = word.chars().any(|c| c.is_ascii_uppercase());
    let snake = word.contains('_') && !upper;
    let camel = word.starts_with(|c: char| c.is_ascii_uppercase()) && !word.contains('_');
    simple && lower && !word.starts_with(|c: char| c.is_ascii_digit()) && (snake || camel)
}

fn is_foreign(name: &str) -> bool {
    let first = name.split("::").next().unwrap_or_default();
    let external = [
        "std",
        "tokio",
        "tokio_util",
        "hyper",
        "http",
        "bytes",
        "rustls",
        "ring",
        "metrics",
    ];
    external.contains(&first) || FOREIGN.iter().any(|(_, words)| words.contains(&name))
}

/// The modules of a file: the parts of its path that are names of modules.
fn modules(path: &str) -> Vec<&str> {
    let path = path.trim_end_matches(".rs");
    path.split('/')
        .filter(|part| !["src", "mod", "main", "lib"].contains(part))
        .collect()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect()
}

/// The anchor of a heading, as GitHub makes it.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| {
        if c == ' ' {
            '-'
        } else {
            c.to_ascii_lowercase()
        }
    })
    .collect()
}
