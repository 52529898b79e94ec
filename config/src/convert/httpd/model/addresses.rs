//! `Listen`, the addresses of virtual hosts, and which of them speak TLS.

use super::bind::bound;
pub(super) use super::bind::port;
use super::part::Part;
use crate::convert::note::Origin;

/// Where httpd listens.
#[derive(Debug, Clone)]
pub(super) struct Listen {
    /// `0.0.0.0:80`
    pub(super) bind: String,
    pub(super) port: u16,
    /// Whether it was said to be https.
    pub(super) is_https: bool,
    pub(super) origin: Origin,
    /// Whether nothing says where httpd listens, and this is the usual port.
    pub(super) is_assumed: bool,
}

/// The addresses that `Listen` names, each with whether it was said to be https.
pub(super) fn listened(main: &Part) -> Vec<(String, u16, bool, Origin)> {
    let mut found: Vec<(String, u16, bool, Origin)> = Vec::new();
    for (words, origin) in &main.listens {
        let Some(address) = words.first() else {
            continue;
        };
        let Some((bind, port)) = bound(address) else {
            continue;
        };
        let is_https = words
            .get(1)
            .is_some_and(|it| it.eq_ignore_ascii_case("https"));
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
