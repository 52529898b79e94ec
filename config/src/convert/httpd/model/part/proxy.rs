//! `ProxyPass` and what belongs to it.

use super::super::super::tree::Node;
use super::super::cookies;
use super::super::excluding::{self, Hiding};
use super::super::passes::{NoPass, Pass};
use super::super::place::{Kind, Place, section_text};
use super::super::time::switch;
use super::Part;
use crate::convert::note::Notes;
use crate::convert::site::Takes;

impl Part {
    /// `ProxyPass` and what belongs to it.
    pub(super) fn of_proxy(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        match (&*node.name, place) {
            ("proxypass" | "proxypassmatch", Place::Server) => {
                if let Some(pass) = self.sound(Pass::of(node, notes), node, notes) {
                    self.passes.push(pass);
                }
            }
            ("proxypass" | "proxypassmatch", Place::Section(kind)) => {
                let text = self.sections.last().and_then(|it| section_text(&it.words));
                let pass = Pass::in_section(node, kind, text, notes);
                let before = self.located.len();
                self.hiding
                    .extend(Hiding::of(&pass, kind, &node.origin, before));
                if let Some(mut pass) = self.sound(pass, node, notes) {
                    pass.below |= self.sections.last().is_some_and(|it| it.below);
                    self.located.push(pass);
                }
            }
            ("proxypassreverse", _) => {}
            ("proxypassreversecookiepath" | "proxypassreversecookiedomain", _) => {
                self.cookies.extend(cookies::Mapped::of(node));
            }
            ("balancermember", place) => {
                let section = match place {
                    Place::Section(Kind::Proxy(url)) => super::super::balancers::balancer_name(url),
                    _ => None,
                };
                self.proxies.member(node, section.as_deref(), notes);
            }
            ("proxyset", place) => {
                let words = node.words();
                let first = words.first().map_or("", String::as_str);
                let (url, rest) = match place {
                    Place::Section(Kind::Proxy(url)) if !first.contains("://") => {
                        (url.clone(), words.as_slice())
                    }
                    _ => (first.to_owned(), words.get(1..).unwrap_or_default()),
                };
                let params = super::super::params::params(rest, &node.origin);
                self.proxies.set(&url, params, &node.origin, notes);
            }
            ("proxyblock", _) => {
                let why = "ProxyBlock refuses what is sent to some hosts";
                let every = Takes::Path("/".to_owned());
                self.redirects.close(every, node, why, notes);
            }
            ("proxyrequests", _) if switch(node.arguments.trim()) == Some(false) => {
                notes.count(&node.origin);
            }
            _ => return false,
        }
        true
    }

    /// A rule with its workers. One that cannot be turned is named; what such an exclusion may take away is closed.
    fn sound(
        &mut self,
        pass: Result<Pass, NoPass>,
        node: &Node,
        notes: &mut Notes,
    ) -> Option<Pass> {
        let pass = match pass {
            Ok(pass) => pass,
            Err(lost) => {
                excluding::lost(lost, node, &mut self.redirects, notes);
                return None;
            }
        };
        if let Some(url) = &pass.url {
            let worker = pass.worker_url(url);
            self.proxies
                .set(&worker, pass.params.clone(), &pass.origin, notes);
        }
        Some(pass)
    }
}
