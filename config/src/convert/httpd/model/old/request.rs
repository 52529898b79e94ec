//! A request on its way through the phases.

use std::net::IpAddr;

use super::super::environment::Excludes;
use crate::convert::told::Asked;

/// A request on its way; rules change its path and query, and set its variables.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) asked: &'a Asked,
    /// Decoded, without empty and dot segments.
    pub(super) path: String,
    pub(super) query: Option<String>,
    /// The modules that its variables keep away.
    pub(super) excludes: Excludes,
}

impl Request<'_> {
    pub(super) fn from(&self) -> IpAddr {
        self.asked.from
    }

    /// The whole URL of a redirect's target; the query goes along unless the target has one (`mod_alias.c: fixup_redir()`).
    pub(super) fn location(&self, target: &str) -> String {
        let base = match target.starts_with('/') {
            true => self.asked.base(),
            false => String::new(),
        };
        match &self.query {
            Some(query) if !target.contains('?') => format!("{base}{target}?{query}"),
            _ => format!("{base}{target}"),
        }
    }
}
