//! The place of each value in the file. No other module uses the event parser.
//!
//! serde carries no positions. So the text is read twice: here as events with marks, and in [`mod@crate::parse`] as
//! values. Both walk the document in the same order, so a flat list of places is enough.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScanError, Span, Tag};

use crate::fault::Fault;
use crate::report::Place;

/// Deepest nesting; a configuration needs eight levels.
const MAX_DEPTH: usize = 64;

/// Most values, keys included, after aliases are expanded. A small file could otherwise expand to gigabytes.
const MAX_VALUES: usize = 250_000;

/// Why the places of a text are unknown.
pub(crate) enum Stop {
    /// The text is no YAML. The other parser may have a better message.
    Syntax(Place, String),
    /// The text is YAML that no configuration may contain.
    Refused(Place, Fault),
}

/// The places of all values in document order: a mapping, then its keys and values in turn; aliases expanded.
pub(crate) fn places(text: &str) -> Result<Vec<Place>, Stop> {
    let mut walk = Walk::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        walk.step(&event, span)?;
    }
    Ok(walk.places)
}

fn syntax(error: &ScanError) -> Stop {
    let place = place(Span::empty(*error.marker()));
    match error.info() {
        "recursion limit exceeded" => too_deep(place),
        info => Stop::Syntax(place, info.to_owned()),
    }
}

#[derive(Default)]
struct Walk {
    places: Vec<Place>,
    documents: usize,
    /// The collections that are open: the anchor of each, and where its places start.
    open: Vec<(usize, usize)>,
    /// The places of each anchor's value.
    anchors: HashMap<usize, Range<usize>>,
}

impl Walk {
    fn step(&mut self, event: &Event<'_>, span: Span) -> Result<(), Stop> {
        let at = place(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(refused(
                        at,
                        "a second YAML document starts here",
                        "a configuration is one document: remove the `---`",
                    ));
                }
            }
            Event::Scalar(_, _, anchor, tag) => {
                no_tag(at, tag.as_ref())?;
                let start = self.add(at)?;
                self.anchors.insert(*anchor, start..self.places.len());
            }
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                no_tag(at, tag.as_ref())?;
                let start = self.add(at)?;
                self.open.push((*anchor, start));
                if self.open.len() > MAX_DEPTH {
                    return Err(too_deep(at));
                }
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((anchor, start)) = self.open.pop() {
                    self.anchors.insert(anchor, start..self.places.len());
                }
            }
            Event::Alias(anchor) => self.repeat(*anchor, at)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn add(&mut self, at: Place) -> Result<usize, Stop> {
        let start = self.places.len();
        self.places.push(at);
        self.bounded(at)?;
        Ok(start)
    }

    fn repeat(&mut self, anchor: usize, at: Place) -> Result<(), Stop> {
        let Some(range) = self.anchors.get(&anchor).cloned() else {
            return Err(refused(
                at,
                "this alias stands inside its own anchor",
                "a value cannot contain itself",
            ));
        };
        if self.places.len() + range.len() > MAX_VALUES {
            return Err(too_many(at));
        }
        self.places.extend_from_within(range);
        Ok(())
    }

    fn bounded(&self, at: Place) -> Result<(), Stop> {
        match self.places.len() > MAX_VALUES {
            true => Err(too_many(at)),
            false => Ok(()),
        }
    }
}

/// A tag gives a value another type. Only the tags of YAML itself are allowed.
fn no_tag(at: Place, tag: Option<&Cow<'_, Tag>>) -> Result<(), Stop> {
    const PLAIN: [&str; 7] = ["str", "int", "float", "bool", "null", "map", "seq"];
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && PLAIN.contains(&tag.suffix.as_str())) => {
            Err(refused(
                at,
                "a YAML tag (`!…`) means nothing here",
                "remove the tag; put the value in quotes if it starts with `!`",
            ))
        }
        _ => Ok(()),
    }
}

fn too_deep(at: Place) -> Stop {
    refused(
        at,
        format!("the nesting is deeper than {MAX_DEPTH} levels"),
        "a configuration needs about eight: is a bracket not closed?",
    )
}

fn too_many(at: Place) -> Stop {
    refused(
        at,
        format!("more than {MAX_VALUES} values, those of aliases (`*name`) included"),
        "write fewer aliases",
    )
}

fn refused(at: Place, message: impl Into<String>, hint: &str) -> Stop {
    Stop::Refused(at, Fault::new(message).hint(hint))
}

/// Marks count columns from 0.
fn place(span: Span) -> Place {
    let Span { start, end } = span;
    let length = match start.line() == end.line() {
        true => end.col().saturating_sub(start.col()).max(1),
        false => 1,
    };
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        file: 0,
        line: number(Marker::line(&start)),
        column: number(start.col() + 1),
        length: number(length),
    }
}
