//! `ajpgate set`: changes settings of a member.

use std::process::ExitCode;

use serde_json::{Map, Number, Value};

use super::api::{ApiArgument, ApiError, with};
use super::member::{Member, MemberArguments};
use super::process::show;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    api: ApiArgument,
    #[command(flatten)]
    named: MemberArguments,
    /// Settings: loadfactor, lbset, route, redirect; flags, each true or false: disabled, stopped, drain, hot_standby,
    /// hot_spare, ignore_errors; error=false clears an error
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Changes all settings at once, or none.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    with(&arguments.api, async |api| {
        let change = change(&arguments.settings).map_err(ApiError::Usage)?;
        let member = api.change(&arguments.named.balancer, &arguments.named.member, &change);
        let member = Member::of(member.await?)?;
        show(&format!("{}: {}\n", member.name(), summary(&member)))?;
        Ok(ExitCode::SUCCESS)
    })
}

fn summary(member: &Member) -> String {
    let note = member.note();
    let note = if note.is_empty() {
        note
    } else {
        format!(", {note}")
    };
    let factor = &member.loadfactor;
    format!(
        "{}, loadfactor {factor}, lbset {}{note}",
        member.state, member.lbset
    )
}

/// The body of a change. Its keys are those that the gateway takes, and the gateway judges their values.
fn change(settings: &[String]) -> Result<Value, String> {
    let schema = ajpgate_config::api_schemas();
    let schema = schema.iter().find(|(name, _)| *name == "MemberChange");
    let at = |path: &str| schema.and_then(|(_, schema)| schema.pointer(path)?.as_object());
    let has = |path: &str, key: &str| at(path).is_some_and(|keys| keys.contains_key(key));
    let mut change = Map::new();
    let mut flags = Map::new();
    for setting in settings {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| format!("{setting}: expected KEY=VALUE"))?;
        let flag = key.strip_prefix("status.").unwrap_or(key);
        let before = if has("/properties/status/properties", flag) {
            flags.insert(flag.to_owned(), switch(value))
        } else if key != "status" && has("/properties", key) {
            change.insert(key.to_owned(), self::value(key, value))
        } else {
            let names = ["/properties", "/properties/status/properties"].map(at);
            let names = names.into_iter().flatten().flat_map(Map::keys);
            let names: Vec<&str> = names
                .map(String::as_str)
                .filter(|it| *it != "status")
                .collect();
            return Err(format!("{key}: there are {}", names.join(", ")));
        };
        if before.is_some() {
            return Err(format!("{key}: given twice"));
        }
    }
    if !flags.is_empty() {
        change.insert("status".to_owned(), Value::Object(flags));
    }
    Ok(Value::Object(change))
}

fn switch(value: &str) -> Value {
    match value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        other => Value::from(other),
    }
}

/// A number where the key wants one: `route=1` is a text.
fn value(key: &str, value: &str) -> Value {
    let number = || value.parse::<Number>().ok().map(Value::Number);
    let is_text = matches!(key, "route" | "redirect");
    match is_text {
        true => Value::from(value),
        false => number().unwrap_or_else(|| Value::from(value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(settings: &[&str]) -> Result<Value, String> {
        let settings: Vec<String> = settings.iter().map(|it| (*it).to_owned()).collect();
        change(&settings)
    }

    #[test]
    fn settings_become_one_change() {
        let all = [
            "loadfactor=2.5",
            "lbset=1",
            "route=7",
            "redirect=",
            "drain=true",
            "error=false",
        ];
        let expected = json!({
            "loadfactor": 2.5, "lbset": 1, "route": "7", "redirect": "",
            "status": { "drain": true, "error": false },
        });
        assert_eq!(of(&all), Ok(expected));
        assert_eq!(
            of(&["status.stopped=yes"]),
            Ok(json!({"status": {"stopped": "yes"}}))
        );
        assert_eq!(of(&["route=a=b"]), Ok(json!({"route": "a=b"})));
    }

    #[test]
    fn keys_that_the_gateway_does_not_have_are_named() {
        for (settings, complaint) in [
            (&["drain"][..], "drain: expected KEY=VALUE"),
            (
                &["drain=true", "status.drain=false"],
                "status.drain: given twice",
            ),
            (&["lbset=1", "lbset=2"], "lbset: given twice"),
        ] {
            assert_eq!(of(settings), Err(complaint.to_owned()));
        }
        for unknown in [
            "drian=true",
            "status=true",
            "url=ajp://h",
            "=1",
            "loadfactor.x=1",
        ] {
            let said = of(&[unknown]).unwrap_err();
            let key = unknown.split('=').next().unwrap();
            assert!(said.starts_with(&format!("{key}: there are ")), "{said}");
            assert!(
                said.contains("loadfactor") && said.contains("hot_spare"),
                "{said}"
            );
        }
    }
}
