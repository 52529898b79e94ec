//! Files of groups (`AuthGroupFile`). The gateway knows none: the members of a group are written beside the names of users.

use std::path::Path;

use crate::convert::files::{Files, text_of};
use crate::convert::site::GROUPS;
use crate::convert::value::{Keys, Value};

/// Writes the members of the groups of a mapping beside the names of its users. Returns what is said about that.
///
/// # Errors
///
/// Why nobody knows who they are.
pub(super) fn resolve(keys: &mut Keys, files: &dyn Files) -> Result<Option<String>, String> {
    let Some(Value::Map(mut auth)) = keys.get("auth").cloned() else {
        return Ok(None);
    };
    let Some(Value::Map(mut basic)) = auth.get("basic").cloned() else {
        return Ok(None);
    };
    let Some(Value::List(wanted)) = basic.remove(GROUPS) else {
        return Ok(None);
    };
    let wanted: Vec<&str> = wanted.iter().filter_map(text).collect();
    let Some((file, groups)) = wanted.split_first() else {
        return Ok(None);
    };
    let bytes = files.read(Path::new(file));
    let bytes = bytes.map_err(|why| {
        format!("the groups are in {file}, which cannot be read ({why}): convert where it is")
    })?;
    let mut names: Vec<String> = match basic.get("only") {
        Some(Value::List(names)) => names.iter().filter_map(text).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    for name in members(&text_of(&bytes), groups) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Err(format!(
            "nobody is in these groups of {file}: {}",
            groups.join(", ")
        ));
    }
    basic.set("only", Value::texts(names));
    auth.set("basic", Value::Map(basic));
    keys.set("auth", Value::Map(auth));
    Ok(Some(format!(
        "the members of {} stand in `only`, as {file} has them now",
        groups.join(", ")
    )))
}

/// Who is in one of some groups (`modules/aaa/mod_authz_groupfile.c: groups_for_user()`).
fn members(text: &str, groups: &[&str]) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with('#'));
    let lines = lines.filter_map(|line| line.split_once(':'));
    let wanted = lines.filter(|(group, _)| groups.contains(&group.trim()));
    let names = wanted.flat_map(|(_, names)| names.split_whitespace());
    names.map(str::to_owned).collect()
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
