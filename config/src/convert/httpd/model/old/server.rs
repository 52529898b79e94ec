//! Which virtual host answers (`server/vhost.c: update_server_from_aliases()`).

use super::super::addresses::{is_secure, listened, port};
use super::super::balancers::bare_name;
use super::super::known::Old;
use super::super::part::Part;
use crate::convert::modjk::takes_glob;
use crate::convert::told::{Asked, Telling};

/// Which server answers: the number of a virtual host, or the main one (`None`).
///
/// # Errors
///
/// Why nobody answers.
pub(super) fn answering(
    old: &Old,
    asked: &Asked,
    telling: &mut Telling,
) -> Result<Option<usize>, String> {
    let wanted = reached_port(old, asked)?;
    let with = |its: Option<u16>| -> Vec<(usize, &Part)> {
        let here = |host: &Part| host.addresses.iter().any(|it| port(it) == its);
        let hosts = old.hosts.iter().enumerate();
        hosts.filter(|(_, host)| here(host)).collect()
    };
    // A virtual host without a port answers where none with the port does.
    let mut here = with(Some(wanted));
    if here.is_empty() {
        here = with(None);
    }
    let named = here.iter().find(|(_, host)| is_named(host, &asked.host));
    let found = named.or_else(|| here.first());
    let part = found.map_or(&old.main, |(_, host)| *host);
    if is_secure(part, &old.main) != asked.secure {
        return Err(format!("port {wanted} does not speak {}", asked.scheme()));
    }
    if let Some((_, host)) = found {
        let addresses = host.addresses.join(" ");
        let why = match named {
            Some(_) => format!("has the name {}", asked.host),
            None => "is the first of its address, and none has the name".to_owned(),
        };
        telling.step(&host.origin, format!("<VirtualHost {addresses}> {why}"));
        addresses_differ(&here, telling);
    }
    Ok(found.map(|(at, _)| *at))
}

/// Addresses that only some of the virtual hosts have: a URL does not say which one a client connects to.
fn addresses_differ(here: &[(usize, &Part)], telling: &mut Telling) {
    let is_any = |address: &String| {
        let bare = address.rsplit_once(':').map_or(&**address, |it| it.0);
        matches!(bare, "*" | "_default_" | "0.0.0.0" | "[::]")
    };
    let hosts = || here.iter().map(|(_, host)| host);
    let first = hosts().next().map(|host| &host.addresses);
    if hosts().all(|host| Some(&host.addresses) == first) {
        return;
    }
    for host in hosts() {
        for address in host.addresses.iter().filter(|it| !is_any(it)) {
            let text = format!(
                "<VirtualHost {address}> answers those who connect to that address; a URL does not say it"
            );
            telling.unknown(&host.origin, text);
        }
    }
}

fn is_at(address: &str, wanted: u16) -> bool {
    port(address).is_none_or(|port| port == wanted)
}

fn is_named(host: &Part, wanted: &str) -> bool {
    let mut names = host.names.iter().map(|(name, _)| name.to_ascii_lowercase());
    names.any(|name| takes_glob(bare_name(&name), wanted))
}

/// The port that the request comes to. A URL without a port means that of its scheme, or the only one that speaks the scheme:
/// something in front may lead there.
fn reached_port(old: &Old, asked: &Asked) -> Result<u16, String> {
    let main = &old.main;
    let mut ports: Vec<u16> = listened(main).iter().map(|it| it.1).collect();
    let is_listed = !ports.is_empty();
    if ports.is_empty() {
        let addresses = old.hosts.iter().flat_map(|host| &host.addresses);
        ports.extend(addresses.filter_map(|it| port(it)));
    }
    let wanted = asked.port();
    if ports.contains(&wanted) || ports.is_empty() {
        return Ok(wanted);
    }
    let speaks = |wanted: u16| {
        let mut here = old.hosts.iter();
        let host = here.find(|host| host.addresses.iter().any(|it| is_at(it, wanted)));
        is_secure(host.unwrap_or(main), main) == asked.secure
    };
    let mut fitting: Vec<u16> = ports.iter().copied().filter(|port| speaks(*port)).collect();
    fitting.sort_unstable();
    fitting.dedup();
    match (asked.port, fitting.as_slice()) {
        (None, [only]) => Ok(*only),
        // A part of a configuration, in which some virtual hosts stand for any port.
        _ if !is_listed
            && old
                .hosts
                .iter()
                .any(|it| it.addresses.iter().any(|it| port(it).is_none())) =>
        {
            Ok(wanted)
        }
        _ => Err(format!("nothing listens on port {wanted}")),
    }
}
