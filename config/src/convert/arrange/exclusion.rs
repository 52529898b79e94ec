//! The rules of a server in their order, and what can be an exclusion, which counts before everything.

use crate::convert::overlap::{meet, takes_all};
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
