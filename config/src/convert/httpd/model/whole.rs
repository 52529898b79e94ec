//! Directives that become keys of the whole file: logs and limits.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::super::tree::Node;
use super::remote::Remote;
use crate::convert::files::below;
use crate::convert::note::{Notes, Origin};
use crate::convert::value::{Keys, Value};
use crate::field::Kind;
use crate::log_format::FormatText;

/// `MaxRequestWorkers` as distributions and httpd's own examples have it.
const STOCK: [u64; 4] = [150, 250, 256, 400];

/// The keys of the whole file, and what has to be known to make them.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) keys: Keys,
    /// Who clients behind other proxies are.
    pub(super) remote: Remote,
    /// `LogFormat`, by name.
    formats: BTreeMap<String, String>,
    /// `MaxRequestWorkers`: its name, how many requests are answered at once, and where it stands.
    workers: Vec<(String, u64, Origin)>,
    /// `AsyncRequestWorkerFactor`: how many idle connections there may be for each of these, and where it stands.
    factor: Option<(f64, Origin)>,
    /// The first `CustomLog`: file, format or its name, and where it stands.
    log: Option<(String, String, Origin)>,
}

impl Whole {
    /// Takes a directive. Returns whether it is one of these.
    pub(super) fn take(&mut self, node: &Node, root: &Path, notes: &mut Notes) -> bool {
        let words = node.words();
        let first = words.first().map_or("", String::as_str);
        match &*node.name {
            "logformat" => {
                if let [format, name, ..] = words.as_slice() {
                    self.formats.insert(name.clone(), format.clone());
                }
                notes.count(&node.origin);
            }
            "customlog" => self.log(node, &words, root, notes),
            "limitrequestfields" => self.limit("max_headers", first, node, notes),
            "limitrequestline" => self.limit("max_uri", first, node, notes),
            "maxrequestworkers" | "maxclients" => match first.parse() {
                Ok(workers @ 1..) => {
                    let name = node.written.clone();
                    self.workers.push((name, workers, node.origin.clone()));
                }
                _ => notes.name(&node.origin, format!("left out: {first} is no number")),
            },
            "asyncrequestworkerfactor" => match first.parse() {
                Ok(factor) if factor >= 0.0 => self.factor = Some((factor, node.origin.clone())),
                _ => notes.name(&node.origin, format!("left out: {first} is no number")),
            },
            "requestreadtimeout" => self.read_timeout(&words),
            _ => return self.remote.take(node),
        }
        true
    }

    /// The first log counts.
    fn log(&mut self, node: &Node, words: &[String], root: &Path, notes: &mut Notes) {
        let [path, format, ..] = words else {
            return notes.name(&node.origin, "left out: a file and a format are wanted");
        };
        if path.starts_with('|') || words.len() > 2 {
            let text = "left out: the access log is written to one file or standard output, without conditions";
            return notes.name(&node.origin, text);
        }
        if self.log.is_some() {
            return notes.count(&node.origin);
        }
        let path = below(root, path).to_string_lossy().into_owned();
        self.log = Some((path, format.clone(), node.origin.clone()));
    }

    /// Whether it has a log.
    pub(super) const fn logs(&self) -> bool {
        self.log.is_some()
    }

    /// `access_log`, of the main server (`self`), or of its only virtual host, which may use the formats of the main server.
    pub(super) fn access_log(&self, host: Option<&Self>, notes: &mut Notes) -> Option<Value> {
        let (path, name, origin) = host
            .and_then(|host| host.log.as_ref())
            .or(self.log.as_ref())?;
        let own = host.and_then(|host| host.formats.get(name));
        let format = match &**name {
            "combined" | "common" => name,
            _ => own.or_else(|| self.formats.get(name)).unwrap_or(name),
        };
        if let Err(fault) = FormatText::read(format) {
            notes.name(origin, format!("the format is left out: {}", fault.message));
            return None;
        }
        let path = match &**path {
            "/dev/stdout" | "/proc/self/fd/1" => "stdout",
            "/dev/stderr" | "/proc/self/fd/2" => "stderr",
            path => path,
        };
        let mut keys = Keys::from([("path", Value::text(path))]);
        if format != "combined" {
            keys.set("format", Value::text(format));
        }
        Some(Value::Map(keys))
    }

    /// Writes how many connections there may be into keys of the whole file. Returns a comment about that. What a distribution
    /// has written is about the memory of httpd's processes, and is counted.
    pub(super) fn connections(&self, keys: &mut Keys, notes: &mut Notes) -> Option<String> {
        // Of those for several kinds of processes the largest counts.
        let chosen = self.workers.iter().filter(|it| !STOCK.contains(&it.1));
        let largest = chosen.max_by_key(|it| it.1);
        let Some((name, workers, _)) = largest else {
            let factor = self.factor.iter().map(|it| &it.1);
            let lines = self.workers.iter().map(|it| &it.2).chain(factor);
            lines.for_each(|origin| notes.count(origin));
            return None;
        };
        // `server/mpm/event/event.c: worker_factor`
        let factor = self.factor.as_ref().map_or(2.0, |it| it.0);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the number is small and not negative"
        )]
        let all = (*workers.min(&1_000_000) as f64 * (factor.min(100.0) + 1.0)) as u64;
        let mut limits = match keys.get("limits") {
            Some(Value::Map(known)) => known.clone(),
            _ => Keys::default(),
        };
        limits.set("max_connections", Value::number(all));
        keys.set("limits", Value::Map(limits));
        Some(format!(
            "max_connections: httpd answers {workers} requests at once ({name}), and keeps {} idle connections beside them",
            all.saturating_sub(*workers)
        ))
    }

    fn limit(&mut self, key: &str, text: &str, node: &Node, notes: &mut Notes) {
        match text.parse::<u64>() {
            Ok(number) => self.limits(key, Value::number(number)),
            Err(_) => notes.name(&node.origin, format!("left out: {text} is no number")),
        }
    }

    fn limits(&mut self, key: &str, value: Value) {
        let mut limits = match self.keys.get("limits") {
            Some(Value::Map(known)) => known.clone(),
            _ => Keys::default(),
        };
        limits.set(key, value);
        self.keys.set("limits", Value::Map(limits));
    }

    /// `header=20-40,MinRate=500 body=20,MinRate=500`
    fn read_timeout(&mut self, words: &[String]) {
        for word in words {
            let Some((stage, rest)) = word.split_once('=') else {
                continue;
            };
            let mut parts = rest.split(',');
            let longest = parts
                .next()
                .and_then(|it| it.rsplit('-').next()?.parse::<u64>().ok());
            let rate = parts.find_map(|it| it.split_once('=')?.1.parse::<u64>().ok());
            match (&*stage.to_ascii_lowercase(), longest, rate) {
                ("header", Some(longest), _) => {
                    self.limits(
                        "header_timeout",
                        Value::duration(Duration::from_secs(longest)),
                    );
                }
                ("body", _, Some(rate)) => self.limits("min_body_rate", Value::number(rate)),
                _ => {}
            }
        }
    }
}
