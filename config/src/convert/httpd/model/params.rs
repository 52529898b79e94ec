//! Parameters of workers and balancers: `key=value` behind a url, and in `ProxySet`.

use std::time::Duration;

use super::time::{duration, switch};
use crate::convert::note::{Notes, Origin};
use crate::convert::value::{Keys, Value};
use crate::defaults;
use crate::field::Kind;
use crate::value::{Factor, Route, Separator, SessionNames, StatusCode};

/// A parameter. A word without `=`, such as `nocanon`, has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Param {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) origin: Origin,
}

/// The parameters among some words.
pub(super) fn params(words: &[String], origin: &Origin) -> Vec<Param> {
    let param = |word: &String| {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        Param {
            key: key.to_ascii_lowercase(),
            value,
            origin: origin.clone(),
        }
    };
    words.iter().map(param).collect()
}

/// Keys with the comments that belong to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Turned {
    pub(super) keys: Keys,
    pub(super) comments: Vec<String>,
    /// Parameters of health checks (`hc…`), which belong to the balancer here.
    pub(super) health: Vec<Param>,
}

/// The keys of a member. `children` is the number of processes, which each have `max` connections.
pub(super) fn member(
    params: &[Param],
    is_ajp: bool,
    children: Option<u64>,
    notes: &mut Notes,
) -> Turned {
    let mut turned = Turned::default();
    for param in params {
        if param.key.starts_with("hc") {
            turned.health.push(param.clone());
            continue;
        }
        let text = param.value.as_deref().unwrap_or_default();
        if let Err(why) = member_key(&mut turned, &param.key, text, is_ajp, children) {
            notes.name(&param.origin, format!("{}: {why}", param.key));
        }
    }
    few_and_many(&mut turned.keys, params, notes);
    turned
}

/// Names a `min` above `max`, and writes the `max` for it, as httpd keeps no more connections open.
fn few_and_many(keys: &mut Keys, params: &[Param], notes: &mut Notes) {
    let number = |key: &str| match keys.get(key) {
        Some(Value::Plain(text)) => text.parse::<u64>().ok(),
        _ => None,
    };
    let Some(min) = number("min") else {
        return;
    };
    let Some(max) = number("max") else {
        if min > defaults::MAX {
            keys.set("max", Value::number(min));
        }
        return;
    };
    if min > max {
        keys.set("min", Value::number(max));
        for param in params.iter().filter(|it| it.key == "min") {
            notes.name(&param.origin, "min: more than max; max is written for it");
        }
    }
}

/// Parameters of members for which there is nothing to do here.
const MEANINGLESS: [&str; 9] = [
    "keepalive",
    "flushpackets",
    "flushwait",
    "iobuffersize",
    "receivebuffersize",
    "addressttl",
    "nocanon",
    "upgrade",
    "responsefieldsize",
];

fn member_key(
    turned: &mut Turned,
    key: &str,
    text: &str,
    is_ajp: bool,
    children: Option<u64>,
) -> Result<(), String> {
    let keys = &mut turned.keys;
    match key {
        "route" | "redirect" => {
            Route::read(text).map_err(|fault| fault.message)?;
            keys.set(key, Value::text(text));
        }
        "loadfactor" => {
            Factor::read(text).map_err(|fault| fault.message)?;
            keys.set(key, Value::Plain(text.to_owned()));
        }
        "lbset" => keys.set(key, Value::number(whole(text, 99)?)),
        "ping" | "secret" if !is_ajp => {
            return Err("left out: only AJP connectors know it".to_owned());
        }
        "connectiontimeout"
        | "connectiontimeoutms"
        | "ping"
        | "retry"
        | "timeout"
        | "ttl"
        | "acquire" => member_time(turned, key.trim_end_matches("ms"), text)?,
        "max" | "min" => connections(turned, key, text, children)?,
        "secret" => keys.set(key, Value::Secret(text.to_owned())),
        "iobuffersize" if is_ajp => keys.set("packet_size", Value::number(packet_size(text)?)),
        "status" => status(keys, text)?,
        _ if MEANINGLESS.contains(&key) => {}
        "disablereuse" | "enablereuse" => {
            if switch(text) == Some(key == "disablereuse") {
                return Err(
                    "left out: connections are always kept and looked at before use".to_owned(),
                );
            }
        }
        "smax" => return Err("left out: idle connections are closed by their `ttl`".to_owned()),
        "mapping" => {
            return Err("left out: paths are decided on in the form that Tomcat sees".to_owned());
        }
        _ => return Err("left out: there is no such parameter here".to_owned()),
    }
    Ok(())
}

/// A parameter of a member that is a time.
fn member_time(turned: &mut Turned, key: &str, text: &str) -> Result<(), String> {
    let time = time(text, if key == "acquire" { "ms" } else { "s" })?;
    if matches!(key, "connectiontimeout" | "ping") {
        if time.is_zero() {
            return Err("0 is left out".to_owned());
        }
        suspicious(&mut turned.comments, key, text, time);
    }
    turned.keys.set(key, Value::duration(time));
    Ok(())
}

/// The most or the fewest connections of a member, which httpd counts in each process.
fn connections(
    turned: &mut Turned,
    key: &str,
    text: &str,
    children: Option<u64>,
) -> Result<(), String> {
    let each = whole(text, 65_535)?.max(u64::from(key == "max"));
    let all = each.saturating_mul(children.unwrap_or(1)).min(65_535);
    turned.keys.set(key, Value::number(all));
    turned.comments.push(match children {
        Some(children) => format!("{key}: {each} in each of httpd's {children} processes"),
        None => format!("{key}: httpd counts it in each of its processes, here it is the sum"),
    });
    Ok(())
}

/// People write milliseconds where httpd reads seconds.
fn suspicious(comments: &mut Vec<String>, key: &str, text: &str, time: Duration) {
    let bare = text.bytes().all(|byte| byte.is_ascii_digit());
    if bare && time >= Duration::from_secs(100) {
        comments.push(format!(
            "{key}={text} is seconds for httpd; {text}ms was perhaps meant"
        ));
    }
}

/// `+H`, `-E`, `D`: flags that are set or taken away.
fn status(keys: &mut Keys, text: &str) -> Result<(), String> {
    let mut flags: Vec<Value> = match keys.get("status") {
        Some(Value::List(flags)) => flags.clone(),
        _ => Vec::new(),
    };
    let mut on = true;
    for letter in text.chars() {
        let flag = match letter.to_ascii_uppercase() {
            '+' | '-' => {
                on = letter == '+';
                continue;
            }
            'D' => "disabled",
            'S' => "stopped",
            'I' => "ignore_errors",
            'H' => "hot_standby",
            'R' => "hot_spare",
            'N' => "drain",
            // In error, or its health check failed: a member does not begin so here.
            'E' | 'C' => continue,
            other => return Err(format!("{other} is no status")),
        };
        let flag = Value::text(flag);
        flags.retain(|known| *known != flag);
        if on {
            flags.push(flag);
        }
    }
    keys.set("status", Value::List(flags));
    Ok(())
}

/// The keys of a balancer.
pub(super) fn balancer(params: &[Param], notes: &mut Notes) -> Keys {
    let mut keys = Keys::default();
    for param in params {
        let text = param.value.as_deref().unwrap_or_default();
        if let Err(why) = balancer_key(&mut keys, &param.key, text) {
            notes.name(&param.origin, format!("{}: {why}", param.key));
        }
    }
    keys
}

fn balancer_key(keys: &mut Keys, key: &str, text: &str) -> Result<(), String> {
    let on = || switch(text).ok_or_else(|| format!("{text} is neither On nor Off"));
    match key {
        "lbmethod" => match text {
            "byrequests" | "bytraffic" | "bybusyness" | "heartbeat" => {
                keys.set(key, Value::text(text));
            }
            _ => {
                return Err(format!(
                    "{text}: there is no such method here; byrequests is used"
                ));
            }
        },
        "stickysession" => {
            if let Err(fault) = SessionNames::read(text) {
                keys.set(key, Value::text(""));
                return Err(format!("{}: nothing is sticky, as in httpd", fault.message));
            }
            keys.set(key, Value::text(text));
        }
        "stickysessionsep" => {
            let text = if text.eq_ignore_ascii_case("off") {
                "off"
            } else {
                text
            };
            Separator::read(text).map_err(|fault| fault.message)?;
            keys.set(key, Value::text(text));
        }
        "nofailover" | "forcerecovery" | "failontimeout" => keys.set(key, Value::switch(on()?)),
        "maxattempts" => keys.set(key, Value::number(whole(text, 99)?)),
        "timeout" => keys.set(key, Value::duration(time(text, "s")?)),
        "failonstatus" => {
            let codes: Result<Vec<_>, _> = text
                .split(',')
                .map(|code| match StatusCode::read(code.trim()) {
                    Ok(code) => Ok(Value::number(u64::from(code))),
                    Err(fault) => Err(fault.message),
                })
                .collect();
            keys.set(key, Value::List(codes?));
        }
        "scolonpathdelim" | "nonce" | "growth" | "nocanon" => {}
        _ => return Err("left out: there is no such parameter of a balancer here".to_owned()),
    }
    Ok(())
}

fn whole(text: &str, most: u64) -> Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| format!("{text} is no number"))?;
    match number <= most {
        true => Ok(number),
        false => Err(format!("{text} is more than {most}")),
    }
}

fn time(text: &str, unit: &str) -> Result<Duration, String> {
    duration(text, unit).ok_or_else(|| format!("{text} is no duration"))
}

fn packet_size(text: &str) -> Result<u64, String> {
    whole(text, 65_536).map(|size| size.max(8192))
}
