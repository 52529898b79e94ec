//! The text of a document to the structs that it is read into.

use serde::Deserialize;

use crate::environment::{Lookup, fill_in};
use crate::fault::Fault;
use crate::node::{Node, tidy};
use crate::parse::parse;
use crate::problem::{Problems, Severity};
use crate::read::read;
use crate::report::{Place, Report, Source};

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

/// Whatever stops the reading is in the report and comes first, so nobody sees this.
pub(crate) fn unread(source: &Source) -> Problems {
    let message = "the file could not be read".to_owned();
    Problems::from(source.problem(Severity::Error, Place::START, message, None))
}
