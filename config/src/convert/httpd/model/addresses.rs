//! `Listen`, the addresses of virtual hosts, and which of them speak TLS.

pub(super) use super::bind::port;
use super::bind::{bare, bound, ip, is_any};
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
        let is_https = match words.get(1) {
            Some(protocol) => protocol.eq_ignore_ascii_case("https"),
            None => port == 443,
        };
        if !found.iter().any(|known| known.0 == bind) {
            found.push((bind, port, is_https, origin.clone()));
        }
    }
    found
}

/// Whether a virtual host speaks TLS, or the main server (`host` is it).
pub(super) fn is_secure(host: &Part, main: &Part) -> bool {
    let said = host.secure.or(main.secure);
    said.unwrap_or_else(|| is_secure_by_listen(host, main))
}

/// Whether a virtual host without `SSLEngine` speaks TLS: the first of its addresses at which httpd listens is one of https, and it
/// has a certificate (`ssl_engine_init.c: ssl_init_Module()`).
fn is_secure_by_listen(host: &Part, main: &Part) -> bool {
    let has_certificate = |part: &Part| part.tls.get("certificate").is_some();
    let listened = listened(main);
    let first = |is_at: fn(&str, &str) -> bool| {
        host.addresses.iter().find_map(|address| {
            let mut same = listened.iter().filter(|it| port(address) == Some(it.1));
            same.find(|it| is_at(bare(&it.0), bare(address)))
        })
    };
    // An address of its own counts before those of every address (`listen.c: ap_setup_listeners()`).
    let first = first(is_same).or_else(|| first(|listen, _| is_any(listen)));
    (has_certificate(host) || has_certificate(main)) && first.is_some_and(|it| it.2)
}

/// Whether a `Listen` and a virtual host have the same address. That of a name may be any.
fn is_same(listen: &str, own: &str) -> bool {
    match (ip(listen), ip(own)) {
        (Some(listen), Some(own)) => listen == own,
        (_, None) if !is_any(own) => true,
        _ => is_any(listen) && is_any(own),
    }
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
