//! Forms of the page, translated into changes of the API.

use http::header::{CONTENT_TYPE, HeaderMap, IF_MATCH};
use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use crate::admin::api::{self, Made, Refusal, Resource, present};
use crate::admin::client::Client;
use crate::state::Shared;

/// The flags of a member: the name in the API, and the text on the page.
pub(super) const FLAGS: [(&str, &str); 6] = [
    ("disabled", "disabled"),
    ("stopped", "stopped"),
    ("drain", "drain"),
    ("hot_standby", "hot standby"),
    ("hot_spare", "hot spare"),
    ("ignore_errors", "ignore errors"),
];

/// Fields of a form.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

/// The result of a form, which the next page shows.
#[derive(Debug)]
pub(super) struct Outcome {
    done: &'static str,
    /// The number of the change in the journal; `None` when it changed nothing.
    change: Option<u64>,
}

impl Outcome {
    pub(super) const fn new(done: &'static str, change: Option<u64>) -> Self {
        Self { done, change }
    }

    pub(super) fn query(&self) -> String {
        match self.change {
            Some(number) => format!("done={}&change={number}", self.done),
            None => "done=nothing".to_owned(),
        }
    }
}

impl Form {
    pub(super) async fn read(headers: &HeaderMap, body: Incoming) -> Result<Self, Refusal> {
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
        let kind = kind.unwrap_or_default().trim_ascii();
        if !kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            let reason = "a form needs the token of the page, in application/x-www-form-urlencoded";
            return Err(Refusal::new(StatusCode::FORBIDDEN, reason));
        }
        let body = api::read_body(body).await?;
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// A field's value; empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut fields = self.0.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// The settings that the page has shown in the form; `None` when the form does not say.
    pub(super) fn shown(&self) -> Option<Value> {
        let shown = serde_json::from_str::<Value>(self.get("shown")).ok()?;
        shown.is_object().then_some(shown)
    }

    /// Whether a field has another value than the page has shown; `None` when the form does not say what that was.
    pub(super) fn is_edited(&self, name: &str) -> Option<bool> {
        let shown = self.shown()?;
        let shown = shown.get(name).or_else(|| shown.get("status")?.get(name))?;
        let shown = match shown {
            Value::String(text) => text.clone(),
            Value::Null | Value::Bool(false) => String::new(),
            other => other.to_string(),
        };
        Some(self.get(name) != shown)
    }

    /// Whether the form concerns this balancer and member. `adds` is whether it adds a member.
    pub(super) fn is_about(&self, balancer: &str, member: &str, adds: bool) -> bool {
        self.get("balancer") == balancer
            && self.get("member") == member
            && (self.get("action") == "add") == adds
    }

    /// Makes the change of the form.
    pub(super) fn make(&self, shared: &Shared, client: &Client) -> Result<Outcome, Refusal> {
        let (balancer, member) = (self.get("balancer"), self.get("member"));
        let headers = self.conditions();
        let member = || Resource::Member(balancer.to_owned(), member.to_owned());
        let change = |resource: &Resource, keys: Value| {
            let Made { change, .. } =
                api::make(shared, client, resource, &headers, &keys.to_string())?;
            Ok::<_, Refusal>(change)
        };
        let (done, change) = match self.get("action") {
            "change" if self.get("member").is_empty() => {
                let balancer = Resource::Balancer(balancer.to_owned());
                let keys = changed(self.balancer_keys(), &present(shared, &balancer)?);
                ("changed", change(&balancer, keys)?)
            }
            "change" => {
                let keys = changed(self.member_keys(), &present(shared, &member())?);
                ("changed", change(&member(), keys)?)
            }
            "drain" => {
                let status = json!({ "status": { "drain": true } });
                ("drain", change(&member(), status)?)
            }
            "undrain" => {
                // The end of `drain_timeout` may have disabled the member.
                let status = json!({ "status": { "drain": false, "disabled": false } });
                let keys = changed(status, &present(shared, &member())?);
                ("undrain", change(&member(), keys)?)
            }
            "clear" => {
                let status = json!({ "status": { "error": false } });
                ("clear", change(&member(), status)?)
            }
            "remove" => {
                let url = self.get("member");
                let change = api::remove(shared, client, balancer, url, &headers)?;
                ("removed", Some(change))
            }
            "add" => {
                let keys = self.new_member().to_string();
                let Made { change, .. } = api::add(shared, client, balancer, &headers, &keys)?;
                ("added", change)
            }
            _ => {
                let reason = "the form has no known action";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, reason));
            }
        };
        Ok(Outcome::new(done, change))
    }

    /// The condition that the settings are still those that the page has shown.
    fn conditions(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(etag) = HeaderValue::try_from(self.get("etag"))
            && !etag.is_empty()
        {
            headers.insert(IF_MATCH, etag);
        }
        headers
    }

    fn member_keys(&self) -> Value {
        let status: Map<String, Value> = FLAGS
            .iter()
            .map(|(flag, _)| ((*flag).to_owned(), Value::Bool(self.get(flag) == "true")))
            .collect();
        json!({
            "loadfactor": self.number("loadfactor"),
            "lbset": self.number("lbset"),
            "route": self.get("route"),
            "redirect": self.get("redirect"),
            "status": status,
        })
    }

    fn balancer_keys(&self) -> Value {
        let maxattempts = match self.get("maxattempts") {
            "" => Value::Null,
            _ => self.number("maxattempts"),
        };
        json!({
            "lbmethod": self.get("lbmethod"),
            "stickysession": self.get("stickysession"),
            "timeout": self.get("timeout"),
            "maxattempts": maxattempts,
            "nofailover": self.get("nofailover") == "true",
        })
    }

    fn new_member(&self) -> Value {
        let mut keys = Map::new();
        for key in ["url", "route", "secret"] {
            let value = self.get(key);
            if key == "url" || !value.is_empty() {
                keys.insert(key.to_owned(), Value::from(value));
            }
        }
        if !self.get("loadfactor").is_empty() {
            keys.insert("loadfactor".to_owned(), self.number("loadfactor"));
        }
        Value::Object(keys)
    }

    /// The value as a number if it is one. Another text is refused when the change is read, with the reason.
    fn number(&self, name: &str) -> Value {
        let text = self.get(name);
        serde_json::from_str::<serde_json::Number>(text).map_or(Value::from(text), Value::Number)
    }
}

/// The keys of a form whose values differ from the present ones. A form has all keys, and those that the user has not
/// edited must go on following the file.
fn changed(keys: Value, now: &Value) -> Value {
    let Value::Object(keys) = keys else {
        return keys;
    };
    let differs = |(key, value): (String, Value)| {
        let now = now.get(&key).unwrap_or(&Value::Null);
        if value == *now {
            return None;
        }
        let value = match value {
            Value::Object(_) => changed(value, now),
            _ => value,
        };
        Some((key, value))
    };
    Value::Object(keys.into_iter().filter_map(differs).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edited_fields_are_those_that_differ_from_what_was_shown() {
        let form = |shown: &str| {
            let fields = [
                ("shown", shown),
                ("loadfactor", "2.5"),
                ("lbset", "1"),
                ("maxattempts", ""),
                ("drain", "true"),
            ];
            Form(
                fields
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .to_vec(),
            )
        };
        let shown = json!({
            "loadfactor": 2.5, "lbset": 0, "maxattempts": null, "status": { "drain": false, "stopped": false }
        });
        let one = form(&shown.to_string());
        for (name, edited) in [
            ("loadfactor", Some(false)),
            ("lbset", Some(true)),
            ("maxattempts", Some(false)),
            ("drain", Some(true)),
            ("stopped", Some(false)),
            ("url", None),
        ] {
            assert_eq!(one.is_edited(name), edited, "{name}");
        }
        assert_eq!(form("").is_edited("lbset"), None);
        assert_eq!(form("1").shown(), None);
    }

    #[test]
    fn a_form_changes_only_the_keys_that_differ() {
        let now = json!({
            "loadfactor": 1, "lbset": 0, "maxattempts": 2, "status": { "drain": false, "stopped": true }
        });
        let of = |keys: Value| changed(keys, &now);
        assert_eq!(of(now.clone()), json!({}));
        assert_eq!(
            of(json!({"loadfactor": 2, "lbset": 0})),
            json!({"loadfactor": 2})
        );
        assert_eq!(
            of(json!({"maxattempts": null})),
            json!({"maxattempts": null})
        );
        assert_eq!(
            of(json!({"status": {"drain": true, "stopped": true}})),
            json!({"status": {"drain": true}})
        );
    }
}
