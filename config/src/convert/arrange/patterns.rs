//! The mappings by expression. They come before all paths, so a path that stands before one of them becomes one too.

use std::collections::BTreeMap;

use super::carving::{carved, sent_below};
use super::contexts::{Context, contexts};
use super::decide::{Decider, outcome, outcome_within};
use super::entry::{Answer, Entry, Outcome, as_expression, entry, extended, sort};
use super::exclusion::{Item, excludable, items, needed, paths_of};
use super::leaving::{behind, inside, left_to, stands_before};
use super::paths::{excluded, named, paths};
use super::remaining::remaining;
use super::shutting::{forbidden, is_answered_early, opens, shut, shuts};
use crate::convert::note::{Closed, Notes, Origin};
use crate::convert::overlap::{
    self, covers, depth, is_inside, meet, pattern_of, takes_all, upwards, whole,
};
use crate::convert::site::{Action, Overlay, Rule, Server, Site, Takes};

/// Most rules of a server whose parts are looked for.
const MOST: usize = 500;

/// The mappings by expression of all contexts: names before the wildcards that cover them, and other hosts last.
pub(super) fn patterns(
    decider: &Decider<'_>,
    contexts: &[Context<'_>],
    notes: &mut Notes,
) -> (Vec<Entry>, Vec<Dead>) {
    let named = named(contexts);
    let is_exclusion = |path: &str| excluded(decider, contexts, &named, path);
    // Those of the contexts that have mappings of their own.
    let mut own: BTreeMap<usize, Vec<Entry>> = BTreeMap::new();
    for (number, context) in contexts.iter().enumerate() {
        let behind = || context.behind.iter().filter_map(|it| own.get(it));
        let barriers = behind().flatten().map(|entry| entry.takes.clone());
        let barriers: Vec<Takes> = barriers.collect();
        let found = sequence(decider, context.server, &barriers, &is_exclusion, notes);
        let is_written =
            context.hosts.is_empty() || !behind().next().is_some_and(|it| alike(&found, it));
        if is_written {
            own.insert(number, found);
        }
    }
    let others = contexts.iter().take_while(|it| it.hosts.is_empty()).count();
    let of_hosts = own.split_off(&others);
    let alone = of_hosts.values().all(Vec::is_empty);
    let others: Vec<Vec<Entry>> = own.into_values().collect();
    let same = others.windows(2).all(|pair| match pair {
        [one, other] => alike(one, other),
        _ => true,
    });
    let mut entries: Vec<Entry> = Vec::new();
    for (number, own) in of_hosts.into_iter().rev() {
        let context = contexts.get(number);
        let (hosts, secure) = context.map_or((&[][..], None), |it| (&it.hosts, it.secure));
        entries.extend(own.into_iter().map(|entry| Entry {
            hosts: hosts.to_vec(),
            secure,
            exclude: false,
            ..entry
        }));
    }
    let kept = if same { 1 } else { others.len() };
    for (context, own) in contexts.iter().zip(others).take(kept) {
        entries.extend(own.into_iter().map(|entry| Entry {
            secure: if same { None } else { context.secure },
            exclude: entry.exclude && same && alone,
            ..entry
        }));
    }
    let (reached, dead) = reached(entries);
    (merged(reached), dead)
}

/// The line of a mapping that is not written, because one before it takes everything.
pub(super) struct Dead {
    pub(super) origin: Origin,
    /// The line of the one before it.
    pub(super) by: Option<Origin>,
}

/// Whether two servers have the same mappings by expression.
fn alike(one: &[Entry], other: &[Entry]) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len()
        && pairs.all(|(one, other)| one.takes == other.takes && one.outcome.is_like(&other.outcome))
}

/// The mappings without those from which one before them takes everything, and the lines of these.
fn reached(entries: Vec<Entry>) -> (Vec<Entry>, Vec<Dead>) {
    let (mut reached, mut dead): (Vec<Entry>, Vec<Dead>) = (Vec::new(), Vec::new());
    for entry in entries {
        let mut before = reached.iter();
        match before.find(|before| before.takes_it_all(&entry)) {
            Some(before) => {
                let by = before.outcome.origins.first().cloned();
                let origin = entry.outcome.origins.into_iter().next();
                let origin = origin.filter(|it| by.as_ref() != Some(it));
                dead.extend(origin.map(|origin| Dead { origin, by }));
            }
            None => reached.push(entry),
        }
    }
    (reached, dead)
}

/// The same mapping of several hosts in a row is one mapping.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    let mut merged: Vec<Entry> = Vec::new();
    for entry in entries {
        let mut before = merged.iter();
        let takes = overlap::written(&entry.takes);
        if before.any(|it| {
            let same = (&it.hosts, it.secure) == (&entry.hosts, entry.secure);
            same && overlap::written(&it.takes) == takes
        }) {
            // The first one takes all of it.
            continue;
        }
        match merged.last_mut() {
            Some(last)
                if last.takes == entry.takes
                    && last.hosts == entry.hosts
                    && last.secure.is_some()
                    && entry.secure.is_some()
                    && last.outcome.is_like(&entry.outcome) =>
            {
                last.secure = None;
            }
            _ => merged.push(entry),
        }
    }
    merged
}

/// The mappings by expression of one server.
fn sequence(
    decider: &Decider<'_>,
    server: Option<&Server>,
    barriers: &[Takes],
    is_exclusion: &dyn Fn(&str) -> bool,
    notes: &mut Notes,
) -> Vec<Entry> {
    let Some(server) = server else {
        return Vec::new();
    };
    let leading = leading(server);
    let before = Before {
        is_exclusion,
        leading: &leading,
    };
    let mut sections = of_sections(decider, server, &before, notes);
    // What is closed comes first, so that no other section hides it.
    sections.sort_by_key(|entry| entry.outcome.answer != Answer::Respond(403));
    let (mut first, mut entries) = (Vec::new(), Vec::new());
    let items = items(server, barriers);
    for item in needed(&items, is_exclusion) {
        let Some(rule) = item.rule else {
            let outcome = Outcome::not_found(Vec::new());
            entries.push(entry(item.takes.clone(), outcome, false));
            continue;
        };
        let found = of_item(decider, server, item, rule, notes);
        match leading.iter().any(|it| std::ptr::eq(*it, rule)) {
            true => first.extend(found),
            false => entries.extend(found),
        }
    }
    first.extend(sections);
    first.extend(entries);
    first
}

/// The mappings of a rule that needs expressions.
fn of_item(
    decider: &Decider<'_>,
    server: &Server,
    item: &Item<'_>,
    rule: &Rule,
    notes: &mut Notes,
) -> Vec<Entry> {
    if let Takes::Path(own) = item.takes {
        let mut found = Vec::new();
        if rule.action == Action::Pass && meets_later_expression(server, rule, own) {
            match inside(server, rule, own) {
                Some(expressions) => {
                    let written = expressions.into_iter().map(|it| {
                        let outcome = outcome(server, it, &it.takes);
                        entry(it.takes.clone(), outcome, false)
                    });
                    found.extend(written);
                }
                None => notes.name(&rule.origin, LOOKS_FURTHER),
            }
        }
        found.extend(as_patterns(decider, server, rule, own));
        return found;
    }
    decider.used.borrow_mut().insert(rule.origin.clone());
    if let Some(found) = elsewhere(decider, server, item, rule) {
        return found;
    }
    let outcome = outcome(server, rule, item.takes);
    let exclude = rule.action == Action::Pass && excludable(server, item.takes);
    if rule.action == Action::Pass && answered_later(server, item) {
        notes.name(&rule.origin, LOOKS_FURTHER);
    }
    vec![entry(item.takes.clone(), outcome, exclude)]
}

/// The mappings of a rule by expression, where it has not one of its own: what it leaves to a later stage, and what sections are
/// about parts of it.
fn elsewhere(
    decider: &Decider<'_>,
    server: &Server,
    item: &Item<'_>,
    rule: &Rule,
) -> Option<Vec<Entry>> {
    match rule.action {
        Action::Pass => left(decider, server, item),
        Action::To(_) | Action::Files(_) => carved(server, rule),
        _ => None,
    }
}

/// The mappings of what a rule leaves to the stages behind it: one where a single rule there takes all of it, and no section is
/// about a part.
fn left(decider: &Decider<'_>, server: &Server, item: &Item<'_>) -> Option<Vec<Entry>> {
    let one = left_to(server, item);
    let is_said = |it: &(Origin, Entry)| it.1.outcome.closed.is_empty();
    let is_new = !decider.is_remaining && !one.as_ref().is_some_and(is_said);
    if is_new
        && let Some(behind) = later_mappings(server, item)
        && let Some(parts) = remaining(item, behind)
    {
        let firsts = parts.iter().filter_map(|it| it.outcome.origins.first());
        decider.used.borrow_mut().extend(firsts.cloned());
        return Some(parts);
    }
    let (by, entry) = one?;
    decider.used.borrow_mut().insert(by);
    Some(vec![entry])
}

/// All mappings of the stages behind that of a rule, in the order in which they count.
fn later_mappings(server: &Server, left: &Item<'_>) -> Option<Vec<Entry>> {
    let stages: Vec<_> = server.stages.iter().skip(left.stage + 1).cloned().collect();
    if stages.iter().flatten().count() > MOST {
        return None;
    }
    let rest = Server {
        stages,
        overlays: server.overlays.clone(),
        ..Server::default()
    };
    let site = Site {
        servers: vec![rest],
        ..Site::default()
    };
    let decider = Decider::of_remaining(&site);
    let contexts = contexts(&site.servers);
    // What is said of them is said of the whole server.
    let (mut entries, _) = patterns(&decider, &contexts, &mut Notes::default());
    let (mut by_path, _) = paths(&decider, &contexts, &entries);
    by_path.sort_by_key(|entry| match &entry.takes {
        Takes::Path(path) => std::cmp::Reverse(depth(path)),
        _ => std::cmp::Reverse(0),
    });
    entries.extend(by_path);
    sort(&mut entries);
    Some(entries)
}

/// The rules by expression that refuse their paths, and before which no other rule takes one of these: they can stand before
/// the mappings of sections. Empty where no section covers paths by an expression.
fn leading(server: &Server) -> Vec<&Rule> {
    let mut overlays = server.overlays.iter();
    if !overlays.any(|it| matches!(it.takes, Takes::Pattern(_))) {
        return Vec::new();
    }
    let mut leading: Vec<&Rule> = Vec::new();
    let rules: Vec<&Rule> = server.stages.iter().flatten().collect();
    for (at, rule) in rules.iter().enumerate() {
        let refuses = matches!(rule.action, Action::Close(_) | Action::Respond(400..=599));
        if !refuses || matches!(rule.takes, Takes::Path(_)) {
            continue;
        }
        let mut before = rules.iter().take(at);
        let is_leading = |it: &&&Rule| leading.iter().any(|known| std::ptr::eq(*known, **it));
        if before.all(|it| !meet(&it.takes, &rule.takes) || is_leading(&it)) {
            leading.push(rule);
        }
    }
    leading
}

/// What has mappings that come before those of sections.
struct Before<'a> {
    /// Whether a path is an exclusion.
    is_exclusion: &'a dyn Fn(&str) -> bool,
    /// Rules by expression that refuse.
    leading: &'a [&'a Rule],
}

/// The mappings of the sections that cover paths by expressions. Of two the narrower one comes first.
fn of_sections(
    decider: &Decider<'_>,
    server: &Server,
    before: &Before<'_>,
    notes: &mut Notes,
) -> Vec<Entry> {
    let mut found: Vec<(&Overlay, Vec<Entry>)> = Vec::new();
    for overlay in &server.overlays {
        let entries = guarded(decider, server, overlay, before, notes);
        let wider = found
            .iter()
            .position(|it| is_inside(&overlay.takes, &it.0.takes));
        found.insert(wider.unwrap_or(found.len()), (overlay, entries));
    }
    found.into_iter().flat_map(|it| it.1).collect()
}

/// What is said of an exclusion whose paths a later stage would serve.
const LOOKS_FURTHER: &str =
    "what it excludes is 404 here; httpd looks further (files, other modules)";

fn answered_later(server: &Server, excluded: &Item<'_>) -> bool {
    let later = server.stages.iter().skip(excluded.stage + 1).flatten();
    let mut later = later.filter(|rule| rule.action != Action::Pass);
    later.any(|rule| {
        let own = excluded
            .rule
            .is_some_and(|own| stands_before(server, rule, own));
        !own && meet(&rule.takes, excluded.takes)
    })
}

/// A rule by path, with the sections below it, as expressions: the longest paths first.
fn as_patterns(decider: &Decider<'_>, server: &Server, rule: &Rule, own: &str) -> Vec<Entry> {
    let mut below: Vec<&String> = paths_of(server).filter(|path| covers(own, path)).collect();
    below.sort_by_key(|path| (std::cmp::Reverse(depth(path)), path.as_str()));
    below.dedup();
    let mut entries = Vec::new();
    let leaves = rule.action == Action::Pass && inside(server, rule, own).is_some();
    for path in below.clone() {
        let outcome = decider.at(Some(server), path);
        // Where it leaves a path to the stages behind it, theirs is the outcome.
        let is_left = leaves && is_behind(server, rule, &outcome);
        let is_first = outcome.origins.first() == Some(&rule.origin);
        // Exclusions of several stages together leave the path to nobody.
        let is_excluded = rule.action == Action::Pass && outcome.answer == Answer::NotFound;
        let is_own = is_first || is_excluded && outcome.origins.contains(&rule.origin);
        if !is_own && !is_left {
            continue;
        }
        let mut above = upwards(path).skip(1).take_while(|above| covers(own, above));
        let above = above.find(|above| *above == own || below.iter().any(|it| it == above));
        if above.is_some_and(|above| {
            outcome.is_said_by(&extended(&decider.at(Some(server), above), above, path))
        }) {
            continue;
        }
        let outcome = as_expression(outcome, path);
        entries.push(entry(Takes::Pattern(pattern_of(path)), outcome, false));
    }
    entries
}

/// Whether a stage behind that of a rule has decided an outcome.
fn is_behind(server: &Server, rule: &Rule, outcome: &Outcome) -> bool {
    behind(server, rule).any(|it| outcome.origins.first() == Some(&it.origin))
}

/// Whether a stage behind that of a rule has an expression that takes some of its paths.
fn meets_later_expression(server: &Server, rule: &Rule, own: &str) -> bool {
    let mut later = behind(server, rule);
    let own = Takes::Path(own.to_owned());
    later.any(|it| {
        let is_expression = !matches!(it.takes, Takes::Path(_));
        is_expression && meet(&it.takes, &own) && !stands_before(server, it, rule)
    })
}

/// The mappings of a section that covers paths by an expression. They stand before all others, so nothing that counts before or
/// beside the section may take one of its paths.
fn guarded(
    decider: &Decider<'_>,
    server: &Server,
    overlay: &Overlay,
    before: &Before<'_>,
    notes: &mut Notes,
) -> Vec<Entry> {
    let (restricts, empty) = (overlay.access.matters(), overlay.keys.is_empty());
    let opens = opens(server, overlay);
    let pattern = match &overlay.takes {
        Takes::Pattern(pattern) if restricts || !empty || opens => pattern,
        _ => return Vec::new(),
    };
    let mut met: Vec<&String> = paths_of(server)
        .filter(|path| meet(&Takes::Path((*path).clone()), &overlay.takes))
        .filter(|path| decider.at(Some(server), path).answer != Answer::NotFound)
        .collect();
    met.sort_by_key(|path| (std::cmp::Reverse(depth(path)), path.as_str()));
    met.dedup();
    let Some(longest) = met.first() else {
        return Vec::new();
    };
    if is_answered_early(server, overlay) {
        return Vec::new();
    }
    let takes = Takes::Pattern(whole(pattern));
    if shuts(overlay) {
        return vec![entry(takes, shut(server, overlay, notes), false)];
    }
    if let Some(rule) = alone(decider, server, overlay, longest, before) {
        let at = Takes::Path((*longest).clone());
        let mut outcome = outcome_within(server, rule, &at, Some(overlay));
        let sent = match &outcome.answer {
            Answer::To(url) => sent_below(url, longest, &whole(pattern)),
            _ => None,
        };
        if let Some((pattern, to)) = sent {
            outcome.answer = Answer::To(to);
            return vec![entry(Takes::Pattern(pattern), outcome, false)];
        }
    }
    if !restricts {
        let text = match opens {
            true => {
                "left out: it lets in whom other sections keep out, by an expression whose paths several mappings serve; write \
                 mappings with `match` for them"
            }
            false => {
                "left out: an expression whose paths several mappings serve; add its keys to them"
            }
        };
        notes.name(&overlay.origin, text);
        return Vec::new();
    }
    let why = "it says who may come in, by an expression that lies across several mappings; write mappings with `match` \
               and `allow` or `auth`";
    let closed = Closed::by(&overlay.origin, why);
    notes.close("its paths are", &closed, &overlay.origin);
    vec![entry(takes, forbidden(overlay, vec![closed]), false)]
}

/// The rule that answers for a path, where it answers for all paths of a section by an expression too, no other rule stands before
/// it for one of them, and no other expression says who may come in there. Exclusions and `leading` rules have mappings that come
/// before that of the section.
fn alone<'s>(
    decider: &Decider<'_>,
    server: &'s Server,
    overlay: &Overlay,
    path: &str,
    earlier: &Before<'_>,
) -> Option<&'s Rule> {
    if !takes_all(path, &overlay.takes) {
        return None;
    }
    let beside = |other: &Overlay| {
        !std::ptr::eq(other, overlay)
            && !matches!(other.takes, Takes::Path(_))
            && other.access.matters()
            && !shuts(other)
            && other.access != overlay.access
            && meet(&other.takes, &overlay.takes)
            // Its own mapping comes before, or it counts for all of these paths.
            && !is_inside(&other.takes, &overlay.takes)
            && !is_inside(&overlay.takes, &other.takes)
    };
    let (rule, _) = decider.rule(server, path);
    let rule = rule?;
    let before = |other: &&Rule| !std::ptr::eq(*other, rule);
    let mut rules = server.stages.iter().flatten().take_while(before);
    let takes_some = |other: &Rule| {
        let excluded = match &other.takes {
            Takes::Path(path) => other.action == Action::Pass && (earlier.is_exclusion)(path),
            _ => earlier.leading.iter().any(|it| std::ptr::eq(*it, other)),
        };
        !excluded && meet(&other.takes, &overlay.takes)
    };
    match server.overlays.iter().any(beside) || rules.any(takes_some) {
        true => None,
        false => Some(rule),
    }
}
