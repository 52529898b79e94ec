//! `Listen`, the addresses of virtual hosts, and which of them speak TLS.

use super::part::Part;
use crate::convert::note::{Notes, Origin};
use crate::convert::site::Listener;
use crate::convert::value::{Keys, Value};

/// The port of an address: `*:443`, `[::1]:80`, `80`; `None`: none is said, or any.
pub(super) fn port(address: &str) -> Option<u16> {
    match address.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => port.parse().ok(),
        _ => address.parse().ok(),
    }
}

/// The addresses that `Listen` names, each with whether it was said to be https.
pub(super) fn listened(main: &Part) -> Vec<(String, u16, bool, Origin)> {
    let mut found: Vec<(String, u16, bool, Origin)> = Vec::new();
    for (words, origin) in &main.listens {
        let Some(address) = words.first() else {
            continue;
        };
        let Some(port) = port(address) else { continue };
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        let host = if matches!(host, "" | "*") {
            "0.0.0.0"
        } else {
            host
        };
        let is_https = words
            .get(1)
            .is_some_and(|it| it.eq_ignore_ascii_case("https"));
        let bind = format!("{host}:{port}");
        if !found.iter().any(|known| known.0 == bind) {
            found.push((bind, port, is_https, origin.clone()));
        }
    }
    found
}

/// Whether a virtual host speaks TLS.
pub(super) fn is_secure(host: &Part, main: &Part) -> bool {
    host.secure.unwrap_or_else(|| {
        main.secure.unwrap_or(false)
            || listened(main).iter().any(|(_, listened, https, _)| {
                *https && host.addresses.iter().any(|it| port(it) == Some(*listened))
            })
    })
}

/// The one port at which a server, the main one or a virtual host, answers; `None`: there are several, or none is said.
pub(super) fn only_port(own: &Part, main: &Part) -> Option<u16> {
    let named = own.names.iter().filter_map(|(name, _)| port(name));
    let mut ports: Vec<Option<u16>> = match own.addresses.is_empty() {
        true => listened(main).iter().map(|it| Some(it.1)).collect(),
        false => own.addresses.iter().map(|it| port(it)).collect(),
    };
    ports.extend(named.map(Some));
    ports.dedup();
    match ports.as_slice() {
        [port] => *port,
        _ => None,
    }
}

/// Whether an address is left that no virtual host answers, so that the main server does.
pub(super) fn main_answers(main: &Part, hosts: &[Part]) -> bool {
    let answered = |wanted: u16| {
        let mut addresses = hosts.iter().flat_map(|host| &host.addresses);
        addresses.any(|address| port(address).is_none_or(|port| port == wanted))
    };
    let ports: Vec<u16> = listened(main).iter().map(|it| it.1).collect();
    !hosts.is_empty()
        && (!main.passes.is_empty() || main.jk.sends_on())
        && ports.into_iter().any(|port| !answered(port))
}

/// Names the virtual hosts that are told from others by their ports, which mappings do not know.
pub(super) fn name_ports(main: &Part, hosts: &[Part], notes: &mut Notes) {
    let ports = |host: &Part| {
        let mut ports: Vec<_> = host.addresses.iter().map(|it| port(it)).collect();
        ports.sort_unstable();
        ports
    };
    for secure in [false, true] {
        let mut same = hosts.iter().filter(|it| is_secure(it, main) == secure);
        let Some(first) = same.next() else { continue };
        for host in same.filter(|it| ports(it) != ports(first)) {
            let text = format!(
                "its ports differ from those of line {}, and mappings know no port: its rules count for its ServerName on every \
                 listener; use a second gateway where a port keeps people out",
                first.origin.line
            );
            notes.name(&host.origin, text);
        }
    }
}

/// Names the virtual hosts that are told from others by their addresses, which mappings do not know.
pub(super) fn name_addresses(hosts: &[Part], notes: &mut Notes) {
    // Without its port; that of every address is empty.
    let bare = |address: &String| {
        let host = address
            .rsplit_once(':')
            .map_or(&**address, |(host, _)| host);
        match host.eq_ignore_ascii_case("_default_") || host == "*" {
            true => String::new(),
            false => host.to_ascii_lowercase(),
        }
    };
    let shares = |one: &String, other: &String| match (port(one), port(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    for (at, host) in hosts.iter().enumerate() {
        let mut before = hosts.iter().take(at);
        let differing = before.find(|before| {
            let pairs = before.addresses.iter();
            let mut pairs =
                pairs.flat_map(|one| host.addresses.iter().map(move |other| (one, other)));
            pairs.any(|(one, other)| shares(one, other) && bare(one) != bare(other))
        });
        if let Some(before) = differing {
            let text = format!(
                "its address differs from that of line {}, and mappings know no address: the rules of both count for their \
                 names on every address; use a second gateway where an address keeps people out",
                before.origin.line
            );
            notes.name(&host.origin, text);
        }
    }
}

/// The listeners.
pub(super) fn listeners(main: &Part, hosts: &[Part], notes: &mut Notes) -> Vec<Listener> {
    let mut addresses = listened(main);
    let mut comments = Vec::new();
    if addresses.is_empty() {
        for host in hosts {
            for port in host.addresses.iter().filter_map(|address| port(address)) {
                let bind = format!("0.0.0.0:{port}");
                if !addresses.iter().any(|known| known.0 == bind) {
                    addresses.push((bind, port, false, host.origin.clone()));
                }
            }
        }
    }
    if addresses.is_empty() {
        comments.push("the old file has no Listen".to_owned());
        addresses.push(("0.0.0.0:80".to_owned(), 80, false, main.origin.clone()));
    }
    let mut listeners = Vec::new();
    for (bind, at, https, origin) in addresses {
        let here = |host: &&Part| {
            let mut addresses = host.addresses.iter();
            addresses.any(|address| port(address).is_none_or(|port| port == at))
        };
        let here: Vec<&Part> = hosts.iter().filter(here).collect();
        let mut secure: Vec<&Part> = here
            .iter()
            .copied()
            .filter(|it| is_secure(it, main))
            .collect();
        if hosts.is_empty() && main.secure == Some(true) || https && here.is_empty() {
            secure.push(main);
        }
        let tls = tls(&secure, main, &origin, notes);
        let keys = keys(&here, main, tls, notes);
        listeners.push(Listener {
            bind,
            keys,
            origin: Some(origin),
            comments: comments.clone(),
        });
    }
    listeners
}

/// The keys of a listener.
fn keys(here: &[&Part], main: &Part, tls: Option<Keys>, notes: &mut Notes) -> Keys {
    let mut keys = Keys::default();
    let protocols = here.iter().map(|it| &it.protocols).chain([&main.protocols]);
    let protocols: Vec<&str> = protocols.flatten().map(String::as_str).collect();
    match tls {
        Some(tls) => {
            keys.set("tls", Value::Map(tls));
            if !protocols.is_empty() && !protocols.contains(&"h2") {
                keys.set("http2", Value::switch(false));
            }
        }
        None if protocols.contains(&"h2c") => keys.set("http2", Value::switch(true)),
        None => {}
    }
    let proxied = here.iter().find_map(|it| it.proxy_protocol.as_ref());
    if let Some(line) = proxied.or(main.proxy_protocol.as_ref()) {
        match main.whole.keys.get("trusted_proxies") {
            Some(_) => keys.set("proxy_protocol", Value::switch(true)),
            None => notes.name(
                line,
                "left out: write `proxy_protocol: true`, and whom to believe in `trusted_proxies`",
            ),
        }
    }
    keys
}

/// `tls` of a listener from those of its virtual hosts: the first one's, with the certificates of the others.
fn tls(secure: &[&Part], main: &Part, origin: &Origin, notes: &mut Notes) -> Option<Keys> {
    if secure.is_empty() {
        return None;
    }
    let mut all: Vec<Keys> = Vec::new();
    for part in secure {
        let mut keys = main.tls.clone();
        keys.merge(&part.tls);
        match keys.get("certificate").is_some() {
            true if !all.contains(&keys) => all.push(keys),
            true => {}
            false => notes.name(
                &part.origin,
                "SSLEngine is on, and no SSLCertificateFile says which certificate",
            ),
        }
    }
    let Some((first, further)) = all.split_first() else {
        notes.name(
            origin,
            "the listener has no certificate: it is written without `tls`",
        );
        return None;
    };
    let mut keys = first.clone();
    for other in further {
        let pair = ["certificate", "private_key"]
            .into_iter()
            .filter_map(|key| Some((key, other.get(key)?.clone())));
        let mut item = Keys::default();
        for (key, value) in pair {
            item.set(key, value);
        }
        keys.push("certificates", Value::Map(item));
    }
    Some(keys)
}
