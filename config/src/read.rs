//! Reads a tree of [`Node`]s into the structs of [`crate::file`]: a serde deserializer that does not stop at an error.
//!
//! The structs are made of [`Field`]s. A field that cannot be read records why and becomes
//! `Unreadable`, so that no problem hides another one. serde's derive tells the keys of a struct; unknown keys and the
//! suggestions for them follow from that.

mod access;
mod reader;

use serde::de::{self, Deserialize, Visitor};
use serde::forward_to_deserialize_any;

use crate::fault::{Fault, quoted};
use crate::field::{EITHER, FIELD, Field};
use crate::nearest::nearest;
use crate::node::{Node, Shape};
use crate::report::Report;
use crate::unknown_key;

use access::{EitherParts, Entries, FieldParts, Items, Pair};
use reader::Reader;

/// Reads a whole file.
pub(crate) fn read<'de, T: Deserialize<'de>>(node: &'de Node, report: &'de Report) -> Field<T> {
    let key = String::new();
    Field::deserialize(Reader { node, key, report }).unwrap_or(Field::Unreadable)
}

impl<'de> Reader<'de> {
    /// Reports the keys that no field has, and removes them before serde reads the map.
    ///
    /// A misspelt key counts as the key that was meant, so that this key is not reported as missing. A map or list in it is
    /// read too; a scalar is not, because it may be of another kind.
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
            let fault = Fault::new(format!("unknown key {}", quoted(key)));
            if self.report.is_full() {
                self.report.fault(entry.key.place, &self.key, fault);
                continue;
            }
            let hint = unknown_key::hint(key, name, fields);
            self.report
                .fault(entry.key.place, &self.key, fault.hint(hint));
            if let Some(meant) = nearest(key, free.iter().copied()) {
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
            Shape::Null => visitor.visit_unit(),
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
