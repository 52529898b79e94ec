//! The JSON Schema of the file, for editors. It comes from the structs that read the file.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::field::VARIABLE;
use crate::file::File;

/// The JSON Schema (draft 2020-12) of a configuration file.
///
/// Where the file may say the same in two ways (`max: 200` and `max: "${POOL}"`), it describes the usual one, and
/// any text with `${…}` besides.
#[must_use]
pub fn schema() -> Value {
    SCHEMA.clone()
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(File).to_value());

/// The JSON Schema of a struct, without references and without the `${…}` that only the file may have.
pub(crate) fn without_references<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    remove_variables(&mut schema);
    schema
}

fn remove_variables(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            keys.values_mut().for_each(remove_variables);
            let Some(Value::Array(choices)) = keys.get_mut("anyOf") else {
                return;
            };
            choices.retain(|choice| choice["pattern"] != VARIABLE);
            if let [Value::Object(only)] = choices.as_mut_slice() {
                let only = std::mem::take(only);
                keys.remove("anyOf");
                keys.extend(only);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(remove_variables),
        _ => {}
    }
}

/// How messages name the outermost map of a file.
pub(crate) const TOP: &str = "the top level";

/// The structs that have a key, as messages name them.
pub(crate) fn owners(key: &str) -> Vec<String> {
    let schema = &*SCHEMA;
    let has = |part: &Value| part["properties"].get(key).is_some();
    let mut owners = Vec::new();
    if has(schema) {
        owners.push(TOP.to_owned());
    }
    if let Some(parts) = schema["$defs"].as_object() {
        owners.extend(
            parts
                .iter()
                .filter(|(_, part)| has(part))
                .map(|(name, _)| format!("`{name}`")),
        );
    }
    owners
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Map, json};

    use super::*;
    use crate::node::{Node, Shape};
    use crate::report::Source;

    /// A schema without the ways around it: references followed, and of several choices the one with an inside.
    fn resolved(part: &Value) -> &Value {
        if let Some(name) = part["$ref"].as_str() {
            let name = name.strip_prefix("#/$defs/").expect(name);
            return resolved(&SCHEMA["$defs"][name]);
        }
        let choices = part["anyOf"].as_array().into_iter().flatten().map(resolved);
        let inside = |choice: &&Value| {
            ["properties", "items", "additionalProperties"]
                .iter()
                .any(|key| choice.get(*key).is_some())
        };
        choices.into_iter().find(inside).unwrap_or(part)
    }

    fn child<'a>(part: &'a Value, key: &str) -> Option<&'a Value> {
        let named = part
            .get("additionalProperties")
            .filter(|schema| schema.is_object());
        part["properties"].get(key).or(named)
    }

    fn every_key_is_described(node: &Node, part: &Value, path: &str) {
        let part = resolved(part);
        match &node.shape {
            Shape::Map(entries) => {
                for entry in entries {
                    let path = format!("{path}.{}", entry.name().unwrap());
                    let part = child(part, entry.name().unwrap()).expect(&path);
                    every_key_is_described(&entry.value, part, &path);
                }
            }
            Shape::List(items) => {
                for item in items {
                    every_key_is_described(item, &part["items"], path);
                }
            }
            Shape::Null | Shape::Scalar(_) | Shape::Broken => {}
        }
    }

    #[test]
    fn the_schema_describes_the_examples() {
        for name in ["smallest", "complete", "two-tomcats"] {
            let file = format!("{}/examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(file).unwrap();
            let mut tree =
                crate::parse::parse(&text, &Source::new(Path::new(name), &text)).unwrap();
            let report = crate::report::Report::new(Source::new(Path::new(name), &text));
            crate::node::tidy(&mut tree, &report);
            every_key_is_described(&tree, &SCHEMA, name);
        }
    }

    /// Editors hold the names of keys against it, which are strings in JSON whatever they look like in YAML.
    #[test]
    fn names_of_keys_are_strings() {
        fn check(part: &Value) {
            match part {
                Value::Object(keys) => {
                    if let Some(names) = keys.get("propertyNames") {
                        let kind = names.get("type").and_then(Value::as_str);
                        assert!(matches!(kind, None | Some("string")), "{names}");
                    }
                    keys.values().for_each(check);
                }
                Value::Array(parts) => parts.iter().for_each(check),
                _ => {}
            }
        }
        check(&SCHEMA);
    }

    /// Documents with one key each, for every key of the schema, and this value.
    fn documents(
        part: &Value,
        value: &Value,
        wrap: &dyn Fn(Value) -> Value,
        found: &mut Vec<Value>,
    ) {
        let part = resolved(part);
        if let Some(properties) = part["properties"].as_object() {
            for (key, part) in properties {
                let wrap = |value| wrap(json!({ key: value }));
                found.push(wrap(value.clone()));
                documents(part, value, &wrap, found);
            }
        } else if part.get("items").is_some() {
            documents(&part["items"], value, &|value| wrap(json!([value])), found);
        } else if part["additionalProperties"].is_object() {
            documents(
                &part["additionalProperties"],
                value,
                &|value| wrap(json!({ "n": value })),
                found,
            );
        }
    }

    /// Values that are wrong for most keys.
    fn wrong_values() -> Vec<Value> {
        let texts = [
            "",
            "x",
            "a b",
            "-1",
            "1e999",
            "%",
            "%{",
            "%{ms}D",
            "%zz",
            "/a/..",
            "[",
            "[::1",
            "[::g]",
            "http://",
            "http://:1",
            "ajp://h/%zz",
            "ajp://[::1",
            "ajp://h/..",
            "https://",
            "é",
            "$1",
            "${",
            "${1}",
            "${UNSET}",
            "999999999999",
            "http://h:0/",
            "a,b",
            "\u{7f}",
            "a@b",
            "*.x",
            "*",
            "1.2.3.4.5",
            "1.2.3.4/99",
        ];
        let mut values: Vec<Value> = texts.into_iter().map(Value::from).collect();
        values.push("x".repeat(10_000).into());
        values.extend([
            json!(null),
            json!([]),
            json!({}),
            json!([null]),
            json!([[]]),
            json!([{}]),
            json!(["", "", "x", "x"]),
            json!({ "": 1, "x": null, "to": "http://" }),
            json!({ "unknown": 1 }),
            json!({ "stickysessionseparator": [] }),
        ]);
        values
    }

    /// Before, a dozen of them had no hint.
    #[test]
    fn every_problem_has_a_hint_and_its_line() {
        let mut found = Vec::new();
        for value in wrong_values() {
            documents(&SCHEMA, &value, &|value| value, &mut found);
        }
        assert!(found.len() > 5000, "{}", found.len());
        for document in found {
            let text = document.to_string();
            let problems = match crate::parse(&text, Path::new("test.yaml"), &|_| None) {
                Err(problems) => problems.into_iter().collect(),
                Ok(loaded) => loaded.warnings,
            };
            for problem in problems {
                let hint = problem.hint.as_deref().unwrap_or_default();
                assert!(!hint.is_empty(), "{problem}");
                assert_eq!(problem.line, 1, "{problem}");
                assert!(
                    text.contains(&problem.source) && !problem.source.is_empty(),
                    "{problem}"
                );
                assert!(
                    (1..=text.chars().count() + 1).contains(&problem.column),
                    "{problem}"
                );
            }
        }
    }

    fn parse(document: &Value) -> Result<crate::Loaded, crate::Problems> {
        crate::parse(&document.to_string(), Path::new("test.yaml"), &|_| None)
    }

    #[test]
    fn the_parser_knows_every_key_of_the_schema() {
        let mut found = Vec::new();
        documents(&SCHEMA, &json!("x"), &|value| value, &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for document in found {
            let problems = parse(&document).unwrap_err();
            let unknown = problems
                .iter()
                .find(|problem| problem.message.contains("unknown key"));
            assert_eq!(unknown, None, "{document}");
        }
    }

    #[test]
    fn every_key_is_explained() {
        let mut parts = vec![&*SCHEMA];
        parts.extend(SCHEMA["$defs"].as_object().unwrap().values());
        for part in parts {
            for (key, property) in part["properties"].as_object().unwrap() {
                assert!(
                    property["description"].is_string(),
                    "{key} of {}",
                    part["title"]
                );
            }
        }
    }

    /// Writes every default that the schema names into the maps of a document.
    fn with_defaults(document: &mut Value, part: &Value) {
        let part = resolved(part);
        match document {
            Value::Object(map) => {
                let none = Map::new();
                for (key, property) in part["properties"].as_object().unwrap_or(&none) {
                    if let Some(default) = property.get("default") {
                        map.entry(key).or_insert_with(|| default.clone());
                    }
                }
                for (key, value) in map {
                    if let Some(part) = child(part, key) {
                        with_defaults(value, part);
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    with_defaults(item, &part["items"]);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn the_defaults_of_the_schema_are_the_defaults() {
        let short = json!({
            "listeners": [{ "bind": "127.0.0.1:0", "tls": { "certificate": "a", "private_key": "b" } }],
            "balancers": { "b": {
                "members": [
                    { "url": "https://h", "tls": {} },
                    { "url": "ftp://h" },
                ],
                "sticky_cookie": { "name": "R" },
                "health_check": { "method": "get", "expect": {} },
            }},
            "proxy_pass": [{ "path": "/", "to": "balancer://b" }, { "path": "/f", "files": "www" }],
            "limits": {},
            "log": {},
            "admin": {},
        });
        let mut long = short.clone();
        with_defaults(&mut long, &SCHEMA);
        // A weight of 1, FTP's switches, the index of files and what concerns members are refused where they have no use.
        let members = long["balancers"]["b"]["members"].as_array_mut().unwrap();
        for key in ["passive", "allow_write"] {
            members[0].as_object_mut().unwrap().remove(key);
        }
        long["proxy_pass"][0]
            .as_object_mut()
            .unwrap()
            .remove("index");
        for key in ["preserve_host", "request_headers", "request_attributes"] {
            long["proxy_pass"][1].as_object_mut().unwrap().remove(key);
        }
        let size = |value: &Value| value.to_string().matches(':').count();
        assert!(size(&long) > size(&short) + 50, "{long}");
        let config = |document| {
            parse(document)
                .unwrap_or_else(|problems| panic!("{problems}"))
                .config
        };
        assert_eq!(config(&long), config(&short));
    }
}
