//! The text of a document to the structs that it is read into.

use serde::Deserialize;
use serde_json::Value;

use crate::environment::{Lookup, fill_in};
use crate::fault::Fault;
use crate::json::Json;
use crate::node::{Node, tidy};
use crate::parse::parse;
use crate::problem::{Problems, Severity};
use crate::read::read;
use crate::report::{Place, Report, Source};
use crate::strict;

/// Largest configuration file in bytes. A balancer of a thousand members takes a tenth of it.
pub const MAX_FILE_SIZE: usize = 1 << 20;

/// What a document says, where it starts, and its tree; `None` when a problem stopped the reading.
pub(crate) fn read_document<T: for<'de> Deserialize<'de>>(
    text: &str,
    env: Lookup<'_>,
    report: &Report,
) -> Option<(Place, T, Node)> {
    if text.len() > MAX_FILE_SIZE {
        let fault = Fault::new(format!("the file is larger than {MAX_FILE_SIZE} bytes"));
        report.fault(Place::START, "", fault);
        return None;
    }
    let mut tree = parse(text, report.source())
        .map_err(|(place, fault)| report.fault(place, "", fault))
        .ok()?;
    tidy(&mut tree, report);
    fill_in(&mut tree, env, report);
    let (place, value) = read(&tree, report).given()?;
    Some((place, value, tree))
}

/// What a JSON text says that comes over the network: its values have the JSON types that `schema` names, and nothing is
/// taken from the environment, to which whoever sends it has no right. `None` when a problem stopped the reading.
pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(
    text: &str,
    schema: &Value,
    report: &Report,
) -> Option<(Place, T)> {
    let json = Json::parse(text)
        .map_err(|error| {
            let fault = Fault::new(format!("not JSON: {error}"));
            report.fault(Place::START, "", fault);
        })
        .ok()?;
    let mut tree = strict::node(json, schema, report);
    fill_in(&mut tree, &|_| None, report);
    read(&tree, report).given()
}

/// Whatever stops the reading is in the report and comes first, so nobody sees this.
pub(crate) fn unread(source: &Source) -> Problems {
    let message = "the file could not be read".to_owned();
    Problems::from(source.problem(Severity::Error, Place::START, message, None))
}
