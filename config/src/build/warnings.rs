//! Warnings about settings that are allowed and probably not meant.

use std::collections::{BTreeSet, HashMap};

use super::Builder;
use super::balancer::{Balancers, Known};
use super::mapping::BuiltMapping;
use crate::fault::one_of;
use crate::field::Scalar;
use crate::model::{Discover, RouteRule, Scheme, StickyNames};
use crate::nearest::did_you_mean;
use crate::report::Place;
use crate::value::SessionNames;

impl Builder<'_> {
    pub(super) fn warn(&self, balancers: &Balancers, mappings: &[BuiltMapping], file: Place) {
        for known in &balancers.known {
            self.members_without_route(known);
            self.routes_without_session(known);
            self.cookie_without_routes(known);
            self.shared_routes(known);
            self.redirects(known);
        }
        if mappings.is_empty() {
            self.report.warning(
                file,
                "nothing is mapped: every request gets 404",
                "write `proxy_pass: [{ path: /, to: \"balancer://NAME/\" }]`",
            );
            return;
        }
        for known in &balancers.known {
            let used = mappings
                .iter()
                .any(|mapping| mapping.balancer.as_ref() == Some(&known.name));
            if !used {
                self.report.warning(
                    known.place,
                    format!("nothing is mapped to the balancer {:?}", known.name),
                    format!("write `to: \"balancer://{}/\"` in proxy_pass", known.name),
                );
            }
        }
    }

    fn members_without_route(&self, known: &Known) {
        let Some(balancer) = &known.built else { return };
        if balancer.sticky.is_none() || balancer.members.len() < 2 {
            return;
        }
        for (member, places) in balancer.members.iter().zip(&known.members) {
            if member.route.is_empty() {
                self.report.warning(
                    places.member,
                    format!("{} has no route: its sessions are not sticky", member.url),
                    "give it the jvmRoute of its Tomcat (conf/server.xml, <Engine jvmRoute=…>)",
                );
            }
        }
    }

    /// Warns of a word that turns other things off, and is the name of a cookie here.
    pub(super) fn sticky_by_a_word(&self, names: &Scalar<SessionNames>) {
        let (Some(place), Some(names)) = (names.place(), names.value()) else {
            return;
        };
        let word = match &names.0 {
            StickyNames::Names { cookie, parameter } if cookie == parameter => cookie,
            _ => return,
        };
        if ["off", "false", "no", "none", "0"].contains(&word.to_ascii_lowercase().as_str()) {
            self.report.warning(
                place,
                format!("stickysession: sessions are looked for in a cookie of the name {word:?}"),
                "write \"\" for a balancer that is not sticky",
            );
        }
    }

    /// Warns of a balancer that was sticky by default until its last AJP member was replaced by an HTTP member.
    fn routes_without_session(&self, known: &Known) {
        let Some(balancer) = &known.built else { return };
        let sticky = balancer.sticky.is_some() || balancer.sticky_cookie.is_some();
        if sticky || known.names_session || balancer.members.len() < 2 {
            return;
        }
        let mut routes = known.members.iter().filter_map(|member| member.route);
        if let Some(place) = routes.next() {
            self.report.warning(
                place,
                format!(
                    "{:?} has routes and is not sticky: only an AJP member makes it so by itself",
                    known.name
                ),
                "write `stickysession: JSESSIONID|jsessionid` in front of Tomcats, `sticky_cookie` for backends that \
                 set no route, or `stickysession: \"\"`",
            );
        }
    }

    /// Warns of members that learn their routes from sessions where nothing looks for a session: a `sticky_cookie` has no route to
    /// name.
    fn cookie_without_routes(&self, known: &Known) {
        let Some(balancer) = &known.built else { return };
        if balancer.sticky_cookie.is_none() || balancer.sticky.is_some() {
            return;
        }
        let learns = |source: &Discover| {
            let is_http = matches!(source.scheme(), Some(Scheme::Http | Scheme::Https));
            is_http && source.route == RouteRule::Learn
        };
        if balancer.discover.iter().any(learns) {
            self.report.warning(
                known.place,
                format!(
                    "{:?} has a sticky_cookie and is not sticky: members that it discovers have no routes",
                    known.name
                ),
                "write `route: address` in the source, or `stickysession: JSESSIONID|jsessionid` where its members are Tomcats \
                 with a jvmRoute",
            );
        }
    }

    fn shared_routes(&self, known: &Known) {
        let Some(balancer) = &known.built else { return };
        let mut seen = HashMap::new();
        for (member, places) in balancer.members.iter().zip(&known.members) {
            let Some(place) = places.route.filter(|_| !member.route.is_empty()) else {
                continue;
            };
            match seen.get(&member.route) {
                None => {
                    seen.insert(&member.route, place.line);
                }
                Some(line) => self.report.warning(
                    place,
                    format!("route: {:?} is also the route in line {line}", member.route),
                    "sessions of both go to the first one: give each Tomcat a jvmRoute of its own",
                ),
            }
        }
    }

    fn redirects(&self, known: &Known) {
        let Some(balancer) = &known.built else { return };
        let routes = || {
            balancer
                .members
                .iter()
                .map(|member| member.route.as_str())
                .filter(|route| !route.is_empty())
        };
        for (member, places) in balancer.members.iter().zip(&known.members) {
            let (redirect, Some(place)) = (member.redirect.as_str(), places.redirect) else {
                continue;
            };
            let Some(useless) = balancer.useless_redirect(member) else {
                continue;
            };
            let hint = if redirect == member.route {
                "name the route of the member that takes over".to_owned()
            } else {
                did_you_mean(redirect, routes()).unwrap_or_else(|| {
                    format!("there is {}", one_of(routes().collect::<BTreeSet<_>>()))
                })
            };
            self.report.warning(place, useless, hint);
        }
    }
}
