//! Reads the text of a document into structs.

use serde::Deserialize;
use serde_json::Value;

use crate::environment::{Lookup, fill_in};
use crate::fault::Fault;
use crate::json::Json;
use crate::node::{Node, Shape, tidy};
use crate::parse::parse;
use crate::problem::{Problems, Severity};
use crate::read::read;
use crate::report::{Place, Report, Source};
use crate::strict;

/// Largest configuration file, in bytes. A file with a thousand members has a tenth of that.
pub const MAX_FILE_SIZE: usize = 1 << 20;

/// Reads a document: its place, its value and its tree; `None` when a problem stopped the reading.
pub(crate) fn read_document<T: for<'de> Deserialize<'de>>(
    text: &str,
    env: Lookup<'_>,
    report: &Report,
) -> Option<(Place, T, Node)> {
    let tree = read_tree(text, 0, env, report)?;
    let (place, value) = read(&tree, report).given()?;
    Some((place, value, tree))
}

/// Reads the text of a file into its tree, with `${…}` filled in; `None` when a problem stopped the reading. `file` is the
/// number of the file in the report.
pub(crate) fn read_tree(text: &str, file: u32, env: Lookup<'_>, report: &Report) -> Option<Node> {
    let mut tree = read_shape(text, file, report)?;
    if file > 0 {
        tree.stands_in(file);
    }
    tidy(&mut tree, report);
    fill_in(&mut tree, Some(env), report);
    Some(tree)
}

/// The same with one key of the file's map: the others are not looked at, and their variables are not filled in. A file that
/// holds nothing is an empty map.
pub(crate) fn read_key(text: &str, key: &str, env: Lookup<'_>, report: &Report) -> Option<Node> {
    let mut tree = read_shape(text, 0, report)?;
    match &mut tree.shape {
        Shape::Map(entries) => entries.retain(|entry| entry.name() == Some(key)),
        shape => *shape = Shape::Map(Vec::new()),
    }
    tidy(&mut tree, report);
    fill_in(&mut tree, Some(env), report);
    Some(tree)
}

/// The tree of a text as it was written.
fn read_shape(text: &str, file: u32, report: &Report) -> Option<Node> {
    let start = Place {
        file,
        ..Place::START
    };
    if text.len() > MAX_FILE_SIZE {
        let fault = Fault::new(format!("the file is larger than {MAX_FILE_SIZE} bytes"))
            .hint("move balancers and mappings into other files, and name these with `include`");
        report.fault(start, "", fault);
        return None;
    }
    parse(text, report.source(start))
        .map_err(|(place, fault)| report.fault(Place { file, ..place }, "", fault))
        .ok()
}

/// Reads a JSON text that comes over the network. Its values must have the JSON types that `schema` names. No variable of the
/// environment is filled in, because its sender may not read them. `None` when a problem stopped the reading.
pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(
    text: &str,
    schema: &Value,
    report: &Report,
) -> Option<(Place, T)> {
    let json = Json::parse(text)
        .map_err(|error| {
            let fault = Fault::new(format!("not JSON: {error}")).hint("send one JSON value");
            report.fault(Place::START, "", fault);
        })
        .ok()?;
    let mut tree = strict::node(json, schema, report);
    fill_in(&mut tree, None, report);
    read(&tree, report).given()
}

/// A problem for callers that need one where nothing was read. The report has the reason, which is shown instead.
pub(crate) fn unread(source: &Source) -> Problems {
    let message = "the file could not be read".to_owned();
    let hint = Some("write a configuration, or name another file with -c".to_owned());
    Problems::from(source.problem(Severity::Error, Place::START, message, hint))
}
