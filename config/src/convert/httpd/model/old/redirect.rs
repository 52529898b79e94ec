//! `Redirect`, `RedirectMatch`, `Alias` and `ScriptAlias` (`modules/mappers/mod_alias.c`).

use std::path::Path;

use super::super::super::tree::Node;
use super::super::folders::folder_name;
use super::super::redirects::status;
use super::request::Request;
use super::section::Section;
use super::substitution::{Captured, filled};
use super::target::answered;
use crate::convert::overlap::covers;
use crate::convert::request_path::taken;
use crate::convert::told::{Deed, Telling};
use regex::Regex;

/// The redirect outside of sections that takes a path: those of the virtual host come before those of the main server.
pub(super) fn of_server(
    lists: &[&[Node]],
    request: &Request<'_>,
    telling: &mut Telling,
) -> Option<Deed> {
    let mut nodes = lists.iter().rev().flat_map(|nodes| nodes.iter());
    nodes.find_map(|node| redirect(node, request, false, telling))
}

/// The redirect of the sections that the path is in: the last section is asked first. `is_early`: before it is asked who comes in,
/// when those without a path of their own answer.
pub(super) fn of_sections(
    sections: &[Section<'_>],
    request: &Request<'_>,
    is_early: bool,
    telling: &mut Telling,
) -> Option<Deed> {
    let nodes = sections.iter().rev().flat_map(|it| it.node.inner());
    let mut nodes = nodes.filter(|node| !is_early || is_bare(node));
    nodes.find_map(|node| redirect(node, request, true, telling))
}

/// The redirect of the sections about the folder of a file. `file` is the folder that relative names start from, and the file.
pub(super) fn of_folders(
    lists: &[&[Node]],
    (root, file): (&Path, &str),
    request: &Request<'_>,
    telling: &mut Telling,
) -> Option<Deed> {
    let nodes = lists.iter().rev().flat_map(|nodes| nodes.iter().rev());
    let here = nodes.filter(|node| {
        let words = node.words();
        let folder = words.first().map_or("", String::as_str);
        node.name == "directory" && covers(&folder_name(root, folder), file)
    });
    let mut inner = here.flat_map(Node::inner);
    inner.find_map(|node| redirect(node, request, true, telling))
}

/// Whether a directive is a redirect that names no path of its own.
fn is_bare(node: &Node) -> bool {
    status(&node.name, &node.words()).is_some_and(|(status, words)| {
        let has_target = (300..400).contains(&status);
        words.len() <= usize::from(has_target)
    })
}

/// What a directive does, if it is a redirect that takes the path.
fn redirect(
    node: &Node,
    request: &Request<'_>,
    in_section: bool,
    telling: &mut Telling,
) -> Option<Deed> {
    let words = node.words();
    let (status, words) = status(&node.name, &words)?;
    let has_target = (300..400).contains(&status);
    let target = match (words, in_section) {
        ([url], true) if has_target => url.clone(),
        ([], true) if !has_target => String::new(),
        ([place, rest @ ..], _) => {
            let url = rest.first().map_or("", String::as_str);
            match &*node.name {
                "redirectmatch" => by_pattern(node, place, url, &request.path, telling)?,
                _ => by_path(place, url, &request.path)?,
            }
        }
        _ => return None,
    };
    telling.step(
        &node.origin,
        format!("{} {}", node.written, node.arguments.trim()),
    );
    Some(match has_target {
        true => Deed::Redirected {
            status,
            location: request.location(&target),
        },
        false => answered(status, node.written.clone()),
    })
}

fn by_path(own: &str, url: &str, path: &str) -> Option<String> {
    let length = taken(own, path)?;
    Some(format!("{url}{}", path.get(length..).unwrap_or_default()))
}

fn by_pattern(
    node: &Node,
    pattern: &str,
    url: &str,
    path: &str,
    telling: &mut Telling,
) -> Option<String> {
    let Ok(regex) = Regex::new(pattern) else {
        telling.unknown(&node.origin, "its expression cannot be compared here");
        return None;
    };
    let captures = regex.captures(path)?;
    Some(filled(url, &Captured::of(&captures)))
}

/// The file of the first `Alias` that takes a path.
pub(super) fn alias(lists: &[&[Node]], path: &str, telling: &mut Telling) -> Option<String> {
    for node in lists.iter().rev().flat_map(|nodes| nodes.iter()) {
        let words = node.words();
        let [place, folder, ..] = words.as_slice() else {
            continue;
        };
        let name = match &*node.name {
            "alias" | "scriptalias" => by_path(place, folder, path),
            "aliasmatch" | "scriptaliasmatch" => by_pattern(node, place, folder, path, telling),
            _ => continue,
        };
        if let Some(name) = name {
            telling.step(&node.origin, format!("{} {place} {folder}", node.written));
            return Some(name);
        }
    }
    None
}
