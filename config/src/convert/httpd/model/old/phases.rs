//! The phases of a request, in httpd's order.

use std::path::Path;

use super::super::super::tree::Node;
use super::super::environment::Excludes;
use super::super::folders::folder_name;
use super::super::known::Old;
use super::super::time::switch;
use super::guard::{self, Subject};
use super::own;
use super::pass::{Passed, passed};
use super::redirect;
use super::request::Request;
use super::rewrite::{self, Rewritten};
use super::section::{Section, sections};
use super::server;
use super::target::{answered, deed};
use crate::convert::modjk;
use crate::convert::note::Origin;
use crate::convert::overlap::covers;
use crate::convert::request_path::{BadPath, Slashes, normal, normal_with};
use crate::convert::told::{Asked, Deed, Telling, Told};

/// What becomes of a request.
pub(crate) fn told(old: &Old, asked: &Asked) -> Told {
    let mut telling = Telling::default();
    let deed = match server::answering(old, asked, &mut telling) {
        Ok(host) => of_server(old, host, asked, &mut telling),
        Err(why) => Deed::Nobody(why),
    };
    telling.ends(deed)
}

/// What a request leads to, before it is asked who comes in.
enum Way<'a> {
    /// It is over: the answer does not depend on who asks.
    Over(Deed),
    /// mod_proxy sends it to a url; then the url as the rule has it, and the rule.
    Proxied(String, String, &'a Origin),
    /// mod_jk sends it on, or answers.
    Jk(Deed),
    /// A file of httpd's own.
    File(String),
    /// Nothing takes it.
    Nowhere,
}

fn of_server(old: &Old, host: Option<usize>, asked: &Asked, telling: &mut Telling) -> Deed {
    let own = host.map(|host| old.host_nodes(host));
    let lists: Vec<&[Node]> = std::iter::once(&*old.nodes).chain(own).collect();
    let path = match compared(&lists, &asked.path, telling) {
        Ok(path) => path,
        Err(deed) => return deed,
    };
    let mut request = Request {
        asked,
        path,
        query: asked.query.clone(),
        excludes: Excludes::default(),
    };
    let way = way(old, host, &lists, &mut request, telling);
    let here: Vec<Section<'_>> = lists
        .iter()
        .flat_map(|nodes| sections(nodes, &request.path, telling))
        .collect();
    let way = match way {
        Way::Over(deed) => return deed,
        way => way,
    };
    conditional(&lists, &here, telling);
    let root = &old.main.root;
    let file = file_of(&way, root);
    let subject = match &way {
        Way::Proxied(url, ..) => Subject::Url(url),
        Way::File(_) => {
            overridden(&lists, root, &file, telling);
            Subject::File(&file)
        }
        _ => Subject::Path,
    };
    let is_ours = matches!(way, Way::File(_) | Way::Nowhere);
    let early = is_ours.then(|| redirect::of_sections(&here, &request, true, telling));
    if let Some(redirected) = early.flatten() {
        return redirected;
    }
    if let Some(refused) = guard::refusal(old, host, &here, &subject, &request, telling) {
        return refused;
    }
    if let Some(redirected) = redirect::of_sections(&here, &request, false, telling) {
        return redirected;
    }
    if let Way::File(_) = &way
        && let Some(redirected) = redirect::of_folders(&lists, (root, &file), &request, telling)
    {
        return redirected;
    }
    match way {
        Way::Over(deed) | Way::Jk(deed) => deed,
        Way::Proxied(url, own, origin) => deed(old, host, &url, &own, origin, telling),
        Way::File(name) => {
            own::answer(&lists, &here, (root, &file), &name, telling).unwrap_or(Deed::File(name))
        }
        Way::Nowhere => own::answer(&lists, &here, (root, &file), &request.path, telling)
            .unwrap_or_else(|| answered(404, "it is not sent on, and no DocumentRoot is said")),
    }
}

/// The name of the file that a request leads to; empty where it leads to none.
fn file_of(way: &Way<'_>, root: &Path) -> String {
    match way {
        Way::File(name) => folder_name(root, name),
        _ => String::new(),
    }
}

/// The path as it is compared, or the answer to one that is refused.
fn compared(lists: &[&[Node]], path: &str, telling: &mut Telling) -> Result<String, Deed> {
    match normal(path) {
        Ok(path) => Ok(path),
        Err(BadPath::Bad) => Err(answered(400, "it is no path")),
        Err(BadPath::EncodedSlash) => with_slashes(lists, path, telling),
    }
}

/// The first phase: what the path is translated to.
fn way<'a>(
    old: &'a Old,
    host: Option<usize>,
    lists: &[&'a [Node]],
    request: &mut Request<'_>,
    telling: &mut Telling,
) -> Way<'a> {
    let root = document_root(lists);
    match rewrite::rewritten(lists, request, telling) {
        Rewritten::No => {}
        Rewritten::Over(deed) => return Way::Over(deed),
        Rewritten::Proxied(url, origin) => {
            let own = url.clone();
            return Way::Proxied(url, own, origin);
        }
        Rewritten::File(path) => {
            let root = root.map_or_else(|| "DocumentRoot".to_owned(), |it| it.1);
            return Way::File(format!("{}{path}", root.trim_end_matches('/')));
        }
    }
    let here: Vec<Section<'_>> = lists
        .iter()
        .flat_map(|nodes| sections(nodes, &request.path, telling))
        .collect();
    if let Some(Passed::To { url, own, origin }) = passed(lists, &here, request, telling) {
        return Way::Proxied(url, own, origin);
    }
    if let Some(deed) = redirect::of_server(lists, request, telling) {
        return Way::Over(deed);
    }
    let jk = by_mod_jk(old, host, request, telling);
    let alias = redirect::alias(lists, &request.path, telling)
        .or_else(|| own::of_user(lists, &request.path, telling));
    match (jk, alias, root) {
        (Some(deed), Some(name), _) => {
            // Both modules are asked in the order in which they are loaded.
            if let Some(step) = telling.steps.last().cloned() {
                let text = format!(
                    "{}: the file {name}, if mod_alias is asked before mod_jk",
                    step.text
                );
                telling.unknown(&step.origin, text);
                telling.steps.pop();
            }
            Way::Jk(deed)
        }
        (Some(deed), None, _) => Way::Jk(deed),
        (None, Some(name), _) => Way::File(name),
        (None, None, Some((node, folder))) => {
            telling.step(&node.origin, format!("DocumentRoot {folder}"));
            Way::File(format!("{}{}", folder.trim_end_matches('/'), request.path))
        }
        (None, None, None) => Way::Nowhere,
    }
}

/// What mod_jk does with a request; `None`: nothing.
fn by_mod_jk(
    old: &Old,
    host: Option<usize>,
    request: &Request<'_>,
    telling: &mut Telling,
) -> Option<Deed> {
    let jk = old.jk.as_ref().filter(|_| !request.excludes.jk)?;
    let Some(server) = old.jk_number(host) else {
        let origin = host.and_then(|host| old.hosts.get(host));
        let origin = origin.map_or(&old.main.origin, |host| &host.origin);
        let text = "its rules of mod_jk are not looked at, because the virtual host is left out";
        telling.unknown(origin, text);
        return None;
    };
    modjk::told(jk, server, &request.path, &request.asked.path, telling)
}

fn document_root<'a>(lists: &[&'a [Node]]) -> Option<(&'a Node, String)> {
    let mut nodes = lists.iter().rev().flat_map(|nodes| nodes.iter().rev());
    let node = nodes.find(|node| node.name == "documentroot")?;
    let folder = node.words().into_iter().next()?;
    Some((node, folder))
}

/// The path with its `%2F` (`AllowEncodedSlashes NoDecode`), or the answer to it.
fn with_slashes(lists: &[&[Node]], path: &str, telling: &mut Telling) -> Result<String, Deed> {
    let mut nodes = lists.iter().rev().flat_map(|nodes| nodes.iter().rev());
    let allowed = nodes.find(|node| node.name == "allowencodedslashes");
    let said = allowed.map_or("off", |it| it.arguments.trim());
    let slashes = match switch(said) {
        _ if said.eq_ignore_ascii_case("nodecode") => Slashes::Kept,
        Some(true) => Slashes::Decoded,
        _ => {
            let why = format!("there is %2F in the path, and AllowEncodedSlashes is {said}");
            return Err(answered(404, why));
        }
    };
    if let Some(node) = allowed {
        telling.step(&node.origin, format!("AllowEncodedSlashes {said}"));
    }
    normal_with(path, slashes).map_err(|_| answered(400, "it is no path"))
}

/// What depends on more than a URL: `<If>`, and rewriting in sections.
fn conditional(lists: &[&[Node]], here: &[Section<'_>], telling: &mut Telling) {
    let of_servers = lists.iter().flat_map(|nodes| nodes.iter());
    for node in of_servers.chain(here.iter().flat_map(|it| it.node.inner())) {
        let is_condition = matches!(&*node.name, "if" | "elseif" | "else" | "proxymatch");
        if is_condition && decides(node) {
            let text = format!("what stands in <{}> is not looked at here", node.written);
            telling.unknown(&node.origin, text);
        }
    }
    let inner = || here.iter().flat_map(|it| it.node.inner());
    let is_on = |node: &Node| switch(node.arguments.trim()) == Some(true);
    if inner().any(|node| node.name == "rewriteengine" && is_on(node)) {
        for rule in inner().filter(|node| node.name == "rewriterule") {
            telling.unknown(
                &rule.origin,
                "RewriteRule in a section is not looked at here",
            );
        }
    }
}

/// Folders whose `.htaccess` counts (`AllowOverride`).
fn overridden(lists: &[&[Node]], root: &Path, name: &str, telling: &mut Telling) {
    for node in lists.iter().flat_map(|nodes| nodes.iter()) {
        let words = node.words();
        let folder = folder_name(root, words.first().map_or("", String::as_str));
        if node.name != "directory" || !covers(&folder, name) {
            continue;
        }
        let mut inner = node.inner().iter().filter(|it| it.name == "allowoverride");
        if let Some(allowed) = inner.find(|it| !it.arguments.trim().eq_ignore_ascii_case("none")) {
            telling.unknown(
                &allowed.origin,
                "AllowOverride: .htaccess files are not read here",
            );
        }
    }
}

/// Whether something in a section can change what becomes of a request.
fn decides(node: &Node) -> bool {
    node.inner().iter().any(|inner| {
        [
            "require",
            "allow",
            "deny",
            "order",
            "redirect",
            "rewrite",
            "sethandler",
            "proxy",
            "auth",
        ]
        .iter()
        .any(|start| inner.name.starts_with(start))
            || decides(inner)
    })
}
