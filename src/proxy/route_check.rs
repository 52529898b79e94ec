//! Routes of sessions: what a member issued and what a client asked for are held against the routes that are configured, and a
//! route that is not known yet is learned.

use std::sync::Arc;

use tracing::warn;

use super::session::{Session, Wanted};
use crate::head::{Fields, Known};
use crate::state::{LiveBalancer, LiveMember};
use crate::sticky;

/// Counts and logs sessions that the member issued with another route than its own, or without a route. Returns the id
/// of the last session that it issued.
pub(crate) fn check_issued_session<'a>(
    fields: &'a Fields,
    balancer: &LiveBalancer,
    member: &LiveMember,
    route: &str,
) -> Option<&'a str> {
    let spec = balancer.config.sticky.as_ref()?;
    let mut id = None;
    if route.is_empty() {
        learn_from_redirect(fields, balancer, member, route);
    }
    for cookie in fields.all(Known::SetCookie) {
        let Some(issued) = sticky::issued(spec, cookie) else {
            continue;
        };
        id = Some(sticky::id_of(issued.session, spec.separator));
        let issued_route = issued.route.unwrap_or_default();
        let learned = learned(balancer, member, route, issued_route);
        let route = learned.as_deref().unwrap_or(route);
        if issued.belongs_to(route) || issued_route == route {
            continue;
        }
        // The gateway's own cookie carries the route.
        if issued_route.is_empty() && balancer.config.sticky_cookie.is_some() {
            continue;
        }
        let issued_route = issued
            .route_among(|route| balancer.has_route(route))
            .unwrap_or_default();
        balancer.count_mismatch(member, issued_route);
        let (balancer, url) = (balancer.name(), &member.url);
        if issued_route.is_empty() {
            if let Some(left_out) = member.warnings.without_route.due(()) {
                warn!(
                    balancer, member = %url, route, left_out = left_out.field(),
                    "the member issued a session without a route, so the next request may go elsewhere: \
                     set jvmRoute=\"{route}\" on the Engine in its server.xml"
                );
            }
        } else if let Some(left_out) = member.warnings.mismatch.due(()) {
            warn!(
                balancer, member = %url, route, issued = issued_route, left_out = left_out.field(),
                "the member issued a session with another route than its own, so the next request goes \
                 elsewhere: the jvmRoute of its Engine and its `route` here must be the same"
            );
        }
    }
    id
}

/// The route of a member that had none when it was chosen and learns it from its sessions.
fn learned(
    balancer: &LiveBalancer,
    member: &LiveMember,
    route: &str,
    issued: &str,
) -> Option<Arc<str>> {
    route
        .is_empty()
        .then(|| balancer.learn_route(member, issued))
        .flatten()
}

/// Learns the route of a member from a redirect to a path of its own with the session in a parameter. A whole url may lead to
/// another application.
fn learn_from_redirect(fields: &Fields, balancer: &LiveBalancer, member: &LiveMember, route: &str) {
    let Some(spec) = &balancer.config.sticky else {
        return;
    };
    for location in fields.all(Known::Location) {
        let path = std::str::from_utf8(location).unwrap_or_default();
        let path = path.split(['?', '#']).next().unwrap_or_default();
        if path.starts_with('/') && !path.starts_with("//") {
            let found = sticky::find(spec, path, None, [], |_| false);
            let issued = found.and_then(|found| found.route).unwrap_or_default();
            drop(learned(balancer, member, route, issued));
        }
    }
}

/// Logs, for a request that this member answered, a session without a route or with one that no member has.
pub(crate) fn check_wanted_route(
    wanted: &Wanted<'_>,
    balancer: &LiveBalancer,
    member: &LiveMember,
    route: &str,
) {
    let routes_expected = balancer.config.sticky_cookie.is_none();
    let (balancer, url) = (balancer.name(), &member.url);
    match wanted.session {
        Session::UnknownRoute => {
            let Some(left_out) = member.warnings.unknown_route.due(()) else {
                return;
            };
            warn!(
                balancer, member = %url, session_route = wanted.route(),
                left_out = left_out.field(),
                "a session asked for a route that no member has, and went to this one: a node that is gone, or \
                 a jvmRoute that is no member's `route`"
            );
        }
        Session::NoRoute if routes_expected && !route.is_empty() => {
            let Some(left_out) = member.warnings.without_route.due(()) else {
                return;
            };
            warn!(
                balancer, member = %url, route, left_out = left_out.field(),
                "a session had no route, and went to this member: its Tomcat may have no jvmRoute"
            );
        }
        Session::NoRoute | Session::Route | Session::None => {}
    }
}
