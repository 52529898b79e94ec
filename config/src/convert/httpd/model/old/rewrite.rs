//! `RewriteRule` outside of sections (`modules/mappers/mod_rewrite.c: apply_rewrite_list()`).

mod condition;

use self::condition::{Condition, Held, hold};
use super::super::super::tree::Node;
use super::super::environment::flagged;
use super::super::rewrites::Flags;
use super::super::time::switch;
use super::request::Request;
use super::substitution::{Captured, expanded};
use super::target::answered;
use crate::convert::note::Origin;
use crate::convert::told::{Deed, Telling};
use regex::Regex;

/// What rewriting has led to.
pub(super) enum Rewritten<'a> {
    /// The next phase is asked, perhaps with another path.
    No,
    Over(Deed),
    /// It is sent to this url, by this rule.
    Proxied(String, &'a Origin),
    /// The path of a file below the document root.
    File(String),
}

/// A rule with the conditions before it.
struct Rule<'a> {
    node: &'a Node,
    words: Vec<String>,
    flags: Flags,
    conditions: Vec<Condition<'a>>,
}

/// What one rule has led to.
enum Done<'a> {
    /// It does not take the request.
    No,
    /// It does, and changes nothing.
    Unchanged,
    /// It has changed the path.
    Changed,
    End(Rewritten<'a>),
}

/// Goes through the rules of a server, and changes the path and query of the request. `lists` are the directives of the main
/// server, then those of the virtual host, if one answers.
pub(super) fn rewritten<'a>(
    lists: &[&'a [Node]],
    request: &mut Request<'_>,
    telling: &mut Telling,
) -> Rewritten<'a> {
    let nodes = lists.last().copied().unwrap_or_default();
    // Without a directive of its own a virtual host takes over nothing.
    let is_used = nodes.iter().any(|it| it.name.starts_with("rewrite"));
    let mut engines = lists.iter().rev().flat_map(|nodes| nodes.iter().rev());
    let engine = engines.find(|it| it.name == "rewriteengine");
    let is_on = engine.and_then(|it| switch(it.arguments.trim()));
    if is_on != Some(true) || !is_used {
        return Rewritten::No;
    }
    inherited(lists, telling);
    let rules = rules(nodes);
    let mut is_file = false;
    let mut skipped = 0_usize;
    let mut is_chained = false;
    for rule in &rules {
        if skipped > 0 {
            skipped -= 1;
            continue;
        }
        if is_chained {
            // The rule before did not take it, and this one belongs to it.
            is_chained = rule.flags.chains;
            continue;
        }
        match apply(rule, request, telling) {
            Done::No => {
                is_chained = rule.flags.chains;
                continue;
            }
            Done::End(end) => return end,
            Done::Changed => is_file = !rule.flags.passes_through,
            Done::Unchanged => {}
        }
        skipped = rule.flags.skips;
        if rule.flags.repeats {
            telling.unknown(&rule.node.origin, "[N]: the rules are not repeated here");
        }
        if rule.flags.is_last {
            break;
        }
    }
    match is_file {
        true => Rewritten::File(request.path.clone()),
        false => Rewritten::No,
    }
}

/// Rules of the main server that a virtual host takes over.
fn inherited(lists: &[&[Node]], telling: &mut Telling) {
    let options = lists.iter().flat_map(|nodes| nodes.iter());
    for node in options.filter(|it| lists.len() > 1 && it.name == "rewriteoptions") {
        let words = node.arguments.to_ascii_lowercase();
        if words.split_whitespace().any(|it| it.starts_with("inherit")) {
            let text = "RewriteOptions: inherited rules are not followed here";
            telling.unknown(&node.origin, text);
        }
    }
}

fn rules(nodes: &[Node]) -> Vec<Rule<'_>> {
    let (mut rules, mut conditions) = (Vec::new(), Vec::new());
    for node in nodes {
        match &*node.name {
            "rewritecond" => conditions.push(Condition::of(node)),
            "rewriterule" => {
                let words = super::super::rewrites::words(&node.arguments);
                let flags = Flags::of(words.get(2).map_or("", String::as_str));
                rules.push(Rule {
                    node,
                    words,
                    flags,
                    conditions: std::mem::take(&mut conditions),
                });
            }
            _ => {}
        }
    }
    rules
}

fn apply<'a>(rule: &Rule<'a>, request: &mut Request<'_>, telling: &mut Telling) -> Done<'a> {
    let origin = &rule.node.origin;
    let [pattern, target, ..] = rule.words.as_slice() else {
        return Done::No;
    };
    let (is_negated, bare) = match pattern.strip_prefix('!') {
        Some(bare) => (true, bare),
        None => (false, &**pattern),
    };
    let start = if rule.flags.any_case { "(?i)" } else { "" };
    let Ok(regex) = Regex::new(&format!("{start}{bare}")) else {
        let text = format!("RewriteRule {pattern}: the expression cannot be compared here");
        telling.unknown(origin, text);
        return Done::No;
    };
    let path = request.path.clone();
    let captured = match (regex.captures(&path), is_negated) {
        (Some(captures), false) => Captured::of(&captures),
        (None, true) => Captured::default(),
        _ => return Done::No,
    };
    let shown = format!("RewriteRule {}", rule.words.join(" "));
    let last = match hold(&rule.conditions, &captured, request) {
        Held::Yes(last) => last,
        Held::No => return Done::No,
        Held::Unknown(condition, what) => {
            let line = condition.line;
            let text = format!(
                "{shown} decides where line {line} holds, which a URL does not say: RewriteCond {what}"
            );
            telling.unknown(origin, text);
            return Done::No;
        }
    };
    let target = expanded(target, &captured, &last, &|name| {
        condition::variable(name, request)
    });
    match target {
        Ok(target) => {
            let set = flagged(rule.words.get(2).map_or("", String::as_str));
            let excludes = set.excludes;
            request.excludes.add(excludes);
            if set.runs || set.answers {
                let text = "H, T: a handler of httpd's own may answer in place of what follows";
                telling.unknown(origin, text);
            }
            let done = act(rule, &target, request);
            if excludes.any() || !matches!(done, Done::Unchanged) {
                telling.step(origin, shown);
            }
            done
        }
        Err(name) => {
            let text = format!("{shown}: {name} is not known from a URL");
            telling.unknown(origin, text);
            Done::No
        }
    }
}

/// Carries out a rule that takes the request.
fn act<'a>(rule: &Rule<'a>, target: &str, request: &mut Request<'_>) -> Done<'a> {
    let flags = &rule.flags;
    if flags.forbids {
        return Done::End(Rewritten::Over(answered(403, "forbidden")));
    }
    if flags.is_gone {
        return Done::End(Rewritten::Over(answered(410, "gone")));
    }
    if let Some(status) = flags.redirect.filter(|it| !(300..400).contains(it)) {
        return Done::End(Rewritten::Over(answered(status, "its status")));
    }
    if target == "-" {
        return match flags.redirect {
            Some(status) => {
                let target = request.path.clone();
                Done::End(redirected(status, &target, request))
            }
            None => Done::Unchanged,
        };
    }
    let target = with_query(flags, target, request);
    if flags.is_proxied {
        let url = match target.contains("://") {
            true => target,
            false => format!("{}{target}", request.asked.base()),
        };
        return Done::End(Rewritten::Proxied(url, &rule.node.origin));
    }
    let own = format!("{}/", request.asked.base());
    let target = match target.strip_prefix(&own) {
        Some(path) => format!("/{path}"),
        None => target,
    };
    match flags.redirect {
        Some(status) => Done::End(redirected(status, &target, request)),
        None if target.contains("://") => Done::End(redirected(302, &target, request)),
        None => {
            let slash = if target.starts_with('/') { "" } else { "/" };
            request.path = format!("{slash}{target}");
            Done::Changed
        }
    }
}

fn redirected<'a>(status: u16, target: &str, request: &Request<'_>) -> Rewritten<'a> {
    let slash = match target.contains("://") || target.starts_with('/') {
        true => "",
        false => "/",
    };
    let location = request.location(&format!("{slash}{target}"));
    Rewritten::Over(Deed::Redirected { status, location })
}

/// Moves the query of a target into the request; what is left is the target without it.
fn with_query(flags: &Flags, target: &str, request: &mut Request<'_>) -> String {
    if flags.drops_query {
        request.query = None;
    }
    let Some((target, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let before = request.query.take().filter(|_| flags.adds_query);
    let both: Vec<String> = std::iter::once(query.to_owned())
        .filter(|it| !it.is_empty())
        .chain(before)
        .collect();
    request.query = (!both.is_empty()).then(|| both.join("&"));
    target.to_owned()
}
