//! `Redirect` and `RedirectMatch`.

use super::super::tree::Node;
use super::passes::{bare_path, simple};
use super::place::{Kind, Place};
use super::sayable::{WITHOUT_PARAMETERS, expression, is_about_parameters, wider};
use super::targets;
use crate::convert::note::{Closed, Notes, Origin};
use crate::convert::overlap::pattern_of;
use crate::convert::site::{Action, Rule, Takes};
use crate::field::Kind as _;
use crate::value::{PathPrefix, RedirectTo};

/// The redirects of a server.
#[derive(Debug, Default)]
pub(super) struct Redirects {
    /// Those of sections, which are looked at before ProxyPass.
    pub(super) first: Vec<Rule>,
    /// What sections forbid under conditions that cannot be turned. It counts for the virtual hosts of the main server too.
    pub(super) closed: Vec<Rule>,
    /// Those that are looked at when no ProxyPass takes the path.
    pub(super) last: Vec<Rule>,
}

impl Redirects {
    /// Takes a directive. Returns whether it is one of these.
    pub(super) fn take(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let words = node.words();
        match &*node.name {
            "redirect" | "redirectpermanent" | "redirecttemp" | "redirectmatch" => {
                self.redirect(node, &words, place, notes);
            }
            _ => return false,
        }
        true
    }

    /// Adds a rule. An error as the status keeps everybody out.
    fn redirect(&mut self, node: &Node, words: &[String], place: &Place, notes: &mut Notes) {
        let Some((status, words)) = status(&node.name, words) else {
            return notes.name(&node.origin, "left out: a path and a url are wanted");
        };
        let has_target = (300..400).contains(&status);
        let takes = match (place, words) {
            (Place::Section(Kind::Text(takes)), []) if !has_target => takes.clone(),
            (Place::Section(Kind::Proxy(_)), []) if !has_target => Takes::Path("/".to_owned()),
            (Place::Section(Kind::Location(takes)), rest)
                if rest.len() == usize::from(has_target) =>
            {
                match takes {
                    // What is behind the path is not appended there.
                    Takes::Path(path) if has_target => Takes::Pattern(pattern_of(path)),
                    takes => takes.clone(),
                }
            }
            // It closes the folder: see `folders::guard`.
            (Place::Section(Kind::Directory(_) | Kind::Files(_)), []) if !has_target => return,
            (_, [path, ..]) if node.name == "redirectmatch" => Takes::Pattern(path.clone()),
            (_, [path, ..]) => Takes::Path(bare_path(path)),
            _ => return notes.name(&node.origin, "left out: a path and a url are wanted"),
        };
        let action = match has_target {
            true => Action::Redirect {
                to: words.last().cloned().unwrap_or_default(),
                status,
            },
            false => Action::Respond(status),
        };
        let Some(mut rule) = checked(takes, action, &node.origin, notes) else {
            if status >= 400 {
                let why = "its pattern has no counterpart";
                self.close(Takes::Path("/".to_owned()), node, why, notes);
            }
            return;
        };
        // `Redirect /app/ …` does not take `/app` (`mod_alias.c: alias_matches()`).
        let has_slash = |path: &String| path.len() > 1 && path.ends_with('/');
        rule.below = matches!(rule.takes, Takes::Path(_)) && words.first().is_some_and(has_slash);
        match place {
            Place::Section(_) => self.first.push(rule),
            Place::Server => self.last.push(rule),
        }
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
