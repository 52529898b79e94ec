//! The conditions of a `RewriteRule` that forbids something: for which paths and clients they hold, as far as that can be said
//! here.

use super::super::sayable::{expression, is_about_parameters};
use super::addresses::{self, Addresses};
use super::front::{Front, holds};
use super::hosts;
use super::patterns::{is_every, whole_path};
use crate::convert::networks::common;
use crate::convert::overlap::{pattern_of, pattern_of_one};
use crate::convert::site::{HostTest, Takes};
use crate::field::Kind as _;
use crate::value::PathPrefix;

/// For which requests all conditions of a rule hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// Only for these paths; `None`: for every path.
    pub(super) paths: Option<Takes>,
    /// Not for these paths.
    pub(super) except: Vec<Takes>,
    /// For whom; `None`: for everybody.
    pub(super) clients: Option<Clients>,
    /// Only for hosts of which all of this holds.
    pub(super) hosts: Vec<HostTest>,
}

/// Some clients, by their addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Clients {
    In(Addresses),
    NotIn(Addresses),
}

/// What conditions come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Never,
    Held(Held),
    /// It depends on what cannot be said here.
    Unknown,
}

/// A condition.
struct Condition<'a> {
    words: &'a [String],
    /// What is compared, in capital letters.
    test: String,
    pattern: &'a str,
    is_negated: bool,
    any_case: bool,
    /// Whether the next condition is enough too.
    or_next: bool,
}

/// What one condition says.
enum Said {
    Always,
    Never,
    Path(Takes),
    NotPath(Takes),
    Clients(Clients),
    Host(HostTest),
}

impl<'a> Condition<'a> {
    fn of(words: &'a [String]) -> Option<Self> {
        let [test, pattern, rest @ ..] = words else {
            return None;
        };
        let flags = rest.first().map_or("", String::as_str);
        let flags = flags.trim_matches(['[', ']']).to_ascii_uppercase();
        let has = |names: [&str; 2]| flags.split(',').any(|it| names.contains(&it.trim()));
        Some(Self {
            words,
            test: test.to_ascii_uppercase(),
            pattern: pattern.strip_prefix('!').unwrap_or(pattern),
            is_negated: pattern.starts_with('!'),
            any_case: has(["NC", "NOCASE"]),
            or_next: has(["OR", "ORNEXT"]),
        })
    }

    /// `None`: it cannot be said here.
    fn said(&self, front: Front) -> Option<Said> {
        if let Some(always) = holds(self.words, front) {
            return Some(if always { Said::Always } else { Said::Never });
        }
        // Comparisons of numbers and texts, and tests of files.
        if self.pattern.starts_with(['<', '>', '-']) {
            return None;
        }
        match &*self.test {
            "%{REMOTE_ADDR}" => {
                let addresses = match self.pattern.strip_prefix('=') {
                    Some(address) => Addresses {
                        networks: addresses::same(address).into_iter().collect(),
                        further: false,
                    },
                    None => addresses::taken(self.pattern, self.any_case)?,
                };
                Some(Said::Clients(match self.is_negated {
                    true => Clients::NotIn(addresses),
                    false => Clients::In(addresses),
                }))
            }
            "%{REQUEST_URI}" => {
                let takes = match self.pattern.strip_prefix('=') {
                    Some(path) if !self.any_case => Takes::Pattern(pattern_of_one(path)),
                    Some(_) => return None,
                    None => paths(self.pattern, self.any_case)?,
                };
                Some(match self.is_negated {
                    true => Said::NotPath(takes),
                    false => Said::Path(takes),
                })
            }
            // A request without a host has no place here.
            "%{HTTP_HOST}" | "%{HTTP:HOST}" if matches!(self.pattern, "^$" | "=" | "=\"\"") => {
                Some(if self.is_negated {
                    Said::Always
                } else {
                    Said::Never
                })
            }
            "%{HTTP_HOST}" | "%{SERVER_NAME}" | "%{HTTP:HOST}" => {
                Some(Said::Host(hosts::test(self.pattern, self.is_negated)?))
            }
            _ => None,
        }
    }
}

/// The paths in which an expression is found; `None`: it is none of this program.
pub(super) fn paths(pattern: &str, any_case: bool) -> Option<Takes> {
    if is_every(pattern) {
        return Some(Takes::Path("/".to_owned()));
    }
    expression(pattern).ok()?;
    // A path is compared without its parameters here.
    if is_about_parameters(pattern) {
        return None;
    }
    let whole = whole_path(pattern).filter(|path| PathPrefix::read(path).is_ok());
    match (any_case, whole) {
        (true, _) => Some(Takes::Pattern(format!("(?i){pattern}"))),
        (false, Some(path)) => Some(Takes::Path(path)),
        (false, None) => Some(Takes::Pattern(pattern.to_owned())),
    }
}

/// When the conditions of a rule hold whose pattern takes `rule`; `is_negated`: which takes every other path.
pub(super) fn held(
    rule: Takes,
    is_negated: bool,
    conditions: &[Vec<String>],
    front: Front,
) -> Outcome {
    let Some(conditions) = all_of(conditions) else {
        return Outcome::Unknown;
    };
    let mut held = Held {
        paths: None,
        except: Vec::new(),
        clients: None,
        hosts: Vec::new(),
    };
    let own = if is_negated {
        Said::NotPath(rule)
    } else {
        Said::Path(rule)
    };
    let mut groups = vec![own];
    for group in conditions.split_inclusive(|it| !it.or_next) {
        // Behind the last one nothing is left that could be enough in its place, so httpd does not look at what it says
        // (`mod_rewrite.c: apply_rewrite_rule()`).
        let is_open = group.last().is_some_and(|it| it.or_next);
        match any_of(group, front) {
            _ if is_open => {}
            Some(Said::Always) => {}
            Some(Said::Never) => return Outcome::Never,
            Some(said) => groups.push(said),
            None => return Outcome::Unknown,
        }
    }
    for said in groups {
        if !held.and(said) {
            return Outcome::Unknown;
        }
    }
    match &held.clients {
        Some(Clients::In(addresses)) if addresses.networks.is_empty() && !addresses.further => {
            Outcome::Never
        }
        _ if held.except.contains(&Takes::Path("/".to_owned())) => Outcome::Never,
        _ => Outcome::Held(held),
    }
}

fn all_of(conditions: &[Vec<String>]) -> Option<Vec<Condition<'_>>> {
    let conditions = conditions.iter().map(|words| Condition::of(words));
    conditions.collect()
}

/// What conditions say of which one is enough; `None`: it cannot be said here.
fn any_of(group: &[Condition<'_>], front: Front) -> Option<Said> {
    let mut all = Said::Never;
    for condition in group {
        all = match (all, condition.said(front)?) {
            (Said::Never, said) | (said, Said::Never) => said,
            (Said::Always, _) | (_, Said::Always) => Said::Always,
            (Said::Path(one), Said::Path(other)) => Said::Path(either(one, other)),
            (Said::Clients(Clients::In(one)), Said::Clients(Clients::In(other))) => {
                Said::Clients(Clients::In(together(one, other)))
            }
            (Said::Host(one), Said::Host(other)) => Said::Host(hosts::either(&one, &other)?),
            _ => return None,
        };
    }
    Some(all)
}

/// The paths that one of two takes.
fn either(one: Takes, other: Takes) -> Takes {
    let every = Takes::Path("/".to_owned());
    if one == other || one == every {
        return one;
    }
    if other == every {
        return other;
    }
    let text = |takes: Takes| match takes {
        Takes::Path(path) => pattern_of(&path),
        Takes::Exact(path) => pattern_of_one(&path),
        Takes::Pattern(pattern) => format!("(?:{pattern})"),
    };
    Takes::Pattern(format!("{}|{}", text(one), text(other)))
}

fn together(one: Addresses, other: Addresses) -> Addresses {
    let mut networks = one.networks;
    networks.extend(other.networks);
    networks.dedup();
    Addresses {
        networks,
        further: one.further || other.further,
    }
}

impl Held {
    /// Adds a condition. Returns whether it can be said.
    fn and(&mut self, said: Said) -> bool {
        match said {
            Said::Always | Said::Never => {}
            Said::Host(test) => self.hosts.push(test),
            Said::NotPath(takes) => self.except.push(takes),
            Said::Path(takes) => {
                let every = Takes::Path("/".to_owned());
                match &self.paths {
                    _ if takes == every => {}
                    None => self.paths = Some(takes),
                    Some(before) => return *before == takes,
                }
            }
            Said::Clients(clients) => {
                self.clients = Some(match (self.clients.take(), clients) {
                    (None, clients) => clients,
                    (Some(Clients::NotIn(one)), Clients::NotIn(other)) => {
                        Clients::NotIn(together(one, other))
                    }
                    (Some(Clients::In(one)), Clients::In(other)) => Clients::In(Addresses {
                        networks: common(&one.networks, &other.networks),
                        further: one.further || other.further,
                    }),
                    _ => return false,
                });
            }
        }
        true
    }
}
