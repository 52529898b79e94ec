//! Changes of settings by hand: one after another, made on a member, told to the decisions, and as the state file has them.

use ajpgate_config::{BalancerChange, Member, MemberChange, StickyNames};
use serde_json::{Map, Value};

use crate::balancer::StatusChange;

/// A flag of a member that can be changed by hand.
struct Flag {
    /// Its key in `status`.
    name: &'static str,
    of_change: fn(&mut MemberChange) -> &mut Option<bool>,
    of_status: fn(&mut StatusChange) -> &mut Option<bool>,
}

macro_rules! flag {
    ($name:ident) => {
        Flag {
            name: stringify!($name),
            of_change: |change| &mut change.$name,
            of_status: |status| &mut status.$name,
        }
    };
}

/// All of them.
const FLAGS: [Flag; 6] = [
    flag!(disabled),
    flag!(stopped),
    flag!(drain),
    flag!(hot_standby),
    flag!(hot_spare),
    flag!(ignore_errors),
];

/// The flags that a change names.
fn named(change: &MemberChange) -> impl Iterator<Item = (&'static Flag, bool)> {
    let mut change = change.clone();
    let named = FLAGS.iter();
    named.filter_map(move |flag| Some((flag, (*(flag.of_change)(&mut change))?)))
}

/// The flags that a change names, for the decisions.
pub(super) fn flags(change: &MemberChange) -> StatusChange {
    let mut status = StatusChange::default();
    for (flag, value) in named(change) {
        *(flag.of_status)(&mut status) = Some(value);
    }
    status
}

/// A change after an earlier one.
pub(super) fn over(later: &MemberChange, earlier: &MemberChange) -> MemberChange {
    let mut both = MemberChange::default();
    both.route = later.route.clone().or_else(|| earlier.route.clone());
    both.redirect = later.redirect.clone().or_else(|| earlier.redirect.clone());
    both.loadfactor = later.loadfactor.or(earlier.loadfactor);
    both.lbset = later.lbset.or(earlier.lbset);
    for (flag, value) in named(earlier).chain(named(later)) {
        *(flag.of_change)(&mut both) = Some(value);
    }
    both
}

/// Makes a change.
pub(super) fn change_member(member: &mut Member, change: &MemberChange) {
    if let Some(route) = &change.route {
        member.route.clone_from(route);
    }
    if let Some(redirect) = &change.redirect {
        member.redirect.clone_from(redirect);
    }
    member.loadfactor = change.loadfactor.unwrap_or(member.loadfactor);
    member.lbset = change.lbset.unwrap_or(member.lbset);
    member.status = flags(change).over(member.status);
}

/// The flags that a change names, as JSON.
pub(super) fn flags_json(change: &MemberChange) -> Map<String, Value> {
    let flags = named(change);
    flags
        .map(|(flag, value)| (flag.name.to_owned(), Value::Bool(value)))
        .collect()
}

/// A change of a member as JSON.
pub(super) fn member_json(change: &MemberChange) -> Value {
    let status = flags_json(change);
    let factor = change.loadfactor.map(|factor| factor.to_string());
    object([
        ("route", change.route.clone().map(Value::from)),
        ("redirect", change.redirect.clone().map(Value::from)),
        ("loadfactor", factor.map(Value::from)),
        ("lbset", change.lbset.map(Value::from)),
        (
            "status",
            (!status.is_empty()).then_some(Value::Object(status)),
        ),
    ])
}

/// A change of a balancer as JSON.
pub(super) fn balancer_json(change: &BalancerChange) -> Value {
    let names = change.stickysession.as_ref().map(|names| match names {
        StickyNames::Off => String::new(),
        StickyNames::Names { cookie, parameter } => format!("{cookie}|{parameter}"),
    });
    let timeout = change.timeout.map(|it| format!("{}s", it.as_secs_f64()));
    let maxattempts = change.maxattempts.map(|most| match most {
        Some(most) => Value::from(most),
        None => Value::from("default"),
    });
    object([
        ("lbmethod", change.lbmethod.map(|it| Value::from(it.name()))),
        ("stickysession", names.map(Value::from)),
        ("nofailover", change.nofailover.map(Value::from)),
        ("timeout", timeout.map(Value::from)),
        ("maxattempts", maxattempts),
    ])
}

fn object<const N: usize>(keys: [(&str, Option<Value>); N]) -> Value {
    let keys = keys.into_iter();
    Value::Object(
        keys.filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ajpgate_config::parse_member_change;
    use serde_json::json;

    use super::*;

    /// A change that names all keys, the flags with this value.
    fn all(flag: bool) -> MemberChange {
        let status = FLAGS.map(|it| (it.name.to_owned(), Value::Bool(flag)));
        let status: Map<String, Value> = status.into_iter().collect();
        let keys = json!({
            "route": "r", "redirect": "s", "loadfactor": 2.5, "lbset": 3, "status": status,
        });
        parse_member_change(&keys.to_string(), Path::new("change")).unwrap()
    }

    #[test]
    fn a_change_of_all_keys_comes_back_as_it_was() {
        for flag in [false, true] {
            let change = all(flag);
            let text = member_json(&change).to_string();
            let read = parse_member_change(&text, Path::new("change"));
            assert_eq!(read.unwrap(), change, "{text}");
            assert!(FLAGS.iter().all(|it| {
                let mut status = flags(&change);
                *(it.of_status)(&mut status) == Some(flag)
            }));
        }
    }

    #[test]
    fn the_later_change_counts_and_the_earlier_one_where_it_says_nothing() {
        let nothing = MemberChange::default();
        assert_eq!(over(&all(true), &all(false)), all(true));
        assert_eq!(over(&nothing, &all(false)), all(false));
        assert_eq!(over(&all(false), &nothing), all(false));
        assert_eq!(member_json(&nothing), json!({}));
    }
}
