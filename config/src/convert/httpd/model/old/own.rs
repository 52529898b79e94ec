//! What httpd does itself with a path that nothing has been sent on for: handlers, folders of users, pages in place of files.

use std::path::Path;

use super::super::super::tree::Node;
use super::super::balancers::lower_host;
use super::super::folders::folder_name;
use super::section::Section;
use super::target::by_url;
use crate::convert::overlap::covers;
use crate::convert::told::{Deed, Telling};

/// What is done in place of sending a file; `None`: nothing else is known. `named` is the file that the path stands for.
pub(super) fn answer(
    lists: &[&[Node]],
    here: &[Section<'_>],
    (root, file): (&Path, &str),
    named: &str,
    telling: &mut Telling,
) -> Option<Deed> {
    let answered = handler(here, named, telling);
    if answered.is_none() {
        fallback(lists, here, (root, file), telling);
    }
    answered
}

/// What the handler of a section does. `file` is the name of the file that the path stands for.
fn handler(here: &[Section<'_>], file: &str, telling: &mut Telling) -> Option<Deed> {
    let mut nodes = here
        .iter()
        .rev()
        .flat_map(|it| it.node.inner().iter().rev());
    let node = nodes.find(|node| node.name == "sethandler")?;
    let name = node.words().into_iter().next()?;
    if name.eq_ignore_ascii_case("none") {
        return None;
    }
    telling.step(&node.origin, format!("SetHandler {name}"));
    // The name of the file stands behind the url (`mod_proxy.c: proxy_handler()`).
    Some(match name.strip_prefix("proxy:") {
        Some(url) if url.contains("://") => by_url(&lower_host(&format!("{url}{file}"))),
        _ => Deed::Own(name),
    })
}

/// The file of `/~name/…` (`UserDir`); `None`: the path is no such one, or the user has none.
pub(super) fn of_user(lists: &[&[Node]], path: &str, telling: &mut Telling) -> Option<String> {
    let (user, rest) = match path.strip_prefix("/~")?.split_once('/') {
        Some((user, rest)) => (user, format!("/{rest}")),
        None => (path.strip_prefix("/~")?, String::new()),
    };
    let nodes = lists.iter().flat_map(|nodes| nodes.iter());
    let mut found = None;
    let (mut is_off, mut is_enabled, mut is_disabled) = (false, false, false);
    for node in nodes.filter(|node| node.name == "userdir") {
        let words = node.words();
        let users = words.get(1..).unwrap_or_default();
        let is_listed = users.iter().any(|it| it == user);
        match words.first().map(|it| it.to_ascii_lowercase()).as_deref() {
            Some("disable" | "disabled") if users.is_empty() => is_off = true,
            Some("enable" | "enabled") if users.is_empty() => is_off = false,
            Some("disable" | "disabled") => is_disabled |= is_listed,
            Some("enable" | "enabled") => is_enabled |= is_listed,
            None => {}
            Some(_) => found = Some((node, words.first()?.clone())),
        }
    }
    // The order of these lines means nothing (`mod_userdir.c: translate_userdir()`).
    let is_refused = is_disabled || is_off && !is_enabled;
    let (node, folder) = found.filter(|_| !is_refused && !user.is_empty())?;
    telling.step(&node.origin, format!("UserDir {folder}"));
    let folder = match folder.contains('*') {
        true => folder.replace('*', user),
        false if folder.starts_with('/') => format!("{folder}/{user}"),
        false => format!("~{user}/{folder}"),
    };
    Some(format!("{folder}{rest}"))
}

/// Says that something else may answer where there is no such file (`FallbackResource`).
fn fallback(
    lists: &[&[Node]],
    here: &[Section<'_>],
    (root, file): (&Path, &str),
    telling: &mut Telling,
) {
    let of_servers = lists.iter().rev().flat_map(|nodes| nodes.iter());
    let folders = of_servers.clone().filter(|node| {
        let words = node.words();
        let folder = words.first().map_or("", String::as_str);
        node.name == "directory" && covers(&folder_name(root, folder), file)
    });
    let of_sections = here.iter().rev().map(|it| it.node).chain(folders);
    let mut nodes = of_sections
        .flat_map(|it| it.inner().iter())
        .chain(of_servers);
    let Some(node) = nodes.find(|node| node.name == "fallbackresource") else {
        return;
    };
    let page = node.arguments.trim().to_owned();
    if !page.eq_ignore_ascii_case("disabled") {
        let text = format!("FallbackResource: what is no file goes on as {page}");
        telling.unknown(&node.origin, text);
    }
}
