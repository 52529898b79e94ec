//! The head of a member's answer, before the client gets it: routes of sessions are checked, and the header rules of the
//! mapping are applied. Mapping back is in `reverse`.

use ajpgate_config::{HeaderAction, HeaderRule};
use http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use tracing::warn;

use super::session::{Session, Wanted};
use crate::headers::Overlay;
use crate::state::{LiveBalancer, LiveMember};
use crate::sticky;
use crate::variables::Variables;

/// Counts and logs sessions that the member issued with another route than its own, or without a route. Returns the id
/// of the last session that it issued.
pub(crate) fn check_issued_session<'a>(
    headers: &'a HeaderMap,
    balancer: &LiveBalancer,
    member: &LiveMember,
    route: &str,
) -> Option<&'a str> {
    let spec = balancer.config.sticky.as_ref()?;
    let mut id = None;
    for cookie in headers.get_all(SET_COOKIE) {
        let Some(issued) = sticky::issued(spec, cookie.as_bytes()) else {
            continue;
        };
        id = Some(sticky::id_of(issued.session, spec.separator));
        let issued_route = issued.route.unwrap_or_default();
        if issued.belongs_to(route) || issued_route == route {
            continue;
        }
        // The gateway's own cookie carries the route.
        if issued_route.is_empty() && balancer.config.sticky_cookie.is_some() {
            continue;
        }
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

/// Applies `response_headers`.
pub(crate) fn apply_rules(rules: &[HeaderRule], variables: &Variables, headers: &mut HeaderMap) {
    for rule in rules {
        let Some((name, value)) = resolve(rule, variables) else {
            continue;
        };
        match rule.action {
            HeaderAction::Set => {
                headers.insert(name, value);
            }
            HeaderAction::Add => {
                headers.append(name, value);
            }
            HeaderAction::Append => {
                let value = appended(headers.get_all(&name).iter(), &value);
                headers.insert(name, value);
            }
            HeaderAction::Unset => {
                headers.remove(name);
            }
        }
    }
}

/// Applies `request_headers` for one attempt, whose variables name its member.
pub(crate) fn request_overlay(
    rules: &[HeaderRule],
    variables: &Variables,
    headers: &HeaderMap,
) -> Overlay {
    let mut overlay = Overlay::default();
    for rule in rules {
        let Some((name, value)) = resolve(rule, variables) else {
            continue;
        };
        let mut present: Vec<HeaderValue> = Vec::new();
        if rule.action == HeaderAction::Append {
            if !overlay.removed.contains(&name) {
                present.extend(headers.get_all(&name).iter().cloned());
            }
            let added = overlay.added.iter().filter(|(added, _)| *added == name);
            present.extend(added.map(|(_, value)| value.clone()));
        }
        if rule.action != HeaderAction::Add {
            overlay.added.retain(|(added, _)| *added != name);
            overlay.removed.push(name.clone());
        }
        match rule.action {
            HeaderAction::Set | HeaderAction::Add => overlay.added.push((name, value)),
            HeaderAction::Append => {
                let value = appended(present.iter(), &value);
                overlay.added.push((name, value));
            }
            HeaderAction::Unset => {}
        }
    }
    overlay
}

/// Name and value of a rule; `None` when its `when` is not met.
fn resolve(rule: &HeaderRule, variables: &Variables) -> Option<(HeaderName, HeaderValue)> {
    if rule.when.is_some_and(|when| variables.get(when).is_none()) {
        return None;
    }
    let name = HeaderName::try_from(rule.name.as_str()).ok()?;
    // A route comes from the client's cookie: the rule is skipped when it cannot stand in a field value.
    let value = HeaderValue::try_from(variables.render(&rule.value)).ok()?;
    Some((name, value))
}

/// The present values and one more, joined by commas.
fn appended<'a>(
    present: impl Iterator<Item = &'a HeaderValue>,
    value: &'a HeaderValue,
) -> HeaderValue {
    let all: Vec<&[u8]> = present.chain([value]).map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&all.join(&b", "[..])).unwrap_or_else(|_| value.clone())
}
