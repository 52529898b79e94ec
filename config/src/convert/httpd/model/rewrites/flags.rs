//! The flags of a `RewriteRule`.

use super::patterns::is_to_https;
use crate::convert::site::Action;

/// The flags of a `RewriteRule`.
#[derive(Debug, Clone, Default)]
pub(super) struct Flags {
    pub(super) forbids: bool,
    /// Whether the pattern takes letters of either case.
    pub(super) any_case: bool,
    pub(super) is_gone: bool,
    pub(super) is_proxied: bool,
    /// Whether the next rule belongs to this one.
    pub(super) chains: bool,
    /// Whether it ends the list.
    pub(super) is_last: bool,
    /// Whether it skips rules, or begins the list again.
    pub(super) jumps: bool,
    /// Whether the client's query stands beside that of the target.
    pub(super) adds_query: bool,
    /// Whether the client's query is dropped.
    pub(super) drops_query: bool,
    /// The status of a redirect.
    pub(super) redirect: Option<u16>,
}

impl Flags {
    /// `[F,NC]`
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        let mut flags = Self::default();
        for flag in text.to_ascii_uppercase().split(',') {
            match flag.trim().split_once('=').unwrap_or((flag.trim(), "302")) {
                ("F" | "FORBIDDEN", _) => flags.forbids = true,
                ("NC" | "NOCASE", _) => flags.any_case = true,
                ("G" | "GONE", _) => flags.is_gone = true,
                ("P" | "PROXY", _) => flags.is_proxied = true,
                ("C" | "CHAIN", _) => flags.chains = true,
                ("L" | "LAST" | "END", _) => flags.is_last = true,
                ("S" | "SKIP" | "N" | "NEXT", _) => flags.jumps = true,
                ("QSA" | "QSAPPEND", _) => flags.adds_query = true,
                ("QSD" | "QSDISCARD", _) => flags.drops_query = true,
                ("R" | "REDIRECT", "PERMANENT") => flags.redirect = Some(301),
                ("R" | "REDIRECT", "SEEOTHER") => flags.redirect = Some(303),
                ("R" | "REDIRECT", "TEMP") => flags.redirect = Some(302),
                ("R" | "REDIRECT", status) => flags.redirect = Some(status.parse().unwrap_or(302)),
                _ => {}
            }
        }
        // A status that is no redirect ends the request: R=403 is F, R=410 is G.
        match flags.redirect {
            Some(403) => flags.forbids = true,
            Some(410) => flags.is_gone = true,
            _ => {}
        }
        flags
    }

    /// Whether a request that the rule takes ends with an error, so that the rule may be about who comes in.
    pub(super) fn refuses(&self) -> bool {
        self.forbids || self.is_gone || matches!(self.redirect, Some(400..600))
    }

    /// Whether no further rule is looked at for a path that the rule takes.
    pub(super) fn ends(&self) -> bool {
        self.is_last || self.is_proxied || self.refuses()
    }

    /// The status of the answer to what it refuses.
    pub(super) fn status(&self) -> u16 {
        match self.redirect {
            _ if self.forbids => 403,
            _ if self.is_gone => 410,
            Some(status) => status,
            None => 403,
        }
    }

    /// What is done with the paths of the rule; `None`: nothing that can be seen.
    pub(super) fn action(&self, pattern: &str, to: &str) -> Result<Option<Action>, &'static str> {
        let action = match self.redirect {
            _ if self.forbids => Action::Respond(403),
            _ if self.is_gone => Action::Respond(410),
            Some(status @ (400..600)) => Action::Respond(status),
            Some(status) if is_to_https(pattern, to) => Action::Redirect {
                to: "https".to_owned(),
                status,
            },
            _ if self.chains => return Err("the rule behind it belongs to it ([C])"),
            _ if self.jumps => return Err("it skips rules or repeats them"),
            _ if to.contains("%{") || to.contains("${") => {
                return Err("variables and maps in its target have no counterpart");
            }
            None if to == "-" && self.is_last => Action::Pass,
            None if to == "-" && !self.is_proxied => return Ok(None),
            _ if to == "-" => return Err("its target is the path itself"),
            _ if self.is_proxied => Action::To(super::super::balancers::lower_host(to)),
            Some(status) => Action::Redirect {
                to: to.trim_end_matches('?').to_owned(),
                status,
            },
            None => return Err("it rewrites a path inside httpd; write a mapping with `match`"),
        };
        Ok(Some(action))
    }
}
