//! Mappings.

use std::time::Duration;

use super::access::Access;
use super::answers::{Compress, ErrorPages};
use super::files::Files;
use super::headers::HeaderRule;
use super::identity::Identity;
use super::member::Member;
use super::redirect::{ClientScheme, MaxBody, Redirect, Respond};
use crate::pattern::{CaptureText, PathPattern};
use crate::template::Template;

/// One entry of `proxy_pass`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Mapping {
    /// A path of whole segments: `/`, or `/shop` without a slash at the end; `/` where `pattern` decides.
    pub path: String,
    /// `match`: what is looked for in the path, in place of `path`.
    pub pattern: Option<PathPattern>,
    /// Host names in lower case, without port; empty: every host.
    pub hosts: Vec<String>,
    /// The scheme of its requests; `None`: both.
    pub scheme: Option<ClientScheme>,
    /// What is done with a request.
    pub action: Action,
    /// What is made of captures in the path and the query that the action leads to.
    pub rewriting: Rewriting,
    /// In place of the member's `timeout`.
    pub timeout: Option<Duration>,
    /// In place of `limits.max_body`.
    pub max_body: Option<MaxBody>,
    /// Whether the client's Host is sent on.
    pub preserve_host: bool,
    /// Whether paths with an encoded slash or backslash are refused or sent on.
    pub encoded_slash: EncodedSlash,
    /// Changes to the request's header fields, in order.
    pub request_headers: Vec<HeaderRule>,
    /// Changes to the response's header fields, in order.
    pub response_headers: Vec<HeaderRule>,
    /// Bodies of errors, in place of the gateway's.
    pub error_pages: ErrorPages,
    /// How answers are compressed, if they are.
    pub compress: Option<Compress>,
    /// AJP request attributes, in order.
    pub request_attributes: Vec<(String, Template)>,
    /// Which clients may come in, and how often.
    pub access: Access,
    /// Who the user is; `None`: nobody asks.
    pub identity: Option<Identity>,
}

/// What a mapping does with a request: the keys that exclude each other.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `exclude: true`: it is never proxied.
    Exclude,
    /// `to`: it is sent to a member.
    Forward(Target),
    /// `files`: it is answered with a file.
    Files(Files),
    /// `redirect`: the client is sent elsewhere.
    Redirect(Redirect),
    /// `respond`: it gets a fixed answer.
    Respond(Respond),
}

/// What a mapping sends or answers in place of the client's path and query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewriting {
    /// The whole path, made of captures; `None`: what stands behind the mapping's own path is appended to the target's.
    pub path: Option<CaptureText>,
    /// The query, in front of the client's.
    pub query: Option<CaptureText>,
    /// What stands behind `#` in a redirect.
    pub fragment: Option<CaptureText>,
}

impl Mapping {
    /// Where requests are sent; `None` when they are not sent anywhere.
    #[must_use]
    pub const fn target(&self) -> Option<&Target> {
        match &self.action {
            Action::Forward(target) => Some(target),
            Action::Exclude | Action::Files(_) | Action::Redirect(_) | Action::Respond(_) => None,
        }
    }
}

/// `encoded_slash`: whether a path with `%2F` or `%5C` is refused or sent on (httpd's `AllowEncodedSlashes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncodedSlash {
    /// 400. `%5C` is refused only where the target speaks AJP13: to others it is a letter of a name.
    Refuse,
    /// It goes on as part of a segment.
    Pass,
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
