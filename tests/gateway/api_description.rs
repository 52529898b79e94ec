//! The API takes what its description (OpenAPI) allows and refuses what it forbids: every case is made from the
//! description itself.

use regex::Regex;
use serde_json::{Map, Value, json};

use crate::support::client::{Answer, Client};
use crate::support::container::Container;
use crate::support::gateway::Running;

const BALANCER: &str = "/api/v1/balancers/test";

/// One connection to the admin listener.
struct Api {
    client: Client,
    description: Value,
}

impl Api {
    async fn new(gateway: &Running) -> Self {
        let mut api = Self {
            client: Client::connect(gateway.admin).await,
            description: Value::Null,
        };
        api.description = api.read("/api/v1/openapi.json").await;
        api
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.client
            .send(format!(
                "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        self.client.answer().await
    }

    async fn read(&mut self, path: &str) -> Value {
        let answer = self.send("GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        serde_json::from_str(answer.text()).unwrap()
    }

    /// Sends what must be refused, each with a reason that names its key, and checks that nothing has changed.
    async fn refuses(&mut self, method: &str, path: &str, cases: &[(String, String)]) {
        let before = self.read("/api/v1/balancers").await;
        for (key, body) in cases {
            let answer = self.send(method, path, body).await;
            assert_eq!(answer.status, 422, "{method} {body}: {answer:?}");
            let said: Value = serde_json::from_str(answer.text()).unwrap();
            let error = said["error"].as_str().unwrap();
            assert!(error.contains(key), "{method} {body}: {error}");
        }
        let after = self.read("/api/v1/balancers").await;
        assert_eq!(before, after, "{method} {cases:?}");
    }
}

/// The schema of the body of an operation, or of its answer with a status.
fn schema<'d>(description: &'d Value, path: &str, method: &str, status: Option<u16>) -> &'d Value {
    let operation = &description["paths"][path][method];
    let content = match status {
        None => &operation["requestBody"]["content"],
        Some(status) => &operation["responses"][status.to_string()]["content"],
    };
    resolved(description, &content["application/json"]["schema"])
}

fn resolved<'d>(description: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(path) => description.pointer(path.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Whether a schema allows a value. The keywords are those that the description uses; others fail the test.
fn allows(description: &Value, schema: &Value, value: &Value) -> bool {
    let schema = resolved(description, schema);
    let keywords = schema.as_object().unwrap();
    keywords.iter().all(|(keyword, rule)| match &**keyword {
        "description" | "default" | "title" => true,
        "type" => match rule {
            Value::Array(names) => names.iter().any(|name| is_of_type(value, name)),
            name => is_of_type(value, name),
        },
        "enum" => rule.as_array().unwrap().contains(value),
        "anyOf" => {
            let mut choices = rule.as_array().unwrap().iter();
            choices.any(|choice| allows(description, choice, value))
        }
        "minimum" => value.as_f64().is_none_or(|it| it >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|it| it <= rule.as_f64().unwrap()),
        "multipleOf" => value.as_f64().is_none_or(|it| {
            let times = it / rule.as_f64().unwrap();
            (times - times.round()).abs() < 1e-6
        }),
        "minLength" => length(value).is_none_or(|it| it >= rule.as_u64().unwrap()),
        "maxLength" => length(value).is_none_or(|it| it <= rule.as_u64().unwrap()),
        "pattern" => {
            let pattern = Regex::new(rule.as_str().unwrap()).unwrap();
            value.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| allows(description, rule, item))),
        "minItems" => value
            .as_array()
            .is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
        "required" => value.as_object().is_none_or(|keys| {
            let mut wanted = rule.as_array().unwrap().iter();
            wanted.all(|key| keys.contains_key(key.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|keys| {
            keys.iter().all(|(key, value)| {
                rule.get(key)
                    .is_none_or(|schema| allows(description, schema, value))
            })
        }),
        "additionalProperties" => {
            assert_eq!(*rule, false, "{schema}");
            value.as_object().is_none_or(|keys| {
                keys.keys()
                    .all(|key| schema["properties"].get(key).is_some())
            })
        }
        other => panic!("the test does not know the keyword {other}"),
    })
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|it| it.fract() == 0.0),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the test does not know the type {other}"),
    }
}

fn length(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

/// Values of every JSON type, with the ends of the ranges, words and forms that the description of a key names.
fn values(schema: &Value) -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(1.234),
        json!(7),
        json!(1e300),
        json!([]),
        json!({}),
        json!([1]),
        json!([null]),
        json!({"a": 1}),
    ];
    for text in [
        "",
        " ",
        "0",
        "5",
        "5.0",
        "1e1",
        "true",
        "false",
        "null",
        "off",
        "x",
        "a b",
        "a;b",
        "ä",
        "n9",
        "5s",
        "250ms",
        "-1s",
        "8KiB",
        "64KiB",
        "8KB",
        "ID|id",
        "a|b|c",
        "heartbeat",
        "bybusyness",
        "drain",
        "default",
        "auto",
        "full",
        "a.example",
        "ajp://member.invalid",
        "http://member.invalid/x",
        "/x",
        "u:p",
    ] {
        values.push(json!(text));
    }
    values.extend([64, 96, 1025].map(|length| json!("x".repeat(length))));
    values.extend([json!(["drain"]), json!(["drain", 1]), json!(["x"])]);
    ends(schema, &mut values);
    values
}

/// The ends of each range, with the numbers beside them, and each word.
fn ends(schema: &Value, values: &mut Vec<Value>) {
    for end in ["minimum", "maximum"] {
        if let Some(end) = schema[end].as_f64() {
            let near = [end - 1.0, end - 0.01, end, end + 0.01, end + 1.0];
            values.extend(near.map(Value::from));
        }
    }
    values.extend(schema["enum"].as_array().into_iter().flatten().cloned());
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        ends(choice, values);
    }
}

/// An object with one key.
fn with(key: &str, value: &Value) -> Value {
    let mut keys = Map::new();
    keys.insert(key.to_owned(), value.clone());
    Value::Object(keys)
}

/// A balancer for which every `lbmethod` is possible.
async fn running() -> (Container, Running) {
    let node = Container::hello("n1").await;
    let gateway = Running::before(&[&node], "heartbeat: { storage: heartbeats }", "");
    (node, gateway)
}

/// Values of a key and of the keys inside it, each with the key that a refusal must name.
fn cases(key: &str, schema: &Value) -> Vec<(String, Value)> {
    let own = values(schema)
        .into_iter()
        .map(|value| (key.to_owned(), value));
    let mut cases: Vec<_> = own.collect();
    for (inner, of_inner) in schema["properties"].as_object().into_iter().flatten() {
        let of_inner = values(of_inner).into_iter();
        cases.extend(of_inner.map(|value| (inner.clone(), with(inner, &value))));
    }
    cases
}

#[tokio::test]
async fn a_change_is_taken_exactly_when_the_description_allows_it() {
    let (node, gateway) = running().await;
    let mut api = Api::new(&gateway).await;
    let description = api.description.clone();
    let member = format!("{BALANCER}/members/ajp://{}", node.address);
    let mut count = 0;
    for (described, path) in [
        ("/api/v1/balancers/{balancer}", BALANCER),
        ("/api/v1/balancers/{balancer}/members/{member}", &member),
    ] {
        let schema = schema(&description, described, "patch", None);
        let mut refused = vec![("unknown".to_owned(), json!({ "unknown": null }).to_string())];
        for (key, of_key) in schema["properties"].as_object().unwrap() {
            let twice = format!("{{\"{key}\": null, \"{key}\": null}}");
            refused.push((key.clone(), twice));
            for (named, value) in cases(key, of_key) {
                count += 1;
                let body = with(key, &value);
                if !allows(&description, schema, &body) {
                    refused.push((named, body.to_string()));
                    continue;
                }
                let answer = api.send("PATCH", path, &body.to_string()).await;
                assert_eq!(answer.status, 200, "{body}: {answer:?}");
            }
        }
        api.refuses("PATCH", path, &refused).await;
    }
    assert!(count > 800, "{count}");
}

/// The rest of a member for which a key means something.
fn member_for(key: &str) -> Map<String, Value> {
    let scheme = match key {
        "username" | "password" | "passive" | "allow_write" => "ftp",
        "tls" => "https",
        _ => "ajp",
    };
    let url = format!("{scheme}://member.invalid");
    Map::from_iter([("url".to_owned(), json!(url))])
}

/// Values that the description allows and that are refused for what they name or for other keys.
fn needs_more(key: &str, value: &Value) -> bool {
    match key {
        // A file that is not there.
        "secret_file" | "ca" => true,
        // Two keys that go together, or more connections than `max`.
        "certificate" | "private_key" => true,
        // The form of a text says nothing of the size that it stands for.
        "packet_size" => value.is_string() && value != "8KiB" && value != "64KiB",
        "min" => value.as_f64().is_some_and(|it| it > 200.0),
        _ => false,
    }
}

#[tokio::test]
async fn a_member_is_added_exactly_when_the_description_allows_it() {
    let (_node, gateway) = running().await;
    let mut api = Api::new(&gateway).await;
    let description = api.description.clone();
    let path = format!("{BALANCER}/members");
    let schema = schema(
        &description,
        "/api/v1/balancers/{balancer}/members",
        "post",
        None,
    );
    let unknown = json!({ "url": "ajp://member.invalid", "unknown": 1 });
    let mut refused = vec![
        ("unknown".to_owned(), unknown.to_string()),
        ("url".to_owned(), "{}".to_owned()),
    ];
    let mut count = 0;
    for (key, of_key) in schema["properties"].as_object().unwrap() {
        let url = "\"url\": \"ajp://member.invalid\"";
        let twice = format!("{{{url}, \"{key}\": null, \"{key}\": null}}");
        refused.push((key.clone(), twice));
        for (named, value) in cases(key, of_key) {
            count += 1;
            let mut keys = member_for(key);
            keys.insert(key.clone(), value.clone());
            let body = Value::Object(keys);
            if !allows(&description, schema, &body) {
                refused.push((named, body.to_string()));
                continue;
            }
            if needs_more(&named, value.get(&named).unwrap_or(&value)) {
                continue;
            }
            let answer = api.send("POST", &path, &body.to_string()).await;
            assert_eq!(answer.status, 201, "{body}: {answer:?}");
            let url = body["url"].as_str().unwrap().replace('/', "%2F");
            let removed = api.send("DELETE", &format!("{path}/{url}"), "").await;
            assert_eq!(removed.status, 204, "{removed:?}");
        }
    }
    api.refuses("POST", &path, &refused).await;
    assert!(count > 1000, "{count}");
}

/// What the API shows is what its description says.
#[tokio::test]
async fn every_answer_is_as_described() {
    let (node, gateway) = running().await;
    let mut api = Api::new(&gateway).await;
    let description = api.description.clone();
    let url = format!("ajp://{}", node.address);
    for path in [
        "/api/v1/balancers",
        "/api/v1/balancers/{balancer}",
        "/api/v1/balancers/{balancer}/members",
        "/api/v1/balancers/{balancer}/members/{member}",
    ] {
        let asked = path.replace("{balancer}", "test").replace("{member}", &url);
        let shown = api.read(&asked).await;
        let schema = schema(&description, path, "get", Some(200));
        assert!(allows(&description, schema, &shown), "{path}: {shown}");
    }
    let nobody = api
        .send("GET", &format!("{BALANCER}/members/nobody"), "")
        .await;
    assert_eq!(
        (nobody.status, nobody.field("x-ajpgate-requests")),
        (404, Some("0"))
    );
    let member = &description["paths"]["/api/v1/balancers/{balancer}/members/{member}"];
    for method in ["get", "patch", "delete"] {
        let described = resolved(&description, &member[method]["responses"]["404"]);
        assert!(
            described["headers"]["X-Ajpgate-Requests"].is_object(),
            "{method}"
        );
    }
    let error = api.send("PATCH", BALANCER, "{\"x\": 1}").await;
    let error = serde_json::from_str(error.text()).unwrap();
    let described = schema(
        &description,
        "/api/v1/balancers/{balancer}",
        "patch",
        Some(422),
    );
    assert!(allows(&description, described, &error), "{error}");
}
