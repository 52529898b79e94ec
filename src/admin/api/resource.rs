//! The resources of the API, by their paths.

use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::place_of;
use http::StatusCode;
use http::header::{HeaderMap, IF_MATCH};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::settings;
use super::view::{BalancerState, MemberState};
use crate::state::{LiveBalancer, Shared, Snapshot};

/// The path under which all resources are.
pub(in crate::admin) const PATH: &str = "/api/v1/";

/// A resource as JSON, and the ETag of its settings.
#[derive(Debug)]
pub(in crate::admin) struct Found {
    pub(in crate::admin) value: Value,
    pub(in crate::admin) etag: String,
}

/// A resource of the API.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::admin) enum Resource {
    /// `balancers`
    Balancers,
    /// `balancers/NAME`
    Balancer(String),
    /// `balancers/NAME/members`, where members are added
    Members(String),
    /// `balancers/NAME/members/ROUTE-OR-URL`
    Member(String, String),
    /// `reload`
    Reload,
}

impl Resource {
    /// Reads a path below [`PATH`].
    pub(in crate::admin) fn of(path: &str) -> Result<Self, Refusal> {
        let nothing = || Refusal::not_found("there is nothing at this path");
        let path = path.strip_prefix(PATH).ok_or_else(nothing)?;
        let text = |text: &str| decoded(text).ok_or_else(nothing);
        // A url may also be written without percent-encoding, with its slashes.
        let mut parts = path.splitn(4, '/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("reload"), None, ..) => Ok(Self::Reload),
            (Some("balancers"), None, ..) => Ok(Self::Balancers),
            (Some("balancers"), Some(name), Some("members"), None) => {
                Ok(Self::Members(text(name)?))
            }
            (Some("balancers"), Some(name), None, _) if !name.is_empty() => {
                Ok(Self::Balancer(text(name)?))
            }
            (Some("balancers"), Some(name), Some("members"), Some(member))
                if !member.is_empty() =>
            {
                Ok(Self::Member(text(name)?, text(member)?))
            }
            _ => Err(nothing()),
        }
    }

    /// Whether the resource has settings that may be changed.
    pub(in crate::admin) const fn can_change(&self) -> bool {
        matches!(self, Self::Balancer(_) | Self::Member(..))
    }

    /// The methods of the resource, in the form of `Allow`.
    pub(in crate::admin) const fn methods(&self) -> &'static str {
        match self {
            Self::Balancers => "GET, HEAD",
            Self::Balancer(_) => "GET, HEAD, PATCH",
            Self::Members(_) => "GET, HEAD, POST",
            Self::Member(..) => "GET, HEAD, PATCH, DELETE",
            Self::Reload => "POST",
        }
    }

    /// The resource as it is now.
    pub(in crate::admin) fn find(
        &self,
        snapshot: &Snapshot,
        now: Instant,
    ) -> Result<Found, Refusal> {
        let (settings, value) = match self {
            Self::Balancers => {
                let states: Vec<_> = snapshot
                    .balancers_of_file()
                    .map(|balancer| BalancerState::of(balancer, now))
                    .collect();
                let settings = states.iter().map(BalancerState::settings).collect();
                let shown: Vec<_> = states.iter().map(BalancerState::shown).collect();
                (settings, json!({ "balancers": shown }))
            }
            Self::Balancer(name) => {
                let state = BalancerState::of(balancer(snapshot, name)?, now);
                (state.settings(), state.shown())
            }
            Self::Member(name, key) => {
                let state = BalancerState::of(balancer(snapshot, name)?, now);
                let member = state.member(key)?;
                (member.settings(), member.shown())
            }
            Self::Members(name) => {
                let state = BalancerState::of(balancer(snapshot, name)?, now);
                let settings = state.members.iter().map(MemberState::settings).collect();
                let shown: Vec<_> = state.members.iter().map(MemberState::shown).collect();
                (settings, json!({ "members": shown }))
            }
            Self::Reload => return Err(Refusal::method(self.methods())),
        };
        let etag = settings::etag(&settings);
        Ok(Found { value, etag })
    }

    /// Refuses a change of this resource when `If-Match` has neither its ETag nor that of a resource which shows it, such as the
    /// list of all balancers.
    pub(super) fn check_match(
        &self,
        headers: &HeaderMap,
        snapshot: &Snapshot,
        now: Instant,
    ) -> Result<(), Refusal> {
        if !headers.contains_key(IF_MATCH) {
            return Ok(());
        }
        let mut etags = vec![self.find(snapshot, now)?.etag];
        for around in self.shown_by() {
            etags.push(around.find(snapshot, now)?.etag);
        }
        settings::check_match(headers, &etags)
    }

    /// The resources that show the settings of this one among others.
    fn shown_by(&self) -> Vec<Self> {
        match self {
            Self::Balancers | Self::Reload => Vec::new(),
            Self::Balancer(_) => vec![Self::Balancers],
            Self::Members(name) => vec![Self::Balancer(name.clone()), Self::Balancers],
            Self::Member(name, _) => vec![
                Self::Members(name.clone()),
                Self::Balancer(name.clone()),
                Self::Balancers,
            ],
        }
    }
}

/// The settings of a balancer or member, as they are now.
pub(in crate::admin) fn present(shared: &Shared, resource: &Resource) -> Result<Value, Refusal> {
    let (snapshot, now) = (shared.snapshot.load_full(), Instant::now());
    match resource {
        Resource::Member(name, key) => {
            let state = BalancerState::of(balancer(&snapshot, name)?, now);
            Ok(state.member(key)?.settings())
        }
        Resource::Balancer(name) => {
            let state = BalancerState::of(balancer(&snapshot, name)?, now);
            Ok(state.own_settings().into())
        }
        _ => Err(Refusal::method(resource.methods())),
    }
}

/// The balancer of this name.
pub(in crate::admin) fn balancer<'s>(
    snapshot: &'s Snapshot,
    name: &str,
) -> Result<&'s Arc<LiveBalancer>, Refusal> {
    snapshot
        .balancer(name)
        .ok_or_else(|| Refusal::not_found(format!("there is no balancer {name:?}")))
}

impl BalancerState<'_> {
    /// The member of this url or route.
    pub(in crate::admin) fn member(&self, key: &str) -> Result<&MemberState<'_>, Refusal> {
        let place = key.contains("://").then(|| place_of(key));
        let is_there = |it: &&MemberState<'_>| place.as_ref() == Some(&it.live.config.url.place());
        if let Some(member) = self.members.iter().find(is_there) {
            return Ok(member);
        }
        let has_route = |member: &&MemberState<'_>| *member.view.route == *key;
        let named: Vec<&MemberState<'_>> = self.members.iter().filter(has_route).collect();
        match named.as_slice() {
            [] => {
                let name = self.live.name();
                let reason = format!("no member of {name:?} has the route or url {key:?}");
                Err(Refusal::not_found(reason))
            }
            [member] => Ok(member),
            several => {
                let urls: Vec<&str> = several.iter().map(|member| &*member.live.url).collect();
                let reason = format!(
                    "route: {key:?} is the route of {}: name the one that is meant by its url",
                    urls.join(" and ")
                );
                Err(Refusal::new(StatusCode::CONFLICT, reason))
            }
        }
    }
}

/// Decodes percent-encoding; `None` when the bytes are not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let text = percent_encoding::percent_decode_str(text);
    Some(text.decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_resources() {
        let of = |path: &str| Resource::of(path).ok();
        let name = |name: &str| name.to_owned();
        let member = |key| Some(Resource::Member(name("shop"), name(key)));
        assert_eq!(of("/api/v1/balancers"), Some(Resource::Balancers));
        assert_eq!(
            of("/api/v1/balancers/sh%6Fp"),
            Some(Resource::Balancer(name("shop")))
        );
        assert_eq!(of("/api/v1/balancers/shop/members/n1"), member("n1"));
        for url in ["ajp%3A%2F%2Fh%3a8009", "ajp://h:8009"] {
            let path = format!("/api/v1/balancers/shop/members/{url}");
            assert_eq!(of(&path), member("ajp://h:8009"), "{url}");
        }
        assert_eq!(
            of("/api/v1/balancers/shop/members"),
            Some(Resource::Members(name("shop")))
        );
        assert_eq!(of("/api/v1/reload"), Some(Resource::Reload));
        for nothing in [
            "/api/v1/",
            "/api/v1/balancers/",
            "/api/v1/balancers/shop/",
            "/api/v1/balancers/shop/members/",
            "/api/v1/balancers/shop/routes/n1",
            "/api/v1/balancers/%ff",
            "/api/v1/other",
        ] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
    }
}
