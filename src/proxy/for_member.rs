//! A request as one member gets it: path, fields and attributes.

use std::borrow::Cow;

use http::Method;

use super::destination::DESTINATION;
use super::routed::RoutedRequest;
use super::rules::request_overlay;
use crate::backend::Forward;
use crate::headers::{Overlay, RequestFields};
use crate::state::{Attempt, LiveMember};
use crate::traces::Trace;
use crate::variables::Variables;

/// What the request of a client becomes for one member.
#[derive(Debug)]
pub(super) struct ForMember<'a> {
    request: &'a RoutedRequest<'a>,
    member: &'a LiveMember,
    /// What `request_headers` changes.
    overlay: Overlay<'a>,
    /// The fields that name the user to a member that speaks HTTP.
    user_fields: Vec<(&'a str, &'a str)>,
    /// `request_attributes`, filled in. One without a value is left out, so that a servlet reads null.
    attributes: Vec<(String, Vec<u8>)>,
    /// The part of the path that a client must not leave: empty or `/app`.
    root: Cow<'a, str>,
    /// The path with its escapes.
    path: Cow<'a, str>,
}

impl<'a> ForMember<'a> {
    /// `variables` are those of the attempt, `trace` is the trace that it belongs to.
    pub(super) fn new(
        request: &'a RoutedRequest<'a>,
        member: &'a LiveMember,
        variables: &Variables,
        trace: Option<&Trace>,
    ) -> Self {
        let RoutedRequest { plan, .. } = *request;
        let facts = request.facts(variables);
        let mapping = plan.mapping;
        let mut overlay = Overlay::default();
        // Rules see the one that is mapped.
        if plan.destination.is_some() {
            let destination = plan.destination_sent(member);
            overlay.replace(DESTINATION, destination.map(String::into_bytes));
        }
        let rules = &mapping.request_headers;
        let mut overlay = request_overlay(overlay, rules, &facts, request.passing);
        if let Some(trace) = trace {
            for (name, value) in trace.fields() {
                overlay.replace(name, value.map(String::into_bytes));
            }
        }
        let attributes = mapping.request_attributes.iter();
        let attributes = attributes.map(|(name, value)| (name.clone(), facts.render(value)));
        let attributes = attributes.filter(|(_, value)| !value.is_empty());
        let back = plan.back(member);
        Self {
            request,
            member,
            overlay,
            user_fields: request.user.iter().flat_map(|user| user.fields()).collect(),
            attributes: attributes.collect(),
            path: plan.path_sent(&back),
            root: plan.root(member),
        }
    }

    /// The header fields.
    pub(super) fn fields(&self) -> RequestFields<'_> {
        let RoutedRequest {
            head,
            plan,
            passing,
            ..
        } = *self.request;
        let host = plan.target.host;
        RequestFields {
            sent: &head.fields,
            passing,
            overlay: &self.overlay,
            host: host.text,
            host_sent: plan.host_sent(self.member),
            port: passing.client.port_told(&host),
            of_user: &self.user_fields,
        }
    }

    /// The request with these header fields, in this attempt.
    pub(super) fn forward<'f>(
        &'f self,
        fields: &'f RequestFields<'f>,
        attempt: &'f Attempt,
    ) -> Forward<'f> {
        let RoutedRequest {
            head,
            plan,
            wanted,
            upgrade,
            connection,
            ..
        } = *self.request;
        let client = self.request.client();
        Forward {
            method: &head.method,
            idempotent: is_idempotent(&head.method),
            version: head.version,
            asked: plan.target.path,
            path: &self.path,
            root: &self.root,
            query: plan.query.as_deref(),
            timeout: plan.mapping.timeout,
            fields,
            client,
            server_name: match plan.target.host.name {
                "" => &client.local_ip,
                name => name,
            },
            route: wanted.route().filter(|route| !route.is_empty()),
            activation: match self.request.balancer().stands_alone() {
                true => None,
                false => Some(attempt.activation()),
            },
            attributes: &self.attributes,
            user: self.request.user,
            upgrade,
            connection,
            counts: Some(attempt),
        }
    }
}

/// Methods that may be repeated (RFC 9110 section 9.2.2), those of WebDAV included (RFC 4918).
fn is_idempotent(method: &Method) -> bool {
    matches!(
        method.as_str(),
        "GET"
            | "HEAD"
            | "PUT"
            | "DELETE"
            | "OPTIONS"
            | "TRACE"
            | "PROPFIND"
            | "PROPPATCH"
            | "REPORT"
            | "SEARCH"
    )
}
