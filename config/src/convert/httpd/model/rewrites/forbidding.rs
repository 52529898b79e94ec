//! Rules that refuse requests (`[F]`, `[G]`) under conditions.

use super::conditions::{self, Outcome};
use super::front::Front;
use super::guards;
use super::{Rewrite, Rewritten, every};
use crate::convert::httpd::model::redirects::{checked, closing};
use crate::convert::note::Notes;
use crate::convert::overlap::escaped;
use crate::convert::site::{Action, Rule, Takes};

impl Rewrite {
    /// Adds what a rule forbids under conditions.
    pub(super) fn forbid(&self, front: Front, to: &mut Rewritten, notes: &mut Notes) {
        let (is_negated, pattern) = match self.pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, &*self.pattern),
        };
        let own = conditions::paths(pattern, self.flags.any_case);
        let held = own.map_or(Outcome::Unknown, |own| {
            conditions::held(own, is_negated, &self.conditions, front)
        });
        match held {
            Outcome::Never => notes.count(&self.origin),
            Outcome::Unknown => {
                let why = match self.conditions.is_empty() {
                    true => "its pattern has no counterpart",
                    false => "it has conditions (RewriteCond)",
                };
                to.closed
                    .push(closing(self.guarded(), &self.origin, why, notes));
            }
            Outcome::Held(held) if held.clients.is_none() && held.except.is_empty() => {
                let takes = held.paths.unwrap_or_else(every);
                let status = if self.flags.refuses() {
                    self.flags.status()
                } else {
                    403
                };
                match checked(takes, Action::Respond(status), &self.origin, notes) {
                    Some(rule) => to.rules.push(Rule {
                        hosts: held.hosts,
                        ..rule
                    }),
                    None => {
                        let why = "its pattern has no counterpart";
                        to.closed.push(closing(every(), &self.origin, why, notes));
                    }
                }
            }
            Outcome::Held(mut held) => {
                held.except.extend(passed(&to.rules));
                // Where an earlier rule answers, this one is not looked at.
                for rule in to
                    .rules
                    .iter_mut()
                    .filter(|it| !to.open.contains(&it.origin))
                {
                    rule.lifted.push(self.origin.clone());
                }
                let status = self.flags.status();
                to.guards
                    .extend(guards::guards(held, status, &self.origin, notes));
            }
        }
    }
}

/// The paths for which rules end the list: what stands behind these rules does not see them.
fn passed(rules: &[Rule]) -> impl Iterator<Item = Takes> {
    let passing = rules.iter().filter(|rule| rule.action == Action::Pass);
    passing.map(|rule| match &rule.takes {
        Takes::Path(path) if rule.below => Takes::Pattern(format!("^{}/", escaped(path))),
        takes => takes.clone(),
    })
}
