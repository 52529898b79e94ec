//! The file as a tree: values as they were written, each with its place.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::fault::quoted;
use crate::report::{Place, Report};

/// A value and its place.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) shape: Shape,
}

/// A value without its place. A scalar is its text: `200`, `"200"`, and `${N}` with N=200 are the same.
#[derive(Clone)]
pub(crate) enum Shape {
    /// No value, `null` or `~`.
    Null,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An unreadable value whose problem has been reported; no reader reports it again.
    Broken,
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key, where this is a map.
    pub(crate) fn value_of(&self, key: &str) -> Option<&Self> {
        let Shape::Map(entries) = &self.shape else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.name() == Some(key))?;
        Some(&entry.value)
    }

    /// As JSON with texts for all values. No variable of the environment is filled in when it is read: `${` is written as itself.
    pub(crate) fn json(&self) -> Value {
        match &self.shape {
            Shape::Null | Shape::Broken => Value::Null,
            Shape::Scalar(text) => Value::from(text.replace("${", "$${")),
            Shape::List(items) => items.iter().map(Self::json).collect(),
            Shape::Map(entries) => {
                let entry = |it: &Entry| Some((it.name()?.to_owned(), it.value.json()));
                Value::Object(entries.iter().filter_map(entry).collect())
            }
        }
    }

    /// Notes the file that the value and all in it stand in.
    pub(crate) fn stands_in(&mut self, file: u32) {
        self.place.file = file;
        match &mut self.shape {
            Shape::List(items) => items.iter_mut().for_each(|item| item.stands_in(file)),
            Shape::Map(entries) => {
                for Entry { key, value } in entries {
                    key.stands_in(file);
                    value.stands_in(file);
                }
            }
            Shape::Null | Shape::Scalar(_) | Shape::Broken => {}
        }
    }

    /// How many values there are, keys included.
    pub(crate) fn count(&self) -> usize {
        let inside: usize = match &self.shape {
            Shape::List(items) => items.iter().map(Self::count).sum(),
            Shape::Map(entries) => entries.iter().map(|entry| 1 + entry.value.count()).sum(),
            Shape::Null | Shape::Scalar(_) | Shape::Broken => 0,
        };
        1 + inside
    }
}

/// A key with its value.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: Node,
    pub(crate) value: Node,
}

impl Entry {
    /// The key's text; `None` for a key that is a list or a map.
    pub(crate) fn name(&self) -> Option<&str> {
        self.key.text()
    }
}

/// Removes keys that a map may not have (keys that are no text, keys given twice) and expands `<<`.
pub(crate) fn tidy(node: &mut Node, report: &Report) {
    match &mut node.shape {
        Shape::List(items) => {
            for item in items {
                tidy(item, report);
            }
        }
        Shape::Map(entries) => {
            only_text_keys(entries, report);
            only_first_of_each_key(entries, report);
            for entry in entries.iter_mut() {
                tidy(&mut entry.value, report);
            }
            merge(entries, report);
        }
        Shape::Null | Shape::Scalar(_) | Shape::Broken => {}
    }
}

fn only_text_keys(entries: &mut Vec<Entry>, report: &Report) {
    entries.retain(|entry| {
        let keep = entry.name().is_some();
        if !keep {
            report.error_with_hint(
                entry.key.place,
                "a key must be text",
                "write a name before the colon, in quotes where it begins with `[` or `{`",
            );
        }
        keep
    });
}

fn only_first_of_each_key(entries: &mut Vec<Entry>, report: &Report) {
    let mut seen = HashMap::new();
    entries.retain(|entry| {
        let name = entry.name().unwrap_or_default().to_owned();
        match seen.get(&name) {
            None => {
                seen.insert(name, entry.key.place.line);
                true
            }
            Some(line) => {
                report.error_with_hint(
                    entry.key.place,
                    format!("{} is given twice", quoted(&name)),
                    format!("the first one is in line {line}; remove one of them"),
                );
                false
            }
        }
    });
}

/// The merge key of YAML 1.1: `<<: *name` adds the keys of another map that are not given here.
fn merge(entries: &mut Vec<Entry>, report: &Report) {
    let Some(index) = entries.iter().position(|entry| entry.name() == Some("<<")) else {
        return;
    };
    let Entry { key, value } = entries.remove(index);
    let mut names: HashSet<String> = entries
        .iter()
        .filter_map(Entry::name)
        .map(str::to_owned)
        .collect();
    let sources = match value.shape {
        Shape::List(items) => items,
        _ => vec![value],
    };
    for source in sources {
        let Shape::Map(others) = source.shape else {
            report.error_with_hint(
                key.place,
                "`<<` takes the keys of another map",
                "write `<<: *name`, where the other map is marked `&name`",
            );
            continue;
        };
        for other in others {
            if names.insert(other.name().unwrap_or_default().to_owned()) {
                entries.push(other);
            }
        }
    }
}

/// The places of all paths (`listeners[1].tls`, `balancers.shop.members[0].url`): of keys, and of list items.
pub(crate) fn paths(node: &Node) -> Vec<(String, Place)> {
    let mut found = vec![(String::new(), node.place)];
    collect_paths(node, "", &mut found);
    found
}

fn collect_paths(node: &Node, path: &str, found: &mut Vec<(String, Place)>) {
    match &node.shape {
        Shape::Map(entries) => {
            for entry in entries {
                let name = entry.name().unwrap_or_default();
                let path = match path {
                    "" => name.to_owned(),
                    _ => format!("{path}.{name}"),
                };
                collect_paths(&entry.value, &path, found);
                found.push((path, entry.key.place));
            }
        }
        Shape::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                collect_paths(item, &path, found);
                found.push((path, item.place));
            }
        }
        Shape::Null | Shape::Scalar(_) | Shape::Broken => {}
    }
}
