//! Properties that nothing has asked for: counted, or named with the reason.

use std::collections::BTreeSet;

use super::read::Properties;
use crate::convert::note::Notes;

/// Counts or names every property that became nothing.
pub(super) fn leftover(properties: &Properties, notes: &mut Notes) {
    let mut unused: BTreeSet<&str> = BTreeSet::new();
    for (key, property) in properties.iter() {
        let Some((worker, name)) = split(key) else {
            match key.starts_with("worker.") {
                true if key != "worker.list" && key != "worker.maintain" => {
                    let text =
                        format!("left out: mod_jk does not know {key} either, and does not start");
                    notes.name(&property.origin, text);
                }
                true if key == "worker.maintain" => notes.count(&property.origin),
                true => {}
                // Variables, and settings of the Java side.
                false if properties.is_used(key) => {}
                false => notes.count(&property.origin),
            }
            continue;
        };
        let is_worker = properties.is_used(&format!("worker.{worker}.type"))
            || KNOWN_BY
                .iter()
                .any(|name| properties.is_used(&format!("worker.{worker}.{name}")));
        match (COUNTED.contains(&name), named(name)) {
            (true, _) => notes.count(&property.origin),
            _ if properties.is_used(key) => {}
            (_, Some(why)) if is_worker => {
                notes.name(&property.origin, format!("{name} is left out: {why}"));
            }
            _ if !KNOWN.contains(&name) && named(name).is_none() => {
                let text = format!(
                    "{name} is left out: mod_jk knows no such property, and does not start"
                );
                notes.name(&property.origin, text);
            }
            _ if is_worker => {
                let text =
                    format!("{name} is left out: it means nothing for a worker of this type");
                notes.name(&property.origin, text);
            }
            _ if unused.insert(worker) => {
                let text = format!("the worker {worker} is left out: no rule leads to it");
                notes.name(&property.origin, text);
            }
            _ => {}
        }
    }
}

/// The worker and the property of a key; the property is behind the last dot.
fn split(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix("worker.")?.rsplit_once('.')
}

/// Properties that every worker is asked for that becomes something.
const KNOWN_BY: [&str; 4] = ["host", "port", "balance_workers", "balanced_workers"];

/// Sockets, locks and processes of the web server, and the JVM inside of it.
const COUNTED: &[&str] = &[
    "socket_keepalive",
    "socket_buffer",
    "lock",
    "max_reply_timeouts",
    "error_escalation_time",
    "sysprops",
    "stdout",
    "stderr",
    "class_path",
    "native_lib",
    "ms",
    "mx",
    "debug",
    "prefer_ipv6",
    "read_only",
    "css",
    "ns",
    "xmlns",
    "doctype",
    "prefix",
    "good",
    "bad",
    "user",
    "user_case_insensitive",
];

/// Properties that mod_jk knows and that become something, or nothing that anybody sees.
const KNOWN: &[&str] = &[
    "type",
    "host",
    "port",
    "reference",
    "mount",
    "secret",
    "route",
    "jvm_route",
    "domain",
    "redirect",
    "distance",
    "lbfactor",
    "activation",
    "disabled",
    "stopped",
    "balance_workers",
    "balanced_workers",
    "sticky_session",
    "sticky_session_force",
    "method",
    "session_cookie",
    "session_path",
    "session_cookie_path",
    "set_session_cookie",
    "recover_time",
    "fail_on_status",
    "max_packet_size",
    "reply_timeout",
    "connect_timeout",
    "prepost_timeout",
    "ping_mode",
    "ping_timeout",
    "connection_ping_interval",
    "socket_timeout",
    "socket_connect_timeout",
    "connection_pool_size",
    "connection_pool_minsize",
    "connection_pool_timeout",
    "connection_acquire_timeout",
    "cachesize",
    "cache_timeout",
    "recycle_timeout",
];

/// Why a property of mod_jk has no counterpart.
fn named(name: &str) -> Option<&'static str> {
    Some(match name {
        "retries" | "lb_retries" | "retry_interval" => {
            "see `maxattempts`; a request is tried on other members, never twice on one"
        }
        "recovery_options" => {
            "a request that may have been answered is never repeated unless it is safe to"
        }
        "busy_limit" => "see `max`, which bounds the connections, and `acquire`",
        "source" => "the system chooses the local address",
        _ => return None,
    })
}
