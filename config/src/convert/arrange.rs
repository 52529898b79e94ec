//! From rules of which the first one counts to mappings of which the longest path counts.
//!
//! For every path that a rule or a section names, the old server is asked what it does there. What differs from what the
//! mappings above that path would do is written; the rest is not. So rules that are never reached vanish by themselves, and
//! hosts stand only where they matter. Expressions, which come before paths, take the paths that stand before them along:
//! those are written as expressions too.

mod carving;
mod contexts;
mod decide;
mod entry;
mod exclusion;
mod leaving;
mod paths;
mod patterns;
mod remaining;
mod shutting;

use std::collections::BTreeSet;

use super::note::{Notes, Origin};
use super::overlap::{hides, meet};
use super::site::{Action, Rule, Site, Takes};

use self::contexts::contexts;
use self::decide::Decider;
pub(super) use self::entry::{ABOUT_ACCESS, Answer, Entry, Outcome, sort};
use self::patterns::Dead;

/// The mappings of a site in the order in which they are written: exclusions, expressions in their order, paths.
pub(super) fn arrange(site: &Site, notes: &mut Notes) -> Vec<Entry> {
    let contexts = contexts(&site.servers);
    let decider = Decider::new(site);
    let (patterns, behind) = patterns::patterns(&decider, &contexts, notes);
    let (paths, dead) = paths::paths(&decider, &contexts, &patterns);
    let mut entries = patterns;
    entries.extend(paths);
    let alive = |origin: &Origin| {
        let mut firsts = entries.iter().map(|entry| entry.outcome.origins.first());
        firsts.any(|first| first == Some(origin))
    };
    let dead = dead.into_iter().filter(|origin| !alive(origin));
    let dead: BTreeSet<Origin> = dead.collect();
    for Dead { origin, by } in behind.into_iter().filter(|it| !alive(&it.origin)) {
        let by = by.map_or_else(|| "another mapping".to_owned(), |it| it.seen_from(&origin));
        notes.name(&origin, format!("left out: never reached because of {by}"));
    }
    let mut used = decider.used.take();
    used.retain(|origin| !dead.contains(origin));
    sort(&mut entries);
    closed(&entries, notes);
    guards_of_closed(site, &decider, &entries, notes);
    lost(&entries, notes);
    unreached(site, &used, notes);
    idle(site, notes);
    entries
}

/// Names the mappings that are closed because it cannot be said who may come in.
fn closed(entries: &[Entry], notes: &mut Notes) {
    for entry in entries {
        let outcome = &entry.outcome;
        for (closed, origin) in outcome
            .closed
            .iter()
            .zip(outcome.origins.last().into_iter().cycle())
        {
            notes.close("its paths are", closed, origin);
        }
    }
}

/// Names the sections that guard paths which a rule above them closes with an answer of its own: no mapping has their guards.
fn guards_of_closed(site: &Site, decider: &Decider<'_>, entries: &[Entry], notes: &mut Notes) {
    let written: BTreeSet<&Origin> = entries.iter().flat_map(|it| &it.outcome.origins).collect();
    let turned: BTreeSet<&Origin> = entries.iter().flat_map(|it| &it.outcome.guards).collect();
    for server in &site.servers {
        for overlay in &server.overlays {
            if !overlay.access.restricts() || written.contains(&overlay.origin) {
                continue;
            }
            let is_answered = match &overlay.takes {
                Takes::Path(path) if overlay.target.is_none() => {
                    is_shut(&decider.at(Some(server), path))
                }
                _ => false,
            };
            let shut = || entries.iter().filter(|it| is_shut(&it.outcome));
            let is_closed = match &overlay.target {
                None => shut().any(|it| meet(&it.takes, &overlay.takes)),
                Some(start) => {
                    let rules = server.stages.iter().flatten();
                    let mut sent = rules.filter(|rule| is_sent_to(rule, start));
                    sent.any(|rule| shut().any(|it| meet(&it.takes, &rule.takes)))
                }
            };
            if is_answered || is_closed {
                let text = match turned.contains(&overlay.origin) {
                    true => {
                        "left out where a `respond` closes paths for everybody: write its rule there before you open them"
                    }
                    false => {
                        "left out, because its paths are closed for everybody: write its rule before you open them"
                    }
                };
                notes.name(&overlay.origin, text);
            }
        }
    }
}

/// Whether a rule sends requests to urls that begin so, some of them at least.
fn is_sent_to(rule: &Rule, start: &str) -> bool {
    match &rule.action {
        Action::To(url) => {
            let (url, start) = (url.trim_end_matches('/'), start.trim_end_matches('/'));
            url.starts_with(start) || start.starts_with(url)
        }
        Action::Files(folder) => folder.starts_with(start),
        _ => false,
    }
}

/// Whether an answer of the gateway's own closes the paths, because it cannot be said who may come in.
fn is_shut(outcome: &Outcome) -> bool {
    outcome.answer == Answer::Respond(403) && !outcome.closed.is_empty()
}

/// Names the sections whose keys count for a part of what an expression takes.
fn lost(entries: &[Entry], notes: &mut Notes) {
    for Entry { outcome, .. } in entries {
        for lost in &outcome.lost {
            let line = outcome.origins.first().map_or(0, |origin| origin.line);
            let text = format!(
                "its fields are left out where the expression of line {line} takes its paths: write a mapping for these paths"
            );
            notes.name(lost, text);
        }
    }
}

/// Names the rules that decided nothing, because another one stands before them.
fn unreached(site: &Site, used: &BTreeSet<Origin>, notes: &mut Notes) {
    for stage in site.servers.iter().flat_map(|server| &server.stages) {
        for (at, rule) in stage.iter().enumerate() {
            if used.contains(&rule.origin) {
                continue;
            }
            if matches!(rule.action, Action::Files(_)) {
                // Everything is sent on: httpd's own folder is nobody's business.
                notes.count(&rule.origin);
                continue;
            }
            let before = stage
                .iter()
                .take(at)
                .filter(|before| before.origin != rule.origin)
                .find(|before| hides(&before.takes, &rule.takes));
            let before = before.or_else(|| earlier_stage(site, rule));
            let text = match before {
                Some(before) => format!(
                    "left out: never reached because of {}",
                    before.origin.seen_from(&rule.origin)
                ),
                None => "left out: never reached, because other rules take its paths".to_owned(),
            };
            notes.name(&rule.origin, text);
        }
    }
}

/// Names the sections about some paths at which no server has anything to serve.
fn idle(site: &Site, notes: &mut Notes) {
    let every = Takes::Path("/".to_owned());
    let (mut used, mut idle) = (BTreeSet::new(), Vec::new());
    for server in &site.servers {
        for overlay in &server.overlays {
            let mut rules = server.stages.iter().flatten();
            let serves =
                |rule: &Rule| rule.action != Action::Pass && meet(&rule.takes, &overlay.takes);
            let is_about_all = overlay.target.is_some() || overlay.takes == every;
            match is_about_all || rules.any(serves) {
                true => used.extend([&overlay.origin]),
                false => idle.push(&overlay.origin),
            }
        }
    }
    for origin in idle.into_iter().filter(|it| !used.contains(it)) {
        let text = "left out with everything in it: nothing is served at its paths";
        notes.name(origin, text);
    }
}

fn earlier_stage<'a>(site: &'a Site, rule: &Rule) -> Option<&'a Rule> {
    let server = site.servers.iter().find(|server| {
        let mut rules = server.stages.iter().flatten();
        rules.any(|other| std::ptr::eq(other, rule))
    })?;
    let rules = server.stages.iter().flatten();
    let mut before = rules.take_while(|other| !std::ptr::eq(*other, rule));
    before.find(|before| {
        let is_other = before.action != Action::Pass && before.origin != rule.origin;
        is_other && hides(&before.takes, &rule.takes)
    })
}
