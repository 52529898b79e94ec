//! Checks of files with certificates and keys before anything starts. A problem is reported at the line that names
//! the file.

use ajpgate_config::{
    ClientAuth, ListenerTls, Loaded, Member, MemberTls, MemberUrl, Problem, Scheme, Target,
};
use jiff::Timestamp;

use crate::backend::Tls;
use crate::tls::Server;

const HINT: &str = "file names are relative to the folder of the configuration file";

/// A problem with a file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) problem: Problem,
    /// The file is not here, or may not be read by this user; it may be fine where the gateway runs.
    pub(super) is_missing: bool,
}

/// The problems of the files of listeners, members and the cluster's engine, and warnings about files of listeners that can be used: certificates
/// that expire soon, say. Where the configuration has errors (`is_whole` is false), only that is looked at which could be read.
pub(super) fn look(loaded: &Loaded, is_whole: bool) -> (Vec<Found>, Vec<Problem>) {
    let now = Timestamp::now().as_second();
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    let listeners = of_listeners(loaded).into_iter();
    for (at, tls) in listeners.filter(|(_, tls)| is_whole || is_complete(tls)) {
        match Server::new(tls, true, None) {
            Ok(server) => {
                let doubts = server.doubts(now).into_iter();
                let warning = |doubt| loaded.problem(&at, format!("tls: {doubt}"), None);
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
            let member = source.template().and_then(|member| {
                let at_member = format!("{at}.member");
                of_tls(loaded, member, [&format!("{at_member}.tls"), &at])
            });
            found.extend(member);
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

fn problem(loaded: &Loaded, member: &Member, at: &str, url: &str) -> Option<Found> {
    let dot = if url.is_empty() { "" } else { "." };
    of_tls(
        loaded,
        member,
        [&format!("{at}.tls"), &format!("{at}{dot}{url}")],
    )
}

/// The places are that of the member's `tls`, and that of what is blamed where it has none.
fn of_tls(loaded: &Loaded, member: &Member, places: [&str; 2]) -> Option<Found> {
    let urls = [&member.url].into_iter().chain(&member.upgrade_url);
    let is_tls = |url: &&MemberUrl| matches!(url.scheme, Scheme::Https | Scheme::Ftps);
    let mut urls = urls.filter(is_tls);
    urls.find_map(|url| unusable(loaded, &url.host, member.tls.as_ref(), places))
}

/// The problem of the files of the cluster's engine.
fn of_cluster(loaded: &Loaded) -> Option<Found> {
    let cluster = loaded.config.cluster.as_ref()?;
    let places = ["cluster.tls", "cluster.url"];
    let host = cluster.url.secure.then_some(&cluster.url.host)?;
    unusable(loaded, host, cluster.tls.as_ref(), places)
}

/// Why this host cannot be spoken to through TLS.
fn unusable(
    loaded: &Loaded,
    host: &str,
    tls: Option<&MemberTls>,
    [at_tls, otherwise]: [&str; 2],
) -> Option<Found> {
    let error = Tls::new(host, tls, b"").err()?;
    let at = if tls.is_some() { at_tls } else { otherwise };
    let message = format!("tls: {error:#}");
    Some(Found {
        is_missing: error.is_missing(),
        problem: loaded.problem(at, message, Some(HINT.to_owned())),
    })
}
