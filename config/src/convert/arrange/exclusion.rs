//! The rules of a server in their order, which of them are written as expressions, and what can be an exclusion, which counts
//! before everything.

use crate::convert::overlap::{self, meet, takes_all};
use crate::convert::site::{Action, Rule, Server, Takes};

/// A rule, or an expression behind which nothing of another server may be found.
pub(super) struct Item<'a> {
    pub(super) takes: &'a Takes,
    pub(super) rule: Option<&'a Rule>,
    pub(super) stage: usize,
}

/// The rules of all stages in order, then the barriers.
pub(super) fn items<'a>(server: &'a Server, barriers: &'a [Takes]) -> Vec<Item<'a>> {
    let stages = server.stages.iter().enumerate();
    let rules = stages.flat_map(|(stage, rules)| {
        rules.iter().map(move |rule| Item {
            takes: &rule.takes,
            rule: Some(rule),
            stage,
        })
    });
    let barriers = barriers.iter().map(|takes| Item {
        takes,
        rule: None,
        stage: server.stages.len(),
    });
    rules.chain(barriers).collect()
}

/// The items that are written as expressions, in order.
pub(super) fn needed<'a>(
    items: &'a [Item<'a>],
    is_exclusion: &dyn Fn(&str) -> bool,
) -> Vec<&'a Item<'a>> {
    let mut needed: Vec<&Item<'_>> = Vec::new();
    // Exclusions from the rules of their own stage alone, which stand only before what another server has.
    let mut last: Vec<&Item<'_>> = Vec::new();
    for (at, item) in items.iter().enumerate().rev() {
        let mut before = items.iter().take(at);
        let is_path = matches!(item.takes, Takes::Path(_));
        let hides = |before: &Item<'_>| hides(before, item) && !is_left_by(before, item, items);
        let hidden = !is_path && item.rule.is_some() && before.any(hides);
        // An exclusion, which counts before all expressions, is written as a path.
        let excluded = || match (item.rule, item.takes) {
            (Some(rule), Takes::Path(path)) => rule.action == Action::Pass && is_exclusion(path),
            _ => false,
        };
        let meets = |later: &&&Item<'_>| meet(later.takes, item.takes);
        let mut later = needed.iter().filter(meets);
        let is_pass = item.rule.is_some_and(|rule| rule.action == Action::Pass);
        let (is_wanted, is_last) = match is_path {
            true if is_pass => {
                let is_wanted = later.clone().any(|it| it.stage == item.stage);
                (is_wanted, later.any(|it| it.rule.is_none()))
            }
            true => (
                later.next().is_some() || last.iter().any(|it| meets(&it)),
                false,
            ),
            false => (true, false),
        };
        if hidden || excluded() {
            continue;
        }
        match (is_wanted, is_last) {
            (true, _) => needed.push(item),
            (false, true) => last.push(item),
            (false, false) => {}
        }
    }
    let is_barrier = |it: &&Item<'_>| it.rule.is_none();
    let at = needed.iter().take_while(|it| is_barrier(it)).count();
    needed.splice(at..at, last);
    needed.reverse();
    // Behind a rule that takes all of it, what another server has is not reached.
    let barred = |item: &&Item<'_>| {
        let mut own = items.iter().filter(|it| it.rule.is_some());
        item.rule.is_some() || !own.any(|before| hides(before, item))
    };
    needed.into_iter().filter(barred).collect()
}

/// Whether nothing is left of the paths of an item behind another one.
fn hides(before: &Item<'_>, item: &Item<'_>) -> bool {
    let answers = before.rule.is_some_and(|rule| rule.action != Action::Pass);
    (answers || before.stage == item.stage) && overlap::hides(before.takes, item.takes)
}

/// Whether a rule of the stage of `before`, which comes before it, leaves some paths of an item of a later stage to that stage,
/// where the item keeps everybody out.
fn is_left_by(before: &Item<'_>, item: &Item<'_>, items: &[Item<'_>]) -> bool {
    let action = item.rule.map(|rule| &rule.action);
    if !matches!(action, Some(Action::Close(_) | Action::Respond(400..))) {
        return false;
    }
    let earlier = items.iter().take_while(|it| !std::ptr::eq(*it, before));
    let mut passing = earlier.filter(|it| {
        let passes = it.rule.is_some_and(|rule| rule.action == Action::Pass);
        passes && it.stage == before.stage && before.stage < item.stage
    });
    passing.any(|it| meet(it.takes, item.takes))
}

/// Whether everything that the server does with these paths is not to answer them, before any other rule takes one.
pub(super) fn excludable(server: &Server, takes: &Takes) -> bool {
    let items = items(server, &[]);
    let passes = |item: &Item<'_>| item.rule.is_some_and(|rule| rule.action == Action::Pass);
    let is_it = |item: &&Item<'_>| {
        passes(item)
            && match item.takes {
                Takes::Path(path) => takes_all(path, takes),
                own => own == takes,
            }
    };
    let Some(found) = items.iter().find(is_it) else {
        return !items.iter().any(|item| meet(item.takes, takes));
    };
    let earlier = items.iter().take_while(|item| !std::ptr::eq(*item, found));
    let later = items.iter().filter(|item| item.stage > found.stage);
    !earlier.chain(later).any(|item| {
        let by_path = item.stage > found.stage && matches!(item.takes, Takes::Path(_));
        !passes(item) && !by_path && meet(item.takes, takes)
    })
}

/// The paths that the rules and sections of a server name.
pub(super) fn paths_of(server: &Server) -> impl Iterator<Item = &String> {
    let rules = server.stages.iter().flatten().map(|rule| &rule.takes);
    let overlays = server.overlays.iter().map(|overlay| &overlay.takes);
    rules.chain(overlays).filter_map(|takes| match takes {
        Takes::Path(path) => Some(path),
        Takes::Exact(_) | Takes::Pattern(_) => None,
    })
}
