//! Whether a part of the files may keep somebody out, or paths away from what is sent on: to be asked before a line is counted,
//! left out or skipped.

use super::super::tree::Node;
use super::access_names::{is_about_access, is_program, lets_all_in, suspicion};
use super::{environment, redirects, rewrites};

/// Whether something in a section may that a condition around it takes away. `is_about_paths`: whether the section stands in one
/// about paths or folders, so that rules of access in it count; elsewhere they do with sections of their own.
pub(crate) fn may_keep_out(node: &Node, is_about_paths: bool) -> bool {
    if is_about_paths && restricts(node) {
        return true;
    }
    node.inner().iter().any(|inner| match inner.children {
        Some(_) => may_keep_out(inner, is_about_paths || is_section(inner)),
        None => of_server(inner) || is_of_firewall(&inner.name),
    })
}

/// Whether a directive is of a module that refuses requests by what is in them or by their number: ModSecurity, mod_evasive,
/// mod_qos, mod_limitipconn. Nothing here does that, so each of their lines is named.
fn is_of_firewall(name: &str) -> bool {
    let starts = ["secrule", "secaction", "dos", "qs_", "maxconnperip"];
    starts.iter().any(|start| name.starts_with(start))
}

/// Whether a section is about paths or folders, and so guards what is in it.
fn is_section(node: &Node) -> bool {
    let is_condition = node.name.starts_with("if") && node.name != "if";
    !is_condition && !matches!(&*node.name, "virtualhost" | "macro")
}

/// Whether a directive may that stands in no section about paths.
fn of_server(node: &Node) -> bool {
    match &*node.name {
        // A backend may believe what a client writes into the field.
        "requestheader" => {
            let first = node.words().first().map(|it| it.to_ascii_lowercase());
            matches!(first.as_deref(), Some("set" | "unset" | "edit" | "edit*"))
        }
        // Those of access count in sections about paths alone, but for certificates and programs of a whole server.
        name if is_about_access(name) && name != "sslverifyclient" && !is_program(name) => false,
        _ => keeps_out(node, std::slice::from_ref(node)),
    }
}

/// Whether a section, which may be of an unknown kind, has a rule in it that keeps somebody out.
pub(super) fn restricts(node: &Node) -> bool {
    let inner = node.inner();
    inner.iter().any(|it| keeps_out(it, inner))
}

/// Whether a directive or section can keep somebody out. `beside` is what stands in the same place, for `Order` counts with
/// `Allow`.
fn keeps_out(node: &Node, beside: &[Node]) -> bool {
    let allows_all = |it: &Node| {
        let words = it.words();
        it.name == "allow" && words.iter().any(|it| it.eq_ignore_ascii_case("all"))
    };
    match &*node.name {
        "require" => !lets_all_in(&node.words()),
        "requirenone" => true,
        "allow" => !allows_all(node),
        // Who is in no list stays out.
        "order" => {
            let order = node.arguments.trim_start().to_ascii_lowercase();
            let starts = order.trim_start_matches('"');
            !starts.starts_with("deny") && !beside.iter().any(allows_all)
        }
        "sslverifyclient" => !node.arguments.trim().eq_ignore_ascii_case("none"),
        "allowmethods" => !node.arguments.trim().eq_ignore_ascii_case("reset"),
        "rewritecond" => rewrites::asks(node),
        "rewriterule" => rewrites::forbids(node) || rewrites::sets(node).excludes.any(),
        "setenvif" | "setenvifnocase" | "setenvifexpr" | "browsermatch" | "browsermatchnocase" => {
            environment::setting(node).is_some_and(|set| set.excludes.any())
        }
        "proxypass" | "proxypassmatch" => node.words().iter().any(|word| word == "!"),
        "setenv" => environment::silences(node),
        "proxyblock" | "jkunmount" => true,
        "jkmount" => node.words().iter().any(|word| word.starts_with('!')),
        "redirect" | "redirectmatch" => redirects::refuses(node),
        "authtype"
        | "authname"
        | "authuserfile"
        | "authgroupfile"
        | "authmerging"
        | "satisfy"
        | "authbasicprovider"
        | "authbasicauthoritative" => false,
        name => is_about_access(name) || restricts(node) || suspicion(node, true).is_some(),
    }
}
