//! The mappings of a configuration, as requests read them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ajpgate_config::{
    Access, Action, CapturePart, CaptureText, ClientScheme, Compress, Config, EncodedSlash,
    HeaderRule, Mapping, MaxBody, PathPattern, Redirect, Target, Template,
};

use super::directories::Directories;
use super::guard::Guard;
use super::{LiveBalancer, LiveMember};
use crate::mount::{
    self, BadPath, Filled, Front, Normal, Part, Pattern, PublicPaths, Rule, Sending, Table,
    parameters,
};
use crate::site::files::Files;
use crate::site::{ErrorPages, FixedAnswer};

/// A `proxy_pass` entry.
#[derive(Debug, Clone)]
pub(crate) struct LiveMapping {
    /// Its path; `/` where it has a pattern.
    pub(crate) front: Front,
    pub(crate) action: LiveAction,
    /// Its `match`.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) rewriting: LiveRewriting,
    /// In place of the member's.
    pub(crate) timeout: Option<Duration>,
    /// In place of the limit's.
    pub(crate) max_body: Option<MaxBody>,
    pub(crate) preserve_host: bool,
    pub(crate) encoded_slash: EncodedSlash,
    pub(crate) request_headers: Vec<HeaderRule>,
    pub(crate) response_headers: Vec<HeaderRule>,
    pub(crate) request_attributes: Vec<(String, Template)>,
    pub(crate) error_pages: ErrorPages,
    pub(crate) compress: Option<Compress>,
    /// Who may use it.
    pub(crate) guard: Guard,
}

/// What a mapping does with a request.
#[derive(Debug, Clone)]
pub(crate) enum LiveAction {
    /// It is never proxied.
    Exclude,
    /// It is sent to a member.
    Forward(LiveTarget),
    /// It is answered with a file.
    Files(Files),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// It gets a fixed answer.
    Respond(FixedAnswer),
}

/// What is made of captures for the place that a mapping leads to.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveRewriting {
    path: Option<mount::Template>,
    query: Option<mount::Template>,
    fragment: Option<mount::Template>,
}

/// The path and query that are made of what a request's path has captured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    /// The path; `None` where what stands behind the mapping's own path is appended to the target's.
    pub(crate) path: Option<Filled>,
    /// The folder that such paths are in: empty or `/pub`.
    pub(crate) folder: String,
    /// The query, in front of the client's.
    pub(crate) query: Option<String>,
    /// What stands behind `#` in a redirect.
    pub(crate) fragment: Option<String>,
}

/// Where a mapping leads.
#[derive(Debug, Clone)]
pub(crate) struct LiveTarget {
    pub(crate) balancer: Arc<LiveBalancer>,
    /// The path behind the balancer's name, escaped: empty or `/app`.
    pub(crate) path: String,
}

impl LiveTarget {
    /// `balancers` are those of the configuration; `None` when the target is not among them.
    fn of(target: &Target, balancers: &[Arc<LiveBalancer>]) -> Option<Self> {
        let (balancer, path) = match target {
            Target::Balancer { index, path } => (balancers.get(*index), path.clone()),
            Target::Member(member) => {
                let alone = |it: &&Arc<LiveBalancer>| it.stands_for(member);
                (balancers.iter().find(alone), String::new())
            }
        };
        let balancer = Arc::clone(balancer?);
        Some(Self { balancer, path })
    }

    /// What the member sees in place of the mapping's path, escaped: empty or `/app`.
    pub(crate) fn back<'a>(&'a self, member: &'a LiveMember) -> Cow<'a, str> {
        match (member.config.url.path.as_str(), self.path.as_str()) {
            (path, "") | ("", path) => Cow::Borrowed(path),
            (member, path) => Cow::Owned([member, path].concat()),
        }
    }

    /// Whether a member speaks AJP13.
    pub(crate) fn speaks_ajp13(&self) -> bool {
        let mut members = self.balancer.members.iter();
        members.any(|member| member.backend.speaks_ajp13())
    }
}

/// The rules of a configuration, for finding the mapping of a request.
pub(super) fn table(config: &Config) -> Table {
    let rules = config.mappings.iter().map(|mapping| Rule {
        path: mapping.path.clone(),
        hosts: mapping.hosts.clone(),
        exclude: mapping.action == Action::Exclude,
        pattern: mapping.pattern.as_ref().map(pattern),
        secure: mapping.scheme.map(|scheme| scheme == ClientScheme::Https),
        guards: guards(mapping),
    });
    Table::new(rules.collect())
}

/// Whether a mapping keeps requests from members, or lets only some of them through.
fn guards(mapping: &Mapping) -> bool {
    let is_answered = matches!(mapping.action, Action::Redirect(_) | Action::Respond(_));
    is_answered || mapping.identity.is_some() || mapping.access != Access::default()
}

/// The mappings of a configuration, in its order. `balancers` are those that it names, and those that stand for the
/// backends that its mappings name themselves; `guards` has one for each mapping, and `directories` those that they name.
pub(super) fn mappings(
    config: &Config,
    balancers: &[Arc<LiveBalancer>],
    guards: Vec<Guard>,
    directories: &Directories,
) -> Vec<LiveMapping> {
    let mappings = config.mappings.iter().zip(guards);
    mappings
        .map(|(mapping, guard)| LiveMapping::new(mapping, balancers, guard, directories))
        .collect()
}

/// What mappings send where, for mapping paths of answers back.
pub(super) fn public_paths(
    balancers: &[Arc<LiveBalancer>],
    mappings: &[LiveMapping],
) -> PublicPaths {
    let targets = balancers.iter().map(|balancer| {
        let members = balancer.members.iter();
        let sending = mappings.iter().enumerate().filter_map(|(rule, mapping)| {
            // A path that is made of captures leads back only for the request that they are of.
            let target = mapping
                .target()
                .filter(|_| mapping.rewriting.path.is_none())?;
            Arc::ptr_eq(&target.balancer, balancer).then(|| Sending {
                rule,
                front: mapping.front.clone(),
                path: target.path.clone(),
            })
        });
        mount::Target {
            members: members
                .map(|member| (member.authority.clone(), member.config.url.path.clone()))
                .collect(),
            mappings: sending.collect(),
        }
    });
    PublicPaths::new(targets.collect())
}

impl LiveMapping {
    /// Where requests are sent; `None` when they are not sent anywhere.
    pub(crate) const fn target(&self) -> Option<&LiveTarget> {
        match &self.action {
            LiveAction::Forward(target) => Some(target),
            LiveAction::Exclude
            | LiveAction::Files(_)
            | LiveAction::Redirect(_)
            | LiveAction::Respond(_) => None,
        }
    }

    /// The path and query that are made of the captures of a path; `None` for a mapping that makes none. `raw` is the
    /// client's path.
    ///
    /// # Errors
    /// Captures that make a dot segment.
    pub(crate) fn made(
        &self,
        raw: &str,
        normal: &Normal<'_>,
    ) -> Result<Option<Box<Made>>, BadPath> {
        let LiveRewriting {
            path,
            query,
            fragment,
        } = &self.rewriting;
        if path.is_none() && query.is_none() && fragment.is_none() {
            return Ok(None);
        }
        let captured = self
            .pattern
            .as_ref()
            .map(|pattern| pattern.captured(normal));
        let captured = captured.unwrap_or_default();
        let mut made = Made {
            path: path
                .as_ref()
                .map(|path| path.path(&captured, normal))
                .transpose()?,
            folder: path.as_ref().map_or("", |path| path.folder()).to_owned(),
            query: query.as_ref().map(|query| query.query(&captured)),
            // The same bytes are escaped behind `#`, and the rest of what no URL has with the whole.
            fragment: fragment.as_ref().map(|it| it.query(&captured)),
        };
        // Another host is not told the session of this one.
        let keeps_parameters = match &self.action {
            LiveAction::Forward(_) => true,
            LiveAction::Redirect(redirect) => redirect.stays_here(),
            _ => false,
        };
        if let (Some(filled), true) = (&mut made.path, keeps_parameters) {
            filled.path.push_str(&parameters(raw, normal));
        }
        Ok(Some(Box::new(made)))
    }

    fn new(
        mapping: &Mapping,
        balancers: &[Arc<LiveBalancer>],
        guard: Guard,
        directories: &Directories,
    ) -> Self {
        // The check of the configuration made sure that each target exists.
        let target =
            |to| LiveTarget::of(to, balancers).map_or(LiveAction::Exclude, LiveAction::Forward);
        let action = match &mapping.action {
            Action::Forward(to) => target(to),
            Action::Exclude => LiveAction::Exclude,
            // All that the configuration names were opened.
            Action::Files(it) => match directories.get(&it.directory) {
                Some(directory) => {
                    let (index, cache_control) = (it.index.clone(), it.cache_control.clone());
                    LiveAction::Files(Files::new(directory, index, cache_control))
                }
                None => LiveAction::Exclude,
            },
            Action::Redirect(redirect) => LiveAction::Redirect(redirect.clone()),
            Action::Respond(respond) => LiveAction::Respond(FixedAnswer::new(respond)),
        };
        Self {
            front: Front::new(&mapping.path),
            action,
            pattern: mapping.pattern.as_ref().map(pattern),
            rewriting: LiveRewriting {
                path: mapping.rewriting.path.as_ref().map(template),
                query: mapping.rewriting.query.as_ref().map(template),
                fragment: mapping.rewriting.fragment.as_ref().map(template),
            },
            timeout: mapping.timeout,
            max_body: mapping.max_body,
            preserve_host: mapping.preserve_host,
            encoded_slash: mapping.encoded_slash,
            request_headers: mapping.request_headers.clone(),
            response_headers: mapping.response_headers.clone(),
            request_attributes: mapping.request_attributes.clone(),
            error_pages: ErrorPages::new(&mapping.error_pages),
            compress: mapping.compress.clone(),
            guard,
        }
    }
}

fn pattern(pattern: &PathPattern) -> Pattern {
    Pattern::new(pattern.bytes().clone(), pattern.letters().clone())
}

fn template(text: &CaptureText) -> mount::Template {
    let parts = text.parts().iter().map(|part| match part {
        CapturePart::Text(text) => Part::Text(text.clone()),
        CapturePart::Group(group) => Part::Group(*group),
    });
    mount::Template {
        parts: parts.collect(),
    }
}
