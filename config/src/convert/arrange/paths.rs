//! The mappings by path.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::contexts::Context;
use super::decide::Decider;
use super::entry::{Answer, Entry, Outcome, extended};
use super::exclusion::{excludable, paths_of};
use crate::convert::note::Origin;
use crate::convert::overlap::{covers, depth, meet, upwards};
use crate::convert::site::{Action, Server, Takes};

/// The mappings by path, the shortest paths first; where several contexts have the same, their hosts stand together. Also the
/// lines of rules whose mappings an expression before them leaves nothing of: these are not written.
pub(super) fn paths(
    decider: &Decider<'_>,
    contexts: &[Context<'_>],
    patterns: &[Entry],
) -> (Vec<Entry>, Vec<Origin>) {
    let named = named(contexts);
    let mut written: HashMap<(usize, String), Outcome> = HashMap::new();
    let mut entries = Vec::new();
    for ((_, path), concerned) in &named {
        let mut here: Vec<(usize, Outcome)> = Vec::new();
        let exclude = excluded(decider, contexts, &named, path);
        // Expressions would take what nothing else takes.
        let takes = Takes::Path(path.clone());
        let forced = exclude && patterns.iter().any(|it| meet(&it.takes, &takes));
        for number in concerned {
            let Some(context) = contexts.get(*number) else {
                continue;
            };
            let wanted = decider.at(context.server, path);
            let present = present(&written, *number, context, path);
            if !wanted.is_said_by(&present) || forced && wanted.answer == Answer::NotFound {
                written.insert((*number, path.clone()), wanted.clone());
                here.push((*number, wanted));
            }
        }
        entries.extend(together(contexts, path, here, exclude));
    }
    // A mapping by another one's exclusion alone is not written twice.
    let excluded: Vec<String> = entries
        .iter()
        .filter(|it| it.exclude)
        .filter_map(path_of)
        .collect();
    entries.retain(|entry| {
        let above = |path: &String| excluded.iter().any(|it| it != path && covers(it, path));
        !path_of(entry).is_some_and(|path| above(&path))
    });
    let is_dead = |entry: &mut Entry| patterns.iter().any(|pattern| pattern.takes_it_all(entry));
    let dead = entries.extract_if(.., is_dead);
    let dead = dead.filter_map(|entry| entry.outcome.origins.into_iter().next());
    let dead: Vec<Origin> = dead.collect();
    entries.sort_by_key(|entry| {
        let first = entry.outcome.origins.first();
        (first.is_none(), first.map(|it| (it.file.clone(), it.line)))
    });
    (entries, dead)
}

fn path_of(entry: &Entry) -> Option<String> {
    match &entry.takes {
        Takes::Path(path) => Some(path.clone()),
        _ => None,
    }
}

/// Each path at which something may change, with the contexts for which it may.
pub(super) type Named = BTreeMap<(usize, String), BTreeSet<usize>>;

pub(super) fn named(contexts: &[Context<'_>]) -> Named {
    let mut named = Named::new();
    let mut add = |server: Option<&Server>, number: usize| {
        for path in server.into_iter().flat_map(paths_of) {
            let key = (depth(path), path.clone());
            named.entry(key).or_default().insert(number);
        }
    };
    for (number, context) in contexts.iter().enumerate() {
        add(context.server, number);
        for behind in &context.behind {
            add(contexts.get(*behind).and_then(|it| it.server), number);
        }
    }
    named
}

/// What the mappings so far do at a path: the longest path counts, then the context's own mapping, then those behind it.
fn present(
    written: &HashMap<(usize, String), Outcome>,
    number: usize,
    context: &Context<'_>,
    path: &str,
) -> Outcome {
    for above in upwards(path) {
        for number in std::iter::once(&number).chain(&context.behind) {
            if let Some(found) = written.get(&(*number, above.to_owned())) {
                return extended(found, above, path);
            }
        }
    }
    Outcome::not_found(Vec::new())
}

/// Whether a path can be an exclusion, which counts for everybody and before everything.
pub(super) fn excluded(
    decider: &Decider<'_>,
    contexts: &[Context<'_>],
    named: &Named,
    path: &str,
) -> bool {
    let takes = Takes::Path(path.to_owned());
    let has_pass = |server: &Server| {
        let mut rules = server.stages.iter().flatten();
        rules.any(|rule| rule.takes == takes && rule.action == Action::Pass)
    };
    if !contexts.iter().filter_map(|it| it.server).any(has_pass) {
        return false;
    }
    let mut servers = contexts.iter().filter_map(|it| it.server);
    if !servers.all(|server| excludable(server, &takes)) {
        return false;
    }
    let below = named.iter().filter(|((_, it), _)| covers(path, it));
    let mut below = below.flat_map(|((_, path), _)| contexts.iter().map(move |it| (it, path)));
    below.all(|(context, path)| decider.at(context.server, path).answer == Answer::NotFound)
}

/// An outcome for a scheme; `None`: for both.
type OfScheme = (Option<bool>, Outcome);

/// The outcome that both schemes have, with why each of them is closed.
fn of_both(outcomes: Vec<OfScheme>) -> Vec<OfScheme> {
    let one = outcomes.into_iter().map(|(_, outcome)| outcome);
    let one = one.reduce(|mut one, other| {
        one.take_reasons(&other);
        one
    });
    one.map(|outcome| (None, outcome)).into_iter().collect()
}

/// The mappings of one path.
fn together(
    contexts: &[Context<'_>],
    path: &str,
    here: Vec<(usize, Outcome)>,
    exclude: bool,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (hosts, secure, outcome) in by_hosts(contexts, here) {
        let exclude = exclude && outcome.answer == Answer::NotFound;
        let (hosts, secure) = match exclude {
            true => (Vec::new(), None),
            false => (hosts, secure),
        };
        let like = entries.iter_mut().find(|entry| {
            entry.secure == secure
                && entry.hosts.is_empty() == hosts.is_empty()
                && entry.outcome.is_like(&outcome)
        });
        match like {
            Some(entry) => {
                entry.hosts.extend(hosts);
                entry.outcome.take_reasons(&outcome);
            }
            None => entries.push(Entry {
                takes: Takes::Path(path.to_owned()),
                hosts,
                secure,
                outcome,
                exclude,
            }),
        }
    }
    entries
}

/// The outcomes with their hosts and schemes. Where all schemes of some hosts have the same outcome, it stands once.
fn by_hosts(
    contexts: &[Context<'_>],
    here: Vec<(usize, Outcome)>,
) -> Vec<(Vec<String>, Option<bool>, Outcome)> {
    let mut grouped: Vec<(&[String], Vec<OfScheme>)> = Vec::new();
    for (number, outcome) in here {
        let Some(context) = contexts.get(number) else {
            continue;
        };
        let item = (context.secure, outcome);
        match grouped.iter_mut().find(|it| it.0 == context.hosts) {
            Some((_, outcomes)) => outcomes.push(item),
            None => grouped.push((&context.hosts, vec![item])),
        }
    }
    let mut found = Vec::new();
    for (hosts, outcomes) in grouped {
        let every = contexts.iter().filter(|it| it.hosts == hosts).count();
        let same = outcomes.len() == every
            && outcomes.windows(2).all(|pair| match pair {
                [(_, one), (_, other)] => one.is_like(other),
                _ => true,
            });
        let outcomes = match same {
            true => of_both(outcomes),
            false => outcomes,
        };
        for (secure, outcome) in outcomes {
            found.push((hosts.to_vec(), secure, outcome));
        }
    }
    found
}
