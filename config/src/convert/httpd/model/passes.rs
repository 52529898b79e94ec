//! `ProxyPass` and `ProxyPassMatch`.

use super::super::tree::Node;
use super::params::{Param, params};
use super::place::Kind;
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::whole;
use crate::convert::site::Takes;
use crate::field::Kind as _;
use crate::pattern::MatchText;
use crate::value::PathPrefix;

/// A rule of mod_proxy.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    pub(super) takes: Takes,
    /// `None`: `!`.
    pub(super) url: Option<String>,
    pub(super) params: Vec<Param>,
    pub(super) origin: Origin,
    pub(super) comments: Vec<String>,
    /// Whether its path does not take itself, but what is below it: `/app/`.
    pub(super) below: bool,
}

/// Words behind a url that are no parameters.
const FLAGS: [&str; 3] = ["nocanon", "interpolate", "noquery"];

impl Pass {
    /// `ProxyPass /path url key=value…`, outside sections.
    pub(super) fn of(node: &Node, notes: &mut Notes) -> Option<Self> {
        let words = node.words();
        let is_pattern = node.name == "proxypassmatch" || words.first().is_some_and(|it| it == "~");
        let words = match words.first().is_some_and(|it| it == "~") {
            true => words.get(1..).unwrap_or_default(),
            false => words.as_slice(),
        };
        let [place, url, rest @ ..] = words else {
            notes.name(&node.origin, "left out: a path and a url are wanted");
            return None;
        };
        let takes = match is_pattern {
            true => Takes::Pattern(place.clone()),
            false => Takes::Path(bare_path(place)),
        };
        let mut pass = Self::new(node, takes, url, rest, notes)?;
        pass.below |= !is_pattern && place.len() > 1 && place.ends_with('/');
        Some(pass)
    }

    /// `ProxyPass url key=value…` in a `<Location>`.
    pub(super) fn in_section(node: &Node, kind: &Kind, notes: &mut Notes) -> Option<Self> {
        let words = node.words();
        let (url, rest) = words.split_first()?;
        match kind {
            Kind::Location(takes) => Self::new(node, takes.clone(), url, rest, notes),
            _ => {
                let text = "left out: in this section the path is compared as text, and nothing useful is mapped";
                notes.name(&node.origin, text);
                None
            }
        }
    }

    /// What `SetEnvIf` keeps away from ProxyPass.
    pub(super) fn excluding(node: &Node, pattern: String, notes: &mut Notes) -> Option<Self> {
        Self::new(node, Takes::Pattern(pattern), "!", &[], notes)
    }

    /// The rule of a `RewriteRule … [P]`.
    pub(super) fn rewritten(takes: Takes, url: &str, origin: &Origin) -> Self {
        Self {
            takes,
            url: Some(url.to_owned()),
            params: Vec::new(),
            origin: origin.clone(),
            comments: Vec::new(),
            below: false,
        }
    }

    fn new(
        node: &Node,
        takes: Takes,
        url: &str,
        rest: &[String],
        notes: &mut Notes,
    ) -> Option<Self> {
        let origin = node.origin.clone();
        let mut pass = Self {
            takes,
            url: (url != "!").then(|| super::balancers::lower_host(url)),
            params: Vec::new(),
            comments: Vec::new(),
            below: false,
            origin,
        };
        if url.contains('?') {
            let text = "httpd sends the ? of its target as %3F, a part of the path; here a query begins there";
            notes.name(&node.origin, text);
        }
        if url.contains('%') {
            let text = "httpd sends each % of its target as %25; here an escape stays what it is";
            notes.name(&node.origin, text);
        }
        for param in params(rest, &node.origin) {
            match FLAGS.contains(&&*param.key) && param.value.is_none() {
                true if param.key == "nocanon" => {}
                true => notes.name(&node.origin, format!("{} is left out", param.key)),
                false => pass.params.push(param),
            }
        }
        pass.checked(notes)
    }

    /// Simplifies the expression, and refuses paths that no mapping can have.
    fn checked(mut self, notes: &mut Notes) -> Option<Self> {
        if let (Takes::Pattern(pattern), url) = (&self.takes, &self.url) {
            if let Err(fault) = MatchText::read(pattern) {
                let hint = fault.hint.unwrap_or_default();
                notes.name(
                    &self.origin,
                    format!("left out: {} ({hint})", fault.message),
                );
                return None;
            }
            if let Some(url) = url {
                (self.takes, self.url) = match simple(pattern, url) {
                    Some((path, url)) => {
                        self.below = !pattern.trim_end_matches('$').ends_with('?');
                        (Takes::Path(path), Some(url))
                    }
                    None if has_group(url) => (self.takes, Some(url.clone())),
                    None => {
                        let url = format!("{}$0", url.trim_end_matches('/'));
                        (Takes::Pattern(whole(pattern)), Some(url))
                    }
                };
            }
        }
        if let Takes::Path(path) = &self.takes
            && let Err(fault) = PathPrefix::read(path)
        {
            let hint = fault.hint.unwrap_or_default();
            notes.name(
                &self.origin,
                format!("left out: {} ({hint})", fault.message),
            );
            return None;
        }
        Some(self)
    }

    /// The url of the worker: what stands before the first `$`.
    pub(super) fn worker_url(&self, url: &str) -> String {
        url.split('$').next().unwrap_or(url).to_owned()
    }

    /// The address of the backend, without what a request adds.
    pub(super) fn address(&self, url: &str) -> String {
        let url = url.split(['$', '?']).next().unwrap_or(url);
        let host = url.find("://").map_or(0, |at| at + 3);
        let end = url.rfind('/').filter(|end| *end > host);
        url.get(..end.unwrap_or(url.len()))
            .unwrap_or(url)
            .to_owned()
    }
}

/// The path without slashes at its end.
pub(super) fn bare_path(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}

pub(super) fn has_group(url: &str) -> bool {
    url.split('$')
        .skip(1)
        .any(|rest| rest.starts_with(|it: char| it.is_ascii_digit()))
}

/// The path and url of an expression that takes a path with everything below it: `^/app/(.*)$` and `…/$1`.
pub(super) fn simple(pattern: &str, url: &str) -> Option<(String, String)> {
    let body = pattern.strip_prefix('^')?;
    let body = body.strip_suffix('$').unwrap_or(body);
    let (path, base) = if let Some(path) = body.strip_suffix("/(.*)") {
        (path, url.strip_suffix("/$1")?)
    } else if let Some(path) = body.strip_suffix("(/.*)") {
        (path, url.strip_suffix("$1")?)
    } else {
        let path = body.strip_suffix("(/.*)?")?;
        (path, url.strip_suffix("$1")?)
    };
    let literal = |letter: char| letter.is_alphanumeric() || "/-_~".contains(letter);
    let plain = path.chars().all(literal) && !has_group(base);
    plain.then(|| (bare_path(path), base.to_owned()))
}
