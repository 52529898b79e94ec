//! The fields of the structs of [`crate::file`]: values with their places, which may be absent or unreadable.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::fault::Fault;
use crate::report::Place;

/// Tells [`mod@crate::read`] that the parts of a [`Field`] are wanted.
pub(crate) const FIELD: &str = "ajpgate field";

/// Tells [`mod@crate::read`] that the parts of an [`Either`] are wanted.
pub(crate) const EITHER: &str = "ajpgate either";

/// A value of the file. Reading a field never fails: when the field is `Unreadable`, its problem has been reported.
#[derive(Debug, Default)]
pub(crate) enum Field<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// The key is there, and its value could not be read. No further problem may be derived from it.
    Unreadable,
    /// The value and its place.
    Given(Place, T),
}

impl<T> Field<T> {
    /// The value and its place, when it could be read.
    pub(crate) fn given(self) -> Option<(Place, T)> {
        match self {
            Self::Given(place, value) => Some((place, value)),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// The value, when it could be read.
    pub(crate) const fn value(&self) -> Option<&T> {
        match self {
            Self::Given(_, value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// Where the value is, when it could be read.
    pub(crate) const fn place(&self) -> Option<Place> {
        match self {
            Self::Given(place, _) => Some(*place),
            Self::Absent | Self::Unreadable => None,
        }
    }

    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Field<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Field<T>, A::Error> {
                let mut number = || parts.next_element().map(Option::unwrap_or_default);
                let place = Place {
                    file: number()?,
                    line: number()?,
                    column: number()?,
                    length: number()?,
                };
                Ok(match parts.next_element() {
                    Ok(Some(value)) => Field::Given(place, value),
                    Ok(None) | Err(_) => Field::Unreadable,
                })
            }
        }

        deserializer.deserialize_newtype_struct(FIELD, Parts(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A kind of scalar: how its text becomes a value.
pub(crate) trait Kind {
    /// The type of the value.
    type Value;

    /// Reads the text, as it stands in the file after `${…}` has been filled in.
    fn read(text: &str) -> Result<Self::Value, Fault>;

    /// The value of `null` or of a key without a value; `None` when these are refused.
    fn nothing() -> Option<Self::Value> {
        None
    }

    /// Its JSON Schema.
    fn schema() -> Schema;

    /// Its JSON Schema where it is the name of a key. Such names are always strings in JSON.
    fn name_schema() -> Schema {
        Self::schema()
    }
}

/// A scalar of the file that has been read as its [`Kind`] says.
pub(crate) struct Checked<K: Kind>(pub(crate) K::Value);

/// The usual field.
pub(crate) type Scalar<K> = Field<Checked<K>>;

impl<K: Kind> Field<Checked<K>> {
    /// The value; the default when the key is absent or unreadable. A file with an unreadable key is refused, so the
    /// default is never used for one.
    pub(crate) fn or(self, default: K::Value) -> K::Value {
        self.optional().unwrap_or(default)
    }

    /// The value, when there is one.
    pub(crate) fn optional(self) -> Option<K::Value> {
        self.given().map(|(_, Checked(value))| value)
    }

    /// The value, or the default when the key is absent; `None` when it could not be read.
    pub(crate) fn settled(&self, default: K::Value) -> Option<K::Value>
    where
        K::Value: Clone,
    {
        match self {
            Self::Absent => Some(default),
            Self::Unreadable => None,
            Self::Given(_, Checked(value)) => Some(value.clone()),
        }
    }
}

impl<'de, K: Kind> Deserialize<'de> for Checked<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<K>(PhantomData<K>);

        impl<K: Kind> Visitor<'_> for Text<K> {
            type Value = Checked<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Checked<K>, E> {
                K::read(text).map(Checked).map_err(E::custom)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Checked<K>, E> {
                K::nothing()
                    .map(Checked)
                    .ok_or_else(|| E::custom(Fault::no_value()))
            }
        }

        deserializer.deserialize_str(Text(PhantomData))
    }
}

impl<K: Kind> JsonSchema for Checked<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        std::any::type_name::<K>().into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        or_variable(K::schema())
    }
}

/// The pattern of a text with `${…}` in the schemas of the file.
pub(crate) const VARIABLE: &str = r"\$\{.+\}";

/// Any scalar may come from the environment, a number too.
fn or_variable(schema: Schema) -> Schema {
    let free_text = ["pattern", "enum"]
        .iter()
        .all(|key| schema.get(*key).is_none())
        && schema.get("type").is_some_and(|kind| kind == "string");
    match free_text {
        true => schema,
        false => any_of(
            schema,
            schemars::json_schema!({ "type": "string", "pattern": VARIABLE }),
        ),
    }
}

/// A schema for what one of two schemas describes; the first may be a choice already.
fn any_of(mut first: Schema, second: Schema) -> Schema {
    let choices = first
        .get_mut("anyOf")
        .and_then(serde_json::Value::as_array_mut);
    if let Some(choices) = choices {
        choices.push(second.into());
        return first;
    }
    schemars::json_schema!({ "anyOf": [first, second] })
}

/// Either one scalar, or a map or list.
pub(crate) enum Either<K: Kind, T> {
    /// One value.
    Scalar(K::Value),
    /// A map or a list.
    Whole(T),
}

impl<'de, K: Kind, T: Deserialize<'de>> Deserialize<'de> for Either<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<K, T>(PhantomData<(K, T)>);

        impl<'de, K: Kind, T: Deserialize<'de>> Visitor<'de> for Parts<K, T> {
            type Value = Either<K, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value, a map or a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Either<K, T>, A::Error> {
                let missing = || de::Error::custom("nothing to read");
                if parts.next_element()?.unwrap_or_default() {
                    let value: Checked<K> = parts.next_element()?.ok_or_else(missing)?;
                    Ok(Either::Scalar(value.0))
                } else {
                    parts.next_element()?.map(Either::Whole).ok_or_else(missing)
                }
            }
        }

        deserializer.deserialize_newtype_struct(EITHER, Parts(PhantomData))
    }
}

impl<K: Kind, T: JsonSchema> JsonSchema for Either<K, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let whole = generator.subschema_for::<T>();
        any_of(or_variable(K::schema()), whole)
    }
}

/// A map whose keys are names of the author's choice, in the order of the file.
pub(crate) struct Named<K: Kind, T>(pub(crate) Vec<(Scalar<K>, Field<T>)>);

impl<'de, K: Kind, T: Deserialize<'de>> Deserialize<'de> for Named<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, T>(PhantomData<(K, T)>);

        impl<'de, K: Kind, T: Deserialize<'de>> Visitor<'de> for Entries<K, T> {
            type Value = Named<K, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<K, T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Named(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<K: Kind, T: JsonSchema> JsonSchema for Named<K, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({
            "type": "object",
            "propertyNames": K::name_schema(),
            "additionalProperties": value,
        })
    }
}
