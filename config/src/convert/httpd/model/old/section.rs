//! `<Location>` and `<LocationMatch>` (`server/request.c: ap_location_walk()`).

use super::super::super::tree::Node;
use super::super::wildcard;
use crate::convert::request_path::taken;
use crate::convert::told::Telling;
use regex::Regex;

/// A section whose paths a request is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) node: &'a Node,
}

/// The sections of some directives that take a path, in the order of the file. Those of expressions that cannot be compared
/// here are told as unknown.
pub(super) fn sections<'a>(
    nodes: &'a [Node],
    path: &str,
    telling: &mut Telling,
) -> Vec<Section<'a>> {
    let mut found = Vec::new();
    for node in nodes {
        if !matches!(&*node.name, "location" | "locationmatch") {
            continue;
        }
        match is_in(node, path) {
            Some(true) => found.push(Section { node }),
            Some(false) => {}
            None => telling.unknown(
                &node.origin,
                "its expression cannot be compared here; it may add to what is done, or keep the client out",
            ),
        }
        // Sections in a section stand for themselves.
        found.extend(sections(node.inner(), path, telling));
    }
    found
}

/// Whether a section takes a path; `None`: it is not known.
fn is_in(node: &Node, path: &str) -> Option<bool> {
    let words = node.words();
    let regex = |text: &str| Regex::new(text).ok().map(|it| it.is_match(path));
    match (&*node.name, words.as_slice()) {
        ("locationmatch", [pattern, ..]) => regex(pattern),
        (_, [mark, pattern, ..]) if mark == "~" => regex(pattern),
        (_, [own, ..]) if wildcard::is_wild(own) => regex(&wildcard::expression(own)),
        (_, [own, ..]) => Some(taken(own, path).is_some()),
        _ => Some(false),
    }
}
