//! Host names of rules, and the host of a request.

use std::cmp::Reverse;

/// A host name of a rule.
#[derive(Debug, Clone)]
pub(super) enum HostName {
    Exact(String),
    /// `*.example.com`: what a name must end with, its dot included.
    Below(String),
}

/// How well a host fits a rule; a better fit is smaller, and of two wildcards the longer one fits better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Exact,
    /// By a wildcard, whose end has so many bytes.
    Below(Reverse<usize>),
    Any,
}

impl HostName {
    pub(super) fn new(text: &str) -> Self {
        match text.strip_prefix('*') {
            Some(below) if below.starts_with('.') => Self::Below(name_of(below).to_owned()),
            _ => Self::Exact(name_of(text).to_owned()),
        }
    }

    /// `host` is a name as [`name_of`] gives it.
    pub(super) fn fit(&self, host: &str) -> Option<Fit> {
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name).then_some(Fit::Exact),
            Self::Below(end) => {
                let (label, below) = host.split_at_checked(host.len().checked_sub(end.len())?)?;
                let is_below = !label.is_empty() && below.eq_ignore_ascii_case(end);
                is_below.then_some(Fit::Below(Reverse(end.len())))
            }
        }
    }
}

/// The name in a host: without port, brackets and the dot of a fully qualified name.
pub(super) fn name_of(host: &str) -> &str {
    let name = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or(literal),
        // A colon is before the port; more than one can only be a bare IPv6 address.
        None => match host.split_once(':') {
            Some((name, port)) if !port.contains(':') => name,
            _ => host,
        },
    };
    name.strip_suffix('.').unwrap_or(name)
}
