//! The flags of a `RewriteRule`.

use super::patterns::is_to_https;
use crate::convert::site::Action;

/// The flags of a `RewriteRule` that decide what becomes of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    pub(crate) forbids: bool,
    /// Whether the pattern takes letters of either case.
    pub(crate) any_case: bool,
    pub(crate) is_gone: bool,
    pub(crate) is_proxied: bool,
    /// Whether the modules behind mod_rewrite see the new path as if the client had asked for it.
    pub(crate) passes_through: bool,
    /// Whether the next rule belongs to this one.
    pub(crate) chains: bool,
    /// Whether it ends the list.
    pub(crate) is_last: bool,
    /// How many rules behind it are left out.
    pub(crate) skips: usize,
    /// Whether it begins the list again.
    pub(crate) repeats: bool,
    /// Whether the client's query stands beside that of the target.
    pub(crate) adds_query: bool,
    /// Whether the client's query is dropped.
    pub(crate) drops_query: bool,
    /// The status of a redirect.
    pub(crate) redirect: Option<u16>,
}

impl Flags {
    /// `[F,NC]`
    pub(crate) fn of(text: &str) -> Self {
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        let mut flags = Self::default();
        for flag in text.to_ascii_uppercase().split(',') {
            let (name, value) = flag.trim().split_once('=').unwrap_or((flag.trim(), ""));
            match name {
                "F" | "FORBIDDEN" => flags.forbids = true,
                "NC" | "NOCASE" => flags.any_case = true,
                "G" | "GONE" => flags.is_gone = true,
                "P" | "PROXY" => flags.is_proxied = true,
                "C" | "CHAIN" => flags.chains = true,
                "L" | "LAST" | "END" => flags.is_last = true,
                "PT" | "PASSTHROUGH" => {
                    flags.passes_through = true;
                    // What is passed through is not rewritten further.
                    flags.is_last = true;
                }
                "S" | "SKIP" => flags.skips = value.parse().unwrap_or(0),
                "N" | "NEXT" => flags.repeats = true,
                "QSA" | "QSAPPEND" => flags.adds_query = true,
                "QSD" | "QSDISCARD" => flags.drops_query = true,
                "R" | "REDIRECT" => flags.redirect = Some(status(value)),
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

    /// Whether the rule only changes the path with which httpd goes on, so that a request never leaves with the path that it
    /// came with.
    pub(super) fn stays_inside(&self, to: &str) -> bool {
        to != "-" && !self.is_proxied && self.redirect.is_none() && !self.refuses()
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
            _ if self.skips > 0 || self.repeats => {
                return Err("it skips rules or repeats them");
            }
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

/// The status behind `R=`, in capital letters; 302 where there is none.
fn status(value: &str) -> u16 {
    match value {
        "PERMANENT" => 301,
        "SEEOTHER" => 303,
        number => number.parse().unwrap_or(302),
    }
}
