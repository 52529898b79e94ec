//! Which server answers which requests: by host and scheme.

use std::collections::{BTreeMap, BTreeSet};

use crate::convert::host_names::is_name;
use crate::convert::site::Server;

/// Requests that one server answers: those of some hosts, or of every host that no other context has.
#[derive(Debug, Clone)]
pub(super) struct Context<'a> {
    /// `None`: nothing listens there.
    pub(super) server: Option<&'a Server>,
    /// Empty: every other host.
    pub(super) hosts: Vec<String>,
    /// `None`: the scheme does not matter.
    pub(super) secure: Option<bool>,
    /// Contexts whose mappings count for this one too where it has none: those of wildcards, the longest wildcard first, then
    /// that of other hosts.
    pub(super) behind: Vec<usize>,
}

/// All contexts; those of other hosts come first, and a wildcard comes before the names that it covers.
pub(super) fn contexts(servers: &[Server]) -> Vec<Context<'_>> {
    let schemes = schemes(servers);
    let others = by_scheme(servers, &schemes, None);
    let groups = groups(servers, &schemes, &others);
    let mut contexts = Vec::new();
    let first = Group {
        depth: 0,
        wildcards: Vec::new(),
        by: others,
    };
    let all = std::iter::once((first, Vec::new())).chain(groups);
    for (Group { wildcards, by, .. }, hosts) in all {
        for (secure, server) in schemes.iter().zip(by) {
            let covering = contexts.iter().enumerate();
            let covering = covering.filter(|(_, it): &(usize, &Context<'_>)| {
                let mut names = it.hosts.iter();
                it.secure == *secure
                    && (it.hosts.is_empty() || names.any(|name| wildcards.contains(name)))
            });
            let mut behind: Vec<usize> = covering.map(|(at, _)| at).collect();
            behind.reverse();
            contexts.push(Context {
                server: server.and_then(|at| servers.get(at)),
                hosts: hosts.clone(),
                secure: *secure,
                behind,
            });
        }
    }
    contexts
}

/// What the hosts of a context have in common. What is covered by fewer wildcards comes first, so each wildcard comes before
/// all names that it covers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    /// The number of wildcards.
    depth: usize,
    /// The wildcards that cover the hosts, in the order of the alphabet.
    wildcards: Vec<String>,
    /// The server of each scheme.
    by: Vec<Option<usize>>,
}

/// The hosts that the same servers answer. Hosts that are answered as every other one is (`others`) are in no group.
fn groups(
    servers: &[Server],
    schemes: &[Option<bool>],
    others: &[Option<usize>],
) -> BTreeMap<Group, Vec<String>> {
    let mut groups: BTreeMap<Group, Vec<String>> = BTreeMap::new();
    let names: Vec<&String> = servers.iter().flat_map(|server| &server.hosts).collect();
    for name in &names {
        let by = by_scheme(servers, schemes, Some(name));
        let covering = names.iter().filter(|it| **it != *name && is_name(it, name));
        let wildcards: BTreeSet<&String> = covering.copied().collect();
        if by == others && wildcards.is_empty() {
            continue;
        }
        let key = Group {
            depth: wildcards.len(),
            wildcards: wildcards.into_iter().cloned().collect(),
            by,
        };
        let group = groups.entry(key).or_default();
        if !group.contains(name) {
            group.push((*name).clone());
        }
    }
    groups
}

/// The number of the server that answers for a host, for each scheme; `None`: none does. No host: for names that no server has.
fn by_scheme(
    servers: &[Server],
    schemes: &[Option<bool>],
    host: Option<&str>,
) -> Vec<Option<usize>> {
    let of = |secure: &Option<bool>| {
        let fits = |server: &&Server| {
            server.secure.is_none() || secure.is_none() || server.secure == *secure
        };
        let mut fitting = servers.iter().enumerate().filter(|(_, it)| fits(it));
        if host.is_none() && fitting.clone().skip(1).any(|(_, it)| !it.others.is_empty()) {
            // A name that none has here may be one of a server that is not the first.
            return None;
        }
        let named = host.and_then(|host| {
            let mut fitting = fitting.clone();
            fitting.find(|(_, it)| it.takes(host))
        });
        if let (Some((_, named)), Some(host)) = (named, host)
            && named.hosts.iter().all(|name| !is_name(name, host))
            && host.starts_with('*')
        {
            // Some of its names are those of an earlier server, and nobody can say which.
            return None;
        }
        named.or_else(|| fitting.next()).map(|it| it.0)
    };
    schemes.iter().map(of).collect()
}

fn schemes(servers: &[Server]) -> Vec<Option<bool>> {
    let has = |secure: bool| servers.iter().any(|server| server.secure == Some(secure));
    match has(true) && servers.iter().any(|server| server.secure != Some(true)) {
        true => vec![Some(false), Some(true)],
        false => vec![None],
    }
}
