//! What rules send on to: balancers, and workers that stand alone.

use std::collections::BTreeMap;

use super::balancer;
use super::extension::Extension;
use super::member;
use super::mount::{Mount, Mounts};
use super::read::Properties;
use super::rules::{Step, steps};
use super::worker::{Kind, Worker, names};
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::join;
use crate::convert::site::{Action, Balancer, Rule, Takes};
use crate::convert::value::{Keys, Value};

/// The longest name of a balancer that is taken over.
const LONGEST_NAME: usize = 80;

/// What is said of `fail_on_status` of a worker that stands alone.
const STATUS_FAILS: &str = "fail_on_status is left out: mod_jk answers 503 in place of an answer with such a status; here the \
                            answer is delivered";

/// Where the requests of a worker go.
#[derive(Debug, Clone)]
enum Target {
    Balancer(String),
    /// One Tomcat: its url, its keys, and what differs.
    Alone(String, Keys, Vec<String>),
    /// A fixed answer, and why.
    Answer(u16, String),
}

/// The workers of a web server.
pub(super) struct Connector<'a> {
    properties: &'a Properties,
    /// `worker.list`
    listed: Vec<&'a str>,
    /// Where the workers stand, for those that nobody defines.
    origin: Origin,
    /// Those that are made so far.
    balancers: Vec<Balancer>,
    /// Names of other balancers.
    taken: Vec<String>,
    /// By worker and what a rule says behind it.
    targets: BTreeMap<(String, String), Target>,
}

impl<'a> Connector<'a> {
    pub(super) fn new(properties: &'a Properties, origin: &Origin, taken: Vec<String>) -> Self {
        let list = properties.get("worker.list");
        Self {
            properties,
            listed: list.map_or_else(|| vec!["ajp13"], |it| names(&it.value)),
            origin: list.map_or(origin, |it| &it.origin).clone(),
            balancers: Vec::new(),
            taken,
            targets: BTreeMap::new(),
        }
    }

    /// The rules of a server in the order in which they are asked. `keys` are those of every mapping.
    pub(super) fn rules(&mut self, mounts: &Mounts, keys: &Keys, notes: &mut Notes) -> Vec<Rule> {
        let steps = steps(mounts, notes);
        steps
            .into_iter()
            .map(|step| self.rule(step, keys, notes))
            .collect()
    }

    /// `worker.NAME.mount`: rules of the workers themselves, as they are written.
    pub(super) fn own_mounts(&self) -> Vec<(String, String, Origin)> {
        let mut lines = Vec::new();
        for name in &self.listed {
            let worker = Worker::new(name, self.properties);
            let Some(property) = worker.get(&["mount"]) else {
                continue;
            };
            for pattern in names(&property.value) {
                lines.push((
                    pattern.to_owned(),
                    (*name).to_owned(),
                    property.origin.clone(),
                ));
            }
        }
        lines
    }

    /// Makes a balancer of each worker of the list, where no rules say what is used.
    pub(super) fn all(&mut self, notes: &mut Notes) {
        for name in self.listed.clone() {
            let origin = self.origin.clone();
            if let Target::Alone(url, keys, comments) =
                self.target(name, &Extension::default(), &origin, notes)
            {
                let name = self.free_name(name);
                self.balancers.push(Balancer {
                    name,
                    keys: Keys::default(),
                    members: vec![crate::convert::site::Member {
                        url,
                        keys,
                        origin: origin.clone(),
                        comments,
                    }],
                    origin,
                    comments: Vec::new(),
                });
            }
        }
    }

    /// The balancers that were made.
    pub(super) fn finish(self) -> Vec<Balancer> {
        self.balancers
    }

    fn rule(&mut self, step: Step<'_>, keys: &Keys, notes: &mut Notes) -> Rule {
        let mut rule = Rule::new(step.takes, Action::Pass, step.from.origin.clone());
        rule.below = step.below;
        rule.by_mod_jk = true;
        let Some(mount) = step.rule else {
            return rule;
        };
        let target = self.target(&mount.worker, &mount.extension, &mount.origin, notes);
        let url = match target {
            Target::Answer(status, why) => {
                notes.name(&mount.origin, why);
                rule.action = Action::Respond(status);
                return rule;
            }
            Target::Balancer(name) => format!("balancer://{name}"),
            Target::Alone(url, member, comments) => {
                if !crate::convert::defaults::is_all_default(&member) {
                    rule.keys.set("member", Value::Map(member));
                }
                rule.comments = comments;
                url
            }
        };
        rule.action = Action::To(sent_on(&url, &rule.takes));
        rule.keys.merge(keys);
        time(mount, &mut rule);
        rule
    }

    /// Where a worker's requests go, with what a rule says behind it.
    fn target(
        &mut self,
        name: &str,
        extension: &Extension,
        origin: &Origin,
        notes: &mut Notes,
    ) -> Target {
        let plain = Extension {
            reply_timeout: None,
            ..extension.clone()
        };
        let key = (name.to_owned(), format!("{plain:?}"));
        if let Some(known) = self.targets.get(&key) {
            return known.clone();
        }
        let target = self.new_target(name, &plain, origin, notes);
        self.targets.insert(key, target.clone());
        target
    }

    fn new_target(
        &mut self,
        name: &str,
        extension: &Extension,
        origin: &Origin,
        notes: &mut Notes,
    ) -> Target {
        if !self.listed.contains(&name) {
            return unlisted(name);
        }
        let worker = Worker::new(name, self.properties);
        let place = worker
            .get(&["type"])
            .map_or(&self.origin, |it| &it.origin)
            .clone();
        match worker.kind() {
            Kind::Status => Target::Answer(
                404,
                format!(
                    "it answers 404: in place of the status worker {name} see the listener of `admin`"
                ),
            ),
            Kind::Unknown => Target::Answer(
                503,
                format!("it answers 503: the type of {name} is unknown, and mod_jk does not start"),
            ),
            Kind::Balancer => {
                match balancer::balancer(&worker, extension, self.properties, &place, notes) {
                    None => Target::Answer(503, format!("it answers 503: {name} has no members")),
                    Some(mut balancer) => {
                        balancer.name = self.free_name(name);
                        if extension.changes_balancer() {
                            balancer
                                .comments
                                .push(format!("{name} for the rule of line {}", origin.line));
                        }
                        let name = balancer.name.clone();
                        self.balancers.push(balancer);
                        Target::Balancer(name)
                    }
                }
            }
            Kind::Ajp => {
                if extension.fail_on_status.is_some() {
                    notes.name(origin, STATUS_FAILS);
                }
                if !extension.members.is_empty() {
                    notes.name(
                        origin,
                        format!("left out behind `;`: {name} is no balancer"),
                    );
                }
                alone(&worker, &place, notes)
            }
        }
    }

    /// A name that no other balancer has, of the letters that a name may have.
    fn free_name(&self, name: &str) -> String {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let letters = name.chars().take(LONGEST_NAME);
        let name: String = letters
            .map(|it| if allowed(it) { it } else { '-' })
            .collect();
        let is_free = |name: &String| {
            !self
                .balancers
                .iter()
                .any(|it| it.name.eq_ignore_ascii_case(name))
                && !self.taken.iter().any(|it| it.eq_ignore_ascii_case(name))
        };
        let mut names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}_{n}")));
        names.find(is_free).unwrap_or(name)
    }
}

/// A worker of type ajp13 that a rule sends to without a balancer.
fn alone(worker: &Worker<'_>, place: &Origin, notes: &mut Notes) -> Target {
    match member::member(worker, None, notes) {
        Ok(mut turned) => {
            if turned.fail_on_status.is_some() {
                notes.name(place, STATUS_FAILS);
            }
            if turned.endless {
                let text = "timeout: 0s: as in mod_jk, where no reply_timeout is set, a silent Tomcat keeps a request for ever";
                turned.comments.push(text.to_owned());
            }
            Target::Alone(turned.url, turned.keys, turned.comments)
        }
        Err(why) => Target::Answer(503, format!("it answers 503: {}: {why}", worker.name)),
    }
}

/// `;reply_timeout=` of a rule.
fn time(mount: &Mount, rule: &mut Rule) {
    if let Some(time) = mount.extension.reply_timeout {
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        rule.keys.set("timeout", member::milliseconds(time));
    }
}

/// The target of a rule: mod_jk leaves paths as they are.
fn sent_on(url: &str, takes: &Takes) -> String {
    match takes {
        Takes::Path(path) if path == "/" => format!("{url}/"),
        Takes::Path(path) => join(url, &encoded(path)),
        Takes::Exact(_) | Takes::Pattern(_) => format!("{url}$0"),
    }
}

/// A decoded path as it stands in a url.
fn encoded(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte);
        match plain {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// What a worker answers that is not in `worker.list`.
fn unlisted(name: &str) -> Target {
    let why = match name.ends_with(' ') {
        true => ", and the blank before `;` belongs to the name",
        false => "",
    };
    let text = format!("it answers 500, as in mod_jk: {name} is not in worker.list{why}");
    Target::Answer(500, text)
}
