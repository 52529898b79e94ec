//! Whether a part of the files may keep somebody out, or paths away from what is sent on.

use super::super::tree::Node;
use super::access::{Rules, restricts};
use super::environment;

/// Whether something in a section may. `is_about_paths`: whether the section stands in one about paths or folders, so that rules
/// of access in it count; elsewhere they do with sections of their own.
pub(crate) fn may_keep_out(node: &Node, is_about_paths: bool) -> bool {
    if is_about_paths && restricts(node) {
        return true;
    }
    node.inner().iter().any(|inner| match inner.children {
        Some(_) => may_keep_out(inner, is_about_paths || is_section(inner)),
        None => of_server(inner),
    })
}

/// Whether a section is about paths or folders, and so guards what is in it.
fn is_section(node: &Node) -> bool {
    let is_condition = node.name.starts_with("if") && node.name != "if";
    !is_condition && !matches!(&*node.name, "virtualhost" | "macro")
}

/// Whether a directive may that stands in no section about paths.
fn of_server(node: &Node) -> bool {
    let words = node.words();
    match &*node.name {
        "proxypass" | "proxypassmatch" => words.iter().any(|word| word == "!"),
        "jkunmount" => true,
        "jkmount" => words.first().is_some_and(|word| word.starts_with('!')),
        "requestheader" => {
            let first = words.first().map(|it| it.to_ascii_lowercase());
            matches!(first.as_deref(), Some("set" | "unset" | "edit" | "edit*"))
        }
        "setenvif" | "setenvifnocase" | "setenvifexpr" | "browsermatch" | "browsermatchnocase" => {
            environment::setting(node).is_some_and(|set| set.excludes.any())
        }
        "rewriterule"
            if words
                .get(2)
                .is_some_and(|it| environment::flagged(it).excludes.any()) =>
        {
            true
        }
        // Those of access count in sections about paths alone, but for certificates of a whole server.
        name if Rules::knows(name) && name != "sslverifyclient" => false,
        _ => restricts(&Node {
            children: Some(vec![node.clone()]),
            ..node.clone()
        }),
    }
}
