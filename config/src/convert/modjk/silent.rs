//! `SetEnv no-jk`: mod_jk takes a request, and then leaves it alone. Nothing else answers it: it is 404.

use regex::Regex;

use super::directives::Directives;
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::{covers, hides, meet};
use crate::convert::site::{Action, Rule, Takes};

/// What `SetEnv no-jk` says of a server, the main one or a virtual host.
pub(super) fn of_server(main: &Directives, host: &Directives) -> Vec<(Takes, Origin)> {
    let own = match std::ptr::eq(main, host) {
        true => &[][..],
        false => &host.silent,
    };
    main.silent.iter().chain(own).cloned().collect()
}

/// Has rules answer 404 where mod_jk leaves alone what it has taken.
pub(super) fn silence(
    rules: Vec<Rule>,
    silent: &[(Takes, Origin)],
    notes: &mut Notes,
) -> Vec<Rule> {
    let answers = |rule: &Rule| rule.action != Action::Pass;
    let is_whole = |rule: &Rule| silent.iter().any(|it| hides(&it.0, &rule.takes));
    let mut first = Vec::new();
    for (takes, origin) in silent {
        let mut partly = rules
            .iter()
            .filter(|it| answers(it) && !hides(takes, &it.takes) && meet(takes, &it.takes));
        if !partly.clone().any(|_| true) {
            continue;
        }
        if !partly.all(|rule| hides(&rule.takes, takes)) {
            let text = "what mod_jk does not take at these paths is 404 here too";
            notes.name(origin, text);
        }
        first.push(Rule::new(
            takes.clone(),
            Action::Respond(404),
            origin.clone(),
        ));
    }
    let quiet = |rule: Rule| match answers(&rule) && is_whole(&rule) {
        true => Rule {
            below: rule.below,
            ..Rule::new(rule.takes, Action::Respond(404), rule.origin)
        },
        false => rule,
    };
    first.extend(rules.into_iter().map(quiet));
    first
}

/// Where it stands that mod_jk leaves a path alone that it has taken.
pub(super) fn at<'a>(silent: &'a [(Takes, Origin)], path: &str) -> Option<&'a Origin> {
    let takes = |takes: &Takes| match takes {
        Takes::Path(above) => covers(above, path),
        Takes::Exact(own) => own == path,
        Takes::Pattern(pattern) => Regex::new(pattern).is_ok_and(|it| it.is_match(path)),
    };
    let found = silent.iter().find(|it| takes(&it.0));
    found.map(|(_, origin)| origin)
}
