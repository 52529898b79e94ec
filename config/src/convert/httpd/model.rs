//! What the directives do. Every directive is turned, named, or counted.

mod about;
mod access;
mod access_names;
mod addresses;
mod aliases;
mod always;
mod balancer_names;
mod balancers;
mod bind;
mod by_host;
mod cookies;
mod endpoints;
mod environment;
mod excluding;
mod fields;
mod firewall;
mod folders;
mod guarded;
mod handlers;
mod keeps_out;
mod known;
mod listeners;
mod local;
mod of_all;
mod old;
mod own_files;
mod params;
mod part;
mod passes;
mod place;
mod plain;
mod programs;
mod proxied;
mod redirects;
mod remote;
mod rewrites;
mod sayable;
mod sections;
mod servers;
mod spoken;
mod stages;
mod table;
mod targets;
mod time;
mod tls;
mod upgrades;
mod whole;
mod wildcard;

use super::options::Options;
use super::tree::{Node, Tree};
use crate::convert::modjk;
use crate::convert::note::{Failure, Notes};
use crate::convert::site::Site;

pub(super) use self::keeps_out::may_keep_out;
pub(crate) use self::known::Old;
pub(crate) use self::old::told;
use self::part::Part;
use self::place::Place;

/// What an httpd does that is configured so.
///
/// # Errors
///
/// A file of mod_jk cannot be read.
pub(super) fn site(
    tree: Tree,
    options: &Options<'_>,
    notes: &mut Notes,
) -> Result<(Site, Old), Failure> {
    let mut main = Part::new(tree.root.clone(), tree.origin.clone());
    let mut hosts: Vec<Part> = Vec::new();
    for node in &tree.nodes {
        if node.name == "virtualhost" {
            hosts.push(virtual_host(node, &tree, notes));
        } else {
            main.take(node, &Place::Server, notes);
        }
    }
    let kept = endpoints::kept(&main, &hosts, notes);
    let answering = hosts.iter().zip(&kept.hosts).filter(|it| *it.1);
    let answering: Vec<&Part> = answering.map(|(host, _)| host).collect();
    let mut site = servers::site(&main, &answering, &kept, options.files, notes);
    // The main server is the last one, where it answers.
    let all = answering.iter().map(|host| Some(&host.jk)).chain([None]);
    let servers: Vec<_> = all.take(site.servers.len()).collect();
    let given = modjk::Given {
        workers: options.workers,
        map: options.uriworkermap,
        root: &tree.root,
        options: modjk::Options {
            files: options.files,
            env: options.env,
        },
    };
    let jk = modjk::add(&mut site, &main.jk, &servers, &given, notes)?;
    by_host::split(&mut site, notes);
    let nodes = tree.nodes;
    Ok((
        site,
        Old {
            nodes,
            main,
            hosts,
            kept: kept.hosts,
            jk,
        },
    ))
}

fn virtual_host(node: &Node, tree: &Tree, notes: &mut Notes) -> Part {
    let mut part = Part::new(tree.root.clone(), node.origin.clone());
    part.addresses = node.words();
    for inner in node.inner() {
        part.take(inner, &Place::Server, notes);
    }
    part
}
