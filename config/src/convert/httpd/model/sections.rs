//! Sections about paths and about what is sent on, as what they add to a server.

use super::always;
use super::part::Part;
use super::passes::Pass;
use super::place::Kind;
use super::proxied;
use super::redirects::closing;
use super::sayable::unsayable;
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::{covers, meet};
use crate::convert::site::{Access, Action, Overlay, Rule, Server, Takes};

/// Adds what sections say. `secure`: whether the clients of the server come over TLS. Returns rules that close what cannot be said.
pub(super) fn add(
    parts: &[&Part],
    secure: bool,
    server: &mut Server,
    notes: &mut Notes,
) -> Vec<Rule> {
    let mut closed = Vec::new();
    let mut below = Vec::new();
    // Sections about what is sent on count before those about paths.
    let sections = parts.iter().flat_map(|part| &part.sections);
    let (proxies, paths): (Vec<_>, Vec<_>) =
        sections.partition(|section| matches!(section.kind, Kind::Proxy(_)));
    for section in proxies.into_iter().chain(paths) {
        let (takes, target) = match &section.kind {
            Kind::Location(takes) | Kind::Text(takes) => (takes.clone(), None),
            Kind::Proxy(url) => (Takes::Path("/".to_owned()), Some(url.clone())),
            Kind::Directory(_) | Kind::Files(_) => continue,
        };
        let access = section.rules.access(notes, secure);
        if access == Access::default() && section.keys.is_empty() {
            continue;
        }
        if let Kind::Proxy(url) = &section.kind
            && section
                .words
                .first()
                .is_some_and(|written| written != url && !url.is_empty())
        {
            let text = "httpd compares letters of its url as they are written, those of the host too; here those of a host are alike";
            notes.name(&section.origin, text);
        }
        if let Some(why) = unsayable(&takes) {
            closed.extend(left_out(&takes, &access, (&section.origin, &why), notes));
            continue;
        }
        if section.below {
            below.push(section.origin.clone());
        }
        let overlay = Overlay {
            takes,
            keys: section.keys.clone(),
            access,
            target,
            hosts: Vec::new(),
            origin: section.origin.clone(),
        };
        server.overlays.push(proxied::within(overlay, notes));
    }
    closed.extend(without_slash(server, &below, notes));
    closed
}

/// Names a section whose paths cannot be said. Where it keeps somebody out, a rule closes what it may take.
fn left_out(
    takes: &Takes,
    access: &Access,
    (origin, why): (&Origin, &str),
    notes: &mut Notes,
) -> Option<Rule> {
    if access.matters() {
        return Some(closing(takes.clone(), origin, why, notes));
    }
    notes.name(origin, format!("left out with everything in it: {why}"));
    None
}

/// What becomes of the paths of a section whose `ProxyPass` hides those of sections before it.
pub(super) struct Hidden {
    /// The server, by its place among the parts.
    pub(super) part: usize,
    /// How many rules of sections of the same server stand before it.
    pub(super) before: usize,
    pub(super) rule: Rule,
}

/// What becomes of the paths of such sections. Where the list behind the sections takes none of them, they are left to the next
/// modules, as in httpd; else they are closed.
pub(super) fn hidden(parts: &[&Part], notes: &mut Notes) -> Vec<Hidden> {
    let mut found = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        for hiding in &part.hiding {
            let outer = parts.iter().take(at).flat_map(|part| &part.located);
            let mut before = outer.chain(part.located.iter().take(hiding.before));
            if !before.any(|it| it.url.is_some() && meet(&it.takes, &hiding.takes)) {
                continue;
            }
            let takes = hiding.takes.clone();
            let mut listed = parts.iter().flat_map(|part| &part.passes);
            let is_listed = listed.any(|it| meet(&it.takes, &takes));
            let rule = match is_listed || unsayable(&takes).is_some() {
                false => Rule::new(takes, Action::Pass, hiding.origin.clone()),
                true => {
                    let why = "its ProxyPass hides those of sections before it, and maps less than they do";
                    closing(takes, &hiding.origin, why, notes)
                }
            };
            found.push(Hidden {
                part: at,
                before: hiding.before,
                rule,
            });
        }
    }
    found
}

/// The path of a rule, where it has one, with its url.
fn target(pass: &Pass) -> Option<(Option<&str>, &str)> {
    let path = match &pass.takes {
        Takes::Path(path) => Some(path.as_str()),
        Takes::Exact(_) | Takes::Pattern(_) => None,
    };
    Some((path, pass.url.as_deref()?))
}

/// Names the lines about cookies that say something else than what the gateway does of itself.
pub(super) fn name_cookies(parts: &[&Part], notes: &mut Notes) {
    let passes = parts
        .iter()
        .flat_map(|it| it.passes.iter().chain(&it.located));
    let targets: Vec<_> = passes.filter_map(target).collect();
    let balancers = parts.iter().flat_map(|part| &part.proxies.balancers);
    let members: Vec<&str> = balancers
        .flat_map(|it| &it.members)
        .map(|member| member.url.as_str())
        .collect();
    let names = parts.iter().flat_map(|part| &part.names);
    let names: Vec<&str> = names.map(|name| name.0.as_str()).collect();
    for cookies in parts.iter().flat_map(|part| &part.cookies) {
        if let Some(text) = cookies.difference(&targets, &members, &names) {
            notes.name(&cookies.origin, text);
        }
    }
}

/// Closes `/app` where a section about `/app/`, one of `below`, has other rules than those that count for `/app` itself.
fn without_slash(server: &Server, below: &[Origin], notes: &mut Notes) -> Vec<Rule> {
    let mut closed = Vec::new();
    for section in server
        .overlays
        .iter()
        .filter(|it| below.contains(&it.origin))
    {
        let Takes::Path(path) = &section.takes else {
            continue;
        };
        let at = |it: &&Overlay| matches!(&it.takes, Takes::Path(above) if covers(above, path));
        let others = server.overlays.iter().filter(at);
        let others = others.filter(|it| !(it.takes == section.takes && below.contains(&it.origin)));
        let access = others.fold(Access::default(), |all, it| all.then(&it.access));
        let is_other = section.access != Access::default() && section.access != access;
        if is_other && access.restricts() {
            let why = "<Location> with a slash at its end does not take the path without it, which other sections guard";
            let takes = Takes::Exact(path.clone());
            closed.push(closing(takes, &section.origin, why, notes));
        }
    }
    closed
}

/// Closes each mapping of a server where a rule closes everything: the mappings stay, and are opened again one by one.
pub(super) fn close_everything(first: &mut Vec<Rule>, server: &mut Server) {
    let every = Takes::Path("/".to_owned());
    first.retain(|rule| match &rule.action {
        Action::Close(closed) if rule.takes == every => {
            let why = closed.why.clone();
            server
                .overlays
                .push(always::closed(why, rule.origin.clone()));
            false
        }
        _ => true,
    });
}
