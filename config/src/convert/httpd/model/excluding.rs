//! What keeps requests away from mod_proxy or mod_jk: it becomes an exclusion, or closes what it may take away.

use super::super::tree::Node;
use super::environment;
use super::passes::{NoPass, Pass};
use super::place::Place;
use super::redirects::Redirects;
use crate::convert::modjk::Directives;
use crate::convert::note::Notes;
use crate::convert::site::Takes;

/// Takes a line that keeps mod_proxy or mod_jk away from some requests by a variable. Returns whether it is one.
pub(super) fn variables(
    node: &Node,
    place: &Place,
    (redirects, excluded, jk): (&mut Redirects, &mut Vec<Pass>, &mut Directives),
    notes: &mut Notes,
) -> bool {
    let Some(set) = environment::setting(node) else {
        return false;
    };
    let excludes = set.excludes;
    let tells = set.others.iter().any(|name| name.starts_with("AJP_"));
    // In a section it comes too late: the module has taken the request already.
    if *place != Place::Server || !excludes.any() {
        if tells {
            let text = format!(
                "{} is left out: it sets a request attribute for some requests",
                node.written
            );
            notes.name(&node.origin, text);
        }
        return tells;
    }
    let Some(pattern) = set.pattern else {
        let why = format!(
            "{} keeps requests away from what is sent on, by more than their path",
            node.written
        );
        redirects.close(Takes::Path("/".to_owned()), node, &why, notes);
        return true;
    };
    if !set.others.is_empty() {
        let text = format!(
            "{}: left out, its paths are excluded nevertheless",
            set.others.join(" ")
        );
        notes.name(&node.origin, text);
    }
    if excludes.proxy {
        excluded.push(Pass::excluding(&pattern, &node.origin));
    }
    if excludes.jk {
        jk.exclude(pattern, &node.origin);
    }
    true
}

/// Names a `ProxyPass` that cannot be turned, or closes what such an exclusion may take away.
pub(super) fn lost(pass: NoPass, node: &Node, redirects: &mut Redirects, notes: &mut Notes) {
    let NoPass { why, excludes } = pass;
    if excludes.is_empty() {
        notes.name(&node.origin, format!("left out: {why}"));
    }
    let why = format!("it keeps paths away from what is sent on: {why}");
    for takes in excludes {
        redirects.close(takes, node, &why, notes);
    }
}
