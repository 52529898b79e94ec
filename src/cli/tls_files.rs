//! Checks of files with certificates and keys before anything starts. A problem is reported at the line that names
//! the file.

use ajpgate_config::{
    ClientAuth, ListenerTls, Loaded, Member, MemberTls, MemberUrl, Problem, Scheme, Target,
};
use jiff::Timestamp;

use crate::backend::{Tls, TlsError};
use crate::tls::{self, FileError, Server, roots_of};

const HINT: &str = "file names are relative to the folder of the configuration file";

/// What to do about a certificate or revocation list that can be used.
const RENEW: &str = "replace the file by a new one: it is read again when it changes";

/// A problem with a file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) problem: Problem,
    /// The file is not here, or may not be read by this user; it may be fine where the gateway runs.
    pub(super) is_missing: bool,
}

/// The problems of the files of listeners, members and the cluster's engine, each at the key that names the file, and warnings about files of
/// listeners that can be used: certificates that expire soon, say. Where the configuration has errors (`is_whole` is false), only that is looked
/// at which could be read.
pub(super) fn look(loaded: &Loaded, is_whole: bool) -> (Vec<Found>, Vec<Problem>) {
    let now = Timestamp::now().as_second();
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    for (at, tls) in of_listeners(loaded) {
        let flaws = of_listener(loaded, &at, tls);
        if !flaws.is_empty() {
            found.extend(flaws);
            continue;
        }
        if !is_whole && !is_complete(tls) {
            continue;
        }
        match Server::new(tls, true, None) {
            Ok(server) => {
                let doubts = server.doubts(now).into_iter();
                let hint = || Some(RENEW.to_owned());
                let warning = |doubt| loaded.problem(&at, format!("tls: {doubt}"), hint());
                warnings.extend(doubts.map(warning).map(Problem::into_warning));
            }
            Err(error) => found.push(Found {
                is_missing: error.is_missing(),
                problem: loaded.problem(&at, format!("tls: {error}"), Some(HINT.to_owned())),
            }),
        }
    }
    found.extend(of_members(loaded));
    found.extend(of_cluster(loaded));
    (found, warnings)
}

/// The problems of each file of a listener, at the key that names it.
fn of_listener(loaded: &Loaded, at: &str, tls: &ListenerTls) -> Vec<Found> {
    let mut found = Vec::new();
    let list = format!("{at}.certificates");
    let listed = (0..).take_while(|items| !loaded.is_whole(&list, *items));
    // One pair stands beside the list. Of a list with unreadable items it is not known which pair has which place.
    let alone = match tls.pairs.len().checked_sub(listed.count()) {
        Some(alone @ 0..=1) => Some(alone),
        _ => None,
    };
    for (index, pair) in tls.pairs.iter().enumerate() {
        let at_pair = match alone.map(|alone| index.checked_sub(alone)) {
            Some(None) => at.to_owned(),
            Some(Some(item)) => format!("{list}[{item}]"),
            None => list.clone(),
        };
        let flaws = tls::of_pair(pair).into_iter();
        found.extend(flaws.map(|(key, error)| of_file(loaded, &at_pair, key, &error)));
    }
    let ca = tls.acme.as_ref().and_then(|acme| acme.ca.as_deref());
    if let Some(error) = ca.and_then(|ca| roots_of(ca).err()) {
        found.push(Found {
            is_missing: error.is_missing(),
            problem: loaded.problem(
                &format!("{at}.acme.ca"),
                format!("ca: {error}"),
                Some(HINT.to_owned()),
            ),
        });
    }
    let flaws = tls::of_clients(tls).into_iter();
    found.extend(flaws.map(|(key, error)| of_file(loaded, at, key, &error)));
    found
}

/// The problem of the file that a key below `at` names.
fn of_file(loaded: &Loaded, at: &str, key: &str, error: &FileError) -> Found {
    Found {
        is_missing: error.is_missing(),
        problem: loaded.problem(
            &format!("{at}.{key}"),
            format!("{key}: {error}"),
            Some(HINT.to_owned()),
        ),
    }
}

/// Whether nothing is missing that the files of a listener are read for: it could not be read in the configuration, then.
fn is_complete(tls: &ListenerTls) -> bool {
    let names_pair = !tls.pairs.is_empty() || tls.acme.is_some();
    let names_clients = tls.client_auth == ClientAuth::None || tls.client_ca.is_some();
    let mut files = tls.files();
    names_pair && names_clients && files.all(|file| !file.as_os_str().is_empty())
}

/// The problems of the files of members.
fn of_members(loaded: &Loaded) -> Vec<Found> {
    let mut found = Vec::new();
    for balancer in &loaded.config.balancers {
        let list = format!("balancers.{}.members", balancer.name);
        let members = balancer.members.iter().enumerate();
        let is_whole = loaded.is_whole(&list, balancer.members.len());
        for (index, member) in members.filter(|_| is_whole) {
            let at = format!("{list}[{index}]");
            found.extend(problem(loaded, member, &at, "url"));
        }
        let list = format!("balancers.{}.discover", balancer.name);
        let sources = balancer.discover.iter().enumerate();
        let is_whole = loaded.is_whole(&list, balancer.discover.len());
        for (index, source) in sources.filter(|_| is_whole) {
            let at = format!("{list}[{index}]");
            if let Some(member) = source.template() {
                let at_member = format!("{at}.member");
                let places = [&*format!("{at_member}.tls"), &at];
                found.extend(of_tls(loaded, member, places));
            }
        }
    }
    for (index, mapping) in loaded.config.mappings.iter().enumerate() {
        if let Some(Target::Member(member)) = mapping.target() {
            let at = format!("proxy_pass[{index}]");
            found.extend(problem(loaded, member, &format!("{at}.member"), ""));
        }
        let identity = mapping.identity.as_ref();
        if let Some(forward) = identity.and_then(|it| it.forward.as_ref()) {
            let at = format!("proxy_pass[{index}].auth.forward");
            found.extend(problem(loaded, &forward.server, &at, "url"));
        }
    }
    found
}

/// The `tls` of the listeners, the admin listener included, each with its place.
fn of_listeners(loaded: &Loaded) -> Vec<(String, &ListenerTls)> {
    let listeners = &loaded.config.listeners;
    let is_whole = loaded.is_whole("listeners", listeners.len());
    let listeners = listeners.iter().enumerate().filter(|_| is_whole);
    let of_clients = listeners.filter_map(|(index, listener)| {
        let tls = listener.tls.as_ref()?;
        Some((format!("listeners[{index}].tls"), tls))
    });
    let admin = loaded.config.admin.as_ref();
    let of_admin = admin.and_then(|admin| Some(("admin.tls".to_owned(), admin.tls.as_ref()?)));
    of_clients.chain(of_admin).collect()
}

fn problem(loaded: &Loaded, member: &Member, at: &str, url: &str) -> Vec<Found> {
    let dot = if url.is_empty() { "" } else { "." };
    of_tls(
        loaded,
        member,
        [&format!("{at}.tls"), &format!("{at}{dot}{url}")],
    )
}

/// The places are that of the member's `tls`, and that of what is blamed where it has none.
fn of_tls(loaded: &Loaded, member: &Member, places: [&str; 2]) -> Vec<Found> {
    let urls = [&member.url].into_iter().chain(&member.upgrade_url);
    let is_tls = |url: &&MemberUrl| matches!(url.scheme, Scheme::Https | Scheme::Ftps);
    let hosts: Vec<&str> = urls.filter(is_tls).map(|url| &*url.host).collect();
    unusable(loaded, &hosts, member.tls.as_ref(), places)
}

/// The problems of the files of the cluster's engine.
fn of_cluster(loaded: &Loaded) -> Vec<Found> {
    let Some(cluster) = &loaded.config.cluster else {
        return Vec::new();
    };
    let places = ["cluster.tls", "cluster.url"];
    let host = cluster.url.secure.then_some(&*cluster.url.host);
    unusable(loaded, host.as_slice(), cluster.tls.as_ref(), places)
}

/// Why these hosts cannot be spoken to through TLS: each file that cannot be used, or else the first of other reasons.
fn unusable(
    loaded: &Loaded,
    hosts: &[&str],
    tls: Option<&MemberTls>,
    [at_tls, otherwise]: [&str; 2],
) -> Vec<Found> {
    if hosts.is_empty() {
        return Vec::new();
    }
    let flaws = tls.map(tls::of_member).unwrap_or_default();
    if !flaws.is_empty() {
        let flaws = flaws.into_iter();
        let found = flaws.map(|(key, error)| of_file(loaded, at_tls, key, &error));
        return found.collect();
    }
    let mut errors = hosts
        .iter()
        .filter_map(|host| Tls::new(host, tls, b"").err());
    let found = errors.next().map(|error| {
        let at_name = format!("{at_tls}.server_name");
        let names_server = tls.is_some_and(|tls| tls.server_name.is_some());
        let (at, hint) = match &error {
            TlsError::Name(_) if names_server => (&*at_name, "write a DNS name or an address"),
            _ if tls.is_some() => (at_tls, HINT),
            _ => (otherwise, HINT),
        };
        Found {
            is_missing: error.is_missing(),
            problem: loaded.problem(at, format!("tls: {error:#}"), Some(hint.to_owned())),
        }
    });
    found.into_iter().collect()
}
