//! What keeps requests away from mod_proxy or mod_jk: it becomes an exclusion, or closes what it may take away.

use super::super::tree::Node;
use super::environment;
use super::passes::{NoPass, Pass};
use super::place::{Kind, Place};
use super::redirects::Redirects;
use super::rewrites::LeftAlone;
use super::sayable::unsayable;
use crate::convert::modjk::Directives;
use crate::convert::note::{Notes, Origin};
use crate::convert::site::Takes;

/// A section whose `ProxyPass` maps less than the section takes. The last section that has one counts in httpd, so those of
/// sections before it map nothing there (`mod_proxy.c: merge_proxy_dir_config()`).
#[derive(Debug)]
pub(super) struct Hiding {
    /// What the section takes.
    pub(super) takes: Takes,
    pub(super) origin: Origin,
    /// How many rules of sections of the same server stand before it.
    pub(super) before: usize,
}

impl Hiding {
    /// What a section hides by its `ProxyPass`; `None`: nothing, or what it hides is closed or mapped already.
    pub(super) fn of(
        pass: &Result<Pass, NoPass>,
        kind: &Kind,
        origin: &Origin,
        before: usize,
    ) -> Option<Self> {
        let (Kind::Location(takes) | Kind::Text(takes)) = kind else {
            return None;
        };
        let hides = match pass {
            Ok(pass) => pass.url.is_none() && pass.takes != *takes,
            Err(lost) => lost.excludes.is_empty(),
        };
        hides.then(|| Self {
            takes: takes.clone(),
            origin: origin.clone(),
            before,
        })
    }
}

/// Takes a line that keeps mod_proxy or mod_jk away from some requests by a variable. Returns whether it is one.
pub(super) fn variables(
    node: &Node,
    place: &Place,
    (redirects, excluded, jk): (&mut Redirects, &mut Vec<Pass>, &mut Directives),
    notes: &mut Notes,
) -> bool {
    if environment::silences(node) {
        return silent(node, place, redirects, jk, notes);
    }
    let Some(set) = environment::setting(node) else {
        return false;
    };
    jk.sets(&set.others);
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

/// Takes `SetEnv no-jk`, which counts behind the sections. Returns whether it counts where it stands: mod_jk's requests are in no
/// folder and no `<Proxy>`.
fn silent(
    node: &Node,
    place: &Place,
    redirects: &mut Redirects,
    jk: &mut Directives,
    notes: &mut Notes,
) -> bool {
    let takes = match place {
        Place::Server => Takes::Path("/".to_owned()),
        Place::Section(Kind::Location(takes) | Kind::Text(takes)) => takes.clone(),
        Place::Section(_) => return false,
    };
    match unsayable(&takes) {
        None => jk.silence(takes, &node.origin),
        Some(why) => {
            let why = format!("it keeps paths away from mod_jk: {why}");
            redirects.close(takes, node, &why, notes);
        }
    }
    true
}

/// The exclusions from mod_proxy by variables of `RewriteRule`.
pub(super) fn passes(left: &[LeftAlone]) -> Vec<Pass> {
    let left = left.iter().filter(|it| it.excludes.proxy);
    left.map(|it| Pass::excluding(&it.pattern, &it.origin))
        .collect()
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
