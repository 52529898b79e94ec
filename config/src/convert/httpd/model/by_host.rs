//! Rules and sections that count for some hosts of a server alone: the hosts become servers of their own.

use super::sections::close_everything;
use crate::convert::note::{Closed, Notes};
use crate::convert::site::{Action, Beside, HostTest, Server, Site, Who};

/// Takes the servers of a site apart where something counts for some of their hosts.
pub(super) fn split(site: &mut Site, notes: &mut Notes) {
    let servers = std::mem::take(&mut site.servers);
    for at in 0..servers.len() {
        let parts = match servers.get(at) {
            Some(server) if tests(server).next().is_none() => vec![server.clone()],
            Some(server) => parts(server, &servers, notes),
            None => Vec::new(),
        };
        site.servers.extend(parts);
    }
    for server in &mut site.servers {
        let mut first = server
            .stages
            .first_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        close_everything(&mut first, server);
        if let Some(stage) = server.stages.first_mut() {
            *stage = first;
        }
        server.stages.retain(|stage| !stage.is_empty());
    }
}

/// What is asked of the hosts of a server.
fn tests(server: &Server) -> impl Iterator<Item = &HostTest> {
    let rules = server.stages.iter().flatten().flat_map(|rule| &rule.hosts);
    let overlays = server.overlays.iter().flat_map(|overlay| &overlay.hosts);
    rules.chain(overlays)
}

/// The servers that a server becomes, those for hosts that are not named anywhere first.
fn parts(server: &Server, all: &[Server], notes: &mut Notes) -> Vec<Server> {
    let is_exact = |name: &&String| !name.starts_with('*');
    let mut names: Vec<String> = server.hosts.iter().filter(is_exact).cloned().collect();
    let is_open = names.is_empty() || names.len() < server.hosts.len() || is_first(server, all);
    if is_open {
        for test in tests(server) {
            let Some(taken) = &test.names else {
                return vec![closed(server, notes)];
            };
            for name in taken {
                if !names.contains(name) && answers(server, name, all) {
                    names.push(name.clone());
                }
            }
        }
    }
    let covered = |name: &String| {
        let mut wildcards = server.hosts.iter().filter_map(|it| it.strip_prefix('*'));
        wildcards.any(|end| name.ends_with(end))
    };
    if names.iter().any(covered) {
        return vec![closed(server, notes)];
    }
    // The names of which the same holds stand together.
    let said = |name: Option<&str>| tests(server).map(|test| holds(test, name)).collect();
    let mut groups: Vec<(Vec<bool>, Vec<String>)> = Vec::new();
    if is_open {
        let wildcards = server.hosts.iter().filter(|name| name.starts_with('*'));
        groups.push((said(None), wildcards.cloned().collect()));
    }
    for name in names {
        let said: Vec<bool> = said(Some(&name));
        match groups.iter_mut().find(|group| group.0 == said) {
            Some(group) => group.1.push(name),
            None => groups.push((said, vec![name])),
        }
    }
    let part = |(said, hosts): (Vec<bool>, Vec<String>)| Server {
        hosts,
        ..with(server, said)
    };
    groups.into_iter().map(part).collect()
}

/// Whether a server answers for hosts that no server names.
fn is_first(server: &Server, all: &[Server]) -> bool {
    let first = all.iter().find(|it| it.secure == server.secure);
    first.is_some_and(|first| std::ptr::eq(first, server))
}

/// Whether a server answers for a host that it does not name exactly.
fn answers(server: &Server, host: &str, all: &[Server]) -> bool {
    let mut same = all.iter().filter(|it| it.secure == server.secure);
    match same.find(|it| it.takes(host)) {
        Some(found) => std::ptr::eq(found, server),
        None => is_first(server, all),
    }
}

/// Whether a test holds for a host; `None`: one that no test and no server names.
fn holds(test: &HostTest, name: Option<&str>) -> bool {
    let is_found = name.is_some_and(|name| {
        let found = || regex::Regex::new(&test.pattern).is_ok_and(|it| it.is_match(name));
        let mut names = test.names.iter().flatten();
        names.any(|it| it == name) || test.names.is_none() && found()
    });
    is_found != test.is_negated
}

/// The server with what counts for a host. `said`: what holds of it, in the order of [`tests`].
fn with(server: &Server, said: Vec<bool>) -> Server {
    let mut server = server.clone();
    let mut said = said.into_iter();
    let mut counts = |hosts: &mut Vec<HostTest>| {
        let own: Vec<bool> = said.by_ref().take(hosts.len()).collect();
        hosts.clear();
        own.iter().all(|it| *it)
    };
    for stage in &mut server.stages {
        stage.retain_mut(|rule| counts(&mut rule.hosts));
    }
    server
        .overlays
        .retain_mut(|overlay| counts(&mut overlay.hosts));
    server
}

/// Whether an action keeps nobody out: without it, what stands behind it counts.
const fn leads_elsewhere(action: &Action) -> bool {
    matches!(
        action,
        Action::Redirect { .. } | Action::To(_) | Action::Pass
    )
}

/// The server with what counts for some of its hosts closed for all of them, or left out where it keeps nobody out.
fn closed(server: &Server, notes: &mut Notes) -> Server {
    let why = "it counts for some hosts alone, and which ones cannot be counted up";
    let mut server = server.clone();
    for stage in &mut server.stages {
        stage.retain(|rule| {
            let is_kept = rule.hosts.is_empty() || !leads_elsewhere(&rule.action);
            if !is_kept {
                notes.name(&rule.origin, format!("left out: {why}"));
            }
            is_kept
        });
    }
    for rule in server.stages.iter_mut().flatten() {
        if !rule.hosts.is_empty() {
            rule.hosts.clear();
            let closed = Closed::by(&rule.origin, why);
            notes.close("the paths that it guards are", &closed, &rule.origin);
            rule.action = Action::Close(closed);
        }
    }
    for overlay in &mut server.overlays {
        if !overlay.hosts.is_empty() {
            overlay.hosts.clear();
            let closed = Closed::by(&overlay.origin, why);
            notes.close("the paths that it guards are", &closed, &overlay.origin);
            overlay.access.beside = vec![Beside {
                who: Who::Nobody(why.to_owned()),
                origin: overlay.origin.clone(),
            }];
            overlay.access.lifted.clear();
        }
    }
    server
}
