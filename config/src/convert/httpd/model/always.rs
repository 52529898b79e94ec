//! `Header always`: fields of every answer, those of the server's own too.

use super::part::Part;
use crate::convert::note::{Notes, Origin};
use crate::convert::site::{Access, Beside, Overlay, Site, Takes, Who};
use crate::convert::value::{Keys, Value};

/// What `Header always` says of a server.
pub(super) fn of_server(parts: &[&Part]) -> Keys {
    let mut all = Keys::default();
    for part in parts {
        all.merge(&part.always);
    }
    all
}

/// Puts what `Header always` says to the whole file, where it counts for answers of the gateway's own; where servers differ,
/// to their mappings.
pub(super) fn headers(
    site: &mut Site,
    always: &[Keys],
    main: &Part,
    hosts: &[&Part],
    notes: &mut Notes,
) {
    let Some(first) = always.iter().find(|it| !it.is_empty()) else {
        return;
    };
    let pairs = || site.servers.iter().zip(always);
    let by_tls = pairs().all(|(server, own)| match server.secure {
        Some(true) => own == first,
        _ => own.is_empty(),
    });
    if always.iter().all(|own| own == first) {
        site.keys.merge(first);
    } else if let Some(rules) = by_tls.then(|| over_tls(first)).flatten() {
        site.keys.merge(&rules);
    } else {
        for (server, own) in site.servers.iter_mut().zip(always) {
            let origin = hosts
                .first()
                .map_or(&main.origin, |host| &host.origin)
                .clone();
            server.overlays.insert(0, every_path(own.clone(), origin));
        }
        for part in hosts.iter().filter(|part| !part.always.is_empty()) {
            let text = "`Header always` of one virtual host does not reach the gateway's own answers (errors, redirects)";
            notes.name(&part.origin, text);
        }
    }
}

/// The same rules for clients that come over TLS; `None`: one has another condition.
fn over_tls(always: &Keys) -> Option<Keys> {
    let mut all = Keys::default();
    for (key, value) in always.iter() {
        let Value::List(rules) = value else {
            return None;
        };
        for rule in rules {
            match rule {
                Value::Map(rule) if rule.get("when").is_none() => {
                    let mut rule = rule.clone();
                    rule.set("when", Value::text("HTTPS"));
                    all.push(key, Value::Map(rule));
                }
                _ => return None,
            }
        }
    }
    Some(all)
}

/// Keys for every mapping of a server.
pub(super) fn every_path(keys: Keys, origin: Origin) -> Overlay {
    Overlay {
        takes: Takes::Path("/".to_owned()),
        keys,
        access: Access::default(),
        target: None,
        hosts: Vec::new(),
        origin,
    }
}

/// Closes every path of a server: why, and where that stands.
pub(super) fn closed(why: String, origin: Origin) -> Overlay {
    let mut overlay = every_path(Keys::default(), origin.clone());
    overlay.access.beside.push(Beside {
        who: Who::Nobody(why),
        origin,
    });
    overlay
}
