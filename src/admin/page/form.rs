//! What a form of the page asks for, in the words of the API.

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::super::api::{self, Client, Refusal, Resource};
use crate::state::Shared;

/// Flags of a member, as the API has them and as people read them.
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

/// What was done, to be told on the page that comes next.
#[derive(Debug)]
pub(super) struct Outcome {
    done: &'static str,
    balancer: String,
    member: String,
}

impl Outcome {
    pub(super) fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("done", self.done)
            .append_pair("balancer", &self.balancer)
            .append_pair("member", &self.member)
            .finish()
    }
}

impl Form {
    pub(super) async fn read(headers: &HeaderMap, body: Incoming) -> Result<Self, Refusal> {
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
        if kind.is_none_or(|kind| !kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded"))
        {
            let reason = "a form of the page is wanted";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
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

    /// Whether it changes or removes a member, changes a balancer, or adds a member.
    pub(super) fn is_about(&self, balancer: &str, member: &str, adds: bool) -> bool {
        self.get("balancer") == balancer
            && self.get("member") == member
            && (self.get("action") == "add") == adds
    }

    /// Does what it asks for.
    pub(super) fn make(&self, shared: &Shared, client: Client<'_>) -> Result<Outcome, Refusal> {
        let (balancer, member) = (
            self.get("balancer").to_owned(),
            self.get("member").to_owned(),
        );
        let headers = HeaderMap::new();
        let change = |resource: &Resource, keys: Value| {
            api::make(shared, client, resource, &headers, &keys.to_string())
        };
        let this = || Resource::Member(balancer.clone(), member.clone());
        let done = match self.get("action") {
            "change" if member.is_empty() => {
                change(&Resource::Balancer(balancer.clone()), self.balancer_keys())?;
                "changed"
            }
            "change" => {
                change(&this(), self.member_keys())?;
                "changed"
            }
            "drain" => {
                change(&this(), json!({ "status": { "drain": true } }))?;
                "drain"
            }
            "undrain" => {
                change(
                    &this(),
                    json!({ "status": { "drain": false, "disabled": false } }),
                )?;
                "undrain"
            }
            "remove" => {
                api::remove(shared, client, &balancer, &member, &headers)?;
                "removed"
            }
            "add" => {
                let keys = self.new_member().to_string();
                api::add(shared, client, &balancer, &headers, &keys)?;
                "added"
            }
            _ => {
                return Err(Refusal::new(
                    StatusCode::BAD_REQUEST,
                    "the form asks for nothing",
                ));
            }
        };
        let member = match done {
            "added" => self.get("url").to_owned(),
            _ => member,
        };
        Ok(Outcome {
            done,
            balancer,
            member,
        })
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
            "" => Value::from("default"),
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

    /// A number where it is one; what is none is refused by whoever reads it, with its reason.
    fn number(&self, name: &str) -> Value {
        let text = self.get(name);
        serde_json::from_str::<serde_json::Number>(text).map_or(Value::from(text), Value::Number)
    }
}
