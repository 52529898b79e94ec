//! The YAML: what is the default is left out, and what is short stands in one line.

mod scalar;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::arrange::{Answer, Entry};
use super::defaults::{Level, is_default};
use super::note::Origin;
use super::overlap::written;
use super::site::{Balancer, Listener, Member, Site};
use super::value::{Keys, Value};

use self::scalar::{key_text, plain_or_quoted};

/// The longest line, in characters, in which several keys stand.
const LONGEST_LINE: usize = 120;

/// The text of the YAML.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// The text.
    pub text: String,
    /// For each line of the text, the lines of the old files that it comes from.
    pub origins: Vec<Vec<Origin>>,
    /// For each mapping: the number from 1 of the first line of its comments, or of its own.
    pub(super) mappings: Vec<usize>,
    /// The number from 1 of the last line of the mappings; 0: there are none.
    pub(super) last_mapping: usize,
    /// The numbers from 1 of the comments that say why nobody may use a mapping.
    pub(super) closed: BTreeSet<usize>,
    /// The names of environment variables, each with the place of its secret.
    pub(super) secrets: Vec<(String, Origin)>,
}

/// Writes a site with its mappings.
pub(super) fn write(site: &Site, mappings: &[Entry], secrets_from_environment: bool) -> Written {
    let mut writer = Writer {
        written: Written::default(),
        variables: secrets_from_environment.then(BTreeMap::new),
        anchors: anchors(mappings),
        anchored: Vec::new(),
    };
    writer.comments(0, &site.comments);
    writer.listeners(&site.listeners);
    writer.balancers(&site.balancers);
    writer.mappings(mappings);
    writer.top(&site.keys);
    writer.written
}

struct Writer {
    written: Written,
    /// The name of each secret's variable; `None`: secrets stand in the file.
    variables: Option<BTreeMap<String, String>>,
    /// The names of values that several mappings have, by their text.
    anchors: BTreeMap<String, String>,
    /// Those that stand in the file already.
    anchored: Vec<String>,
}

impl Writer {
    fn line(&mut self, indent: usize, text: &str, origins: &[Origin]) {
        let _ = writeln!(self.written.text, "{:indent$}{text}", "");
        self.written.origins.push(origins.to_vec());
    }

    fn comments(&mut self, indent: usize, comments: &[String]) {
        let mut said: Vec<&String> = Vec::new();
        for comment in comments {
            if said.contains(&comment) {
                continue;
            }
            said.push(comment);
            for line in comment.lines() {
                let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
                self.line(indent, &format!("# {line}"), &[]);
            }
        }
    }

    fn listeners(&mut self, listeners: &[Listener]) {
        self.line(0, "listeners:", &[]);
        for listener in listeners {
            self.comments(2, &listener.comments);
            let mut keys = Keys::from([("bind", Value::text(&listener.bind))]);
            keys.merge(&listener.keys);
            let origins: Vec<Origin> = listener.origin.iter().cloned().collect();
            self.item(2, Level::Listener, &keys, &origins, true);
        }
    }

    fn balancers(&mut self, balancers: &[Balancer]) {
        if balancers.is_empty() {
            return;
        }
        self.line(0, "balancers:", &[]);
        for balancer in balancers {
            let origins = std::slice::from_ref(&balancer.origin);
            self.comments(2, &balancer.comments);
            self.line(2, &format!("{}:", key_text(&balancer.name)), origins);
            for (key, value) in balancer.keys.iter() {
                self.pair(4, Level::Balancer, key, value, origins);
            }
            self.line(4, "members:", origins);
            for member in &balancer.members {
                self.member(member);
            }
        }
    }

    fn member(&mut self, member: &Member) {
        self.comments(6, &member.comments);
        let mut keys = Keys::from([("url", Value::text(&member.url))]);
        keys.merge(&member.keys);
        let origins = std::slice::from_ref(&member.origin);
        self.item(6, Level::Member, &keys, origins, false);
    }

    fn mappings(&mut self, mappings: &[Entry]) {
        if mappings.is_empty() {
            return;
        }
        self.line(0, "proxy_pass:", &[]);
        for entry in mappings {
            self.written.mappings.push(self.written.origins.len() + 1);
            self.comments(2, &entry.outcome.comments);
            let mut said: Vec<&str> = Vec::new();
            for closed in &entry.outcome.closed {
                if said.contains(&&*closed.why) {
                    continue;
                }
                said.push(&closed.why);
                self.written.closed.insert(self.written.origins.len() + 1);
                self.comments(2, &[format!("closed for everybody: {}", closed.why)]);
            }
            let keys = mapping(entry);
            self.item(2, Level::Mapping, &keys, &entry.outcome.origins, false);
        }
        self.written.last_mapping = self.written.origins.len();
    }

    fn top(&mut self, keys: &Keys) {
        for (key, value) in keys.iter() {
            self.pair(0, Level::Top, key, value, &[]);
        }
    }

    /// An item of a list: `- { … }` where it fits, `- key: value` where it has one key, else a line for each key.
    fn item(&mut self, indent: usize, level: Level, keys: &Keys, origins: &[Origin], bare: bool) {
        let kept: Vec<(&str, &Value)> = keys
            .iter()
            .filter(|(key, value)| !is_default(level, key, value))
            .collect();
        if let [(key, value @ (Value::Text(_) | Value::Plain(_)))] = kept.as_slice()
            && bare
        {
            let text = format!("- {key}: {}", self.value(level, key, value, origins));
            return self.line(indent, &text, origins);
        }
        let before = (self.anchored.clone(), self.variables.clone());
        let secrets = self.written.secrets.len();
        let pairs: Vec<String> = kept
            .iter()
            .map(|(key, value)| format!("{key}: {}", self.value(level, key, value, origins)))
            .collect();
        let flow = format!("- {{ {} }}", pairs.join(", "));
        if indent + flow.chars().count() <= LONGEST_LINE && level != Level::Listener {
            return self.line(indent, &flow, origins);
        }
        (self.anchored, self.variables) = before;
        self.written.secrets.truncate(secrets);
        for (at, (key, value)) in kept.into_iter().enumerate() {
            let start = self.written.text.len();
            self.pair(indent + 2, level, key, value, origins);
            if at == 0 {
                let dash = format!("{:indent$}- ", "");
                let end = start + indent + 2;
                self.written.text.replace_range(start..end, &dash);
            }
        }
    }

    /// A key with its value, in one line where it fits.
    fn pair(&mut self, indent: usize, level: Level, key: &str, value: &Value, origins: &[Origin]) {
        if is_default(level, key, value) {
            return;
        }
        let before = (self.anchored.clone(), self.variables.clone());
        let secrets = self.written.secrets.len();
        let text = format!(
            "{}: {}",
            key_text(key),
            self.value(level, key, value, origins)
        );
        let fits = indent + text.chars().count() <= LONGEST_LINE;
        let anchored = text.contains(": &");
        let inner = match value {
            Value::List(items) if !items.is_empty() => true,
            Value::Map(keys) => !keys.is_empty(),
            _ => false,
        };
        if fits || anchored || !inner {
            return self.line(indent, &text, origins);
        }
        (self.anchored, self.variables) = before;
        self.written.secrets.truncate(secrets);
        self.line(indent, &format!("{}:", key_text(key)), origins);
        match value {
            Value::List(items) => {
                for item in items {
                    match item {
                        Value::Map(keys) => {
                            self.item(indent + 2, Level::Inner, keys, origins, false);
                        }
                        item => {
                            let text = self.value(Level::Inner, "", item, origins);
                            self.line(indent + 2, &format!("- {text}"), origins);
                        }
                    }
                }
            }
            Value::Map(keys) => {
                let inner = level.below(key);
                for (key, value) in keys.iter() {
                    self.pair(indent + 2, inner, key, value, origins);
                }
            }
            _ => {}
        }
    }

    /// A value in one line.
    fn value(&mut self, level: Level, key: &str, value: &Value, origins: &[Origin]) -> String {
        if level == Level::Mapping
            && let Some(name) = self.anchors.get(&anchor_key(key, value)).cloned()
        {
            if self.anchored.contains(&name) {
                return format!("*{name}");
            }
            self.anchored.push(name.clone());
            return format!("&{name} {}", self.flow(level, key, value, origins));
        }
        self.flow(level, key, value, origins)
    }

    fn flow(&mut self, level: Level, key: &str, value: &Value, origins: &[Origin]) -> String {
        match value {
            Value::Text(text) => plain_or_quoted(text),
            Value::Plain(text) => text.clone(),
            Value::Secret(secret) => self.secret(secret, origins),
            Value::List(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|item| self.flow(Level::Inner, key, item, origins))
                    .collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map(keys) => {
                let inner = level.below(key);
                let pairs: Vec<String> = keys
                    .iter()
                    .filter(|(key, value)| !is_default(inner, key, value))
                    .map(|(key, value)| {
                        let value = self.flow(inner, key, value, origins);
                        format!("{}: {value}", key_text(key))
                    })
                    .collect();
                match pairs.is_empty() {
                    true => "{}".to_owned(),
                    false => format!("{{ {} }}", pairs.join(", ")),
                }
            }
        }
    }

    fn secret(&mut self, secret: &str, origins: &[Origin]) -> String {
        let Some(variables) = &mut self.variables else {
            return plain_or_quoted(secret);
        };
        let count = variables.len();
        let name = variables
            .entry(secret.to_owned())
            .or_insert_with(|| match count {
                0 => "AJP_SECRET".to_owned(),
                _ => format!("AJP_SECRET_{}", count + 1),
            });
        let reference = format!("\"${{{name}}}\"");
        if let Some(origin) = origins.first() {
            let item = (name.clone(), origin.clone());
            if !self.written.secrets.contains(&item) {
                self.written.secrets.push(item);
            }
        }
        reference
    }
}

/// The keys of a mapping.
fn mapping(entry: &Entry) -> Keys {
    let mut keys = Keys::default();
    let (key, text) = written(&entry.takes);
    keys.set(key, Value::text(text));
    if !entry.hosts.is_empty() {
        keys.set("hosts", Value::texts(entry.hosts.iter().cloned()));
    }
    if let Some(secure) = entry.secure {
        let scheme = if secure { "https" } else { "http" };
        keys.set("scheme", Value::text(scheme));
    }
    match &entry.outcome.answer {
        Answer::NotFound if entry.exclude => keys.set("exclude", Value::switch(true)),
        Answer::NotFound => keys.set("respond", respond(404)),
        Answer::To(url) => keys.set("to", Value::text(with_slash(url))),
        Answer::Redirect { to, status: 308 } => keys.set("redirect", Value::text(to)),
        Answer::Redirect { to, status } => {
            let redirect = Keys::from([
                ("to", Value::text(to)),
                ("status", Value::number(u64::from(*status))),
            ]);
            keys.set("redirect", Value::Map(redirect));
        }
        Answer::Respond(status) => keys.set("respond", respond(*status)),
        Answer::Files(folder) => keys.set("files", Value::text(folder)),
    }
    keys.merge(&entry.outcome.keys);
    keys
}

fn respond(status: u16) -> Value {
    Value::Map(Keys::from([("status", Value::number(u64::from(status)))]))
}

/// A url without a path gets its slash; the slash at the end of another path means nothing.
fn with_slash(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    match url.get(host..).unwrap_or_default().find(['/', '$', '?']) {
        None => format!("{url}/"),
        Some(at) if url.len() > host + at + 1 => url.trim_end_matches('/').to_owned(),
        Some(_) => url.to_owned(),
    }
}

fn anchor_key(key: &str, value: &Value) -> String {
    format!("{key} {value:?}")
}

/// Names for the lists and maps that several mappings have and that are worth it.
fn anchors(mappings: &[Entry]) -> BTreeMap<String, String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut order = Vec::new();
    for entry in mappings {
        for (key, value) in entry.outcome.keys.iter() {
            let worth = match value {
                Value::Map(keys) => keys.iter().count() > 1 || matches!(key, "auth" | "compress"),
                Value::List(items) => {
                    items.len() > 1 && items.iter().all(|it| matches!(it, Value::Map(_)))
                }
                _ => false,
            };
            if !worth {
                continue;
            }
            let name = anchor_key(key, value);
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            if *count == 2 {
                order.push((name, key));
            }
        }
    }
    let mut anchors: BTreeMap<String, String> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, key) in order {
        let count = counts.entry(key).or_default();
        *count += 1;
        let anchor = if *count == 1 {
            key.to_owned()
        } else {
            format!("{key}{count}")
        };
        anchors.insert(name, anchor);
    }
    anchors
}
