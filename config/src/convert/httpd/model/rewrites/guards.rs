//! What a rule forbids to some clients, as what counts beside sections.

use super::conditions::{Clients, Held};
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::meet;
use crate::convert::site::{Access, Beside, Overlay, Takes, Who};
use crate::convert::value::Keys;

/// What a rule forbids to some clients, and the paths for which it does not.
pub(super) fn guards(held: Held, status: u16, origin: &Origin, notes: &mut Notes) -> Vec<Overlay> {
    if status != 403 {
        let text = format!("whom it keeps out gets 403 here, {status} in httpd");
        notes.name(origin, text);
    }
    let who = match held.clients {
        None => Who::NotIn(["0.0.0.0/0", "::/0"].map(str::to_owned).to_vec()),
        Some(Clients::In(addresses)) => {
            let mut networks = addresses.networks;
            if addresses.further {
                let text = "clients with IPv6 addresses are kept out, because its expression may take some of them";
                notes.name(origin, text);
                networks.push("::/0".to_owned());
            }
            Who::NotIn(networks)
        }
        Some(Clients::NotIn(addresses)) => {
            if addresses.further {
                let text =
                    "clients with IPv6 addresses are kept out, those that its expression takes too";
                notes.name(origin, text);
            }
            Who::In(addresses.networks)
        }
    };
    let hosts = held.hosts;
    let overlay = |takes: Takes, access: Access| Overlay {
        takes,
        keys: Keys::default(),
        access,
        target: None,
        hosts: hosts.clone(),
        origin: origin.clone(),
    };
    let beside = Beside {
        who,
        origin: origin.clone(),
    };
    let guard = Access {
        beside: vec![beside],
        ..Access::default()
    };
    let paths = held.paths.unwrap_or_else(|| Takes::Path("/".to_owned()));
    let mut except = held.except;
    except.retain(|takes| meet(takes, &paths));
    let mut guards = vec![overlay(paths, guard)];
    for takes in except {
        let access = Access {
            lifted: vec![origin.clone()],
            ..Access::default()
        };
        guards.push(overlay(takes, access));
    }
    guards
}
