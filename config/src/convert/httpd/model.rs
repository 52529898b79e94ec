//! What the directives do. Every directive is turned, named, or counted.

mod access;
mod balancers;
mod fields;
mod listeners;
mod local;
mod params;
mod part;
mod passes;
mod place;
mod redirects;
mod servers;
mod table;
mod time;
mod tls;
mod whole;

use super::tree::{Node, Tree};
use crate::convert::files::Files;
use crate::convert::note::Notes;
use crate::convert::site::Site;

use self::part::Part;
use self::place::Place;

/// What an httpd does that is configured so.
pub(super) fn site(tree: &Tree, files: &dyn Files, notes: &mut Notes) -> Site {
    let mut main = Part::new(tree.root.clone(), tree.origin.clone());
    let mut hosts: Vec<Part> = Vec::new();
    for node in &tree.nodes {
        if node.name == "virtualhost" {
            hosts.push(virtual_host(node, tree, notes));
        } else {
            main.take(node, &Place::Server, notes);
        }
    }
    servers::site(&main, &hosts, files, notes)
}

fn virtual_host(node: &Node, tree: &Tree, notes: &mut Notes) -> Part {
    let mut part = Part::new(tree.root.clone(), node.origin.clone());
    part.addresses = node.words();
    for inner in node.inner() {
        part.take(inner, &Place::Server, notes);
    }
    part
}
