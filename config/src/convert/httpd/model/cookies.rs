//! `ProxyPassReverseCookiePath` and `ProxyPassReverseCookieDomain`. Here cookies are mapped back unasked: the path of a target
//! becomes that of its mapping, and a member's host becomes the host that the client has asked.

use super::super::tree::Node;
use super::balancers::bare_name;
use super::passes::bare_path;
use crate::convert::note::Origin;

/// One such line.
#[derive(Debug)]
pub(super) struct Mapped {
    is_path: bool,
    internal: String,
    public: String,
    pub(super) origin: Origin,
}

impl Mapped {
    /// `None`: it lacks a word, and httpd does not start.
    pub(super) fn of(node: &Node) -> Option<Self> {
        let words = node.words();
        let [internal, public, ..] = words.as_slice() else {
            return None;
        };
        Some(Self {
            is_path: node.name.ends_with("path"),
            internal: internal.clone(),
            public: public.clone(),
            origin: node.origin.clone(),
        })
    }

    /// What is said about it; `None`: the gateway does the same of itself. `targets` are the paths of mappings, where they have one,
    /// with their urls; `members` are urls of members, and `names` those of the servers.
    pub(super) fn difference<'a>(
        &self,
        targets: &[(Option<&'a str>, &'a str)],
        members: &[&'a str],
        names: &[&'a str],
    ) -> Option<String> {
        let Self {
            internal, public, ..
        } = self;
        let is_unasked = match self.is_path {
            true => targets.iter().any(|(path, url)| {
                let path = path.is_some_and(|path| path == bare_path(public));
                path && split(url).1 == bare_path(internal)
            }),
            false => {
                let urls = targets.iter().map(|it| &it.1).chain(members);
                let mut hosts = urls.map(|url| split(url).0);
                let mut names = names.iter();
                hosts.any(|host| same(host, internal)) && names.any(|name| same(name, public))
            }
        };
        if is_unasked || internal == public {
            return None;
        }
        let advice = "where that is not the same, write `response_headers` with `edit: Set-Cookie`";
        Some(match self.is_path {
            true => format!(
                "left out: Path={internal} of cookies becomes {public} in httpd; here the path of a target becomes that of its \
                 mapping: {advice}"
            ),
            false => format!(
                "left out: Domain={internal} of cookies becomes {public} in httpd; here a member's host becomes the host that the \
                 client has asked: {advice}"
            ),
        })
    }
}

/// The host of a url, and its path without slashes at its end.
fn split(url: &str) -> (&str, String) {
    let rest = url.split_once("://").map_or(url, |it| it.1);
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    (bare_name(authority), bare_path(path))
}

fn same(name: &str, domain: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    bare_name(name).eq_ignore_ascii_case(domain)
}
