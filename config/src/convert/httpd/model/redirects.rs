//! `Redirect`, `RedirectMatch` and `RewriteRule`.

use super::super::tree::Node;
use super::passes::{bare_path, simple};
use super::place::{Kind, Place};
use crate::convert::note::{Notes, Origin};
use crate::convert::site::{Action, Rule, Takes};
use crate::convert::value::Keys;
use crate::field::Kind as _;
use crate::pattern::MatchText;
use crate::value::{PathPrefix, RedirectTo};

/// The redirects of a server.
#[derive(Debug, Default)]
pub(super) struct Redirects {
    /// Those that are looked at before ProxyPass.
    pub(super) first: Vec<Rule>,
    /// What sections forbid under conditions that cannot be turned. It counts for the virtual hosts of the main server too.
    pub(super) closed: Vec<Rule>,
    /// Those that are looked at when no ProxyPass takes the path.
    pub(super) last: Vec<Rule>,
    /// `RewriteEngine`
    rewrites: bool,
    /// `RewriteCond` before the next rule.
    conditions: Vec<Vec<String>>,
}

impl Redirects {
    /// Takes a directive. Returns whether it is one of these.
    pub(super) fn take(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let words = node.words();
        match &*node.name {
            "redirect" | "redirectpermanent" | "redirecttemp" | "redirectmatch" => {
                self.redirect(node, &words, place, notes);
            }
            "rewriteengine" => {
                let on = words
                    .first()
                    .is_some_and(|it| it.eq_ignore_ascii_case("on"));
                if *place == Place::Server {
                    self.rewrites = on;
                }
            }
            "rewritecond" => self.conditions.push(words),
            "rewriterule" => {
                let conditions = std::mem::take(&mut self.conditions);
                self.rewrite(node, &words, &conditions, place, notes);
            }
            _ => return false,
        }
        true
    }

    fn redirect(&mut self, node: &Node, words: &[String], place: &Place, notes: &mut Notes) {
        let (status, words) = match (&*node.name, words.split_first()) {
            ("redirectpermanent", _) => (301, words),
            ("redirecttemp", _) => (302, words),
            (_, Some((first, rest))) => match &*first.to_ascii_lowercase() {
                "permanent" => (301, rest),
                "temp" => (302, rest),
                "seeother" => (303, rest),
                "gone" => (410, rest),
                number => match number.parse() {
                    Ok(number) => (number, rest),
                    Err(_) => (302, words),
                },
            },
            (_, None) => (302, words),
        };
        let has_target = (300..400).contains(&status);
        let takes = match (place, words) {
            (Place::Section(Kind::Location(takes)), rest)
                if rest.len() == usize::from(has_target) =>
            {
                takes.clone()
            }
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
        let Some(rule) = checked(takes, action, &node.origin, notes) else {
            return;
        };
        match place {
            Place::Section(_) => self.first.push(rule),
            Place::Server => self.last.push(rule),
        }
    }

    fn rewrite(
        &mut self,
        node: &Node,
        words: &[String],
        conditions: &[Vec<String>],
        place: &Place,
        notes: &mut Notes,
    ) {
        let [pattern, to, rest @ ..] = words else {
            return notes.name(
                &node.origin,
                "left out: a pattern and a substitution are wanted",
            );
        };
        let flags = Flags::of(rest.first().map_or("", String::as_str));
        let in_section = matches!(place, Place::Section(_));
        if !self.rewrites && !in_section
            || flags.forbids
                && conditions.iter().all(|it| is_about_trace(it))
                && !conditions.is_empty()
        {
            // TRACE is refused here in any case.
            return notes.count(&node.origin);
        }
        let forbids = flags.forbids;
        let why = match place {
            Place::Server if forbids && !conditions.is_empty() => {
                Some("it has conditions (RewriteCond)")
            }
            Place::Section(_) => Some("rules in sections compare what is left of a path"),
            Place::Server if !conditions.iter().all(|it| is_about_tls(it)) => {
                Some("it has conditions (RewriteCond)")
            }
            Place::Server if pattern.starts_with('!') => Some("its pattern is turned round"),
            Place::Server => None,
        };
        let action = match why {
            None => flags.action(to),
            Some(why) => Err(why),
        };
        let action = match action {
            Ok(action) => action,
            Err(why) if forbids => return self.forbid(node, pattern, place, why, notes),
            Err(why) => return notes.name(&node.origin, format!("left out: {why}")),
        };
        let https = matches!(&action, Action::Redirect { to, .. } if to == "https");
        let takes = match is_every(pattern) && https {
            true => Takes::Path("/".to_owned()),
            false if forbids && flags.any_case => Takes::Pattern(format!("(?i){pattern}")),
            false => Takes::Pattern(pattern.clone()),
        };
        match checked(takes, action, &node.origin, notes) {
            Some(rule) => self.first.push(rule),
            None if forbids => {
                let why = "its pattern has no counterpart";
                self.close(Takes::Path("/".to_owned()), node, why, notes);
            }
            None => {}
        }
    }

    /// What a `RewriteRule` forbids at times is forbidden always: nobody comes in who was kept out.
    fn forbid(&mut self, node: &Node, pattern: &str, place: &Place, why: &str, notes: &mut Notes) {
        let every = || Takes::Path("/".to_owned());
        let takes = match place {
            Place::Section(Kind::Location(takes) | Kind::Text(takes)) => takes.clone(),
            // Nothing that is sent on is in a folder.
            Place::Section(Kind::Directory(_)) => {
                return notes.name(&node.origin, format!("left out: {why}"));
            }
            Place::Section(Kind::Proxy(_)) => every(),
            Place::Server if is_every(pattern) || pattern.starts_with('!') => every(),
            Place::Server if MatchText::read(pattern).is_ok() => {
                Takes::Pattern(format!("(?i){pattern}"))
            }
            Place::Server => every(),
        };
        self.close(takes, node, why, notes);
    }

    /// Closes paths for everybody: an access rule of the old server stands there, and cannot be turned.
    pub(super) fn close(&mut self, takes: Takes, node: &Node, why: &str, notes: &mut Notes) {
        let text = format!("the paths that it guards are closed for everybody (403): {why}");
        notes.name(&node.origin, text);
        self.closed.push(Rule {
            takes,
            action: Action::Respond(403),
            keys: Keys::default(),
            origin: node.origin.clone(),
            comments: vec![format!("closed for everybody: {why}")],
        });
    }
}

/// Whether a `RewriteRule` forbids something.
pub(super) fn forbids(node: &Node) -> bool {
    let words = node.words();
    words.get(2).is_some_and(|flags| Flags::of(flags).forbids)
}

/// The flags of a `RewriteRule`.
struct Flags {
    forbids: bool,
    /// Whether the pattern takes letters of either case.
    any_case: bool,
    is_gone: bool,
    is_proxied: bool,
    /// The status of a redirect.
    redirect: Option<u16>,
}

impl Flags {
    fn of(text: &str) -> Self {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        let mut flags = Self {
            forbids: false,
            any_case: false,
            is_gone: false,
            is_proxied: false,
            redirect: None,
        };
        for flag in text.to_ascii_uppercase().split(',') {
            match flag.trim().split_once('=').unwrap_or((flag.trim(), "302")) {
                ("F" | "FORBIDDEN", _) => flags.forbids = true,
                ("NC" | "NOCASE", _) => flags.any_case = true,
                ("G" | "GONE", _) => flags.is_gone = true,
                ("P" | "PROXY", _) => flags.is_proxied = true,
                ("R" | "REDIRECT", "PERMANENT") => flags.redirect = Some(301),
                ("R" | "REDIRECT", "SEEOTHER") => flags.redirect = Some(303),
                ("R" | "REDIRECT", status) => flags.redirect = Some(status.parse().unwrap_or(302)),
                _ => {}
            }
        }
        flags
    }

    /// What is done with the paths of the rule.
    fn action(&self, to: &str) -> Result<Action, &'static str> {
        match self.redirect {
            _ if self.forbids => Ok(Action::Respond(403)),
            _ if self.is_gone => Ok(Action::Respond(410)),
            Some(status) if is_to_https(to) => Ok(Action::Redirect {
                to: "https".to_owned(),
                status,
            }),
            _ if to.contains("%{") => Err("variables in its target have no counterpart"),
            _ if self.is_proxied => Ok(Action::To(super::balancers::lower_host(to))),
            Some(status) => Ok(Action::Redirect {
                to: to.trim_end_matches('?').to_owned(),
                status,
            }),
            None => Err("it rewrites a path inside httpd; write a mapping with `match`"),
        }
    }
}

/// `RewriteCond %{REQUEST_METHOD} ^TRACE`
fn is_about_trace(condition: &[String]) -> bool {
    let words: Vec<String> = condition
        .iter()
        .map(|word| word.to_ascii_uppercase())
        .collect();
    matches!(words.as_slice(), [what, pattern, ..] if what == "%{REQUEST_METHOD}" && pattern.contains("TRAC"))
}

/// `RewriteCond %{HTTPS} off` and what else people write for it.
fn is_about_tls(condition: &[String]) -> bool {
    let words: Vec<String> = condition
        .iter()
        .map(|word| word.to_ascii_lowercase())
        .collect();
    match words.as_slice() {
        [what, pattern, ..] if what == "%{https}" => {
            matches!(&**pattern, "off" | "!=on" | "!on" | "^off$" | "=off")
        }
        [what, pattern, ..] if what == "%{server_port}" => {
            matches!(
                &**pattern,
                "80" | "!443" | "^80$" | "!^443$" | "=80" | "!=443"
            )
        }
        _ => false,
    }
}

fn is_every(pattern: &str) -> bool {
    matches!(
        pattern,
        "^" | "^/"
            | ".*"
            | "(.*)"
            | "^(.*)"
            | "^(.*)$"
            | "^.*$"
            | "^/(.*)"
            | "^/(.*)$"
            | "^/?(.*)"
            | "^/?(.*)$"
            | "^(/.*)$"
            | "/"
    )
}

/// `https://%{HTTP_HOST}%{REQUEST_URI}` and the like.
fn is_to_https(to: &str) -> bool {
    let rest = ["https://%{HTTP_HOST}", "https://%{SERVER_NAME}"];
    let rest = rest.iter().find_map(|start| to.strip_prefix(start));
    rest.is_some_and(|rest| {
        matches!(
            rest,
            "%{REQUEST_URI}" | "/%{REQUEST_URI}" | "$1" | "/$1" | "$0" | "/"
        )
    })
}

/// The rule, where path, expression and target can be said here.
fn checked(takes: Takes, action: Action, origin: &Origin, notes: &mut Notes) -> Option<Rule> {
    let (mut takes, mut action) = (takes, action);
    if let Takes::Pattern(pattern) = &takes {
        if let Err(fault) = MatchText::read(pattern) {
            let hint = fault.hint.unwrap_or_default();
            notes.name(origin, format!("left out: {} ({hint})", fault.message));
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
    if let Err(why) = answerable(&mut action) {
        notes.name(origin, format!("left out: {why}"));
        return None;
    }
    Some(Rule {
        takes,
        action,
        keys: Keys::default(),
        origin: origin.clone(),
        comments: Vec::new(),
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
