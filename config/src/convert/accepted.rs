//! What the configuration parser refuses is not left in what is written: a mapping with something of the kind is closed, and the
//! rest is named.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::arrange::{Answer, Entry, Outcome};
use super::note::{Notes, Origin};
use super::site::{Site, Takes};
use super::write::{Written, write};
use crate::{Problem, Severity};

/// How often something is closed and looked at again.
const MOST_ROUNDS: usize = 4;

/// The text of a site with its mappings, each of which the configuration parser accepts. One that it does not accept answers
/// 503, and its line is named.
pub(super) fn written(
    site: &Site,
    mappings: &mut Vec<Entry>,
    secrets_from_environment: bool,
    notes: &mut Notes,
) -> Written {
    let mut written = write(site, mappings, secrets_from_environment);
    let mut closed: Vec<usize> = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let refused = refused(&written);
        if refused.is_empty() {
            break;
        }
        if refused.keys().any(|it| closed.contains(it)) {
            // What its path is cannot be said: nobody comes in anywhere.
            *mappings = vec![everything_closed(mappings, notes)];
            written = write(site, mappings, secrets_from_environment);
            break;
        }
        for (number, why) in refused {
            if let Some(entry) = mappings.get_mut(number) {
                close(entry, &why, notes);
            }
            closed.push(number);
        }
        written = write(site, mappings, secrets_from_environment);
    }
    name_others(&written, notes);
    written
}

/// What the parser refuses, but for files that are not on this machine: these are named where they are looked for.
fn problems(written: &Written) -> impl Iterator<Item = Problem> {
    let variable = |_: &str| Some("secret".to_owned());
    let read = crate::parse(&written.text, Path::new("ajpgate.yaml"), &variable);
    let problems = read.err().into_iter().flatten();
    problems.filter(|it| it.severity == Severity::Error && !it.message.contains("cannot read"))
}

/// The numbers of the mappings that are refused, with what is said of each first.
fn refused(written: &Written) -> BTreeMap<usize, String> {
    let mut refused = BTreeMap::new();
    for problem in problems(written) {
        let before = written
            .mappings
            .partition_point(|line| *line <= problem.line);
        if let Some(number) = before
            .checked_sub(1)
            .filter(|_| problem.line <= written.last_mapping)
        {
            refused.entry(number).or_insert(problem.message);
        }
    }
    refused
}

/// Names what is refused and stands in no mapping: keys of a balancer, a member or a listener.
fn name_others(written: &Written, notes: &mut Notes) {
    for problem in problems(written) {
        let at = written.origins.get(..problem.line).unwrap_or_default();
        let origin = at.iter().rev().find_map(|origins| origins.last());
        let origin = origin.cloned().unwrap_or_else(|| Origin {
            file: Arc::from("ajpgate.yaml"),
            line: u32::try_from(problem.line).unwrap_or(0),
        });
        let Problem { line, message, .. } = problem;
        let text = format!("`check` refuses what is written for it in line {line}: {message}");
        notes.name(&origin, text);
    }
}

fn close(entry: &mut Entry, why: &str, notes: &mut Notes) {
    let text = format!("it answers 503 here: {why}");
    if let Some(origin) = entry.outcome.origins.first() {
        notes.name(origin, &*text);
    }
    let origins = std::mem::take(&mut entry.outcome.origins);
    entry.exclude = false;
    entry.outcome = Outcome {
        answer: Answer::Respond(503),
        comments: vec![text],
        ..Outcome::not_found(origins)
    };
}

fn everything_closed(mappings: &[Entry], notes: &mut Notes) -> Entry {
    let mut origins = mappings.iter().flat_map(|it| &it.outcome.origins);
    let origin: Option<Origin> = origins.next().cloned();
    let text = "everything answers 503 here: a mapping could not be written";
    if let Some(origin) = &origin {
        notes.name(origin, text);
    }
    Entry {
        takes: Takes::Path("/".to_owned()),
        hosts: Vec::new(),
        secure: None,
        exclude: false,
        outcome: Outcome {
            answer: Answer::Respond(503),
            comments: vec![text.to_owned()],
            ..Outcome::not_found(origin.into_iter().collect())
        },
    }
}
