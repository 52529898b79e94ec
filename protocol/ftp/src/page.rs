//! A directory as clients get it: an HTML page, or JSON.
//!
//! ```json
//! { "entries": [{ "name": "a.txt", "type": "file", "size": 7, "modified": "2026-01-02T03:04:05Z" }] }
//! ```
//! `type` is `file`, `directory` or `link`; `size` (bytes) and `modified` are null where the server does not say them.

use std::borrow::Cow;

use askama::Template;
use serde::Serialize;

use crate::listing::{Entry, EntryKind};
use crate::path::escape;

/// A directory and its entries.
#[derive(Debug)]
pub struct Directory<'a> {
    /// As people read it, such as `/a/b/`.
    pub path: &'a str,
    /// Whether it is the directory of the mapping itself: then there is no link to its parent.
    pub is_root: bool,
    /// In the order in which they are shown.
    pub entries: &'a [Entry],
}

#[derive(Template)]
#[template(path = "listing.html")]
struct Page<'a> {
    path: &'a str,
    is_root: bool,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: Cow<'a, str>,
    /// Relative to the directory: one segment, and a slash for a directory.
    link: String,
    slash: &'static str,
    size: String,
    modified: String,
}

#[derive(Serialize)]
struct Json<'a> {
    entries: Vec<JsonEntry<'a>>,
}

#[derive(Serialize)]
struct JsonEntry<'a> {
    name: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    size: Option<u64>,
    modified: Option<String>,
}

/// `Content-Type` of [`Directory::html`].
pub const HTML: &str = "text/html; charset=utf-8";

/// `Content-Type` of [`Directory::json`].
pub const JSON: &str = "application/json";

impl Directory<'_> {
    /// A page with a link to each entry. Bytes of names that are not UTF-8 are replaced in the text, and kept in the link.
    #[must_use]
    pub fn html(&self) -> String {
        let page = Page {
            path: self.path,
            is_root: self.is_root,
            rows: self.entries.iter().map(row).collect(),
        };
        // Writing to a string does not fail.
        page.render().unwrap_or_default()
    }

    /// The object that the [module](self) shows. Bytes of names that are not UTF-8 are replaced.
    #[must_use]
    pub fn json(&self) -> String {
        let entries = self.entries.iter().map(json_entry).collect();
        // No value in it fails to be written.
        serde_json::to_string(&Json { entries }).unwrap_or_default()
    }
}

fn row(entry: &Entry) -> Row<'_> {
    let slash = match entry.kind {
        EntryKind::Directory => "/",
        EntryKind::File | EntryKind::Link => "",
    };
    let modified = entry.modified.map(|moment| moment.to_string());
    Row {
        name: String::from_utf8_lossy(&entry.name),
        link: format!("{}{slash}", escape(&entry.name)),
        slash,
        size: entry.size.map(|size| size.to_string()).unwrap_or_default(),
        modified: modified.unwrap_or_default(),
    }
}

fn json_entry(entry: &Entry) -> JsonEntry<'_> {
    JsonEntry {
        name: String::from_utf8_lossy(&entry.name),
        kind: match entry.kind {
            EntryKind::File => "file",
            EntryKind::Directory => "directory",
            EntryKind::Link => "link",
        },
        size: entry.size,
        modified: entry.modified.map(|moment| moment.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(name: &[u8], kind: EntryKind, size: Option<u64>) -> Entry {
        Entry {
            name: name.to_vec(),
            kind,
            size,
            modified: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        }
    }

    fn entries() -> [Entry; 3] {
        [
            entry(b"<b>&\"'", EntryKind::Directory, None),
            entry(b"a b%#;?:\\.txt", EntryKind::File, Some(7)),
            Entry {
                modified: None,
                ..entry(b"bad \xff", EntryKind::Link, None)
            },
        ]
    }

    #[test]
    fn any_name_is_escaped_in_html() {
        let directory = Directory {
            path: "/<i>/",
            is_root: false,
            entries: &entries(),
        };
        let html = directory.html();
        for part in [
            "<a href=\"%3Cb%3E%26%22%27/\">&#60;b&#62;&#38;&#34;&#39;/</a>",
            "<a href=\"a%20b%25%23%3B%3F%3A%5C.txt\">a b%#;?:\\.txt</a>",
            "<a href=\"bad%20%FF\">bad \u{fffd}</a>",
            "<h1>Index of /&#60;i&#62;/</h1>",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
    }

    #[test]
    fn only_the_root_has_no_link_to_its_parent() {
        let html = |is_root| {
            let directory = Directory {
                path: "/",
                is_root,
                entries: &[],
            };
            directory.html()
        };
        assert!(html(false).contains("<a href=\"../\">"));
        assert!(!html(true).contains("../"));
    }

    #[test]
    fn json_has_name_type_size_and_date_of_each_entry() {
        let directory = Directory {
            path: "/",
            is_root: true,
            entries: &entries(),
        };
        let json: Value = serde_json::from_str(&directory.json()).unwrap();
        assert_eq!(
            json,
            json!({ "entries": [
                { "name": "<b>&\"'", "type": "directory", "size": null, "modified": "2026-01-02T03:04:05Z" },
                { "name": "a b%#;?:\\.txt", "type": "file", "size": 7, "modified": "2026-01-02T03:04:05Z" },
                { "name": "bad \u{fffd}", "type": "link", "size": null, "modified": null },
            ] })
        );
    }
}
