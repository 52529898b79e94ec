//! Keys that count for all virtual hosts here, from what the main server and each virtual host say.

use super::local;
use super::part::Part;
use crate::convert::files::Files;
use crate::convert::note::Notes;
use crate::convert::value::{Keys, Value};

/// The keys of the whole file.
pub(super) fn keys(main: &Part, hosts: &[&Part], files: &dyn Files, notes: &mut Notes) -> Keys {
    let mut keys = main.whole.keys.clone();
    for host in hosts {
        for (key, value) in host.whole.keys.iter() {
            let is_other = keys.get(key).is_some_and(|known| known != value);
            if is_other && hosts.len() > 1 {
                let text = format!("its {key} are left out: they count for all virtual hosts here");
                notes.name(&host.origin, text);
            }
            keys.set_default(key, value.clone());
        }
    }
    // Without a log of the main server, the first one of a virtual host counts.
    let mut logging = hosts.iter().map(|host| &host.whole);
    let host = match hosts {
        [host] => Some(&host.whole),
        _ if main.whole.logs() => None,
        _ => logging.find(|host| host.logs()),
    };
    if let Some(log) = main.whole.access_log(host, notes) {
        keys.set("access_log", log);
    }
    let alone: Vec<&Part> = match hosts {
        [host] => vec![main, host],
        _ => vec![main],
    };
    let pages = local::error_pages(&alone, files, notes);
    if !pages.is_empty() {
        keys.set("error_pages", Value::Map(pages));
    }
    let overriding = alone
        .iter()
        .rev()
        .find_map(|part| part.error_override.clone());
    if let Some(value) = overriding {
        keys.set("error_override", value);
    }
    if hosts.len() > 1 {
        for host in hosts.iter().filter(|host| host.error_override.is_some()) {
            let text = "ProxyErrorOverride of one virtual host is left out: `error_override` counts for all";
            notes.name(&host.origin, text);
        }
    }
    keys
}
