//! The head of a member's answer on its way to the client: its session is counted, what was mapped is mapped back, and
//! the gateway's own cookie is set. Header rules come behind, in `finish`.

use super::own_cookie;
use super::reverse::Reverse;
use super::route_check;
use super::routed::RoutedRequest;
use super::session::Session;
use crate::balancer::How;
use crate::head::Fields;
use crate::mount::Answered;
use crate::state::{Chosen, LiveMember, SeenSession};

/// A member's answer, and the request that it belongs to.
#[derive(Debug)]
pub(super) struct MemberAnswer<'a> {
    pub(super) request: &'a RoutedRequest<'a>,
    pub(super) chosen: &'a Chosen,
}

impl MemberAnswer<'_> {
    /// Makes the member's header fields those of the client. Returns the session that the client has from now on.
    pub(super) fn finish(&self, fields: &mut Fields) -> Option<SeenSession> {
        let counted = self.count_session(fields);
        self.map_back(fields);
        let own = self.set_own_cookie(fields, counted.is_some());
        counted.or(own)
    }

    fn member(&self) -> &LiveMember {
        &self.chosen.attempt.member
    }

    /// Counts the session that the client has from now on, if any, and warns of routes that do not fit.
    fn count_session(&self, fields: &Fields) -> Option<SeenSession> {
        let RoutedRequest { wanted, .. } = *self.request;
        let (balancer, member) = (self.request.balancer(), self.member());
        let route = &self.chosen.route;
        route_check::check_wanted_route(wanted, balancer, member, route);
        let issued = route_check::check_issued_session(fields, balancer, member, route);
        // A session that the member answers with a new one is over, or never was the member's.
        let present = wanted.id.filter(|_| wanted.session != Session::NoRoute);
        let id = issued.or(present)?;
        Some(balancer.saw_session(id, self.route_left(), member))
    }

    /// The route that the session asked for, when another member answered.
    fn route_left(&self) -> Option<&str> {
        match self.chosen.how {
            How::Sticky => None,
            _ => self.request.wanted.route(),
        }
    }

    /// Maps names of the backend back to those of the gateway.
    fn map_back(&self, fields: &mut Fields) {
        let RoutedRequest { snapshot, plan, .. } = *self.request;
        let client = self.request.client();
        let member = self.member();
        let host = plan.target.host.text;
        let local = match host {
            "" => client.local.to_string(),
            _ => String::new(),
        };
        let back = plan.back(member);
        let (front, undone) = plan.undone(&back);
        let reverse = Reverse {
            mounts: Answered {
                table: &snapshot.mounts,
                paths: &snapshot.public_paths,
                site: plan.target.site(client),
                address: &member.authority,
                front,
                back: &undone,
            },
            sent: &|| plan.path_sent(&back),
            asked: plan.target.path,
            scheme: client.scheme(),
            host_sent: plan.host_sent(member),
            local: &local,
        };
        reverse.apply(fields);
    }

    /// Sets the gateway's own cookie when neither the session nor the cookie named the member that answered. Its id is
    /// what the session is counted by, unless that was `counted` already.
    fn set_own_cookie(&self, fields: &mut Fields, counted: bool) -> Option<SeenSession> {
        let RoutedRequest { wanted, .. } = *self.request;
        let client = self.request.client();
        let (balancer, route) = (self.request.balancer(), &self.chosen.route);
        let cookie = balancer.config.sticky_cookie.as_ref()?;
        if route.is_empty() || wanted.names(route) {
            return None;
        }
        let id = own_cookie::set(cookie, wanted.own, route, client.is_secure, fields);
        let id = id.filter(|_| !counted)?;
        Some(balancer.saw_session(&id, self.route_left(), self.member()))
    }
}
