//! JSON to the tree of a document, where a value of another JSON type than its key's schema names is refused.
//!
//! In the file `max: 200` and `max: "200"` are the same. Over the network they are not: the API's description names one
//! type, and a client that sends another one is wrong about what it does.

use std::cell::Cell;
use std::collections::HashSet;

use serde_json::Value;

use crate::fault::{Fault, one_of, quoted};
use crate::json::Json;
use crate::node::{Entry, Node, Shape};
use crate::report::{Place, Report};

/// The tree of a value that `schema` describes. A value of a wrong type is reported, and then broken: nothing further
/// is said of it. Ranges, words and unknown keys are left to whoever reads the tree.
///
/// `schema` is a JSON Schema without references.
pub(crate) fn node(json: Json, schema: &Value, report: &Report) -> Node {
    let strict = Strict {
        report,
        last: Cell::new(0),
    };
    strict.value("", json, schema)
}

struct Strict<'a> {
    report: &'a Report,
    /// The column of the last place.
    last: Cell<u32>,
}

impl Strict<'_> {
    /// A place behind all earlier ones. JSON of the network is shown without lines and columns, so that places only keep
    /// its problems apart and in order.
    fn place(&self) -> Place {
        self.last.set(self.last.get().saturating_add(1));
        Place {
            column: self.last.get(),
            ..Place::START
        }
    }

    fn value(&self, key: &str, json: Json, schema: &Value) -> Node {
        let place = self.place();
        let wanted = choices(schema);
        let kind = type_of(&json);
        let Some(fits) = wanted.iter().find(|it| types(it).contains(&kind)) else {
            self.report.fault(place, key, wrong_type(&json, &wanted));
            let shape = Shape::Broken;
            return Node { place, shape };
        };
        let shape = match json {
            Json::Null => Shape::Null,
            Json::Bool(value) => Shape::Scalar(value.to_string()),
            Json::Number(text) | Json::Text(text) => Shape::Scalar(text),
            Json::List(items) => Shape::List(self.items(key, items, &fits["items"])),
            Json::Object(members) => Shape::Map(self.entries(key, members, &fits["properties"])),
        };
        Node { place, shape }
    }

    fn items(&self, key: &str, items: Vec<Json>, schema: &Value) -> Vec<Node> {
        let items = items.into_iter().enumerate();
        items
            .map(|(index, item)| self.value(&format!("{key}[{index}]"), item, schema))
            .collect()
    }

    fn entries(&self, of: &str, members: Vec<(String, Json)>, properties: &Value) -> Vec<Entry> {
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        for (name, value) in members {
            let place = self.place();
            if !seen.insert(name.clone()) {
                let fault = Fault::new(format!("{} is given twice", quoted(&name)));
                let fault = fault.hint("remove one of them");
                self.report.fault(place, of, fault);
                continue;
            }
            let value = match properties.get(&name) {
                Some(schema) => self.value(&name, value, schema),
                // Whoever reads the tree says that there is no such key.
                None => Node {
                    place,
                    shape: Shape::Broken,
                },
            };
            let shape = Shape::Scalar(name);
            let key = Node { place, shape };
            entries.push(Entry { key, value });
        }
        entries
    }
}

fn wrong_type(json: &Json, wanted: &[&Value]) -> Fault {
    let types: Vec<_> = wanted.iter().flat_map(|it| types(it)).collect();
    let is_meant = |text: &str| match text {
        "true" | "false" => types.contains(&"boolean"),
        text => types.contains(&"number") && text.parse::<f64>().is_ok(),
    };
    let mut words: Vec<_> = types.iter().copied().map(said).collect();
    words.dedup();
    let words = one_of(words);
    let fault = Fault::new(format!("{} is not {words}", json.shown()));
    match json {
        Json::Text(text) if is_meant(text) => fault.hint("write it without quotes"),
        Json::Number(_) | Json::Bool(_) if words.contains("a string") => {
            fault.hint("write it in quotes")
        }
        _ => fault,
    }
}

/// The schemas of which a value must fit one.
fn choices(schema: &Value) -> Vec<&Value> {
    match schema["anyOf"].as_array() {
        Some(several) => several.iter().flat_map(choices).collect(),
        None => vec![schema],
    }
}

/// The JSON types that a schema without choices names: by `type`, or by the values of `enum`.
fn types(schema: &Value) -> Vec<&'static str> {
    let named = match &schema["type"] {
        Value::Array(names) => names.iter().collect(),
        Value::Null => Vec::new(),
        name => vec![name],
    };
    let of_values = schema["enum"].as_array().into_iter().flatten();
    match named.is_empty() {
        true => of_values.map(type_of_value).collect(),
        false => named.into_iter().filter_map(type_of_name).collect(),
    }
}

/// A whole number is a number whose value has no fraction, so it is no type of its own.
fn type_of_name(name: &Value) -> Option<&'static str> {
    let known = ["null", "boolean", "number", "string", "array", "object"];
    match name.as_str()? {
        "integer" => Some("number"),
        name => known.into_iter().find(|it| *it == name),
    }
}

const fn type_of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

const fn type_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::Text(_) => "string",
        Json::List(_) => "array",
        Json::Object(_) => "object",
    }
}

/// A JSON type as messages name it.
fn said(name: &'static str) -> &'static str {
    match name {
        "boolean" => "true or false",
        "number" => "a number",
        "string" => "a string",
        "array" => "a list",
        "object" => "an object",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::report::Source;

    fn headlines(text: &str) -> Vec<String> {
        let schema = json!({ "type": "object", "properties": {
            "number": { "type": "number" },
            "count": { "type": "integer" },
            "text": { "type": ["string", "null"] },
            "time": { "anyOf": [{ "type": "string" }, { "type": "number" }] },
            "word": { "anyOf": [{ "type": "integer" }, { "enum": ["auto", true] }] },
            "list": { "type": "array", "items": { "type": "string" } },
            "inner": { "type": "object", "properties": { "on": { "type": "boolean" } } },
        }});
        let report = Report::new(Source::new(Path::new("body"), ""));
        let _ = node(Json::parse(text).unwrap(), &schema, &report);
        let problems = report.finish().err();
        problems.map_or_else(Vec::new, |problems| {
            problems
                .into_iter()
                .map(|problem| problem.message)
                .collect()
        })
    }

    #[test]
    fn only_the_types_of_the_schema_are_taken() {
        for text in [
            r#"{"number": 5, "count": 5.0, "text": "x", "time": 5, "word": "auto"}"#,
            r#"{"number": 1e1, "text": null, "time": "5s", "word": 7, "list": [], "inner": {}}"#,
            r#"{"list": ["a"], "inner": {"on": true}, "word": true, "unknown": [null]}"#,
        ] {
            assert_eq!(headlines(text), [""; 0], "{text}");
        }
        for (text, message) in [
            (r#"{"number": "5"}"#, "number: \"5\" is not a number"),
            (r#"{"count": null}"#, "count: null is not a number"),
            (r#"{"text": 5}"#, "text: 5 is not a string or null"),
            (
                r#"{"time": true}"#,
                "time: true is not a string or a number",
            ),
            (r#"{"list": "a"}"#, "list: \"a\" is not a list"),
            (r#"{"list": ["a", 1]}"#, "list[1]: 1 is not a string"),
            (r#"{"inner": []}"#, "inner: a list is not an object"),
            (
                r#"{"inner": {"on": "true"}}"#,
                "on: \"true\" is not true or false",
            ),
            (r#"{"text": "a", "text": "b"}"#, "\"text\" is given twice"),
            ("[]", "a list is not an object"),
        ] {
            assert_eq!(headlines(text), [message], "{text}");
        }
    }
}
