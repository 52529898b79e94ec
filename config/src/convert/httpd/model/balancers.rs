//! `<Proxy>`, `BalancerMember` and `ProxySet`: balancers, and workers that ProxyPass uses alone.

use std::time::Duration;

use super::super::tree::Node;
use super::params::{self, Param};
use crate::convert::note::{Notes, Origin};
use crate::convert::site::{Balancer, Member};
use crate::convert::value::{Keys, Value};
use crate::field::Kind;
use crate::model::{MemberUrl, Scheme};
use crate::value::{MemberTarget, RequestUri};

/// A balancer as a file defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defined {
    /// The name in lower case.
    pub(super) name: String,
    pub(super) params: Vec<Param>,
    pub(super) members: Vec<DefinedMember>,
    pub(super) origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DefinedMember {
    pub(super) url: String,
    pub(super) params: Vec<Param>,
    pub(super) origin: Origin,
}

/// A worker of one url: the parameters of its first definition count, for every url that begins with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) url: String,
    pub(super) params: Vec<Param>,
    pub(super) origin: Origin,
}

/// What a server defines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Proxies {
    pub(super) balancers: Vec<Defined>,
    pub(super) workers: Vec<Worker>,
}

/// The name of a balancer's url in lower case, without its path and what an expression adds; `None`: another url.
pub(super) fn balancer_name(url: &str) -> Option<String> {
    let scheme = url.get(..11)?;
    let rest = url.get(11..)?;
    let name = rest.split(['/', '$']).next()?;
    scheme
        .eq_ignore_ascii_case("balancer://")
        .then(|| name.to_ascii_lowercase())
}

impl Proxies {
    /// The balancer of a name, which is made where there is none.
    pub(super) fn balancer(&mut self, name: &str, origin: &Origin) -> &mut Defined {
        let at = self.balancers.iter().position(|it| it.name == name);
        if at.is_none() {
            self.balancers.push(Defined {
                name: name.to_owned(),
                params: Vec::new(),
                members: Vec::new(),
                origin: origin.clone(),
            });
        }
        let at = at.unwrap_or(self.balancers.len() - 1);
        // There is one at this place.
        #[expect(clippy::indexing_slicing, reason = "the place was just found or made")]
        &mut self.balancers[at]
    }

    /// Parameters of a url, by whatever directive. Those of a worker that is known are dropped and named.
    pub(super) fn set(
        &mut self,
        url: &str,
        params: Vec<Param>,
        origin: &Origin,
        notes: &mut Notes,
    ) {
        if let Some(name) = balancer_name(url) {
            self.balancer(&name, origin).params.extend(params);
            return;
        }
        let url = lower_host(url);
        let known = self.workers.iter().find(|worker| serves(&worker.url, &url));
        match known {
            Some(known) if !params.is_empty() && known.params != params => {
                let text = format!(
                    "its parameters are dropped, as in httpd: it uses the worker of line {}, {}",
                    known.origin.line, known.url
                );
                notes.name(origin, text);
            }
            Some(_) => {}
            None => self.workers.push(Worker {
                url,
                params,
                origin: origin.clone(),
            }),
        }
    }

    /// `BalancerMember`, with the balancer's url before it or not.
    pub(super) fn member(&mut self, node: &Node, section: Option<&str>, notes: &mut Notes) {
        let words = node.words();
        let first = words.first().map_or("", String::as_str);
        let own = balancer_name(first);
        let (name, words) = match (own, section) {
            (Some(name), _) => (name, words.get(1..).unwrap_or_default()),
            (None, Some(section)) => (section.to_owned(), words.as_slice()),
            (None, None) => return notes.name(&node.origin, "left out: it names no balancer"),
        };
        let Some((url, rest)) = words.split_first() else {
            return notes.name(&node.origin, "left out: it names no url");
        };
        let url = lower_host(url);
        let params = params::params(rest, &node.origin);
        let balancer = self.balancer(&name, &node.origin);
        if let Some(known) = balancer.members.iter().find(|member| member.url == url) {
            let text = format!(
                "left out, as in httpd: line {} has the same url",
                known.origin.line
            );
            return notes.name(&node.origin, text);
        }
        balancer.members.push(DefinedMember {
            url,
            params,
            origin: node.origin.clone(),
        });
    }
}

/// Whether a worker serves a url: the url begins with the worker's.
pub(super) fn serves(worker: &str, url: &str) -> bool {
    let worker = worker.trim_end_matches('/');
    url.strip_prefix(worker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// The url with scheme and host in lower case.
pub(super) fn lower_host(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '$']));
    let end = end.map_or(url.len(), |at| host + at);
    let (front, rest) = url.split_at_checked(end).unwrap_or((url, ""));
    format!("{}{rest}", front.to_ascii_lowercase())
}

/// The host of a `ServerName`, without the scheme and port that may stand with it.
pub(super) fn bare_name(name: &str) -> &str {
    let bare = name.split_once("://").map_or(name, |(_, rest)| rest);
    match bare.rsplit_once(':') {
        Some((front, port)) if port.bytes().all(|it| it.is_ascii_digit()) => front,
        _ => bare,
    }
}

/// The url of a member.
///
/// # Errors
///
/// Why there is no such member here.
pub(super) fn member_url(url: &str) -> Result<MemberUrl, String> {
    MemberTarget::read(url.trim_end_matches('/')).map_err(|fault| match &fault.hint {
        Some(hint) => format!("{} ({hint})", fault.message),
        None => fault.message,
    })
}

/// What the members of a server have where their parameters do not say it.
#[derive(Debug, Clone, Default)]
pub(super) struct Usual {
    pub(super) keys: Keys,
    pub(super) children: Option<u64>,
    /// `tls` of https members.
    pub(super) tls: Keys,
    /// `heartbeat` of balancers that ask for it.
    pub(super) heartbeat: Keys,
}

/// Whether a server says how many connections a member has, which httpd counts in each process.
pub(super) fn limit_members(proxies: &Proxies) -> bool {
    let members = proxies.balancers.iter().flat_map(|it| &it.members);
    let members = members.map(|it| &it.params);
    let mut all = members
        .chain(proxies.workers.iter().map(|it| &it.params))
        .flatten();
    all.any(|param| matches!(&*param.key, "max" | "min"))
}

/// The balancer of the YAML; `None`: no member is left.
pub(super) fn built(
    defined: &Defined,
    name: String,
    usual: &Usual,
    notes: &mut Notes,
) -> Option<Balancer> {
    let mut balancer = Balancer {
        name,
        keys: params::balancer(&defined.params, notes),
        members: Vec::new(),
        origin: defined.origin.clone(),
        comments: Vec::new(),
    };
    let mut health: Vec<Param> = Vec::new();
    let mut has_ajp = false;
    for member in &defined.members {
        let written = super::targets::as_http(&member.url);
        let url = match member_url(&written) {
            Ok(url) => url,
            Err(why) => {
                notes.name(&member.origin, format!("the member is left out: {why}"));
                continue;
            }
        };
        let is_ajp = url.scheme == Scheme::Ajp;
        has_ajp |= is_ajp;
        let turned = params::member(&member.params, is_ajp, usual.children, notes);
        let mut keys = turned.keys;
        for (key, value) in usual.keys.iter() {
            keys.set_default(key, value.clone());
        }
        if url.scheme == Scheme::Https && !usual.tls.is_empty() {
            keys.set("tls", Value::Map(usual.tls.clone()));
        }
        health.extend(turned.health);
        balancer.members.push(Member {
            url: written.trim_end_matches('/').to_owned(),
            keys,
            origin: member.origin.clone(),
            comments: turned.comments,
        });
    }
    if balancer.members.is_empty() {
        return None;
    }
    if has_ajp {
        balancer.keys.set_default("stickysession", Value::text(""));
        if balancer.keys.get("stickysession") == Some(&Value::text("JSESSIONID|jsessionid")) {
            balancer.keys.remove("stickysession");
        }
    }
    unchecked(defined, &health, notes);
    health_check(&mut balancer, &health, notes);
    loads(&mut balancer, &defined.params, usual, notes);
    Some(balancer)
}

/// Names the members that httpd does not check, where it checks others: here all are checked.
fn unchecked(defined: &Defined, health: &[Param], notes: &mut Notes) {
    let is_on = |param: &&Param| {
        let method = param.value.as_deref().unwrap_or_default();
        param.key == "hcmethod" && !method.eq_ignore_ascii_case("none")
    };
    let Some(first) = health.iter().find(is_on) else {
        return;
    };
    let others = defined.members.iter();
    let others = others.filter(|it| !it.params.iter().any(|param| is_on(&param)));
    for member in others {
        let text = format!(
            "its member is checked here as that of {} is: a balancer has one health check",
            first.origin.seen_from(&member.origin)
        );
        notes.name(&member.origin, text);
    }
}

/// Where a balancer with `lbmethod=heartbeat` learns the load of its members.
fn loads(balancer: &mut Balancer, params: &[Param], usual: &Usual, notes: &mut Notes) {
    if balancer.keys.get("lbmethod") != Some(&Value::text("heartbeat")) {
        return;
    }
    if !usual.heartbeat.is_empty() {
        let heartbeat = Value::Map(usual.heartbeat.clone());
        return balancer.keys.set("heartbeat", heartbeat);
    }
    balancer.keys.remove("lbmethod");
    for param in params.iter().filter(|it| it.key == "lbmethod") {
        let text = "lbmethod: heartbeat is left out, because no HeartbeatListen or HeartbeatStorage says where the load of the \
                    members comes from; byrequests is used";
        notes.name(&param.origin, text);
    }
}

/// The shortest time between two checks that `check` accepts.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The most checks in a row that `check` accepts.
const MOST_IN_A_ROW: u64 = 1000;

/// Health checks are one for each balancer here; the first parameters count.
fn health_check(balancer: &mut Balancer, params: &[Param], notes: &mut Notes) {
    let mut keys = Keys::default();
    for param in params {
        let Some(value) = health_value(param, notes) else {
            continue;
        };
        match keys.get(value.0) {
            Some(known) if *known != value.1 => {
                let text = format!(
                    "{}: a balancer has one health check; another member's counts",
                    param.key
                );
                notes.name(&param.origin, text);
            }
            _ => keys.set(value.0, value.1),
        }
    }
    if keys.get("method").is_some() {
        keys.set_default("interval", Value::Plain("30s".to_owned()));
        keys.set_default("passes", Value::number(1));
        keys.set_default("fails", Value::number(1));
        balancer.keys.set("health_check", Value::Map(keys));
    }
}

/// The key and value of a parameter about health checks; `None`: it means nothing, or is named.
fn health_value(param: &Param, notes: &mut Notes) -> Option<(&'static str, Value)> {
    let text = param.value.as_deref().unwrap_or_default();
    Some(match &*param.key {
        "hcmethod" => match &*text.to_ascii_lowercase() {
            "none" => return None,
            "tcp" => ("method", Value::text("tcp")),
            "cping" => ("method", Value::text("cping")),
            "options" | "options11" => ("method", Value::text("options")),
            "head" | "head11" => ("method", Value::text("head")),
            "get" | "get11" => ("method", Value::text("get")),
            _ => {
                notes.name(&param.origin, format!("hcmethod={text} is left out"));
                return None;
            }
        },
        "hcinterval" => match super::time::duration(text, "s") {
            Some(time) => {
                if time < SHORTEST_INTERVAL {
                    let text = format!("hcinterval={text}: 100ms is the shortest here");
                    notes.name(&param.origin, text);
                }
                ("interval", Value::duration(time.max(SHORTEST_INTERVAL)))
            }
            None => return None,
        },
        "hcpasses" | "hcfails" if text.bytes().all(|it| it.is_ascii_digit()) => {
            let key = if param.key == "hcpasses" {
                "passes"
            } else {
                "fails"
            };
            let count: u64 = text.parse().unwrap_or(MOST_IN_A_ROW);
            let possible = count.clamp(1, MOST_IN_A_ROW);
            if possible != count {
                let text = format!("{}={text}: {possible} is written", param.key);
                notes.name(&param.origin, text);
            }
            (key, Value::number(possible))
        }
        "hcuri" if RequestUri::read(text).is_err() => {
            let text = format!("hcuri={text} is left out: it is not a path");
            notes.name(&param.origin, text);
            return None;
        }
        "hcuri" => ("uri", Value::text(text)),
        _ => {
            notes.name(
                &param.origin,
                format!("{} is left out: write `expect` in health_check", param.key),
            );
            return None;
        }
    })
}

/// Whether the url of a `<Proxy>` stands for every url.
pub(super) fn is_every(url: &str) -> bool {
    matches!(url, "" | "*" | "*:*" | "*://*")
}
