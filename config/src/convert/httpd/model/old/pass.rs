//! Which `ProxyPass` takes a path (`modules/proxy/mod_proxy.c: ap_proxy_trans_match()`).

use super::super::super::tree::Node;
use super::super::environment::setting;
use super::super::targets;
use super::request::Request;
use super::section::Section;
use super::substitution::{Captured, filled};
use crate::convert::note::Origin;
use crate::convert::request_path::taken;
use crate::convert::told::Telling;
use regex::Regex;

/// What a `ProxyPass` says.
pub(super) enum Passed<'a> {
    /// `!`
    Excluded,
    /// It is sent to this url.
    To {
        /// With the rest of the path.
        url: String,
        /// As the directive has it.
        own: String,
        origin: &'a Origin,
    },
}

/// What mod_proxy makes of a path; `None`: no rule of its own takes it. `lists` are the directives of the main server, then those
/// of the virtual host; `sections` those that the path is in.
pub(super) fn passed<'a>(
    lists: &[&'a [Node]],
    sections: &[Section<'a>],
    request: &Request<'_>,
    telling: &mut Telling,
) -> Option<Passed<'a>> {
    let path = &*request.path;
    let nodes = || lists.iter().flat_map(|nodes| nodes.iter());
    for node in nodes() {
        let Some(set) = setting(node).filter(|set| set.excludes.any()) else {
            continue;
        };
        let Some(pattern) = set.pattern else {
            let text = "it keeps requests away from what is sent on, by more than a URL says";
            telling.unknown(&node.origin, text);
            continue;
        };
        if set.excludes.proxy && Regex::new(&pattern).is_ok_and(|it| it.is_match(path)) {
            telling.step(
                &node.origin,
                format!("{} {pattern} … no-proxy", node.written),
            );
            return Some(Passed::Excluded);
        }
    }
    if request.excludes.proxy {
        return Some(Passed::Excluded);
    }
    // The last section that has one counts; where it takes nothing, the list is asked.
    let in_section = sections.iter().rev().find_map(|it| own_pass(it.node));
    let located = in_section.and_then(|(section, node)| {
        let found = of_section(section, node, path, telling);
        if found.is_none() {
            // A remark about it may say that it maps nothing.
            telling.step(
                &node.origin,
                format!(
                    "{} maps nothing, and hides those of sections before it",
                    node.written
                ),
            );
        }
        found
    });
    located.or_else(|| {
        let mut rules = nodes().filter(|it| matches!(&*it.name, "proxypass" | "proxypassmatch"));
        rules.find_map(|node| of_list(node, path, telling))
    })
}

/// The `ProxyPass` in a section, with the section.
fn own_pass(section: &Node) -> Option<(&Node, &Node)> {
    let mut inner = section.inner().iter().rev();
    let node = inner.find(|it| matches!(&*it.name, "proxypass" | "proxypassmatch"))?;
    Some((section, node))
}

fn of_section<'a>(
    section: &'a Node,
    node: &'a Node,
    path: &str,
    telling: &mut Telling,
) -> Option<Passed<'a>> {
    let words = section.words();
    let url = node.words().into_iter().next()?;
    let is_marked = words.first().is_some_and(|it| it == "~");
    let place = words.get(usize::from(is_marked))?;
    // The text is an expression by its letters, of whatever kind the section is (`mod_proxy.c: add_pass()`).
    let is_expression = place.contains(['*', '?', '[']);
    if is_expression && Regex::new(place).is_err() {
        telling.unknown(&node.origin, "its expression cannot be compared here");
        return None;
    }
    let done = match is_expression {
        true => by_pattern(place, &url, path)?,
        false => by_path(place, &url, path)?,
    };
    told(node, &url, &done, telling)
}

fn of_list<'a>(node: &'a Node, path: &str, telling: &mut Telling) -> Option<Passed<'a>> {
    let words = node.words();
    let is_mark = words.first().is_some_and(|it| it == "~");
    let words = words.get(usize::from(is_mark)..).unwrap_or_default();
    let [place, url, ..] = words else { return None };
    if words
        .iter()
        .any(|it| it.eq_ignore_ascii_case("interpolate"))
    {
        telling.unknown(
            &node.origin,
            "interpolate: variables of the request are filled in",
        );
    }
    let is_pattern = is_mark || node.name == "proxypassmatch";
    if is_pattern && Regex::new(place).is_err() {
        telling.unknown(&node.origin, "its expression cannot be compared here");
        return None;
    }
    let done = match is_pattern {
        true => by_pattern(place, url, path)?,
        false => by_path(place, url, path)?,
    };
    told(node, url, &done, telling)
}

fn told<'a>(node: &'a Node, own: &str, url: &str, telling: &mut Telling) -> Option<Passed<'a>> {
    let words = node.words();
    let shown = words.iter().take_while(|it| !it.contains('='));
    let shown: Vec<&str> = shown.map(String::as_str).collect();
    telling.step(
        &node.origin,
        format!("{} {}", node.written, shown.join(" ")),
    );
    if own == "!" {
        return Some(Passed::Excluded);
    }
    let origin = &node.origin;
    // Each `%` is a letter, but for that of a slash that has stayed as it is (`proxy_util.c: ap_proxy_canonenc_ex()`).
    let is_raw = words.iter().any(|it| it.eq_ignore_ascii_case("nocanon"));
    let sent = |url: &str| {
        let url = match is_raw {
            true => url.to_owned(),
            false => url.replace('%', "%25").replace("%252F", "%2F"),
        };
        targets::without_query(&url)
    };
    let (own, url) = (sent(own), sent(url));
    Some(Passed::To { url, own, origin })
}

/// The url with what is behind the path, as it stands: slashes are neither added nor taken away.
fn by_path(own: &str, url: &str, path: &str) -> Option<String> {
    let length = taken(own, path)?;
    Some(format!("{url}{}", path.get(length..).unwrap_or_default()))
}

/// The url with what was captured; the whole path is appended where nothing is filled in.
fn by_pattern(pattern: &str, url: &str, path: &str) -> Option<String> {
    let regex = Regex::new(pattern).ok()?;
    let captures = regex.captures(path)?;
    let found = filled(url, &Captured::of(&captures));
    Some(match found == url {
        true => format!("{url}{path}"),
        false => found,
    })
}
