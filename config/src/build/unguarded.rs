//! Mappings by expression that take requests past the guards of a path: a `match` comes before each `path`, and an earlier
//! one before a later one.

use super::Builder;
use super::exclusion::covers;
use super::mapping::BuiltMapping;
use crate::model::{Action, Mapping};
use crate::starts::{is_below, literal, may_be_below, only, starts};

impl Builder<'_> {
    /// Warns of each `match` that may take paths of a guarded mapping without asking what that asks.
    pub(super) fn past_guards(&self, mappings: &[BuiltMapping]) {
        for (at, mapping) in mappings.iter().enumerate() {
            let Some(pattern) = &mapping.built.pattern else {
                continue;
            };
            if !gives_something(&mapping.built.action) || lets_nobody_in(&mapping.built) {
                continue;
            }
            let passed = mappings.iter().enumerate().filter(|(other_at, other)| {
                let counts_first = other.built.pattern.is_none() || at < *other_at;
                counts_first
                    && !missing(&mapping.built, &other.built).is_empty()
                    && share_hosts(mapping, other)
                    && !is_meant(mapping, other)
                    && may_meet(pattern.text(), &other.built)
            });
            let passed: Vec<&BuiltMapping> = passed.map(|(_, other)| other).collect();
            let is_path = |other: &&&BuiltMapping| other.built.pattern.is_none();
            let Some(first) = passed.iter().find(is_path).or(passed.first()) else {
                continue;
            };
            let (key, takes) = first.takes();
            let line = self.report.line_of(first.place, mapping.place);
            let keys = missing(&mapping.built, &first.built).join("` and `");
            let below = match key {
                "path" => "paths below",
                _ => "paths of the match",
            };
            let more = match passed.len() {
                1 => String::new(),
                more => format!(" (and {} more)", more - 1),
            };
            self.report.warning(
                mapping.place,
                format!(
                    "match: {} may take {below} {takes} in {line} without its `{keys}`{more}",
                    pattern.text()
                ),
                "a `match` counts before each `path`: write the same keys here, or begin the expression with `^` and the paths that \
                 are meant",
            );
        }
    }
}

/// Whether an expression says itself that its paths are another matter than the guarded ones: it is about a folder beside or inside
/// theirs, about the same names further down, or about a whole folder of hosts that it names and the guarded mapping does not.
fn is_meant(mapping: &BuiltMapping, guarded: &BuiltMapping) -> bool {
    let Some(pattern) = &mapping.built.pattern else {
        return false;
    };
    let own = Place::of_pattern(pattern.text());
    let other = match &guarded.built.pattern {
        Some(other) => Place::of_pattern(other.text()),
        None => Some(Place::folder(guarded.built.path.clone())),
    };
    let Some(own) = own else {
        return false;
    };
    let names_hosts = !mapping.built.hosts.is_empty() && guarded.built.hosts.is_empty();
    let is_folder = own.names.is_empty();
    let is_other = |other: Place| match is_folder && other.names.is_empty() {
        true => own.path != other.path && !is_below(&other.path, &own.path),
        false => {
            own.names == other.names && own.path != other.path && is_below(&own.path, &other.path)
        }
    };
    is_folder && names_hosts || other.is_some_and(is_other)
}

/// A path, and what an expression says of the names below it; nothing: it takes all of them, and the path itself.
struct Place {
    path: String,
    names: String,
}

impl Place {
    const fn folder(path: String) -> Self {
        Self {
            path,
            names: String::new(),
        }
    }

    /// The place of `^/app(/.*)?$` or `^/app/.*\.do$`; `None`: the expression is of another kind.
    fn of_pattern(pattern: &str) -> Option<Self> {
        let (letters, names) = literal(pattern.strip_prefix('^')?);
        match names {
            "(/.*)?$" => Some(Self::folder(letters)),
            "(/.*)$" if letters.is_empty() => Some(Self::folder("/".to_owned())),
            _ if names.starts_with(".*") => Some(Self {
                path: letters.strip_suffix('/')?.to_owned(),
                names: names.to_owned(),
            }),
            _ => None,
        }
    }
}

/// Whether a client gets something from behind a mapping: not only an answer that the configuration itself has.
const fn gives_something(action: &Action) -> bool {
    match action {
        Action::Forward(_) | Action::Files(_) => true,
        Action::Exclude | Action::Redirect(_) | Action::Respond(_) => false,
    }
}

/// Whether `deny` names every address.
fn lets_nobody_in(mapping: &Mapping) -> bool {
    let deny = &mapping.access.deny;
    let has = |network: &str| deny.iter().any(|it| it.to_string() == network);
    has("0.0.0.0/0") && has("::/0")
}

/// The keys with which `guarded` keeps clients out, and of which the other mapping has nothing.
fn missing(mapping: &Mapping, guarded: &Mapping) -> Vec<&'static str> {
    let asks = |mapping: &Mapping| mapping.identity.as_ref().is_some_and(|it| it.required);
    let keys = [
        ("auth", asks(guarded) && !asks(mapping)),
        (
            "allow",
            guarded.access.allow.is_some() && mapping.access.allow.is_none(),
        ),
        (
            "deny",
            !guarded.access.deny.is_empty() && mapping.access.deny.is_empty(),
        ),
    ];
    let keys = keys.into_iter().filter(|(_, missing)| *missing);
    keys.map(|(key, _)| key).collect()
}

/// Whether there may be a request of both as far as host and scheme go.
pub(super) fn share_hosts(one: &BuiltMapping, other: &BuiltMapping) -> bool {
    if let (Some(scheme), Some(other)) = (one.built.scheme, other.built.scheme)
        && scheme != other
    {
        return false;
    }
    let (hosts, others) = (&one.built.hosts, &other.built.hosts);
    let meet = |host: &String| {
        let mut others = others.iter();
        others.any(|other| covers(host, other) || covers(other, host))
    };
    one.all_hosts
        && other.all_hosts
        && (hosts.is_empty() || others.is_empty() || hosts.iter().any(meet))
}

/// Whether an expression may be found in a path of a mapping. Of two expressions this is known only where the other one says
/// how its paths begin.
fn may_meet(pattern: &str, guarded: &Mapping) -> bool {
    match &guarded.pattern {
        None => may_be_below(pattern, &guarded.path),
        Some(other) => {
            if let Some(only) = only(pattern) {
                return other.bytes().is_match(only.as_bytes());
            }
            let ours = starts(pattern);
            let others = starts(other.text());
            let meet = |other: &String| {
                let mut ours = ours.iter();
                ours.any(|start| start.starts_with(other) || other.starts_with(start))
            };
            others.iter().any(|other| !other.is_empty() && meet(other))
        }
    }
}
