//! Changes by hand, as an operator makes them, and the same changes written into the file.

use std::path::Path;

use ajpgate_config::{Config, parse_balancer_change, parse_member, parse_member_change};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::overrides::Overrides;
use super::files::{URLS, extra, key, keys, member, member_keys};

/// A change by hand of the balancer with this name.
#[derive(Debug, Clone)]
pub(super) struct ByHand {
    balancer: &'static str,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    /// Adds a member with these keys.
    Add(Value),
    /// Removes the member with this URL.
    Remove(&'static str),
    /// Changes these keys of the member with this URL; `status` is a map of flags.
    Member(&'static str, Value),
    /// Changes these keys of the balancer.
    Balancer(Value),
}

/// Up to four changes.
pub(super) fn changes_by_hand() -> impl Strategy<Value = Vec<ByHand>> {
    let url = || prop::sample::select(URLS.to_vec());
    let add = (url(), member_keys(), extra());
    let of_member = keys(vec![
        key("route", json!(["", "n1", "n2", "n3"])),
        key("redirect", json!(["", "n1", "n3"])),
        key("loadfactor", json!([1, 2.5, 7])),
        key("lbset", json!([0, 1])),
        key(
            "status",
            json!([
                { "disabled": true },
                { "disabled": false, "drain": true },
                { "stopped": true, "drain": false },
                { "hot_standby": true },
                { "hot_standby": false, "hot_spare": true },
                { "ignore_errors": true, "stopped": false },
            ]),
        ),
    ]);
    let of_balancer = keys(vec![
        key("lbmethod", json!(["byrequests", "bytraffic", "sessions"])),
        key("stickysession", json!(["", "SID", "JSESSIONID|jsessionid"])),
        key("nofailover", json!([true, false])),
        key("timeout", json!(["0s", "250ms", "5s"])),
        key("maxattempts", json!([0, 1, 3])),
    ]);
    let change = prop_oneof![
        add.prop_map(|(url, keys, extra)| Change::Add(member(url, keys, extra))),
        url().prop_map(Change::Remove),
        (url(), of_member).prop_map(|(url, keys)| Change::Member(url, keys)),
        of_balancer.prop_map(Change::Balancer),
    ];
    let change = (prop::sample::select(vec!["a", "b"]), change);
    let change = change.prop_map(|(balancer, change)| ByHand { balancer, change });
    prop::collection::vec(change, 0..5)
}

impl ByHand {
    /// Makes the change, unless it is one that the API refuses. Returns whether it was made.
    pub(super) fn make(&self, overrides: &mut Overrides, file: &Config) -> bool {
        let now = overrides.over(file);
        let Some(balancer) = now.balancers.iter().find(|it| it.name == self.balancer) else {
            return false;
        };
        let has = |url: &str| balancer.members.iter().any(|it| it.url.text == url);
        let name = self.balancer;
        match &self.change {
            Change::Add(keys) => {
                let member = parse_member(&keys.to_string(), Path::new("added")).unwrap();
                if has(&member.url.text) {
                    return false;
                }
                overrides.add_member(name, member, keys.clone());
            }
            // A file without members is refused, so that there is nothing to compare with.
            Change::Remove(url) if has(url) && balancer.members.len() > 1 => {
                overrides.remove_member(name, url, file);
            }
            Change::Member(url, keys) if has(url) => {
                let change = parse_member_change(&keys.to_string(), Path::new("change")).unwrap();
                overrides.change_member(name, url, &change, None);
            }
            Change::Balancer(keys) => {
                let change = parse_balancer_change(&keys.to_string(), Path::new("change")).unwrap();
                overrides.change_balancer(name, &change);
            }
            Change::Remove(_) | Change::Member(..) => return false,
        }
        true
    }

    /// Writes the change into the file.
    pub(super) fn write(&self, file: &mut Value) {
        let balancer = &mut file["balancers"][self.balancer];
        let Value::Array(members) = &mut balancer["members"] else {
            panic!("a balancer has a list of members");
        };
        match &self.change {
            Change::Add(keys) => members.push(keys.clone()),
            Change::Remove(url) => members.retain(|member| member["url"] != *url),
            Change::Member(url, keys) => {
                let member = members.iter_mut().find(|member| member["url"] == *url);
                write_keys(member.unwrap(), keys);
            }
            Change::Balancer(keys) => write_keys(balancer, keys),
        }
    }
}

/// Writes keys into a map. Flags of `status` are written as the list of those that are set.
fn write_keys(map: &mut Value, keys: &Value) {
    for (key, value) in keys.as_object().into_iter().flatten() {
        match value.as_object() {
            None => map[key] = value.clone(),
            Some(flags) => {
                let before = map[key].as_array().cloned().unwrap_or_default();
                let kept = before
                    .into_iter()
                    .filter(|flag| !flags.contains_key(flag.as_str().unwrap()));
                let set = flags.iter().filter(|(_, set)| **set == json!(true));
                let set = set.map(|(flag, _)| json!(flag));
                map[key] = kept.chain(set).collect();
            }
        }
    }
}
