//! What is written for each address at which httpd listens.

use super::addresses::{Listen, is_secure, port};
use super::part::Part;
use crate::convert::note::{Notes, Origin};
use crate::convert::site::Listener;
use crate::convert::value::{Keys, Value};

/// The listeners of a gateway that stands for some virtual hosts.
pub(super) fn listeners(
    main: &Part,
    hosts: &[&Part],
    listens: &[Listen],
    notes: &mut Notes,
) -> Vec<Listener> {
    let mut listeners = Vec::new();
    for listen in listens {
        let Listen { bind, port: at, .. } = listen;
        let here = |host: &&Part| {
            let mut addresses = host.addresses.iter();
            addresses.any(|address| port(address).is_none_or(|port| port == *at))
        };
        let here: Vec<&Part> = hosts.iter().copied().filter(here).collect();
        let mut secure: Vec<&Part> = here
            .iter()
            .copied()
            .filter(|it| is_secure(it, main))
            .collect();
        if here.is_empty() && is_secure(main, main) {
            secure.push(main);
        }
        let tls = tls(&secure, main, &listen.origin, notes);
        let keys = keys(&here, main, tls, notes);
        listeners.push(Listener {
            bind: bind.clone(),
            keys,
            origin: Some(listen.origin.clone()),
            comments: match listen.is_assumed {
                true => vec!["the old file has no Listen".to_owned()],
                false => Vec::new(),
            },
        });
    }
    listeners
}

/// The keys of a listener.
fn keys(here: &[&Part], main: &Part, tls: Option<Keys>, notes: &mut Notes) -> Keys {
    let mut keys = Keys::default();
    // What a virtual host says stands in place of what the main server says.
    let of_host = |host: &&Part| match host.protocols.is_empty() {
        true => main.protocols.clone(),
        false => host.protocols.clone(),
    };
    let protocols: Vec<String> = match here.is_empty() {
        true => main.protocols.clone(),
        false => here.iter().flat_map(of_host).collect(),
    };
    let speaks = |name: &str| protocols.iter().any(|it| it == name);
    match tls {
        Some(tls) => {
            keys.set("tls", Value::Map(tls));
            if !protocols.is_empty() && !speaks("h2") {
                keys.set("http2", Value::switch(false));
            }
        }
        None if speaks("h2c") => keys.set("http2", Value::switch(true)),
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

/// Names the lines about certificates of servers that speak no TLS. `hosts` are the virtual hosts that are kept.
pub(super) fn without_tls(main: &Part, hosts: &[&Part], notes: &mut Notes) {
    // What the main server says counts for its virtual hosts.
    let main_counts = is_secure(main, main) || hosts.iter().any(|host| is_secure(host, main));
    let silent = hosts.iter().filter(|host| !is_secure(host, main));
    let silent = silent.copied().chain(Some(main).filter(|_| !main_counts));
    for (name, origin) in silent.flat_map(|part| &part.tls_lines) {
        let text = format!(
            "{name} is left out: no SSLEngine is on for it, and its clients come without TLS"
        );
        notes.name(origin, text);
    }
}

/// Names the lines that say `https` of an address at which nobody speaks TLS.
pub(super) fn not_https(main: &Part, hosts: &[&Part], listens: &[Listen], notes: &mut Notes) {
    for listen in listens.iter().filter(|it| it.is_https) {
        let at = |host: &&&Part| {
            let mut addresses = host.addresses.iter();
            addresses.any(|it| port(it).is_none_or(|port| port == listen.port))
        };
        let mut here = hosts.iter().filter(at).peekable();
        let speaks = match here.peek() {
            Some(_) => here.any(|host| is_secure(host, main)),
            None => is_secure(main, main),
        };
        if !speaks {
            let text = "written without `tls`: httpd speaks TLS there only with SSLEngine On, or where its virtual host has a \
                        certificate";
            notes.name(&listen.origin, text);
        }
    }
}

/// The keys of `tls` that say which clients come in.
const ABOUT_CLIENTS: [&str; 3] = ["client_auth", "client_ca", "client_crl"];

/// The keys of `tls` of a server.
fn own_tls(part: &Part, main: &Part) -> Keys {
    let mut keys = main.tls.clone();
    keys.merge(&part.tls);
    keys
}

/// Why the clients of a virtual host would not be asked here for the certificate that httpd asks them for; `None`: they are, or
/// httpd asks for none. A listener has one `client_auth`, that of its first virtual host. `hosts` are all virtual hosts.
pub(super) fn unasked(host: &Part, main: &Part, hosts: &[&Part]) -> Option<String> {
    if !is_secure(host, main) {
        return None;
    }
    let meets = |other: &&&Part| {
        let ports = |part: &Part| part.addresses.iter().map(|it| port(it)).collect::<Vec<_>>();
        let (own, others) = (ports(host), ports(other));
        let mut pairs = own
            .iter()
            .flat_map(|one| others.iter().map(move |other| (one, other)));
        pairs.any(|(one, other)| one.is_none() || other.is_none() || one == other)
    };
    let has_certificate = |other: &&&Part| {
        is_secure(other, main) && own_tls(other, main).get("certificate").is_some()
    };
    let first = hosts.iter().filter(meets).find(has_certificate);
    let Some(first) = first else {
        return Some(
            "SSLEngine is on without a certificate, and its clients would come without TLS"
                .to_owned(),
        );
    };
    let (own, first_keys) = (own_tls(host, main), own_tls(first, main));
    own.get("client_auth")?;
    if own.get("client_ca").is_none() {
        return Some("SSLVerifyClient has no SSLCACertificateFile".to_owned());
    }
    let is_alike = ABOUT_CLIENTS
        .iter()
        .all(|key| own.get(key) == first_keys.get(key));
    (!is_alike).then(|| {
        let line = first.origin.line;
        format!(
            "SSLVerifyClient differs from that of line {line}, and a listener has one `client_auth`"
        )
    })
}

/// `tls` of a listener from those of its virtual hosts: the first one's, with the certificates of the others.
fn tls(secure: &[&Part], main: &Part, origin: &Origin, notes: &mut Notes) -> Option<Keys> {
    if secure.is_empty() {
        return None;
    }
    let mut all: Vec<Keys> = Vec::new();
    for part in secure {
        let keys = own_tls(part, main);
        match keys.get("certificate").is_some() {
            true if !all.contains(&keys) => {
                let first = all.first().unwrap_or(&keys);
                if first.get("min_version") != keys.get("min_version") {
                    let text = "its SSLProtocol is left out: a listener has one `min_version`, that of its first virtual host";
                    notes.name(&part.origin, text);
                }
                all.push(keys);
            }
            true => {}
            false => {
                // Where no SSLEngine says so, the `Listen` does.
                let at = part.secure_at.as_ref().or(main.secure_at.as_ref());
                let text = "SSLEngine is on, and no SSLCertificateFile says which certificate";
                notes.name(at.unwrap_or(origin), text);
            }
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
    if keys.get("client_ca").is_none() {
        // `check` wants to know whose certificates are taken.
        keys.remove("client_auth");
    }
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
