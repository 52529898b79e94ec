//! Checks of files with certificates and keys before anything starts. A problem is reported at the line that names
//! the file.

use ajpgate_config::{ListenerTls, Loaded, Member, MemberTls, MemberUrl, Problem, Scheme, Target};
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
/// that expire soon, say.
pub(super) fn look(loaded: &Loaded) -> (Vec<Found>, Vec<Problem>) {
    let now = Timestamp::now().as_second();
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    for (at, tls) in of_listeners(loaded) {
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

/// The problems of the files of members.
fn of_members(loaded: &Loaded) -> Vec<Found> {
    let mut found = Vec::new();
    for balancer in &loaded.config.balancers {
        for (index, member) in balancer.members.iter().enumerate() {
            let at = format!("balancers.{}.members[{index}]", balancer.name);
            found.extend(problem(loaded, member, &at, "url"));
        }
        for (index, source) in balancer.discover.iter().enumerate() {
            let at = format!("balancers.{}.discover[{index}]", balancer.name);
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
    let listeners = loaded.config.listeners.iter().enumerate();
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
