//! `${NAME}` and `${NAME:-default}`: values from the environment, inside any text value.
//!
//! As in a shell, the default also stands in for an empty variable. `$${` is a literal `${`; every other `$` is
//! itself. Text from a variable is not expanded again.

use crate::fault::{Fault, quoted};
use crate::node::{Entry, Node, Shape};
use crate::report::Report;

/// Looks up an environment variable.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills in all values of a tree. A value that cannot be filled in is reported and marked as unreadable. Without `env` no
/// variable is read, and defaults alone count.
pub(crate) fn fill_in(node: &mut Node, env: Option<Lookup<'_>>, report: &Report) {
    fill_in_value(node, "", env, report);
}

fn fill_in_value(node: &mut Node, key: &str, env: Option<Lookup<'_>>, report: &Report) {
    match &mut node.shape {
        Shape::Scalar(text) => match expand(text, env) {
            Ok(expanded) => *text = expanded,
            Err(faults) => {
                for fault in faults {
                    report.fault(node.place, key, fault);
                }
                node.shape = Shape::Broken;
            }
        },
        Shape::List(items) => {
            for item in items {
                fill_in_value(item, key, env, report);
            }
        }
        Shape::Map(entries) => {
            for Entry { key, value } in entries {
                fill_in_value(value, key.text().unwrap_or_default(), env, report);
            }
        }
        Shape::Null | Shape::Broken => {}
    }
}

/// The text with its variables filled in, or everything that is wrong with them.
fn expand(text: &str, env: Option<Lookup<'_>>) -> Result<String, Vec<Fault>> {
    let mut expanded = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(literal) = before.strip_suffix('$') {
            expanded.push_str(literal);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        let Some((name, behind)) = after.split_once('}') else {
            faults.push(
                Fault::new("`${` is not closed")
                    .hint("write ${NAME} or ${NAME:-default}; a literal `${` is written `$${`"),
            );
            break;
        };
        expanded.push_str(before);
        match value(name, env) {
            Ok(value) => expanded.push_str(&value),
            Err(fault) => faults.push(fault),
        }
        rest = behind;
    }
    expanded.push_str(rest);
    match faults.is_empty() {
        true => Ok(expanded),
        false => Err(faults),
    }
}

/// The value of the text between the braces.
fn value(inside: &str, env: Option<Lookup<'_>>) -> Result<String, Fault> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let mut bytes = name.bytes();
    let starts_well = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !starts_well || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(
            Fault::new(format!("{} is no name of a variable", quoted(name)))
                .hint("write ${NAME} or ${NAME:-default}; a literal `${` is written `$${`"),
        );
    }
    let Some(env) = env else {
        return default.map(str::to_owned).ok_or_else(|| {
            Fault::new(format!("${{{name}}}: the environment is not read here"))
                .hint("send the value itself; a literal `${` is written `$${`")
        });
    };
    match (env(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(
            Fault::new(format!("the environment variable {name} is not set"))
                .hint(format!("set it, or give a default: ${{{name}:-default}}")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_env(text: &str) -> Result<String, String> {
        let env = |name: &str| match name {
            "HOST" => Some("tomcat1".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        };
        expand(text, Some(&env)).map_err(messages)
    }

    fn messages(faults: Vec<Fault>) -> String {
        let messages: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
        messages.join(", ")
    }

    #[test]
    fn where_the_environment_is_not_read_the_message_says_so() {
        let closed = |text: &str| expand(text, None).map_err(messages);
        assert_eq!(
            closed("a${HOME}"),
            Err("${HOME}: the environment is not read here".to_owned())
        );
        assert_eq!(closed("${HOME:-x}"), Ok("x".to_owned()));
        assert_eq!(closed("$${HOME}"), Ok("${HOME}".to_owned()));
    }

    #[test]
    fn variables_and_defaults() {
        for (text, expanded) in [
            ("plain", "plain"),
            ("ajp://${HOST}:8009", "ajp://tomcat1:8009"),
            ("${HOST}${HOST}", "tomcat1tomcat1"),
            ("${UNSET:-8009}", "8009"),
            ("${UNSET:-}", ""),
            ("${EMPTY}", ""),
            ("${EMPTY:-x}", "x"),
            ("${HOST:-x}", "tomcat1"),
            ("$${HOST}", "${HOST}"),
            ("$$${HOST}", "$${HOST}"),
            ("a$b $$ %{X}e $", "a$b $$ %{X}e $"),
            ("${NESTED}", "${HOST}"),
        ] {
            assert_eq!(with_env(text).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        for (text, message) in [
            ("${UNSET}", "the environment variable UNSET is not set"),
            (
                "${UNSET}${HOST}${OTHER}${",
                "the environment variable UNSET is not set, the environment variable OTHER is not set, `${` is not closed",
            ),
            ("a${HOST", "`${` is not closed"),
            ("${}", "\"\" is no name of a variable"),
            ("${a b}", "\"a b\" is no name of a variable"),
            ("${1X:-d}", "\"1X\" is no name of a variable"),
        ] {
            assert_eq!(with_env(text), Err(message.to_owned()), "{text}");
        }
    }
}
