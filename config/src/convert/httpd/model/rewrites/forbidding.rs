//! Rules that refuse requests (`[F]`, `[G]`) under conditions.

use super::conditions::{self, Held, Outcome};
use super::exceptions;
use super::front::Front;
use super::guards;
use super::{Among, Rewrite, Rewritten, every};
use crate::convert::httpd::model::redirects::{checked, closing};
use crate::convert::note::Notes;
use crate::convert::overlap::escaped;
use crate::convert::site::{Action, Rule, Takes};

impl Rewrite {
    /// What the next rule is told of this one.
    pub(super) fn chained(&self, among: Among) -> Among {
        if !self.flags.chains {
            return Among::default();
        }
        Among {
            in_chain: true,
            head: among.head.or_else(|| Some(self.guarded())),
            is_changed: among.is_changed || self.stays_inside(),
            asks: among.asks,
            before_sent: false,
        }
    }

    /// The paths with which the requests come that a rule takes, as far as that is known: its own expression is compared with what
    /// the rules of its chain have made of them.
    pub(super) fn guarded_in(&self, among: &Among) -> Takes {
        let own = self.guarded();
        match &among.head {
            Some(head) if among.is_changed || own == every() => head.clone(),
            _ => own,
        }
    }

    /// Whether a request that it takes does not go where it would go without it. `before_sent`: a rule behind it sends requests on,
    /// which counts for those alone that it does not take.
    pub(super) fn leads_elsewhere(&self, before_sent: bool) -> bool {
        let flags = &self.flags;
        let ends = flags.is_last || flags.skips > 0;
        flags.redirect.is_some()
            || flags.is_proxied
            || flags.chains
            || self.stays_inside()
            || before_sent && ends
    }

    /// Keeps out the clients that a rule leads elsewhere by who they are.
    pub(super) fn keep_out(
        &self,
        front: Front,
        among: &Among,
        to: &mut Rewritten,
        notes: &mut Notes,
    ) {
        if among.in_chain || self.flags.chains {
            let why = "it leads clients elsewhere by who they are, together with the rules of its chain ([C])";
            let takes = self.guarded_in(among);
            to.closed.push(closing(takes, &self.origin, why, notes));
            return;
        }
        let elsewhere = match (self.flags.redirect, self.flags.is_proxied) {
            (Some(_), _) => None,
            (None, true) => Some("sends them to another backend"),
            (None, false) if self.stays_inside() => Some("goes on with another path"),
            (None, false) => Some("leaves the rules behind it out for them"),
        };
        if let Some(elsewhere) = elsewhere {
            let text = format!("whom it keeps out gets 403 here; httpd {elsewhere}");
            notes.name(&self.origin, text);
        }
        self.forbid(front, to, notes);
    }

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
                self.except_paths(&mut held, to, notes);
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

impl Rewrite {
    /// Writes the paths for which a rule does not count as paths of mappings. A path that only counts with what is below it is
    /// refused by itself.
    fn except_paths(&self, held: &mut Held, to: &mut Rewritten, notes: &mut Notes) {
        let mut except = Vec::new();
        for takes in std::mem::take(&mut held.except) {
            let everybody = held.clients.is_none();
            let paths = exceptions::paths(&takes).filter(|all| {
                let is_below = all.iter().any(|it| it.is_below);
                everybody || !is_below
            });
            let Some(paths) = paths else {
                except.push(takes);
                continue;
            };
            for exception in paths {
                if exception.is_wider {
                    let text = format!(
                        "it does not count for {0} and what is below it here; in httpd for every path that begins with {0}",
                        exception.path
                    );
                    notes.name(&self.origin, text);
                }
                if exception.is_below {
                    let takes = Takes::Exact(exception.path.clone());
                    let action = Action::Respond(self.flags.status());
                    to.rules.push(Rule {
                        hosts: held.hosts.clone(),
                        early: true,
                        ..Rule::new(takes, action, self.origin.clone())
                    });
                }
                except.push(Takes::Path(exception.path));
            }
        }
        held.except = except;
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
