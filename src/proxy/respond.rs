//! The head of a member's answer, before the client gets it: routes of sessions are checked, and the header rules of the
//! mapping are applied. Mapping back is in `reverse`.

use ajpgate_config::{HeaderAction, HeaderRule};
use tracing::warn;

use super::session::{Session, Wanted};
use crate::field_names;
use crate::head::{Fields, Known, is_name, is_value};
use crate::headers::Overlay;
use crate::state::{LiveBalancer, LiveMember};
use crate::sticky;
use crate::variables::Variables;

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
    for cookie in fields.all(Known::SetCookie) {
        let Some(issued) = sticky::issued(spec, cookie) else {
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

/// Applies `response_headers`. Fields that the answer did not have get the usual spelling of their names.
pub(crate) fn apply_rules(rules: &[HeaderRule], variables: &Variables, fields: &mut Fields) {
    for rule in rules {
        let Some(value) = resolve(rule, variables) else {
            continue;
        };
        let name = &*field_names::usual(&rule.name);
        match rule.action {
            HeaderAction::Set => fields.set(name, &value),
            HeaderAction::Add => fields.push(name.as_bytes(), &value),
            HeaderAction::Append => {
                let value = appended(fields.all(name), &value);
                fields.set(name, &value);
            }
            HeaderAction::Unset => fields.remove(name),
        }
    }
}

/// Applies `request_headers` for one attempt, whose variables name its member.
pub(crate) fn request_overlay<'a>(
    rules: &'a [HeaderRule],
    variables: &Variables,
    fields: &Fields,
) -> Overlay<'a> {
    let mut overlay = Overlay::default();
    for rule in rules {
        let Some(value) = resolve(rule, variables) else {
            continue;
        };
        let name = &*rule.name;
        let is_it = |added: &str| added.eq_ignore_ascii_case(name);
        let value = match rule.action {
            HeaderAction::Append => {
                let sent = fields
                    .all(name)
                    .filter(|_| !overlay.removes(name.as_bytes()));
                let added = overlay.added.iter().filter(|(added, _)| is_it(added));
                appended(sent.chain(added.map(|(_, value)| &**value)), &value)
            }
            _ => value,
        };
        if rule.action != HeaderAction::Add {
            overlay.added.retain(|(added, _)| !is_it(added));
            overlay.removed.push(name);
        }
        if rule.action != HeaderAction::Unset {
            overlay.added.push((name, value));
        }
    }
    overlay
}

/// The value of a rule; `None` when its `when` is not met.
fn resolve(rule: &HeaderRule, variables: &Variables) -> Option<Vec<u8>> {
    if rule.when.is_some_and(|when| variables.get(when).is_none()) {
        return None;
    }
    let value = variables.render(&rule.value).into_bytes();
    // A route comes from the client's cookie: the rule is skipped when it cannot stand in a field value.
    (is_name(rule.name.as_bytes()) && is_value(&value)).then_some(value)
}

/// The present values and one more, joined by commas.
fn appended<'a>(present: impl Iterator<Item = &'a [u8]>, value: &'a [u8]) -> Vec<u8> {
    let all: Vec<&[u8]> = present.chain([value]).collect();
    all.join(&b", "[..])
}
