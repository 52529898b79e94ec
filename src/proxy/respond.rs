//! From a member's answer to the client's: what was mapped is mapped back, and the mapping's rules apply.

use ajpgate_config::{HeaderAction, HeaderRule};
use http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use tracing::debug;

use crate::headers::Overlay;
use crate::state::{LiveBalancer, LiveMember};
use crate::sticky;
use crate::variables::Variables;

/// Counts sessions that the backend issued with a route that is not its member's.
pub(crate) fn check_issued_routes(
    headers: &HeaderMap,
    balancer: &LiveBalancer,
    member: &LiveMember,
    route: &str,
) {
    let Some(spec) = &balancer.sticky else { return };
    for cookie in headers.get_all(SET_COOKIE) {
        if let Some(issued) = sticky::issued(spec, cookie.as_bytes())
            && let Some(issued_route) = issued.route.filter(|issued| !issued.is_empty())
            && !issued.belongs_to(route)
        {
            debug!(
                balancer = balancer.name, member = %member.url, route, issued = issued_route,
                "backend issued a session with another route than its member's"
            );
            member.metrics.count_mismatch(issued_route);
        }
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

/// Works out `request_headers` for one attempt: its member's variables are known only now.
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

/// Name and value of a rule that applies.
fn resolve(rule: &HeaderRule, variables: &Variables) -> Option<(HeaderName, HeaderValue)> {
    if rule.when.is_some_and(|when| variables.get(when).is_none()) {
        return None;
    }
    let name = HeaderName::try_from(rule.name.as_str()).ok()?;
    // A route comes from a client's cookie: what is no field value is left out.
    let value = HeaderValue::try_from(variables.render(&rule.value)).ok()?;
    Some((name, value))
}

/// The values there are and one more, as one list.
fn appended<'a>(
    present: impl Iterator<Item = &'a HeaderValue>,
    value: &'a HeaderValue,
) -> HeaderValue {
    let all: Vec<&[u8]> = present.chain([value]).map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&all.join(&b", "[..])).unwrap_or_else(|_| value.clone())
}
