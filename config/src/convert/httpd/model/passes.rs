//! `ProxyPass` and `ProxyPassMatch`.

use std::borrow::Cow;

use super::super::tree::Node;
use super::params::{Param, params};
use super::place::Kind;
use super::plain::{finds_itself, is_plain};
use super::sayable::{WITHOUT_PARAMETERS, expression, is_about_parameters};
use super::targets;
use crate::convert::note::{Notes, Origin};
use crate::convert::overlap::{meet, takes_all, whole};
use crate::convert::site::{Overlay, Takes};
use crate::field::Kind as _;
use crate::starts::starts;
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

/// A rule that cannot be turned.
#[derive(Debug)]
pub(super) struct NoPass {
    pub(super) why: String,
    /// What it may take away from the rules behind it; empty: it takes nothing away.
    pub(super) excludes: Vec<Takes>,
}

/// Words behind a url that are no parameters.
const FLAGS: [&str; 3] = ["nocanon", "interpolate", "noquery"];

impl Pass {
    /// `ProxyPass /path url key=value…`, outside sections.
    pub(super) fn of(node: &Node, notes: &mut Notes) -> Result<Self, NoPass> {
        let words = node.words();
        let is_pattern = node.name == "proxypassmatch" || words.first().is_some_and(|it| it == "~");
        let words = match words.first().is_some_and(|it| it == "~") {
            true => words.get(1..).unwrap_or_default(),
            false => words.as_slice(),
        };
        let [place, url, rest @ ..] = words else {
            return Err(NoPass::of("a path and a url are wanted"));
        };
        let takes = match is_pattern {
            true => Takes::Pattern(place.clone()),
            false => Takes::Path(bare_path(place)),
        };
        let mut pass = Self::new(node, takes, url, rest, notes)?;
        pass.below |= !is_pattern && place.len() > 1 && place.ends_with('/');
        Ok(pass)
    }

    /// `ProxyPass url key=value…` in a `<Location>` of this text. The text is an expression where it has one of `*?[`, and a path
    /// elsewhere, of whatever kind the section is (`mod_proxy.c: add_pass()`); the section itself has to take a path too.
    pub(super) fn in_section(
        node: &Node,
        kind: &Kind,
        text: Option<&str>,
        notes: &mut Notes,
    ) -> Result<Self, NoPass> {
        let words = node.words();
        let (Some((url, rest)), Some(text)) = (words.split_first(), text) else {
            return Err(NoPass::of("a url is wanted, and a <Location> around it"));
        };
        let (Kind::Location(takes) | Kind::Text(takes)) = kind else {
            return Err(NoPass::of("it stands in a section that maps no paths"));
        };
        let is_expression = text.contains(['*', '?', '[']);
        let takes = match takes {
            Takes::Pattern(pattern) if !is_expression => match finds_itself(text) {
                true => Takes::Path(bare_path(text)),
                false => {
                    let why = format!(
                        "httpd compares {pattern} as if it were a path there, maps nothing, and does not ask sections before it"
                    );
                    return Err(NoPass::of(why));
                }
            },
            Takes::Pattern(pattern) if pattern != text && !is_simple_wildcard(text) => {
                let why = "httpd compares its path as an expression too, and maps what both take";
                let excludes = match url == "!" {
                    true => may_take(pattern),
                    false => Vec::new(),
                };
                return Err(NoPass {
                    why: why.to_owned(),
                    excludes,
                });
            }
            takes => takes.clone(),
        };
        Self::new(node, takes, url, rest, notes)
    }

    /// What a variable keeps away from ProxyPass.
    pub(super) fn excluding(pattern: &str, origin: &Origin) -> Self {
        Self {
            takes: Takes::Pattern(pattern.to_owned()),
            url: None,
            params: Vec::new(),
            origin: origin.clone(),
            comments: Vec::new(),
            below: false,
        }
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
    ) -> Result<Self, NoPass> {
        let origin = node.origin.clone();
        let mut pass = Self {
            takes,
            url: (url != "!").then(|| targets::without_query(&super::balancers::lower_host(url))),
            params: Vec::new(),
            comments: Vec::new(),
            below: false,
            origin,
        };
        let is_raw = rest.iter().any(|it| it.eq_ignore_ascii_case("nocanon"));
        if url.contains('%') && !is_raw {
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
        pass.checked()
    }

    /// Simplifies the expression, and refuses paths that no mapping can have.
    fn checked(mut self) -> Result<Self, NoPass> {
        if let (Takes::Pattern(pattern), url) = (&self.takes, &self.url) {
            if let Err(why) = expression(pattern) {
                return Err(NoPass {
                    why,
                    excludes: match url {
                        None => may_take(pattern),
                        Some(_) => Vec::new(),
                    },
                });
            }
            if url.is_none() && is_about_parameters(pattern) {
                return Err(NoPass {
                    why: WITHOUT_PARAMETERS.to_owned(),
                    excludes: may_take(pattern),
                });
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
            let takes = Takes::Path("/".to_owned());
            return Err(NoPass {
                why: format!("{} ({hint})", fault.message),
                excludes: self.url.is_none().then_some(takes).into_iter().collect(),
            });
        }
        Ok(self)
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

impl NoPass {
    fn of(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            excludes: Vec::new(),
        }
    }
}

/// Paths among which are all those in which an expression may be found that is not understood here.
fn may_take(pattern: &str) -> Vec<Takes> {
    let folder = |start: String| {
        let end = start.rfind('/').unwrap_or(0);
        Takes::Path(bare_path(start.get(..end).unwrap_or_default()))
    };
    let mut folders: Vec<Takes> = starts(pattern).into_iter().map(folder).collect();
    let every = Takes::Path("/".to_owned());
    if folders.contains(&every) {
        return vec![every];
    }
    folders.dedup();
    folders
}

/// Whether everything that a path with wildcards takes has its text in it as an expression too: one sign at the end.
fn is_simple_wildcard(text: &str) -> bool {
    text.strip_suffix(['*', '?']).is_some_and(finds_itself)
}

/// The path without slashes that say nothing: at its end, and behind another one (`mod_proxy.c: alias_match()`).
pub(super) fn bare_path(path: &str) -> String {
    let names: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let start = if names.is_empty() || path.starts_with('/') {
        "/"
    } else {
        ""
    };
    format!("{start}{}", names.join("/"))
}

pub(super) fn has_group(url: &str) -> bool {
    url.split('$')
        .skip(1)
        .any(|rest| rest.starts_with(|it: char| it.is_ascii_digit()))
}

/// The path and url of an expression that takes a path and everything below it: `^/app(/.*)?$` and `…$1`.
pub(super) fn simple(pattern: &str, url: &str) -> Option<(String, String)> {
    if let Some(found) = of_every(pattern, url) {
        return Some(found);
    }
    let body = pattern.strip_prefix('^')?;
    if let Some(path) = body.strip_suffix("(/.*)?$") {
        return plain(path, url.strip_suffix("$1")?);
    }
    // Every path begins with a slash.
    below(pattern, url).filter(|(path, _)| path == "/")
}

/// The url of an expression that takes every path as a whole: `^(.*)$` and `…$1`, `^/?(.*)` and `…/$1`.
fn of_every(pattern: &str, url: &str) -> Option<(String, String)> {
    let body = pattern.strip_prefix('^').unwrap_or(pattern);
    let url = match body.strip_suffix('$').unwrap_or(body) {
        "(.*)" | "(/.*)" => url.strip_suffix("$1").filter(|it| !it.ends_with('/'))?,
        "/(.*)" | "/?(.*)" => url.strip_suffix("/$1")?,
        _ => return None,
    };
    plain("", url)
}

/// The path and url of an expression that takes everything below a path, but not the path itself: `^/app/(.*)$` and `…/$1`.
pub(super) fn below(pattern: &str, url: &str) -> Option<(String, String)> {
    let body = pattern.strip_prefix('^')?;
    let body = body.strip_suffix('$').unwrap_or(body);
    if let Some(path) = body.strip_suffix("/(.*)") {
        return plain(path, url.strip_suffix("/$1")?);
    }
    plain(body.strip_suffix("(/.*)")?, url.strip_suffix("$1")?)
}

/// A path of letters that stand for themselves, and a url that takes nothing else from the expression.
fn plain(path: &str, url: &str) -> Option<(String, String)> {
    let is_whole = is_plain(path) && !has_group(url);
    is_whole.then(|| (bare_path(path), url.to_owned()))
}
