//! Mappings, and the variables that their values may name.

use super::Member;
use crate::template::Template;

/// One entry of `proxy_pass`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Mapping {
    /// A path of whole segments: `/`, or `/shop` without a slash at the end.
    pub path: String,
    /// Host names in lower case, without port; empty: every host.
    pub hosts: Vec<String>,
    /// Where it goes; `None` for `exclude: true`.
    pub to: Option<Target>,
    /// Whether the client's Host is sent on.
    pub preserve_host: bool,
    /// Changes to the request's header fields, in order.
    pub request_headers: Vec<HeaderRule>,
    /// Changes to the response's header fields, in order.
    pub response_headers: Vec<HeaderRule>,
    /// AJP request attributes, in order.
    pub request_attributes: Vec<(String, Template)>,
}

/// `to`.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// `balancer://name/path`
    Balancer {
        /// Index in [`Config::balancers`](super::Config::balancers).
        index: usize,
        /// The path behind the name, without a slash at the end: empty or `/shop`.
        path: String,
    },
    /// A backend's URL in place of a balancer; its path is in [`MemberUrl::path`](super::MemberUrl::path).
    Member(Box<Member>),
}

/// An item of `request_headers` or `response_headers`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderRule {
    /// What is done.
    pub action: HeaderAction,
    /// Field name in lower case, a token of RFC 9110 section 5.6.2.
    pub name: String,
    /// The value; empty for `unset`.
    pub value: Template,
    /// Only when this variable is set.
    pub when: Option<Variable>,
}

/// What a header rule does, as mod_headers names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderAction {
    /// Replaces all fields of the name.
    Set,
    /// Adds one more field.
    Add,
    /// Appends to the field's value after `, `; adds it when there is none.
    Append,
    /// Removes all fields of the name.
    Unset,
}

/// A balancer variable (contract section 3; set as `mod_proxy_balancer.c` sets it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// `BALANCER_SESSION_STICKY`
    SessionSticky,
    /// `BALANCER_SESSION_ROUTE`
    SessionRoute,
    /// `BALANCER_NAME`
    Name,
    /// `BALANCER_WORKER_NAME`
    WorkerName,
    /// `BALANCER_WORKER_ROUTE`
    WorkerRoute,
    /// `BALANCER_ROUTE_CHANGED`
    RouteChanged,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 6] = [
        Self::SessionSticky,
        Self::SessionRoute,
        Self::Name,
        Self::WorkerName,
        Self::WorkerRoute,
        Self::RouteChanged,
    ];

    /// Its name in formats and conditions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionSticky => "BALANCER_SESSION_STICKY",
            Self::SessionRoute => "BALANCER_SESSION_ROUTE",
            Self::Name => "BALANCER_NAME",
            Self::WorkerName => "BALANCER_WORKER_NAME",
            Self::WorkerRoute => "BALANCER_WORKER_ROUTE",
            Self::RouteChanged => "BALANCER_ROUTE_CHANGED",
        }
    }

    /// The variable of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|variable| variable.name() == name)
    }
}
