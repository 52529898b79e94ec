//! `Redirect` and `RedirectMatch`.

mod within;

use self::within::{Within, within};
use super::super::tree::Node;
use super::passes::{bare_path, simple};
use super::place::{Kind, Place, path_of};
use super::sayable::{WITHOUT_PARAMETERS, expression, is_about_parameters, wider};
use super::targets;
use crate::convert::note::{Closed, Notes, Origin};
use crate::convert::overlap::{join, pattern_of};
use crate::convert::site::{Action, Rule, Takes};
use crate::field::Kind as _;
use crate::value::{PathPrefix, RedirectTo};

/// The redirects of a server.
#[derive(Debug, Default)]
pub(super) struct Redirects {
    /// Those of sections, which are looked at before ProxyPass: those of the last section first.
    pub(super) first: Vec<Rule>,
    /// The section whose redirects are being read, and how many have been.
    open: Option<(Kind, usize)>,
    /// What sections forbid under conditions that cannot be turned. It counts for the virtual hosts of the main server too.
    pub(super) closed: Vec<Rule>,
    /// Those that are looked at when no ProxyPass takes the path.
    pub(super) last: Vec<Rule>,
    /// Those of folders of httpd's own.
    in_folders: Vec<InFolder>,
}

/// A redirect in a section about a folder.
#[derive(Debug)]
struct InFolder {
    folder: String,
    takes: Takes,
    action: Action,
    origin: Origin,
}

/// A redirect as it is written.
#[derive(Debug)]
struct Written<'a> {
    node: &'a Node,
    /// What stands behind the status.
    words: &'a [String],
    status: u16,
}

/// What is said of redirects whose paths cannot be said.
const OF_BOTH: &str = "it counts for the paths that its section and its own expression both take, which cannot be said in one expression";

impl Written<'_> {
    /// Whether it leads elsewhere; else it is an error.
    fn has_target(&self) -> bool {
        (300..400).contains(&self.status)
    }

    /// The paths that it names itself; `None`: none.
    fn own(&self) -> Option<Takes> {
        let wanted = 1 + usize::from(self.has_target());
        let first = self.words.first().filter(|_| self.words.len() >= wanted)?;
        Some(match &*self.node.name {
            "redirectmatch" => Takes::Pattern(first.clone()),
            _ => Takes::Path(bare_path(first)),
        })
    }

    /// What becomes of its paths, where its target goes on with `rest`.
    fn action(&self, rest: &str) -> Action {
        match self.has_target() {
            true => Action::Redirect {
                to: join(self.words.last().map_or("", String::as_str), rest),
                status: self.status,
            },
            false => Action::Respond(self.status),
        }
    }

    /// Whether it names a path that does not take itself: `Redirect /app/ …` does not take `/app` (`mod_alias.c: alias_matches()`).
    fn is_below(&self) -> bool {
        let has_slash = |path: &String| path.len() > 1 && path.ends_with('/');
        self.words.first().is_some_and(has_slash)
    }
}

impl Redirects {
    /// Takes a directive. Returns whether it is one of these.
    pub(super) fn take(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let words = node.words();
        match &*node.name {
            "redirect" | "redirectpermanent" | "redirecttemp" | "redirectmatch" => {
                let Some((status, words)) = status(&node.name, &words) else {
                    notes.name(&node.origin, "left out: a path and a url are wanted");
                    return true;
                };
                let written = Written {
                    node,
                    words,
                    status,
                };
                match place {
                    Place::Server => self.of_server(&written, notes),
                    Place::Section(kind) => self.of_section(&written, kind, notes),
                }
            }
            _ => return false,
        }
        true
    }

    /// Adds a rule outside of sections.
    fn of_server(&mut self, written: &Written<'_>, notes: &mut Notes) {
        let origin = &written.node.origin;
        let Some(takes) = written.own() else {
            return notes.name(origin, "left out: a path and a url are wanted");
        };
        if let Some(rule) = self.sayable(takes, written, "", notes) {
            self.last.push(rule);
        }
    }

    /// Adds a rule of a section.
    fn of_section(&mut self, written: &Written<'_>, kind: &Kind, notes: &mut Notes) {
        let origin = &written.node.origin;
        let (takes, rest) = match (kind, written.own()) {
            (Kind::Text(takes) | Kind::Location(takes), None) => match written.has_target() {
                false => (takes.clone(), String::new()),
                true if written.words.is_empty() => {
                    return notes.name(origin, "left out: a url is wanted");
                }
                true => match takes {
                    // What is behind the path is not appended there.
                    Takes::Path(path) => (Takes::Pattern(pattern_of(path)), String::new()),
                    takes => (takes.clone(), String::new()),
                },
            },
            (Kind::Text(section) | Kind::Location(section), Some(own)) => {
                match within(section, &own, written.has_target()) {
                    Within::Takes(takes, rest) => (takes, rest),
                    Within::Never => {
                        let text = "left out, as in httpd: its section is about other paths";
                        return notes.name(origin, text);
                    }
                    Within::Unsayable => return self.unsayable(section, written, notes),
                }
            }
            (Kind::Proxy(_), None) if !written.has_target() => {
                (Takes::Path("/".to_owned()), String::new())
            }
            (Kind::Proxy(_), Some(own)) => return self.unsayable(&own, written, notes),
            (Kind::Directory(folder), Some(own)) => {
                self.in_folders.push(InFolder {
                    folder: folder.clone(),
                    takes: own,
                    action: written.action(""),
                    origin: origin.clone(),
                });
                return;
            }
            // It closes the folder: see `folders::guard`.
            (Kind::Directory(_) | Kind::Files(_), _) if !written.has_target() => return,
            (Kind::Proxy(_) | Kind::Directory(_) | Kind::Files(_), _) => {
                let text = "left out: it counts for what its section is about alone; write a mapping with `redirect`";
                return notes.name(origin, text);
            }
        };
        if let Some(mut rule) = self.sayable(takes, written, &rest, notes) {
            // With a path of its own it answers behind the rules of access (`mod_alias.c: fixup_redir()`).
            rule.early = written.own().is_none();
            self.add_first(rule, kind);
        }
    }

    /// Adds a rule of a section behind those of the same section, and before those of sections before it.
    fn add_first(&mut self, rule: Rule, kind: &Kind) {
        match &mut self.open {
            Some((open, count)) if open == kind => {
                self.first.insert(*count, rule);
                *count += 1;
            }
            _ => {
                self.first.insert(0, rule);
                self.open = Some((kind.clone(), 1));
            }
        }
    }

    /// Names a redirect that cannot be said; an error closes all of its section, or all of its own paths.
    fn unsayable(&mut self, takes: &Takes, written: &Written<'_>, notes: &mut Notes) {
        match written.has_target() {
            true => notes.name(&written.node.origin, format!("left out: {OF_BOTH}")),
            false => self.close(takes.clone(), written.node, OF_BOTH, notes),
        }
    }

    /// The rule; where it cannot be said, it is named, and an error closes everything.
    fn sayable(
        &mut self,
        takes: Takes,
        written: &Written<'_>,
        rest: &str,
        notes: &mut Notes,
    ) -> Option<Rule> {
        let origin = &written.node.origin;
        let Some(mut rule) = checked(takes, written.action(rest), origin, notes) else {
            if written.status >= 400 {
                let why = "its pattern has no counterpart";
                self.close(Takes::Path("/".to_owned()), written.node, why, notes);
            }
            return None;
        };
        rule.below = rest.is_empty() && matches!(rule.takes, Takes::Path(_)) && written.is_below();
        Some(rule)
    }

    /// The redirects of sections about folders that are served: `served` has their paths and folders. Nothing that is sent on is in
    /// a folder.
    pub(super) fn of_folders(&self, served: &[(&str, &str)], notes: &mut Notes) -> Vec<Rule> {
        let mut found = Vec::new();
        for redirect in &self.in_folders {
            let origin = &redirect.origin;
            let goes_on = matches!(redirect.action, Action::Redirect { .. });
            let paths = served
                .iter()
                .filter_map(|it| path_of(&redirect.folder, *it));
            let both = paths.map(|path| {
                let path = if path.is_empty() { "/" } else { &path };
                within(&Takes::Path(path.to_owned()), &redirect.takes, goes_on)
            });
            let both: Vec<Within> = both.filter(|it| *it != Within::Never).collect();
            if both.is_empty() {
                notes.name(origin, "left out: no path leads to its folder");
            }
            for within in both {
                let rule = match (within, &redirect.action) {
                    (Within::Takes(takes, rest), Action::Redirect { to, status }) => {
                        let (to, status) = (join(to, &rest), *status);
                        checked(takes, Action::Redirect { to, status }, origin, notes)
                    }
                    (Within::Takes(takes, _), action) => {
                        checked(takes, action.clone(), origin, notes)
                    }
                    (_, Action::Redirect { .. }) => {
                        notes.name(origin, format!("left out: {OF_BOTH}"));
                        None
                    }
                    _ => Some(closing(redirect.takes.clone(), origin, OF_BOTH, notes)),
                };
                // Sections say who comes in before a redirect of a folder answers.
                found.extend(rule.map(|rule| Rule {
                    early: false,
                    in_folder: true,
                    ..rule
                }));
            }
        }
        found
    }

    /// Closes paths for everybody.
    pub(super) fn close(&mut self, takes: Takes, node: &Node, why: &str, notes: &mut Notes) {
        self.closed.push(closing(takes, &node.origin, why, notes));
    }
}

/// A rule that closes paths for everybody: an access rule of the old server stands there, and cannot be turned. Where the paths
/// cannot be said, [wider ones](wider) are closed.
pub(super) fn closing(takes: Takes, origin: &Origin, why: &str, notes: &mut Notes) -> Rule {
    let takes = wider(takes);
    let what = match takes == Takes::Path("/".to_owned()) {
        true => "everything is",
        false => "the paths that it guards are",
    };
    let closed = Closed::by(origin, why);
    notes.close(what, &closed, origin);
    Rule::new(takes, Action::Close(closed), origin.clone())
}

/// The rule, where path, expression and target can be said here.
pub(super) fn checked(
    takes: Takes,
    action: Action,
    origin: &Origin,
    notes: &mut Notes,
) -> Option<Rule> {
    let (mut takes, mut action) = (takes, action);
    if let Takes::Pattern(pattern) = &takes {
        if let Err(why) = expression(pattern) {
            notes.name(origin, format!("left out: {why}"));
            return None;
        }
        if is_about_parameters(pattern) && matches!(action, Action::Respond(400..)) {
            notes.name(origin, format!("left out: {WITHOUT_PARAMETERS}"));
            return None;
        }
        let simpler = match &action {
            Action::To(url) => simple(pattern, url).map(|(path, url)| (path, Action::To(url))),
            Action::Redirect { to, status } if to != "https" => {
                let status = *status;
                simple(pattern, to).map(|(path, to)| (path, Action::Redirect { to, status }))
            }
            _ => None,
        };
        if let Some((path, simpler)) = simpler {
            (takes, action) = (Takes::Path(path), simpler);
        }
    }
    if let Takes::Path(path) = &takes
        && let Err(fault) = PathPrefix::read(path)
    {
        notes.name(origin, format!("left out: {}", fault.message));
        return None;
    }
    if let Action::Redirect { to, .. } = &mut action {
        *to = targets::location(to, !matches!(takes, Takes::Path(_)));
        joins(to, &takes, origin, notes);
    }
    if let Err(why) = answerable(&mut action) {
        notes.name(origin, format!("left out: {why}"));
        return None;
    }
    let mut rule = Rule::new(takes, action, origin.clone());
    // Rewritten paths and redirects outside of sections come before the sections are asked who comes in
    // (`mod_alias.c: translate_alias_redir()`, `mod_rewrite.c: hook_uri2file()`).
    rule.early = true;
    Some(rule)
}

/// Names what httpd puts right behind the host of a redirect, where a slash stands between the two here.
fn joins(to: &str, takes: &Takes, origin: &Origin, notes: &mut Notes) {
    let rest = to.split_once("://").map_or("", |it| it.1);
    let end = rest.find(['/', '?', '#', '$']).unwrap_or(rest.len());
    let group = rest.get(end..).and_then(|it| it.strip_prefix('$'));
    let group = group.and_then(|it| it.chars().next()?.to_digit(10));
    let (Some(group), Takes::Pattern(pattern)) = (group, takes) else {
        return;
    };
    if !targets::begins_with_slash(pattern, usize::try_from(group).unwrap_or_default()) {
        let text = format!(
            "httpd puts ${group} right behind the host of {to}, as a part of its name; here a slash stands between them"
        );
        notes.name(origin, text);
    }
}

/// The status of a redirect, and the words behind it; `None`: it is no redirect, or has no words.
pub(super) fn status<'a>(name: &str, words: &'a [String]) -> Option<(u16, &'a [String])> {
    match name {
        "redirectpermanent" => return Some((301, words)),
        "redirecttemp" => return Some((302, words)),
        "redirect" | "redirectmatch" => {}
        _ => return None,
    }
    let (first, rest) = words.split_first()?;
    Some(match &*first.to_ascii_lowercase() {
        "permanent" => (301, rest),
        "temp" => (302, rest),
        "seeother" => (303, rest),
        "gone" => (410, rest),
        number => match number.parse() {
            Ok(number) => (number, rest),
            Err(_) => (302, words),
        },
    })
}

/// Checks target and status of an answer. Statuses of redirects that are not known here become 302.
fn answerable(action: &mut Action) -> Result<(), String> {
    match action {
        Action::Redirect { to, status } => {
            RedirectTo::read(to).map_err(|fault| fault.message)?;
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                *status = 302;
            }
            Ok(())
        }
        Action::Respond(status) if !(200..600).contains(status) => {
            Err(format!("{status} is no status of an answer"))
        }
        _ => Ok(()),
    }
}

/// Whether a directive answers with an error, and so keeps everybody out.
pub(super) fn refuses(node: &Node) -> bool {
    let words = node.words();
    let status = words.first().map_or("", String::as_str);
    let is_error = status.parse::<u16>().is_ok_and(|status| status >= 400);
    is_error || status.eq_ignore_ascii_case("gone")
}
