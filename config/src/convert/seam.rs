//! Paths without the slash at which the old server's rule begins. A mapping takes them along (`/app` for `/app/`), but not
//! where somebody is kept out of what is behind the slash alone.

use super::overlap::{covers, escaped, join};
use super::site::{Action, Rule, Server, Site, Takes};
use crate::field::Kind as _;
use crate::pattern::MatchText;

/// Gives such a path the answer that the old server has for it.
pub(super) fn keep_closed(site: &mut Site) {
    for server in &mut site.servers {
        let mut added: Vec<(usize, usize, Rule)> = Vec::new();
        for (number, stage) in server.stages.iter().enumerate() {
            for (at, rule) in stage.iter().enumerate() {
                let Takes::Path(path) = &rule.takes else {
                    continue;
                };
                let added_rule = match &rule.action {
                    _ if !rule.below => None,
                    Action::To(_) | Action::Files(_) if is_guarded(server, rule, path) => {
                        Some(next(server, rule, path))
                    }
                    Action::Pass => refusal(stage.get(at + 1..).unwrap_or_default(), path),
                    _ => None,
                };
                added.extend(added_rule.map(|rule| (number, at, rule)));
            }
        }
        for (number, at, rule) in added.into_iter().rev() {
            if let Some(stage) = server.stages.get_mut(number) {
                stage.insert(at, rule);
            }
        }
    }
}

/// What refuses a path behind a rule that leaves the paths below it to others.
fn refusal(behind: &[Rule], path: &str) -> Option<Rule> {
    let first = behind.iter().find(|other| takes_it(other, path))?;
    let takes = Takes::Exact(path.to_owned());
    refuses(first).then(|| Rule {
        takes,
        below: false,
        ..first.clone()
    })
}

const fn refuses(rule: &Rule) -> bool {
    matches!(rule.action, Action::Close(_) | Action::Respond(400..=599))
}

/// Whether an expression keeps somebody out of the path with its slash, and not of the path without it.
fn is_guarded(server: &Server, rule: &Rule, path: &str) -> bool {
    let with_slash = format!("{path}/");
    let guards = |takes: &Takes| match takes {
        Takes::Pattern(pattern) => finds(pattern, &with_slash) && !finds(pattern, path),
        Takes::Path(_) | Takes::Exact(_) => false,
    };
    let rules = server.stages.iter().flatten();
    let mut before = rules.take_while(|other| !std::ptr::eq(*other, rule));
    let mut overlays = server.overlays.iter();
    before.any(|other| refuses(other) && guards(&other.takes))
        || overlays.any(|overlay| overlay.access.matters() && guards(&overlay.takes))
}

fn finds(pattern: &str, path: &str) -> bool {
    // What cannot be read is on the safe side: it takes the one, and not the other.
    MatchText::read(pattern).map_or(path.ends_with('/'), |it| it.letters().is_match(path))
}

/// What the old server does with a path that a rule does not take: what the first rule behind it does that takes it.
fn next(server: &Server, rule: &Rule, path: &str) -> Rule {
    let takes = Takes::Exact(path.to_owned());
    let alone = |action: Action| Rule::new(takes.clone(), action, rule.origin.clone());
    let mut is_behind = false;
    for stage in &server.stages {
        for other in stage {
            if std::ptr::eq(other, rule) {
                is_behind = true;
            } else if is_behind && takes_it(other, path) {
                match at(other, path) {
                    Some(Action::Pass) => break,
                    Some(action) => {
                        let (takes, action) = alone_at(path, action);
                        return Rule {
                            takes,
                            action,
                            below: false,
                            ..other.clone()
                        };
                    }
                    None => {
                        let why =
                            "a rule by expression takes it behind the one with a slash at its end";
                        let closed = super::note::Closed::by(&rule.origin, why);
                        return alone(Action::Close(closed));
                    }
                }
            }
        }
    }
    alone(Action::Respond(404))
}

/// One path with what becomes of it. An empty group keeps the path away from the end of the target.
fn alone_at(path: &str, action: Action) -> (Takes, Action) {
    match action {
        Action::To(url) => {
            let pattern = format!("^{}()$", escaped(path));
            (Takes::Pattern(pattern), Action::To(format!("{url}$1")))
        }
        action => (Takes::Exact(path.to_owned()), action),
    }
}

fn takes_it(rule: &Rule, path: &str) -> bool {
    match &rule.takes {
        Takes::Path(own) => covers(own, path) && !(rule.below && own == path),
        Takes::Exact(own) => own == path,
        Takes::Pattern(pattern) => finds(pattern, path),
    }
}

/// What a rule does with one of its paths; `None`: it depends on what its expression captures.
fn at(rule: &Rule, path: &str) -> Option<Action> {
    let rest = match &rule.takes {
        Takes::Path(own) => path.get(own.trim_end_matches('/').len()..),
        Takes::Exact(_) => Some(""),
        Takes::Pattern(_) => None,
    };
    Some(match &rule.action {
        Action::To(url) => Action::To(join(url, rest?)),
        Action::Files(folder) => Action::Files(join(folder, rest?)),
        Action::Redirect { to, status } if to != "https" => Action::Redirect {
            to: join(to, rest?),
            status: *status,
        },
        other => other.clone(),
    })
}
