//! `ProxyPass` and `ProxyPassMatch`.

use std::borrow::Cow;

use super::super::tree::Node;
use super::params::{Param, params};
use super::place::Kind;
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::{meet, takes_all, whole};
use crate::convert::site::{Overlay, Takes};
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
    /// What differs.
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
                    Some((path, url)) => (Takes::Path(path), Some(url)),
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

    /// The same rule by path, where a section is about a part of the paths that its expression takes: only paths can be told
    /// apart. The path itself, which the expression does not take, comes along and is named.
    pub(super) fn beside(&self, sections: &[Overlay], notes: &mut Notes) -> Cow<'_, Self> {
        let Takes::Pattern(pattern) = &self.takes else {
            return Cow::Borrowed(self);
        };
        let url = self.url.as_deref().unwrap_or_default();
        let is_part = |path: &str| {
            let mut others = sections.iter().filter(|it| it.target.is_none());
            others.any(|it| match &it.takes {
                Takes::Path(above) if takes_all(above, &self.takes) => false,
                takes => meet(takes, &Takes::Path(path.to_owned())),
            })
        };
        let Some((path, url)) = below(pattern, url).filter(|(path, _)| is_part(path)) else {
            return Cow::Borrowed(self);
        };
        let text = format!(
            "{path} itself goes the same way here: sections are about a part of what is below it"
        );
        notes.name(&self.origin, text);
        Cow::Owned(Self {
            takes: Takes::Path(path),
            url: Some(url),
            below: true,
            ..self.clone()
        })
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

/// The path and url of an expression that takes a path and everything below it: `^/app(/.*)?$` and `…$1`.
pub(super) fn simple(pattern: &str, url: &str) -> Option<(String, String)> {
    let body = pattern.strip_prefix('^')?;
    if let Some(path) = body.strip_suffix("(/.*)?$") {
        return plain(path, url.strip_suffix("$1")?);
    }
    // Every path begins with a slash.
    below(pattern, url).filter(|(path, _)| path == "/")
}

/// The path and url of an expression that takes everything below a path, but not the path itself: `^/app/(.*)$` and `…/$1`.
fn below(pattern: &str, url: &str) -> Option<(String, String)> {
    let body = pattern.strip_prefix('^')?;
    let body = body.strip_suffix('$').unwrap_or(body);
    if let Some(path) = body.strip_suffix("/(.*)") {
        return plain(path, url.strip_suffix("/$1")?);
    }
    plain(body.strip_suffix("(/.*)")?, url.strip_suffix("$1")?)
}

/// A path of letters that stand for themselves, and a url that takes nothing else from the expression.
fn plain(path: &str, url: &str) -> Option<(String, String)> {
    let literal = |letter: char| letter.is_alphanumeric() || "/-_~".contains(letter);
    let is_plain = path.chars().all(literal) && !has_group(url);
    is_plain.then(|| (bare_path(path), url.to_owned()))
}
