//! Which virtual hosts answer at which address and port (`server/vhost.c: ap_update_vhost_given_ip()`). Mappings know neither, so
//! one gateway stands for the addresses at which the same virtual hosts answer; the others are left out and named.

use std::net::IpAddr;

use super::addresses::{Listen, is_secure, listened, port};
use super::bind::{bare, ip, is_any};
use super::part::Part;
use crate::convert::note::{Notes, Origin};

/// What one gateway stands for.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Where it listens.
    pub(super) listens: Vec<Listen>,
    /// Whether each virtual host is among those that it answers for.
    pub(super) hosts: Vec<bool>,
    /// Whether it answers for the main server somewhere.
    pub(super) main: bool,
}

/// An address and a port with who answers there.
struct Endpoint {
    listen: Listen,
    /// What a gateway binds to answer there and at no address that others answer; `None`: that cannot be said.
    bind: Option<String>,
    /// The virtual hosts, by number; the first one answers for names that none has. Empty: the main server.
    answering: Vec<usize>,
    secure: bool,
    /// Whether the main server answers, and sends nothing on.
    is_silent: bool,
}

/// What one gateway can stand for: without TLS and with TLS, the addresses at which the same servers answer as at the first
/// one. Names what is left out.
pub(super) fn kept(main: &Part, hosts: &[Part], notes: &mut Notes) -> Kept {
    let all = listens(main, hosts);
    if hosts.is_empty() {
        return Kept {
            listens: all,
            hosts: Vec::new(),
            main: true,
        };
    }
    let ends: Vec<Endpoint> = all
        .iter()
        .flat_map(|it| endpoints(it, main, hosts))
        .collect();
    let of_scheme = |secure: bool| {
        let mut first: Option<&Endpoint> = None;
        let can = ends
            .iter()
            .filter(move |it| it.secure == secure && !it.is_silent && it.bind.is_some());
        let same = can.filter(|it| first.get_or_insert(*it).answering == it.answering);
        same.collect::<Vec<_>>()
    };
    let kept: Vec<&Endpoint> = [false, true].into_iter().flat_map(of_scheme).collect();
    let answers = |at: usize| kept.iter().any(|it| it.answering.contains(&at));
    let result = Kept {
        listens: kept.iter().filter_map(|it| it.bound()).collect(),
        hosts: (0..hosts.len()).map(answers).collect(),
        main: kept.iter().any(|it| it.answering.is_empty()),
    };
    name(&all, &ends, &kept, hosts, notes);
    match kept.is_empty() {
        // A gateway without listeners is none.
        true => Kept {
            listens: all,
            ..result
        },
        false => result,
    }
}

/// Where httpd listens; without a `Listen`, the ports of its virtual hosts, else the usual one.
fn listens(main: &Part, hosts: &[Part]) -> Vec<Listen> {
    let mut listens: Vec<Listen> = Vec::new();
    for (bind, port, is_https, origin) in listened(main) {
        listens.push(Listen {
            bind,
            port,
            is_https,
            origin,
            is_assumed: false,
        });
    }
    let is_listed = !listens.is_empty();
    for host in hosts.iter().filter(|_| !is_listed) {
        for port in host.addresses.iter().filter_map(|it| port(it)) {
            if !listens.iter().any(|known| known.port == port) {
                listens.push(everywhere(port, &host.origin));
            }
        }
    }
    if listens.is_empty() {
        listens.push(Listen {
            is_assumed: true,
            ..everywhere(80, &main.origin)
        });
    }
    listens
}

fn everywhere(port: u16, origin: &Origin) -> Listen {
    Listen {
        bind: format!("0.0.0.0:{port}"),
        port,
        is_https: false,
        origin: origin.clone(),
        is_assumed: false,
    }
}

impl Endpoint {
    fn bound(&self) -> Option<Listen> {
        Some(Listen {
            bind: self.bind.clone()?,
            ..self.listen.clone()
        })
    }
}

/// The addresses of a `Listen` at which other virtual hosts answer than at the rest. Those of this machine alone come last.
fn endpoints(listen: &Listen, main: &Part, hosts: &[Part]) -> Vec<Endpoint> {
    let speaks = sends_on(main);
    let end = |bind: Option<String>, answering: Vec<usize>| {
        let first = answering.first().and_then(|at| hosts.get(*at));
        Endpoint {
            listen: listen.clone(),
            bind,
            secure: match first {
                Some(host) => is_secure(host, main),
                None => is_secure(main, main),
            },
            is_silent: answering.is_empty() && !speaks,
            answering,
        }
    };
    let at = |wanted: &dyn Fn(&str) -> bool| answering(listen.port, hosts, wanted);
    let rest = at(&is_any);
    let own = listen.bind.rsplit_once(':').map_or("", |it| it.0);
    if let Some(own) = ip(own).filter(|it| !it.is_unspecified()) {
        let named = at(&|address| ip(address) == Some(own));
        let answering = if named.is_empty() { rest } else { named };
        return vec![end(Some(listen.bind.clone()), answering)];
    }
    let mut special: Vec<(&str, Vec<usize>)> = Vec::new();
    for address in hosts.iter().flat_map(|host| &host.addresses) {
        let name = bare(address);
        if is_at(address, listen.port) && !is_any(name) && !special.iter().any(|it| it.0 == name) {
            special.push((name, at(&|other| other == name)));
        }
    }
    let is_local = |name: &str| ip(name).is_some_and(|it| it.is_loopback());
    // Who reaches an address of this machine alone reaches the others too.
    let differs = |it: &(&str, Vec<usize>)| it.1 != rest && !is_local(it.0);
    let whole = (!special.iter().any(differs)).then(|| listen.bind.clone());
    let only = special.len() == 1 && rest.is_empty() && !speaks;
    special.retain(|it| it.1 != rest || whole.is_none());
    let of = |(name, answering): (&str, Vec<usize>)| {
        let bind = match ip(name) {
            Some(IpAddr::V4(ip)) => Some(format!("{ip}:{}", listen.port)),
            Some(IpAddr::V6(ip)) => Some(format!("[{ip}]:{}", listen.port)),
            // The address of a name is not known here.
            None => only.then(|| listen.bind.clone()),
        };
        end(bind, answering)
    };
    let (last, first): (Vec<_>, Vec<_>) = special.into_iter().partition(|it| is_local(it.0));
    let first = first.into_iter().map(of);
    let rest = std::iter::once(end(whole, rest));
    first.chain(rest).chain(last.into_iter().map(of)).collect()
}

/// The numbers of the virtual hosts that answer at a port of the addresses that are `wanted`. A host without a port answers
/// where none with the port does.
fn answering(at: u16, hosts: &[Part], wanted: &dyn Fn(&str) -> bool) -> Vec<usize> {
    let with = |its: Option<u16>| -> Vec<usize> {
        let here = |host: &Part| {
            let mut addresses = host.addresses.iter();
            addresses.any(|it| port(it) == its && wanted(bare(it)))
        };
        let numbers = (0..).zip(hosts).filter(|(_, host)| here(host));
        numbers.map(|(number, _)| number).collect()
    };
    let own = with(Some(at));
    if own.is_empty() { with(None) } else { own }
}

/// Whether the main server does something with a request that no virtual host answers.
fn sends_on(main: &Part) -> bool {
    !main.passes.is_empty() || !main.located.is_empty() || main.jk.sends_on()
}

fn is_at(address: &str, wanted: u16) -> bool {
    port(address).is_none_or(|port| port == wanted)
}

/// Names the lines that are left out.
fn name(all: &[Listen], ends: &[Endpoint], kept: &[&Endpoint], hosts: &[Part], notes: &mut Notes) {
    let near = |secure: bool| {
        let same = kept.iter().find(|it| it.secure == secure);
        let line = same.or(kept.first()).map(|it| it.listen.origin.line);
        line.map_or_else(String::new, |line| {
            format!(
                "mappings know neither port nor address, and other servers answer here than at the first address, that of \
                 line {line}; for a second gateway, convert a copy in which this one comes first"
            )
        })
    };
    let is_of_host = |listen: &&Listen| hosts.iter().any(|host| host.origin == listen.origin);
    for listen in all.iter().filter(|it| !is_of_host(it)) {
        let mut own = ends.iter().filter(|it| it.listen.bind == listen.bind);
        if kept.iter().any(|it| it.listen.bind == listen.bind) {
            continue;
        }
        let text = match own.clone().all(|it| it.is_silent) {
            true => {
                "no virtual host answers there, and the main server sends nothing on".to_owned()
            }
            false => near(own.next().is_some_and(|it| it.secure)),
        };
        notes.name(
            &listen.origin,
            format!("left out, and nothing listens there: {text}"),
        );
    }
    for (number, host) in hosts.iter().enumerate() {
        let mut own = ends.iter().filter(|it| it.answering.contains(&number));
        if kept.iter().any(|it| it.answering.contains(&number)) {
            continue;
        }
        let text = match own.next() {
            Some(end) => near(end.secure),
            None => "no Listen is about its address and port, or another virtual host has both"
                .to_owned(),
        };
        let text = format!("left out with everything in it: {text}");
        notes.name(&host.origin, text);
    }
}
