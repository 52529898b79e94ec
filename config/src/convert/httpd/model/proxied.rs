//! `<Proxy url>`: sections about what is sent on to urls that begin so.

use super::balancers::balancer_name;
use super::part::Part;
use super::place::Kind;
use super::targets;
use crate::convert::note::{Closed, Notes};
use crate::convert::overlap::escaped;
use crate::convert::site::{Access, Action, Overlay, Rule, Server, Takes};
use crate::convert::value::Keys;

/// The section with the beginning of its url that is compared. Behind a wildcard nothing is, so such a section closes what
/// begins like it, where it says who may come in.
pub(super) fn within(section: Overlay, notes: &mut Notes) -> Overlay {
    let Some(url) = &section.target else {
        return section;
    };
    let url = url.trim_end_matches('*').to_owned();
    let Some((start, _)) = url.split_once(['*', '?', '[']) else {
        return Overlay {
            target: Some(url),
            hosts: Vec::new(),
            ..section
        };
    };
    if !section.keys.is_empty() {
        let text =
            "its fields are left out: <Proxy> with a wildcard inside its url has no counterpart";
        notes.name(&section.origin, text);
    }
    let mut access = Access::default();
    if section.access.matters() {
        let why = "<Proxy> with a wildcard inside its url has no counterpart";
        access.sealed = vec![Closed::by(&section.origin, why)];
    }
    Overlay {
        target: Some(start.to_owned()),
        hosts: Vec::new(),
        keys: Keys::default(),
        access,
        ..section
    }
}

/// Names the sections about urls to which nothing is sent. Those of balancers are named with their members.
pub(super) fn unused<'a>(
    parts: impl Iterator<Item = &'a Part>,
    servers: &[Server],
    notes: &mut Notes,
) {
    let rules = || servers.iter().flat_map(|it| it.stages.iter().flatten());
    for section in parts.flat_map(|part| &part.sections) {
        let Kind::Proxy(url) = &section.kind else {
            continue;
        };
        if !url.contains("://") || balancer_name(url).is_some() || url.contains(['*', '?', '[']) {
            continue;
        }
        let mut target = url.clone();
        targets::as_sent(&mut target);
        let start = target.trim_end_matches('/');
        let is_sent = |rule: &Rule| match &rule.action {
            Action::To(to) => {
                let fixed = to.split('$').next().unwrap_or(to).trim_end_matches('/');
                let rest = start.strip_prefix(fixed);
                let is_part =
                    |rest: &str| rest.is_empty() || rest.starts_with('/') || to.contains('$');
                to.starts_with(start) || rest.is_some_and(is_part)
            }
            _ => false,
        };
        if !rules().any(is_sent) {
            let text = "left out with everything in it: nothing is sent to its url";
            notes.name(&section.origin, text);
        }
    }
}

/// Adds sections by path for those whose urls are longer than those of the rules: they are about a part of what a rule sends on.
pub(super) fn add_parts(server: &mut Server, notes: &mut Notes) {
    let overlays = std::mem::take(&mut server.overlays);
    for overlay in overlays {
        let rules = server.stages.iter().flatten();
        let parts: Vec<Overlay> = rules
            .filter_map(|rule| part(&overlay, rule, notes))
            .collect();
        server.overlays.push(overlay);
        server.overlays.extend(parts);
    }
}

/// The section for a part of what a rule sends on; `None`: it is about all of it, or nothing.
fn part(overlay: &Overlay, rule: &Rule, notes: &mut Notes) -> Option<Overlay> {
    let (Some(target), Action::To(url)) = (&overlay.target, &rule.action) else {
        return None;
    };
    let fixed = url.split('$').next()?;
    let rest = target.strip_prefix(fixed.trim_end_matches('/'))?;
    let says = overlay.access.matters() || !overlay.keys.is_empty();
    let is_part = says && !rest.trim_matches('/').is_empty();
    let (takes, access) = match &rule.takes {
        _ if !is_part => return None,
        Takes::Path(_) if !rest.starts_with('/') => return None,
        Takes::Path(path) => {
            let start = escaped(&format!("{}{rest}", path.trim_end_matches('/')));
            (Takes::Pattern(format!("^{start}")), overlay.access.clone())
        }
        _ if !overlay.access.matters() => {
            let text =
                "its fields are left out: <Proxy> is about a part of what an expression sends on";
            notes.name(&overlay.origin, text);
            return None;
        }
        takes => {
            let why = "<Proxy> is about a part of what an expression sends on";
            let mut access = overlay.access.clone();
            access.sealed.push(Closed::by(&overlay.origin, why));
            (takes.clone(), access)
        }
    };
    Some(Overlay {
        takes,
        keys: overlay.keys.clone(),
        access,
        target: None,
        hosts: Vec::new(),
        origin: overlay.origin.clone(),
    })
}
