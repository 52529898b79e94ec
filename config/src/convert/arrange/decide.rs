//! What a server of the old kind does at a path.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::entry::{Answer, Outcome};
use crate::convert::note::{Closed, Origin};
use crate::convert::overlap::{covers, is_inside, join, join_url, takes_all, upwards};
use crate::convert::site::{Access, Action, Admission, Overlay, Rule, Server, Site, Takes};
use crate::convert::value::{Keys, Value};

/// Keys that mean nothing where nothing is sent to a backend.
const ABOUT_BACKENDS: [&str; 5] = [
    "request_headers",
    "request_attributes",
    "preserve_host",
    "member",
    "timeout",
];

/// Answers for all servers of a site.
pub(super) struct Decider<'a> {
    /// For each server and stage: the first rule of each path, by its number.
    indexes: HashMap<*const Server, Vec<HashMap<&'a str, usize>>>,
    /// The rules that decided something.
    pub(super) used: RefCell<BTreeSet<Origin>>,
    /// Whether the site is what some stages of another one leave to those behind them.
    pub(super) is_remaining: bool,
}

impl<'a> Decider<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        let index = |stage: &'a Vec<Rule>| {
            let mut first = HashMap::new();
            for (at, rule) in stage.iter().enumerate() {
                if let Takes::Path(path) = &rule.takes {
                    first.entry(path.as_str()).or_insert(at);
                }
            }
            first
        };
        let servers = site.servers.iter();
        let indexes = servers.map(|server| {
            let stages = server.stages.iter().map(index).collect();
            (std::ptr::from_ref(server), stages)
        });
        Self {
            indexes: indexes.collect(),
            used: RefCell::default(),
            is_remaining: false,
        }
    }

    /// Answers for what some stages of another site leave to those behind them.
    pub(super) fn of_remaining(site: &'a Site) -> Self {
        Self {
            is_remaining: true,
            ..Self::new(site)
        }
    }

    /// What becomes of a path, expressions left aside.
    pub(super) fn at(&self, server: Option<&Server>, path: &str) -> Outcome {
        let Some(server) = server else {
            return Outcome::not_found(Vec::new());
        };
        let (rule, passed) = self.rule(server, path);
        let Some(rule) = rule else {
            return Outcome::not_found(passed);
        };
        let mut outcome = outcome(server, rule, &Takes::Path(path.to_owned()));
        if matches!(outcome.answer, Answer::Files(_)) {
            // What leaves the path to the folder belongs to it.
            outcome.origins.splice(1..1, passed);
        }
        outcome
    }

    /// The rule that answers at a path, expressions left aside, and what passes before it.
    pub(super) fn rule<'s>(
        &self,
        server: &'s Server,
        path: &str,
    ) -> (Option<&'s Rule>, Vec<Origin>) {
        let indexes = self.indexes.get(&std::ptr::from_ref(server));
        let stages = server.stages.iter().zip(indexes.into_iter().flatten());
        let mut passed = Vec::new();
        for (stage, index) in stages {
            let first = upwards(path).filter_map(|above| index.get(above)).min();
            let Some(rule) = first.and_then(|at| stage.get(*at)) else {
                continue;
            };
            self.used.borrow_mut().insert(rule.origin.clone());
            match rule.action {
                Action::Pass => passed.push(rule.origin.clone()),
                _ => return (Some(rule), passed),
            }
        }
        (None, passed)
    }
}

/// What a rule does with the requests of `takes`, which it takes: a path at or below its own, or its own expression.
pub(super) fn outcome(server: &Server, rule: &Rule, takes: &Takes) -> Outcome {
    outcome_within(server, rule, takes, None)
}

/// The same for those of the requests that a section takes too.
pub(super) fn outcome_within(
    server: &Server,
    rule: &Rule,
    takes: &Takes,
    section: Option<&Overlay>,
) -> Outcome {
    let Some(answer) = answer(rule, takes) else {
        return Outcome::not_found(vec![rule.origin.clone()]);
    };
    let mut origins = vec![rule.origin.clone()];
    let mut closed = match &rule.action {
        Action::Close(closed) => vec![closed.clone()],
        _ => Vec::new(),
    };
    let overlaid = overlaid(server, rule, &answer, (takes, section), &mut origins);
    let Overlaid {
        mut keys,
        access,
        guards,
        mut lost,
    } = overlaid;
    if !matches!(answer, Answer::To(_) | Answer::Files(_)) {
        lost.clear();
    }
    match answer {
        Answer::To(_) => without_host(&mut keys),
        Answer::Files(_) => ABOUT_BACKENDS.iter().for_each(|key| drop(keys.remove(key))),
        _ => keys = Keys::default(),
    }
    let (guard, whys) = access.keys();
    let last = origins.last().cloned();
    for why in whys {
        // The section as a whole is the last one that counts.
        let origin = why.origin.or_else(|| last.clone());
        let sealed = access.sealed.iter().filter_map(|it| it.origin.as_ref());
        let beside = access.beside.iter().map(|it| &it.origin);
        let mut closing = sealed.chain(beside);
        origins.extend(closing.find(|it| origin.as_ref() == Some(it)).cloned());
        closed.push(Closed { origin, ..why });
    }
    keys.merge(&guard);
    Outcome {
        answer,
        keys,
        lost,
        closed,
        guards,
        origins,
        comments: rule.comments.clone(),
    }
}

/// Leaves out what is said of the field `Host` where a backend is sent its own name: that comes afterwards, and replaces it
/// (`proxy_util.c: ap_proxy_create_hdrbrgd()`).
fn without_host(keys: &mut Keys) {
    if keys.get("preserve_host") != Some(&Value::switch(false)) {
        return;
    }
    let Some(Value::List(mut rules)) = keys.get("request_headers").cloned() else {
        return;
    };
    rules.retain(|rule| match rule {
        Value::Map(rule) => !rule.iter().any(|(action, name)| {
            let is_name = !matches!(action, "value" | "match" | "when");
            let is_host = |it: &str| it.eq_ignore_ascii_case("host");
            is_name && matches!(name, Value::Text(name) if is_host(name))
        }),
        _ => true,
    });
    keys.remove("request_headers");
    if !rules.is_empty() {
        keys.set("request_headers", Value::List(rules));
    }
}

/// What a rule answers to the requests of `takes`; `None`: it leaves them to others.
fn answer(rule: &Rule, takes: &Takes) -> Option<Answer> {
    let rest = match (&rule.takes, takes) {
        (Takes::Path(own), Takes::Path(path)) => path
            .get(own.trim_end_matches('/').len()..)
            .unwrap_or_default(),
        _ => "",
    };
    let at = |url: &str| join_url(url, rest);
    Some(match &rule.action {
        Action::Pass => return None,
        Action::To(url) => Answer::To(at(url)),
        Action::Redirect { to, status } => Answer::Redirect {
            to: if to == "https" { to.clone() } else { at(to) },
            status: *status,
        },
        Action::Respond(status) => Answer::Respond(*status),
        Action::Close(_) => Answer::Respond(403),
        Action::Files(folder) => Answer::Files(join(folder, rest)),
    })
}

/// What sections add to a rule.
struct Overlaid {
    keys: Keys,
    access: Access,
    /// Those that say who may come in.
    guards: Vec<Origin>,
    /// Those whose keys count for some of the requests alone.
    lost: Vec<Origin>,
}

/// The keys of a rule with those of the sections that cover it, and who may come in.
fn overlaid(
    server: &Server,
    rule: &Rule,
    answer: &Answer,
    (takes, section): (&Takes, Option<&Overlay>),
    origins: &mut Vec<Origin>,
) -> Overlaid {
    let (mut keys, mut access) = (Keys::default(), Access::default());
    let (mut guards, mut lost, mut is_behind) = (Vec::new(), Vec::new(), false);
    for overlay in &server.overlays {
        if !concerns(overlay, rule, answer) || !counts_for(overlay, rule) {
            continue;
        }
        let is_it = section.is_some_and(|section| std::ptr::eq(section, overlay));
        let reach = match (section, &overlay.takes) {
            (Some(section), Takes::Pattern(_)) => reach(overlay, &section.takes),
            _ => reach(overlay, takes),
        };
        match reach {
            _ if is_it => {
                is_behind = true;
                keys.merge(&overlay.keys);
                access = access.then(&overlay.access);
            }
            Reach::None => continue,
            // Its own mapping comes first.
            Reach::Some if section.is_some_and(|it| is_inside(&overlay.takes, &it.takes)) => {
                continue;
            }
            Reach::Some if overlay.access.matters() && section.is_none() => {
                access.sealed.push(restricted(rule, overlay));
            }
            Reach::Some => {
                // Of two sections by expression the first one has the paths of both.
                if !overlay.keys.is_empty() && (is_behind || section.is_none()) {
                    lost.push(overlay.origin.clone());
                }
                continue;
            }
            Reach::All => {
                keys.merge(&overlay.keys);
                access = access.then(&overlay.access);
            }
        }
        guard(overlay, &mut guards);
        if takes != &Takes::Path("/".to_owned()) && overlay.takes != Takes::Path("/".to_owned()) {
            origins.push(overlay.origin.clone());
        }
    }
    Overlaid {
        keys: with_own(keys, rule),
        access,
        guards,
        lost,
    }
}

/// The keys of sections with those of the rule, which count before them.
fn with_own(mut keys: Keys, rule: &Rule) -> Keys {
    keys.merge(&rule.keys);
    // A mapping without the key compresses nothing.
    if keys.get("compress") == Some(&Value::switch(false)) {
        keys.remove("compress");
    }
    keys
}

/// Why the paths of a rule are closed of which a section restricts a part.
fn restricted(rule: &Rule, overlay: &Overlay) -> Closed {
    let by = rule.origin.seen_from(&overlay.origin);
    let why =
        format!("a section restricts a part of these paths, which the expression of {by} takes");
    Closed::by(&overlay.origin, why)
}

/// Adds a section that keeps somebody out; the one that asks for passwords is the last one.
fn guard(overlay: &Overlay, guards: &mut Vec<Origin>) {
    if overlay.access.restricts() {
        let at = if asks(&overlay.access) {
            guards.len()
        } else {
            0
        };
        guards.insert(at, overlay.origin.clone());
    }
}

/// Whether a section says whose password is wanted.
fn asks(access: &Access) -> bool {
    let mut both = [&access.admission, &access.older].into_iter().flatten();
    both.any(|it| match it {
        Admission::Nobody(_, rest) => matches!(**rest, Admission::Those { user: Some(_), .. }),
        it => matches!(it, Admission::Those { user: Some(_), .. }),
    })
}

/// Whether the old server asks a section, or what counts beside sections, before a rule answers.
fn counts_for(overlay: &Overlay, rule: &Rule) -> bool {
    // It lets nobody in, whoever asks.
    let refuses = match rule.action {
        Action::Close(_) => true,
        Action::Respond(400..=599) => rule.early,
        _ => false,
    };
    if refuses {
        return false;
    }
    let Access { beside, lifted, .. } = &overlay.access;
    let is_beside = !beside.is_empty() || !lifted.is_empty();
    let mut beside = beside.iter().map(|it| &it.origin).chain(lifted);
    match is_beside {
        true => beside.any(|origin| !rule.lifted.contains(origin)),
        false => !rule.early,
    }
}

/// Whether a section is about such an answer.
fn concerns(overlay: &Overlay, rule: &Rule, answer: &Answer) -> bool {
    match (&overlay.target, answer) {
        (None, _) => true,
        (Some(start), Answer::Files(folder)) => !start.is_empty() && folder.starts_with(start),
        (Some(start), Answer::To(url)) => {
            // Of `ajp://h/app/` the path `/app` of a mapping is the same, `/application` is not.
            let is_about = url.starts_with(start.as_str()) || start.strip_suffix('/') == Some(url);
            is_about && !rule.by_mod_jk
        }
        (Some(_), _) => false,
    }
}

/// How much of some paths a section covers.
enum Reach {
    None,
    Some,
    All,
}

fn reach(overlay: &Overlay, takes: &Takes) -> Reach {
    match (&overlay.takes, takes) {
        (Takes::Path(above), takes) if takes_all(above, takes) => Reach::All,
        // A longer path, or an expression, has a mapping of its own.
        (_, Takes::Path(_)) => Reach::None,
        (Takes::Path(path), Takes::Exact(exact)) if !covers(path, exact) => Reach::None,
        (one, other) if one == other || is_inside(other, one) => Reach::All,
        (one, other) if crate::convert::overlap::meet(one, other) => Reach::Some,
        _ => Reach::None,
    }
}
