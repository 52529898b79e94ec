//! What serde is handed of a value with an inside: the parts of fields, the items of lists, the keys of maps.

use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};

use super::reader::Reader;
use crate::fault::Fault;
use crate::node::{Entry, Node, Shape};
use crate::report::{Place, Report};

/// The parts of a [`Field`](crate::field::Field): file, line, column, length, value. An error of the value is recorded here.
pub(super) struct FieldParts<'de> {
    reader: Reader<'de>,
    next: usize,
}

impl<'de> SeqAccess<'de> for FieldParts<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let place = self.reader.node.place;
        self.next += 1;
        let part = match self.next {
            1 => place.file,
            2 => place.line,
            3 => place.column,
            4 => place.length,
            _ => return self.value(seed).map(Some),
        };
        seed.deserialize(part.into_deserializer()).map(Some)
    }
}

impl<'de> FieldParts<'de> {
    pub(super) const fn new(reader: Reader<'de>) -> Self {
        Self { reader, next: 0 }
    }

    fn value<T: DeserializeSeed<'de>>(&self, seed: T) -> Result<T::Value, Fault> {
        let Reader { node, key, report } = &self.reader;
        let result = match node.shape {
            Shape::Broken => return Err(Fault::default()),
            Shape::Null if key.is_empty() => Err(Fault::new("the file is empty")
                .hint("a gateway needs `listeners`, `balancers` and `proxy_pass`")),
            _ => seed.deserialize(Reader {
                node,
                key: key.clone(),
                report,
            }),
        };
        result.inspect_err(|fault| self.reader.record(fault.clone()))
    }
}

/// The parts of an [`Either`](crate::field::Either): whether it is a scalar, then the value.
pub(super) struct EitherParts<'de> {
    scalar: Option<bool>,
    reader: Option<Reader<'de>>,
}

impl<'de> EitherParts<'de> {
    pub(super) const fn new(reader: Reader<'de>) -> Self {
        Self {
            scalar: Some(matches!(reader.node.shape, Shape::Scalar(_))),
            reader: Some(reader),
        }
    }
}

impl<'de> SeqAccess<'de> for EitherParts<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if let Some(scalar) = self.scalar.take() {
            return seed.deserialize(scalar.into_deserializer()).map(Some);
        }
        self.reader
            .take()
            .map(|reader| seed.deserialize(reader))
            .transpose()
    }
}

/// The items of a list.
pub(super) struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    index: usize,
    file: u32,
    key: String,
    report: &'de Report,
}

impl<'de> Items<'de> {
    pub(super) fn new(items: &'de [Node], key: String, report: &'de Report) -> Self {
        Self {
            items: items.iter(),
            index: 0,
            file: 0,
            key,
            report,
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        // The items of an included file are counted from 0 again.
        if self.file != node.place.file {
            (self.file, self.index) = (node.place.file, 0);
        }
        let key = format!("{}[{}]", self.key, self.index);
        self.index += 1;
        let report = self.report;
        seed.deserialize(Reader { node, key, report }).map(Some)
    }
}

/// A key with its value, as serde sees them.
pub(super) struct Pair<'de> {
    key: Key<'de>,
    value: &'de Node,
}

enum Key<'de> {
    Written(&'de Node),
    Meant(&'static str),
}

impl<'de> Pair<'de> {
    pub(super) const fn of(entry: &'de Entry) -> Self {
        Self {
            key: Key::Written(&entry.key),
            value: &entry.value,
        }
    }

    pub(super) const fn meant(key: &'static str, value: &'de Node) -> Self {
        static UNREAD: Node = Node {
            place: Place::START,
            shape: Shape::Broken,
        };
        let value = match value.shape {
            Shape::Map(_) | Shape::List(_) => value,
            Shape::Null | Shape::Scalar(_) | Shape::Broken => &UNREAD,
        };
        Self {
            key: Key::Meant(key),
            value,
        }
    }

    fn name(&self) -> &'de str {
        match self.key {
            Key::Written(node) => node.text().unwrap_or_default(),
            Key::Meant(name) => name,
        }
    }
}

/// The keys and values of a map.
pub(super) struct Entries<'de> {
    entries: std::vec::IntoIter<Pair<'de>>,
    value: Option<Pair<'de>>,
    /// How a problem of a key itself is named.
    key: String,
    report: &'de Report,
}

impl<'de> Entries<'de> {
    pub(super) fn new(entries: Vec<Pair<'de>>, key: String, report: &'de Report) -> Self {
        Self {
            entries: entries.into_iter(),
            value: None,
            key,
            report,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some(pair) = self.entries.next() else {
            return Ok(None);
        };
        let pair = self.value.insert(pair);
        let read = match pair.key {
            Key::Written(node) => seed.deserialize(Reader {
                node,
                key: self.key.clone(),
                report: self.report,
            }),
            Key::Meant(name) => seed.deserialize(name.into_deserializer()),
        };
        read.map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(pair) = self.value.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        seed.deserialize(Reader {
            node: pair.value,
            key: pair.name().to_owned(),
            report: self.report,
        })
    }
}
