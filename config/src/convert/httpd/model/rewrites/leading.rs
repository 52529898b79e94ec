//! Rules that send requests elsewhere (`[R]`, `[P]`) under conditions about paths and hosts.

use super::conditions::{self, Held, Outcome};
use super::exceptions;
use super::front::Front;
use super::patterns::is_every;
use super::upgrades::{self, Asks};
use super::{Rewrite, Rewritten};
use crate::convert::httpd::model::passes::{bare_path, has_group};
use crate::convert::note::Notes;
use crate::convert::overlap::{meet, pattern_of};
use crate::convert::site::{Action, HostTest, Rule, Takes};
use crate::field::Kind as _;
use crate::starts::literal;
use crate::value::PathPrefix;

impl Rewrite {
    /// Adds a rule that sends requests elsewhere under conditions. Returns whether it is one whose conditions can be said here.
    pub(super) fn leads(&self, front: Front, to: &mut Rewritten, notes: &mut Notes) -> bool {
        let is_elsewhere = self.flags.redirect.is_some() || self.flags.is_proxied;
        if !is_elsewhere || self.flags.refuses() || self.flags.chains {
            return false;
        }
        if let Some((asks, others)) = upgrades::asked(&self.conditions)
            && self.flags.is_proxied
        {
            return match asks {
                // Those that ask for WebSocket go where the rule for them says.
                Asks::Others => {
                    let conditions = others;
                    let rule = Self {
                        conditions,
                        ..self.clone()
                    };
                    rule.leads(front, to, notes)
                }
                Asks::Upgrades if others.is_empty() => {
                    let upgrade = upgrades::of_rule(&self.pattern, &self.to, &self.origin);
                    let is_known = upgrade.is_some();
                    to.upgrades.extend(upgrade);
                    is_known
                }
                Asks::Upgrades => false,
            };
        }
        let (is_negated, pattern) = match self.pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, &*self.pattern),
        };
        let Some(own) = conditions::paths(pattern, self.flags.any_case) else {
            return false;
        };
        let held = match conditions::held(own, is_negated, &self.conditions, front) {
            Outcome::Held(held) if held.clients.is_none() => held,
            Outcome::Never => {
                notes.count(&self.origin);
                return true;
            }
            Outcome::Held(_) | Outcome::Unknown => return false,
        };
        let Ok(Some(action)) = self.flags.action(&self.pattern, &self.to) else {
            return false;
        };
        let Some(rule) = self.sayable(&held).filter(|_| !is_of_condition(&self.to)) else {
            return false;
        };
        if let Some(rule) = rule.rule(action, notes) {
            let except: Vec<Takes> = held.except.into_iter().flat_map(excepted).collect();
            self.add(rule, &except, held.hosts, to);
        }
        true
    }

    /// The rule by its pattern alone, which takes the paths for which its conditions hold, but for those that are excepted;
    /// `None`: there is none.
    fn sayable(&self, held: &Held) -> Option<Self> {
        let is_negated = self.pattern.starts_with('!');
        let own = conditions::paths(&self.pattern, self.flags.any_case).filter(|_| !is_negated);
        let pattern = match &held.paths {
            Some(paths) if own.as_ref() == Some(paths) => self.pattern.clone(),
            None if !is_negated => self.pattern.clone(),
            None if !has_group(&self.to) => "^".to_owned(),
            // What the pattern has found is a part of its target.
            Some(_) if has_group(&self.to) && !is_every(&self.pattern) => return None,
            Some(_) if has_group(&self.to) && self.flags.is_proxied => return None,
            Some(Takes::Pattern(pattern)) => pattern.clone(),
            Some(Takes::Path(path)) => pattern_of(path),
            Some(Takes::Exact(_)) | None => return None,
        };
        let mut any_case = self.flags.any_case;
        let pattern = match pattern.strip_prefix("(?i)") {
            Some(bare) => {
                any_case = true;
                bare.to_owned()
            }
            None => pattern,
        };
        let mut rule = self.clone();
        rule.pattern = pattern;
        rule.flags.any_case = any_case;
        Some(rule)
    }

    fn add(&self, rule: Rule, except: &[Takes], hosts: Vec<HostTest>, to: &mut Rewritten) {
        let met = except.iter().filter(|takes| meet(takes, &rule.takes));
        let passing: Vec<Rule> = met
            .map(|takes| Rule {
                hosts: hosts.clone(),
                early: true,
                ..Rule::new(takes.clone(), Action::Pass, self.origin.clone())
            })
            .collect();
        if !passing.is_empty() {
            to.excepted.push((self.origin.clone(), passing));
        }
        if !self.flags.ends() {
            to.open.push(self.origin.clone());
        }
        to.rules.push(Rule { hosts, ..rule });
    }
}

/// Whether a part of what a condition has found stands in a target: `%1`.
fn is_of_condition(to: &str) -> bool {
    let mut behind = to.split('%').skip(1);
    behind.any(|it| it.starts_with(|letter: char| letter.is_ascii_digit()))
}

/// The paths that an expression takes, as paths where they are all below some: `^/\.well-known/`. A dot behind a slash is a dot:
/// nobody means the paths that have another letter there.
fn excepted(takes: Takes) -> Vec<Takes> {
    let Takes::Pattern(pattern) = &takes else {
        return vec![takes];
    };
    let Some(body) = pattern.strip_prefix("^/") else {
        return vec![takes];
    };
    let body = format!("/{body}").replace("/.", "/\\.");
    let (path, rest) = literal(&body);
    let is_all = matches!(rest, "" | ".*" | "(.*)" | ".*$" | "(.*)$");
    let path = bare_path(&path);
    match is_all && path != "/" && PathPrefix::read(&path).is_ok() {
        true => vec![Takes::Path(path)],
        false => several(&body).unwrap_or_else(|| vec![takes]),
    }
}

/// The paths of an expression about several folders, without its `^`: `/(app|web)/`.
fn several(body: &str) -> Option<Vec<Takes>> {
    let found = exceptions::paths(&Takes::Pattern(format!("^{body}")))?;
    let found = found
        .into_iter()
        .map(|it| (!it.is_wider).then_some(it.path));
    found.map(|path| path.map(Takes::Path)).collect()
}
