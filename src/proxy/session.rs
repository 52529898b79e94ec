//! The session that a request names.

use super::own_cookie;
use super::target::Target;
use crate::head::{Known, RequestHead};
use crate::state::LiveBalancer;
use crate::sticky::{self, Found};

/// What a request says about its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// Nothing.
    None,
    /// A session id without a route.
    NoRoute,
    /// A route that no member has.
    UnknownRoute,
    /// A member's route.
    Route,
}

/// The session of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) session: Session,
    /// The session value that decides about the member.
    pub(crate) found: Option<Found<'a>>,
    /// The id that the session is counted by.
    pub(crate) id: Option<&'a str>,
    /// The value found by `stickysession`.
    theirs: Option<Found<'a>>,
    /// The value of the gateway's own cookie.
    pub(super) own: Option<Found<'a>>,
}

impl<'a> Wanted<'a> {
    /// Looks for the session by `stickysession`, and where that names no member by the gateway's own cookie.
    pub(super) fn of(
        balancer: &'a LiveBalancer,
        target: &Target<'a>,
        head: &'a RequestHead,
    ) -> Self {
        let core = balancer.core();
        let known = |route: &str| core.knows_route(route);
        let cookies = || head.fields.all(Known::Cookie);
        let Target { path, query, .. } = *target;
        let spec = balancer.config.sticky.as_ref();
        let theirs = spec.and_then(|spec| sticky::find(spec, path, query, cookies(), known));
        let own = balancer.config.sticky_cookie.as_ref().and_then(|cookie| {
            sticky::find(own_cookie::names(cookie), path, None, cookies(), known)
        });
        let found = theirs
            .filter(|found| found.is_known)
            .or(own.filter(|found| found.is_known))
            .or(theirs)
            .or(own);
        let session = match found.map(|found| (found.route, found.is_known)) {
            None => Session::None,
            Some((None | Some(""), _)) => Session::NoRoute,
            Some((Some(_), true)) => Session::Route,
            Some((Some(_), false)) => Session::UnknownRoute,
        };
        let id = match theirs {
            Some(theirs) => Some(balancer.session_id(theirs.session)),
            None => own.and_then(|own| own_cookie::id(own.session)),
        };
        Self {
            session,
            found,
            id,
            theirs,
            own,
        }
    }

    /// The route that the session asks for; it may be empty.
    pub(crate) fn route(&self) -> Option<&'a str> {
        self.found?.route
    }

    /// Whether the session or the gateway's own cookie asks for this route.
    pub(super) fn names(&self, route: &str) -> bool {
        [self.theirs, self.own]
            .into_iter()
            .flatten()
            .any(|found| found.route == Some(route))
    }
}
