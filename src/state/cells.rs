//! Changes by hand as cells of a cluster: one for each setting, so that gateways may change different ones at a time.
//!
//! The key of a cell is a list of names as JSON, `["shop","members","ajp://10.0.0.11:8009","status","drain"]`; its value
//! is what the state file has there, as JSON. A member's name is the place of its url.

use std::collections::BTreeMap;
use std::path::Path;

use ajpgate_config::{MemberChange, parse_member_change, place_of};
use serde_json::{Map, Value, json};

use super::changes::flags_json;
use crate::cluster::{Cell, Cells, Writes};

/// The maps in the state file that have the flags of changed members.
const MEMBERS: &str = "members";
const STATUS: &str = "status";

/// The part of the state file that names no members.
const SETTINGS: &str = "settings";

/// The lists in the state file. Their items are cells by the member's place.
const ADDED: &str = "added";
const REMOVED: &str = "removed";

/// The routes that this gateway has learned. They are no changes by hand: gateways tell them with their sessions
/// (`cluster::exchange`), and they end with the member, which each gateway sees at another time.
const LEARNED: &str = "learned";

/// The members that are gone from their sources, which each gateway sees at another time too.
const GONE: &str = "gone";

/// What a cell's key stands for, without values: they may be secrets.
pub(super) fn shown(key: &str) -> String {
    path(key).map_or_else(|| key.to_owned(), |path| path.join(" "))
}

/// Values by key, of what the state file has.
pub(super) fn values(state: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (balancer, parts) in state.as_object().into_iter().flatten() {
        for (part, value) in parts.as_object().into_iter().flatten() {
            let items = value.as_array().into_iter().flatten();
            let key = |url: &str| json!([balancer, part, place_of(url)]).to_string();
            match part.as_str() {
                ADDED => all.extend(items.filter_map(|keys| {
                    let url = keys.get("url")?.as_str()?;
                    Some((key(url), keys.to_string()))
                })),
                REMOVED => all.extend(items.filter_map(|url| {
                    let url = url.as_str()?;
                    Some((key(url), Value::Bool(true).to_string()))
                })),
                LEARNED | GONE => {}
                _ => leaves(&[balancer, part], value, &mut all),
            }
        }
    }
    all
}

/// The values of a map in maps.
fn leaves(path: &[&str], value: &Value, all: &mut BTreeMap<String, String>) {
    let Some(map) = value.as_object() else {
        all.insert(json!(path).to_string(), value.to_string());
        return;
    };
    for (name, value) in map {
        let mut path = path.to_vec();
        path.push(name);
        leaves(&path, value, all);
    }
}

/// The writes that bring cells of earlier versions, whose keys have urls as they were written, under the keys that they
/// have in `after`.
pub(super) fn respelled(known: &Cells, after: &BTreeMap<String, String>) -> Writes {
    let mut writes = Writes::new();
    for (key, _) in known.iter().filter(|(_, cell)| cell.value.is_some()) {
        let Some(mut path) = path(key) else { continue };
        let is_setting = path.get(1).is_none_or(|part| part == SETTINGS);
        let Some(url) = path.get_mut(2).filter(|_| !is_setting) else {
            continue;
        };
        let place = place_of(url);
        if *url != place {
            *url = place;
            let new = json!(path).to_string();
            let value = after.get(&new).cloned();
            writes.insert(key.clone(), None);
            if known.get(&new).and_then(|cell| cell.value.as_ref()) != value.as_ref() {
                writes.insert(new, value);
            }
        }
    }
    writes
}

/// The writes that turn `before` into `after`.
pub(super) fn difference(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Writes {
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let gone = gone.map(|key| (key.clone(), None));
    let new = after.iter();
    let new = new.filter(|(key, value)| before.get(*key) != Some(value));
    let new = new.map(|(key, value)| (key.clone(), Some(value.clone())));
    gone.chain(new).collect()
}

/// The flags that a change of a member sets, as cells.
pub(super) fn of_flags(balancer: &str, url: &str, change: &MemberChange) -> Writes {
    let change =
        json!({ balancer: { MEMBERS: { place_of(url): { STATUS: flags_json(change) } } } });
    let values = values(&change).into_iter();
    values.map(|(key, value)| (key, Some(value))).collect()
}

/// The member whose flag a cell sets: balancer, place and the change. `None` for other cells.
pub(super) fn flag(key: &str, cell: &Cell) -> Option<(String, String, MemberChange)> {
    let path = path(key)?;
    let [balancer, part, url, status, flag] = &path[..] else {
        return None;
    };
    let value: Value = serde_json::from_str(cell.value.as_ref()?).ok()?;
    let change = json!({ STATUS: { flag: value } }).to_string();
    let change = parse_member_change(&change, Path::new("cell")).ok()?;
    let is_flag = part == MEMBERS && status == STATUS;
    is_flag.then(|| (balancer.clone(), place_of(url), change))
}

/// What the state file has for these cells. Members that were added stand in the order of their versions. A cell that
/// cannot be read is left out.
pub(super) fn state(cells: &Cells) -> Value {
    let mut balancers = Map::new();
    let mut added = Vec::new();
    for (key, cell) in cells {
        let value = cell.value.as_ref();
        let value = value.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let (Some(path), Some(value)) = (path(key), value) else {
            continue;
        };
        match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [balancer, ADDED, _] => added.push((cell.version, balancer.to_owned(), value)),
            [balancer, REMOVED, url] => push(&mut balancers, balancer, REMOVED, Value::from(url)),
            ref path => put(&mut balancers, path, value),
        }
    }
    added.sort_by_key(|(version, ..)| *version);
    for (_, balancer, keys) in added {
        push(&mut balancers, &balancer, ADDED, keys);
    }
    // Each has its maps and lists, also when they are empty.
    for balancer in balancers.values_mut().filter_map(Value::as_object_mut) {
        for list in [ADDED, REMOVED] {
            balancer.entry(list).or_insert_with(|| json!([]));
        }
        for map in [SETTINGS, MEMBERS] {
            balancer.entry(map).or_insert_with(|| json!({}));
        }
    }
    Value::Object(balancers)
}

fn path(key: &str) -> Option<Vec<String>> {
    serde_json::from_str(key).ok()
}

/// The map of a name, made if it is not there.
fn within<'m>(map: &'m mut Map<String, Value>, name: &str) -> Option<&'m mut Map<String, Value>> {
    let inner = map.entry(name).or_insert_with(|| json!({}));
    inner.as_object_mut()
}

fn push(balancers: &mut Map<String, Value>, balancer: &str, list: &str, item: Value) {
    let items = within(balancers, balancer).map(|it| it.entry(list).or_insert_with(|| json!([])));
    if let Some(Value::Array(items)) = items {
        items.push(item);
    }
}

fn put(mut map: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((last, names)) = path.split_last() else {
        return;
    };
    for name in names {
        let Some(inner) = within(map, name) else {
            return;
        };
        map = inner;
    }
    map.insert((*last).to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::overrides::Overrides;

    fn cells(values: &BTreeMap<String, String>) -> Cells {
        let cells = values.iter().map(|(key, value)| {
            let value = Some(value.clone());
            (key.clone(), Cell { version: 1, value })
        });
        cells.collect()
    }

    #[test]
    fn cells_have_what_the_state_file_has() {
        let file = json!({ "shop": {
            "settings": { "lbmethod": "bytraffic", "nofailover": true },
            "members": { "ajp://a:8009": { "loadfactor": "2.5", "status": { "drain": true, "stopped": false } } },
            "added": [{ "url": "ajp://c:8009", "route": "c" }],
            "removed": ["ajp://b:8009"],
        }});
        let values = values(&file);
        let drain = r#"["shop","members","ajp://a:8009","status","drain"]"#;
        assert_eq!(values[drain], "true");
        assert_eq!(shown(drain), "shop members ajp://a:8009 status drain");
        assert_eq!(values.len(), 7);
        assert_eq!(state(&cells(&values)), file);
    }

    #[test]
    fn learned_routes_are_no_cells_and_outlast_what_others_change() {
        let folder = Path::new("");
        let read = |state| Overrides::from_json(&state, folder).unwrap();
        let mut own = read(json!({ "shop": {
            "settings": {}, "members": { "ajp://a:8009": { "loadfactor": 2 } }, "routes": { "ajp://a:8009": "" },
            "added": [], "removed": [],
        }}));
        let shared = values(&own.to_json());
        own.learn("shop", "ajp://a:8009", "node1");
        let learned = r#"["shop","learned","ajp://a:8009"]"#;
        assert!(!values(&own.to_json()).contains_key(learned));
        // The change that another gateway made before it had learned the route goes on here.
        let taken_up = read(state(&cells(&shared))).with_own(&own);
        assert_eq!(taken_up, own);
    }

    #[test]
    fn flags_are_cells_that_say_whose_they_are() {
        let change = "{\"lbset\": 2, \"status\": {\"drain\": true, \"disabled\": false}}";
        let change = parse_member_change(change, Path::new("change")).unwrap();
        let cells = of_flags("shop", "ajp://a:8009", &change);
        let key = r#"["shop","members","ajp://a:8009","status","drain"]"#;
        assert_eq!(cells.len(), 2);
        assert_eq!(cells[key].as_deref(), Some("true"));
        let cell = |value: Option<&str>| Cell {
            version: 1,
            value: value.map(str::to_owned),
        };
        let (balancer, url, drain) = flag(key, &cell(Some("true"))).unwrap();
        assert_eq!((balancer.as_str(), url.as_str()), ("shop", "ajp://a:8009"));
        assert_eq!((drain.drain, drain.disabled), (Some(true), None));
        for (key, value) in [
            (key, None),
            (key, Some("perhaps")),
            (r#"["shop","members","ajp://a:8009","lbset"]"#, Some("2")),
            (
                r#"["shop","members","ajp://a:8009","status","drian"]"#,
                Some("true"),
            ),
            ("horizon", Some("true")),
        ] {
            assert_eq!(flag(key, &cell(value)), None, "{key} {value:?}");
        }
    }

    #[test]
    fn one_cell_alone_is_a_state_file() {
        let drain = json!(["shop", "members", "ajp://a:8009", "status", "drain"]);
        let values = BTreeMap::from([(drain.to_string(), "true".to_owned())]);
        let state = state(&cells(&values));
        let folder = Path::new("");
        let read = Overrides::from_json(&state, folder).unwrap();
        assert_eq!(super::values(&read.to_json()), values);
    }

    #[test]
    fn cells_of_earlier_versions_come_under_the_place_of_their_member() {
        let drain = |url: &str| json!(["shop", "members", url, "status", "drain"]).to_string();
        let (old, new) = (drain("ajp://A"), drain("ajp://a:8009"));
        let known = cells(&BTreeMap::from([
            (old.clone(), "true".to_owned()),
            (
                json!(["shop", "settings", "timeout"]).to_string(),
                "1".to_owned(),
            ),
        ]));
        let read = Overrides::from_json(&state(&known), Path::new("")).unwrap();
        let after = values(&read.to_json());
        assert_eq!(after.get(&new).map(String::as_str), Some("true"));
        let writes = respelled(&known, &after);
        let expected = [(old, None), (new, Some("true".to_owned()))];
        assert_eq!(writes, Writes::from(expected));
        assert_eq!(respelled(&cells(&after), &after), Writes::new());
    }

    #[test]
    fn a_difference_has_what_is_new_and_what_is_gone() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect()
        };
        let found = difference(
            &of(&[("a", "1"), ("b", "1"), ("c", "1")]),
            &of(&[("a", "2"), ("b", "1")]),
        );
        let expected = [
            ("a".to_owned(), Some("2".to_owned())),
            ("c".to_owned(), None),
        ];
        assert_eq!(found, Writes::from(expected));
    }

    #[test]
    fn members_that_were_added_stand_in_the_order_of_their_versions() {
        let cell = |version, url: &str| {
            let value = Some(json!({ "url": url }).to_string());
            (
                json!(["a", "added", url]).to_string(),
                Cell { version, value },
            )
        };
        let mut cells = Cells::from([cell(3, "ajp://a:8009"), cell(2, "ajp://b:8009")]);
        cells.insert(
            "no key".to_owned(),
            Cell {
                version: 1,
                value: Some("1".to_owned()),
            },
        );
        cells.insert(
            "[\"a\",\"removed\",\"x\"]".to_owned(),
            Cell {
                version: 1,
                value: None,
            },
        );
        let added = json!([{ "url": "ajp://b:8009" }, { "url": "ajp://a:8009" }]);
        assert_eq!(state(&cells)["a"]["added"], added);
    }
}
