//! Where WebSocket requests go that a rule tells from others: `upgrade_url` of members.

use super::rewrites::Upgrade;
use crate::convert::note::Notes;
use crate::convert::overlap::{covers, hides, join_url, meet};
use crate::convert::site::{Action, Balancer, Rule, Server, Takes};
use crate::convert::value::{Keys, Value};

const LEFT: &str = "left out: it sends WebSocket requests elsewhere; write `upgrade_url` for the members that take them";

const HOST: &str =
    "WebSocket requests carry the client's Host here, httpd sends that of the backend";

/// Adds them to the mappings of the same paths. `preserve`: httpd sends the client's Host too.
pub(super) fn add(
    upgrades: &[Upgrade],
    server: &mut Server,
    balancers: &mut [Balancer],
    preserve: bool,
    notes: &mut Notes,
) {
    for upgrade in upgrades {
        let mut is_turned = false;
        let (mut is_over, mut is_same) = (false, false);
        let takes = Takes::Path(upgrade.path.clone());
        for stage in &mut server.stages {
            let mut rules = Vec::new();
            for mut rule in std::mem::take(stage) {
                if !is_over && meet(&rule.takes, &takes) {
                    is_over = rule.action != Action::Pass && hides(&rule.takes, &takes);
                    match turned(upgrade, &mut rule, balancers) {
                        Turned::Same => (is_turned, is_over, is_same) = (true, true, true),
                        Turned::Here => is_turned = true,
                        Turned::Part(part) => {
                            is_turned = true;
                            rules.push(*part);
                        }
                        Turned::Not => {}
                    }
                }
                rules.push(rule);
            }
            *stage = rules;
        }
        match is_turned {
            false => notes.name(&upgrade.origin, LEFT),
            true if !preserve && !is_same => notes.name(&upgrade.origin, HOST),
            true => {}
        }
    }
}

/// What has become of the WebSocket requests of a rule.
enum Turned {
    /// The rule sends everything where they go.
    Same,
    /// The rule sends them where they go.
    Here,
    /// This rule does, for a part of its paths.
    Part(Box<Rule>),
    Not,
}

fn turned(upgrade: &Upgrade, rule: &mut Rule, balancers: &mut [Balancer]) -> Turned {
    let Action::To(url) = &rule.action else {
        return Turned::Not;
    };
    if parted(url).is_some_and(|it| it.0.eq_ignore_ascii_case(&upgrade.address)) {
        return Turned::Same;
    }
    let Takes::Path(path) = &rule.takes else {
        return Turned::Not;
    };
    let (path, url) = (path.clone(), url.clone());
    let Some((address, own)) = parted(&url) else {
        return Turned::Not;
    };
    if own.trim_end_matches('/') != path.trim_end_matches('/') {
        return Turned::Not;
    }
    if let Some(name) = address.strip_prefix("balancer://") {
        let mut found = balancers.iter_mut().filter(|it| it.name == name);
        return match found.next().map(|it| it.members.as_mut_slice()) {
            Some([member]) if member.url.starts_with("ajp://") => {
                member
                    .keys
                    .set("upgrade_url", Value::text(&upgrade.address));
                Turned::Here
            }
            _ => Turned::Not,
        };
    }
    if !address.starts_with("ajp://") {
        return Turned::Not;
    }
    match covers(&upgrade.path, &path) {
        true => {
            upgrading(rule, upgrade);
            Turned::Here
        }
        false => {
            let rest = upgrade.path.get(path.trim_end_matches('/').len()..);
            let mut part = rule.clone();
            part.takes = Takes::Path(upgrade.path.clone());
            part.action = Action::To(join_url(&url, rest.unwrap_or_default()));
            part.origin = upgrade.origin.clone();
            upgrading(&mut part, upgrade);
            Turned::Part(Box::new(part))
        }
    }
}

fn upgrading(rule: &mut Rule, upgrade: &Upgrade) {
    let mut member = match rule.keys.get("member") {
        Some(Value::Map(keys)) => keys.clone(),
        _ => Keys::default(),
    };
    member.set("upgrade_url", Value::text(&upgrade.address));
    rule.keys.set("member", Value::Map(member));
}

/// Scheme and host of a url, and its path.
fn parted(url: &str) -> Option<(&str, &str)> {
    let host = url.find("://")? + 3;
    let end = url.get(host..)?.find('/').map_or(url.len(), |at| host + at);
    url.split_at_checked(end)
}
