//! One value of the file, while it is read.

use crate::fault::Fault;
use crate::node::{Entry, Node, Shape};
use crate::report::Report;

/// Reads one value.
pub(super) struct Reader<'de> {
    pub(super) node: &'de Node,
    /// How messages name the value: its key, with its index in a list; empty for the whole file.
    pub(super) key: String,
    pub(super) report: &'de Report,
}

impl<'de> Reader<'de> {
    pub(super) fn expected(&self, what: &str) -> Fault {
        let found = match &self.node.shape {
            Shape::Null => return Fault::no_value(),
            Shape::Scalar(_) | Shape::Broken => "one value",
            Shape::List(_) => "a list",
            Shape::Map(_) => "a map of keys",
        };
        let fault = Fault::new(format!("expected {what}, found {found}"));
        match what {
            "one value" => fault.hint("write one value, without `[ ]`, `{ }` or `- `"),
            _ => fault,
        }
    }

    /// Tells what is wrong at the value itself, or at the character that is meant.
    pub(super) fn record(&self, fault: Fault) {
        let place = match (&self.node.shape, fault.at) {
            (Shape::Scalar(text), Some(at)) => {
                let place = self.node.place;
                self.report.source(place).inside(place, text, at)
            }
            _ => self.node.place,
        };
        self.report.fault(place, &self.key, fault);
    }

    pub(super) fn map(&self) -> Result<&'de [Entry], Fault> {
        match &self.node.shape {
            Shape::Map(entries) => Ok(entries),
            _ => Err(self
                .expected("a map of keys")
                .hint("write `key: value` lines below it, or { key: value }")),
        }
    }
}
