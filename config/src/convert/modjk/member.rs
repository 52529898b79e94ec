//! A worker of type ajp13 as a member.

use std::time::Duration;

use super::worker::Worker;
use crate::convert::note::Notes;
use crate::convert::value::{Keys, Value};
use crate::field::Kind as _;
use crate::value::{MemberTarget, Route};

/// CPING's wait where nothing says another one, in milliseconds (`common/jk_ajp_common.c`).
const PING_TIMEOUT: i64 = 10_000;
/// Most connections here.
const MOST_CONNECTIONS: i64 = 65_535;
/// The longest duration, in milliseconds: ten years.
const LONGEST: u64 = 3650 * 86_400 * 1000;

/// A member with what differs.
pub(super) struct Turned {
    pub(super) url: String,
    pub(super) keys: Keys,
    pub(super) comments: Vec<String>,
    /// Whether mod_jk waits for ever for its answers.
    pub(super) endless: bool,
    /// `fail_on_status`, which belongs to the balancer here.
    pub(super) fail_on_status: Option<String>,
}

/// The member of a worker; `above` is the balancer that it is in.
///
/// # Errors
///
/// Why it cannot be a member here.
pub(super) fn member(
    worker: &Worker<'_>,
    above: Option<&Worker<'_>>,
    notes: &mut Notes,
) -> Result<Turned, String> {
    let mut turned = Turned {
        url: url(worker, notes)?,
        keys: Keys::default(),
        comments: Vec::new(),
        endless: false,
        fail_on_status: worker.get(&["fail_on_status"]).map(|it| it.value.clone()),
    };
    if above.is_some() {
        of_balancer(worker, &mut turned, notes);
    }
    let get = |name: &str| worker.get(&[name]).or_else(|| above?.get(&[name]));
    if let Some(secret) = get("secret") {
        turned
            .keys
            .set("secret", Value::Secret(secret.value.clone()));
    }
    pool(worker, &mut turned, notes);
    times(worker, &mut turned, notes);
    let recover = above.and_then(|above| above.number(&["recover_time"], notes));
    if let Some((seconds, _)) = recover {
        turned.keys.set("retry", seconds_of(seconds.max(1)));
    }
    let size = worker.number(&["max_packet_size"], notes);
    let size = size.or_else(|| above?.number(&["max_packet_size"], notes));
    if let Some((size, _)) = size {
        let size = size.clamp(8192, 65_536);
        // mod_jk rounds up to whole KiB.
        let size = u64::try_from(size).unwrap_or(8192).next_multiple_of(1024);
        turned.keys.set("packet_size", Value::number(size));
    }
    Ok(turned)
}

/// The url of a worker.
///
/// # Errors
///
/// Why it cannot be a member here.
pub(super) fn url(worker: &Worker<'_>, notes: &mut Notes) -> Result<String, String> {
    let host = worker.get(&["host"]).map_or("localhost", |it| &it.value);
    if host.starts_with('/') {
        return Err("Unix sockets are not supported: give the Tomcat a port".to_owned());
    }
    let port = match worker.number(&["port"], notes) {
        Some((port, _)) if port > 0 => port,
        Some(_) => return Err("its port is 0, and mod_jk sends nothing there either".to_owned()),
        None => 8009,
    };
    let host = match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host.to_ascii_lowercase(),
    };
    let url = format!("ajp://{host}:{port}");
    match MemberTarget::read(&url) {
        Ok(_) => Ok(url),
        Err(fault) => Err(fault.message),
    }
}

/// What counts among the members of a balancer. The weight and rank are set where all members are known.
fn of_balancer(worker: &Worker<'_>, turned: &mut Turned, notes: &mut Notes) {
    let route = worker.get(&["route", "jvm_route"]);
    let domain = worker.get(&["domain"]);
    let redirect = worker.get(&["redirect"]);
    let name = route.map_or(worker.name, |it| &it.value);
    let set = |key: &str, text: &str| (!text.is_empty()).then(|| (key.to_owned(), text.to_owned()));
    let by_route = name.split_once('.').map_or("", |(domain, _)| domain);
    let words = [
        set("route", name),
        set("redirect", redirect.map_or("", |it| &it.value)),
        set("domain", domain.map_or(by_route, |it| &it.value)),
    ];
    for (key, text) in words.into_iter().flatten() {
        match Route::read(&text) {
            Ok(_) => turned.keys.set(&key, Value::text(text)),
            Err(fault) => {
                let place = [route, domain, redirect].into_iter().flatten().next();
                let said = format!("{key} is left out: {}", fault.message);
                match place {
                    Some(property) => notes.name(&property.origin, said),
                    None => turned.comments.push(said),
                }
            }
        }
    }
}

fn pool(worker: &Worker<'_>, turned: &mut Turned, notes: &mut Notes) {
    let sizes = [
        ("max", ["connection_pool_size", "cachesize"]),
        (
            "min",
            ["connection_pool_minsize", "connection_pool_minsize"],
        ),
    ];
    for (key, names) in sizes {
        let Some((size, _)) = worker.number(&names, notes) else {
            continue;
        };
        let least = i64::from(key == "max");
        let size = size.clamp(least, MOST_CONNECTIONS);
        turned.keys.set(key, Value::Plain(size.to_string()));
        let comment = format!(
            "{key}: mod_jk counts it in each process of the web server, here it is the sum"
        );
        turned.comments.push(comment);
    }
    let old = [
        "connection_pool_timeout",
        "cache_timeout",
        "recycle_timeout",
    ];
    if let Some((seconds, property)) = worker.number(&old, notes) {
        match seconds {
            ..=0 => notes.name(
                &property.origin,
                "connection_pool_timeout=0 is left out: idle connections are closed by their `ttl`",
            ),
            seconds => turned.keys.set("ttl", seconds_of(seconds)),
        }
    }
    if let Some((time, _)) = worker.number(&["connection_acquire_timeout"], notes) {
        turned.keys.set("acquire", milliseconds(time));
    }
}

fn times(worker: &Worker<'_>, turned: &mut Turned, notes: &mut Notes) {
    let connect = worker.number(&["socket_connect_timeout"], notes);
    if let Some((time, _)) = connect.filter(|(time, _)| *time > 0) {
        turned.keys.set("connectiontimeout", milliseconds(time));
    }
    let reply = worker.number(&["reply_timeout"], notes);
    match reply.filter(|(time, _)| *time > 0) {
        Some((time, _)) => turned.keys.set("timeout", milliseconds(time)),
        None => {
            turned.endless = true;
            turned.keys.set("timeout", milliseconds(0));
        }
    }
    let wait = worker
        .number(&["ping_timeout"], notes)
        .map(|it| it.0)
        .filter(|time| *time > 0);
    let wait = wait.unwrap_or(PING_TIMEOUT);
    let mode = worker.get(&["ping_mode"]).map_or("", |it| &it.value);
    let before_each = worker
        .number(&["prepost_timeout"], notes)
        .map(|it| it.0)
        .filter(|time| *time > 0);
    let by_mode = mode.contains(['P', 'p', 'A', 'a']).then_some(wait);
    if let Some(time) = before_each.or(by_mode) {
        turned.keys.set("ping", milliseconds(time));
    }
    // CPING behind a connect and of idle connections: a new connection needs none, and old ones are looked at before use.
    for name in ["connect_timeout", "connection_ping_interval"] {
        worker.get(&[name]);
    }
    if let Some((seconds, _)) = worker
        .number(&["socket_timeout"], notes)
        .filter(|it| it.0 > 0)
    {
        let comment = format!(
            "socket_timeout={seconds}: writes have a bound of their own here, and `timeout` bounds the wait for answers"
        );
        turned.comments.push(comment);
    }
}

/// A duration of some milliseconds.
pub(super) fn milliseconds(time: i64) -> Value {
    Value::duration(Duration::from_millis(
        u64::try_from(time).unwrap_or(0).min(LONGEST),
    ))
}

fn seconds_of(time: i64) -> Value {
    milliseconds(time.saturating_mul(1000))
}
