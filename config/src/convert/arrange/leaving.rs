//! Rules that leave their paths to the stages behind them.

use super::carving::sent_below;
use super::decide::outcome;
use super::entry::{Answer, Entry, above, entry};
use super::exclusion::Item;
use crate::convert::note::Origin;
use crate::convert::overlap::{self, meet, takes_all, whole};
use crate::convert::site::{Action, Rule, Server, Takes};

/// The mapping of the paths that a rule by expression leaves to the stages behind it, where a rule by path takes all of them
/// there, with the line of that rule.
pub(super) fn left_to(server: &Server, left: &Item<'_>) -> Option<(Origin, Entry)> {
    let later = server.stages.iter().skip(left.stage + 1);
    let mut firsts =
        later.filter_map(|stage| stage.iter().find(|rule| meet(&rule.takes, left.takes)));
    let rule = firsts
        .find(|rule| rule.action != Action::Pass || !overlap::hides(&rule.takes, left.takes))?;
    let mut pattern = match left.takes {
        Takes::Pattern(pattern) => whole(pattern),
        Takes::Exact(path) => overlap::pattern_of_one(path),
        Takes::Path(_) => return None,
    };
    let Takes::Path(own) = &rule.takes else {
        return None;
    };
    if rule.action == Action::Pass || !overlap::hides(&rule.takes, left.takes) {
        return None;
    }
    // What closes them is said of the line that leaves them.
    let named = Rule {
        origin: left.rule.unwrap_or(rule).origin.clone(),
        ..rule.clone()
    };
    let mut outcome = outcome(server, &named, left.takes);
    if let Some(first) = outcome.origins.first_mut() {
        *first = rule.origin.clone();
    }
    outcome.answer = match outcome.answer {
        Answer::To(url) => {
            let (found, to) = sent_below(&url, own, &pattern)?;
            pattern = found;
            Answer::To(to)
        }
        Answer::Files(folder) => Answer::Files(above(&folder, own).ok()?),
        Answer::Redirect { ref to, .. } if to != "https" => return None,
        other => other,
    };
    outcome
        .origins
        .extend(left.rule.map(|rule| rule.origin.clone()));
    let takes = Takes::Pattern(pattern);
    Some((rule.origin.clone(), entry(takes, outcome, false)))
}

/// The expressions behind the stage of a rule that take some of its paths, where each takes no others and stands before all paths
/// there that it meets: they can stand before the mappings of the rule's own paths. `None`: there is another one.
pub(super) fn inside<'a>(server: &'a Server, rule: &'a Rule, own: &str) -> Option<Vec<&'a Rule>> {
    let mut found: Vec<&Rule> = Vec::new();
    let mut before: Vec<&Takes> = Vec::new();
    let paths = Takes::Path(own.to_owned());
    for later in behind(server, rule).filter(|it| !stands_before(server, it, rule)) {
        match &later.takes {
            Takes::Path(_) => before.push(&later.takes),
            takes if !meet(takes, &paths) => {}
            takes => {
                let is_first = !before.iter().any(|it| meet(it, takes));
                if later.action == Action::Pass || !takes_all(own, takes) || !is_first {
                    return None;
                }
                found.push(later);
            }
        }
    }
    Some(found)
}

/// The rules of the stages behind that of a rule.
pub(super) fn behind<'a>(server: &'a Server, rule: &'a Rule) -> impl Iterator<Item = &'a Rule> {
    let here = |stage: &&Vec<Rule>| !stage.iter().any(|it| std::ptr::eq(it, rule));
    server.stages.iter().skip_while(here).skip(1).flatten()
}

/// Whether a rule of a later stage stands before another one too, with some of its paths ([`lift`](crate::convert::lifting::lift)).
pub(super) fn stands_before(server: &Server, later: &Rule, rule: &Rule) -> bool {
    let rules = server.stages.iter().flatten();
    let mut before = rules.take_while(|it| !std::ptr::eq(*it, rule));
    before.any(|it| it.origin == later.origin)
}
