//! A tree of [`Node`]s to the structs of [`crate::file`]: a serde deserializer that does not stop at an error.
//!
//! The structs are made of [`Field`]s. A field that cannot be read records why and becomes
//! `Unreadable`, so no problem hides another one. A struct's derive names its keys, which is how unknown ones are
//! found and where suggestions come from.

mod access;

use serde::de::{self, Deserialize, Visitor};
use serde::forward_to_deserialize_any;

use crate::fault::{Fault, quoted};
use crate::field::{EITHER, FIELD, Field};
use crate::node::{Entry, Node, Shape};
use crate::report::Report;
use crate::suggest;

use access::{EitherParts, Entries, FieldParts, Items, Pair};

/// Reads a whole file.
pub(crate) fn read<'de, T: Deserialize<'de>>(node: &'de Node, report: &'de Report) -> Field<T> {
    let key = String::new();
    Field::deserialize(Reader { node, key, report }).unwrap_or(Field::Unreadable)
}

/// Reads one value.
struct Reader<'de> {
    node: &'de Node,
    /// How messages name the value: its key, with its index in a list; empty for the whole file.
    key: String,
    report: &'de Report,
}

impl<'de> Reader<'de> {
    fn expected(&self, what: &str) -> Fault {
        let found = match &self.node.shape {
            Shape::Null => "nothing",
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
    fn record(&self, fault: Fault) {
        let place = match (&self.node.shape, fault.at) {
            (Shape::Scalar(text), Some(at)) => {
                self.report.source().inside(self.node.place, text, at)
            }
            _ => self.node.place,
        };
        self.report.fault(place, &self.key, fault);
    }

    fn map(&self) -> Result<&'de [Entry], Fault> {
        match &self.node.shape {
            Shape::Map(entries) => Ok(entries),
            _ => Err(self
                .expected("a map of keys")
                .hint("write `key: value` lines below it, or { key: value }")),
        }
    }

    /// Reports the keys that no field has; what remains is what serde may see.
    ///
    /// A slip counts as the key that was meant, so that this key is not called missing. What is inside a slip is
    /// looked at too; a scalar is not, since its kind may not fit.
    fn known(&self, name: &str, fields: &'static [&'static str]) -> Result<Vec<Pair<'de>>, Fault> {
        let keys = |fault: Fault| fault.hint(format!("its keys are {}", fields.join(", ")));
        let entries = self.map().map_err(keys)?;
        let mut free: Vec<&'static str> = fields.to_vec();
        free.retain(|field| !entries.iter().any(|entry| entry.name() == Some(field)));
        let mut known = Vec::new();
        for entry in entries {
            let key = entry.name().unwrap_or_default();
            if fields.contains(&key) {
                known.push(Pair::of(entry));
                continue;
            }
            if self.report.is_full() {
                continue;
            }
            let fault = Fault::new(format!("unknown key {}", quoted(key)));
            let hint = suggest::for_key(key, name, fields);
            self.report
                .fault(entry.key.place, &self.key, fault.hint(hint));
            if let Some(meant) = suggest::nearest(key, free.iter().copied()) {
                free.retain(|field| *field != meant);
                known.push(Pair::meant(meant, &entry.value));
            }
        }
        Ok(known)
    }

    fn entries(self, entries: Vec<Pair<'de>>) -> Entries<'de> {
        Entries::new(entries, self.key, self.report)
    }
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.shape {
            Shape::Null => visitor.visit_unit(),
            Shape::Broken => Err(self.expected("a value")),
            Shape::Scalar(text) => visitor.visit_str(text),
            Shape::List(_) => self.deserialize_seq(visitor),
            Shape::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.shape {
            Shape::Scalar(text) => visitor.visit_str(text),
            _ => Err(self.expected("one value")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.shape {
            Shape::List(items) => visitor.visit_seq(Items::new(items, self.key, self.report)),
            Shape::Map(_) => Err(self.expected("a list").hint("start each item with `- `")),
            _ => Err(self
                .expected("a list")
                .hint("a list is written [a, b], or with `- ` before each item")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let entries = self.map()?.iter().map(Pair::of).collect();
        visitor.visit_map(self.entries(entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let entries = self.known(name, fields)?;
        visitor.visit_map(self.entries(entries))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            FIELD => visitor.visit_seq(FieldParts::new(self)),
            EITHER => visitor.visit_seq(EitherParts::new(self)),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char string bytes byte_buf option unit
        unit_struct tuple tuple_struct enum identifier ignored_any
    }
}
