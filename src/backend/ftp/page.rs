//! Listings as clients get them: an HTML page, or JSON.

use std::borrow::Cow;

use askama::Template;
use http::HeaderValue;
use serde::Serialize;

use super::entry::{Entry, EntryKind};
use super::path::escape;

/// A directory on its way to a page.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    /// As people read it.
    pub(super) path: &'a str,
    /// Whether it is the mapping's own: nobody is shown the way out.
    pub(super) is_root: bool,
    pub(super) entries: &'a [Entry],
}

#[derive(Template)]
#[template(path = "listing.html", config = "src/backend/ftp/askama.toml")]
struct Page<'a> {
    path: &'a str,
    is_root: bool,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    /// Relative to the directory, one segment.
    link: String,
    slash: &'static str,
    size: String,
    modified: String,
}

pub(super) const fn content_type(json: bool) -> HeaderValue {
    HeaderValue::from_static(match json {
        true => "application/json",
        false => "text/html; charset=utf-8",
    })
}

impl Directory<'_> {
    pub(super) fn html(&self) -> String {
        let page = Page {
            path: self.path,
            is_root: self.is_root,
            rows: self.entries.iter().map(row).collect(),
        };
        // Only a writer that fails could fail, and this one is a string.
        page.render().unwrap_or_default()
    }

    pub(super) fn json(&self) -> String {
        let entries = self.entries.iter().map(Object::of).collect();
        // Nothing in it can fail to be written.
        serde_json::to_string(&Objects { entries }).unwrap_or_default()
    }
}

fn row(entry: &Entry) -> Row {
    let modified = entry.modified.map(|moment| moment.to_string());
    Row {
        name: String::from_utf8_lossy(&entry.name).into_owned(),
        link: escape(&entry.name),
        slash: match entry.kind {
            EntryKind::Directory => "/",
            EntryKind::File | EntryKind::Link => "",
        },
        size: entry.size.map(|size| size.to_string()).unwrap_or_default(),
        modified: modified.unwrap_or_default(),
    }
}

#[derive(Serialize)]
struct Objects<'a> {
    entries: Vec<Object<'a>>,
}

/// An entry of the JSON listing.
#[derive(Serialize)]
struct Object<'a> {
    name: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    size: Option<u64>,
    modified: Option<String>,
}

impl<'a> Object<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
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

    #[test]
    fn names_can_be_anything() {
        let entries = [
            entry(b"<b>&\"'", EntryKind::Directory, None),
            entry(b"a b%#;?:.txt", EntryKind::File, Some(7)),
            entry(b"bad \xff", EntryKind::Link, None),
        ];
        let directory = Directory {
            path: "/<i>/",
            is_root: false,
            entries: &entries,
        };
        let html = directory.html();
        for part in [
            "<a href=\"%3Cb%3E%26%22%27/\">&#60;b&#62;&#38;&#34;&#39;/</a>",
            "<a href=\"a%20b%25%23%3B%3F%3A.txt\">a b%#;?:.txt</a>",
            "bad \u{fffd}",
            "&#60;i&#62;",
            "<a href=\"../\">",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        let root = Directory {
            is_root: true,
            ..directory
        };
        assert!(!root.html().contains("../"));
        let json: Value = serde_json::from_str(&root.json()).unwrap();
        assert_eq!(
            json["entries"][1],
            json!({ "name": "a b%#;?:.txt", "type": "file", "size": 7, "modified": "2026-01-02T03:04:05Z" })
        );
        assert_eq!(json["entries"][2]["name"], "bad \u{fffd}");
        assert_eq!(json["entries"][0]["size"], Value::Null);
    }
}
