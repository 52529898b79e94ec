//! What the head of a request says about where it goes. Nothing is sent, counted or logged here: `ajpgate explain`
//! makes the same plan.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use super::destination::{BadDestination, Destination};
use super::journey::Session;
use super::locate::Located;
use super::own_cookie;
use super::target::{BadTarget, Target};
use crate::balancer::{NoMember, Tried, Want};
use crate::mount::{BadPath, Normal, rewrite};
use crate::peer::Peer;
use crate::state::{Chosen, LiveBalancer, LiveMapping, LiveMember, LiveTarget, Snapshot};
use crate::sticky::{self, Found};
use crate::variables::Variables;

/// Where a request goes, and the session that it names.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) target: Target<'a>,
    /// The path that the mapping was decided on.
    pub(crate) normal: Normal<'a>,
    /// The mapping's place in the configuration.
    pub(crate) index: usize,
    pub(crate) mapping: &'a LiveMapping,
    pub(crate) to: &'a LiveTarget,
    /// Where COPY and MOVE lead.
    pub(crate) destination: Option<Box<Destination<'a>>>,
}

/// Why a request goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Target(#[from] BadTarget),
    #[error(transparent)]
    Path(#[from] BadPath),
    #[error(transparent)]
    Destination(#[from] BadDestination),
    #[error("OPTIONS * asks the gateway itself")]
    Options,
    #[error("an exclusion covers the path")]
    Excluded { index: usize },
    #[error("no mapping covers the path")]
    Unmapped,
}

impl Refusal {
    /// The answer that the client gets.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Options => StatusCode::OK,
            Self::Excluded { .. } | Self::Unmapped => StatusCode::NOT_FOUND,
            Self::Target(BadTarget::Connect) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Target(_) | Self::Path(_) => StatusCode::BAD_REQUEST,
            // RFC 4918 section 9.8.5.
            Self::Destination(bad) => match bad {
                BadDestination::Form | BadDestination::Several => StatusCode::BAD_REQUEST,
                BadDestination::Forbidden => StatusCode::FORBIDDEN,
                BadDestination::OtherHost | BadDestination::OtherTarget => StatusCode::BAD_GATEWAY,
            },
        }
    }
}

impl<'a> Plan<'a> {
    /// Checks the target and finds its mapping, on the path that Tomcat will see.
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        parts: &'a Parts,
        peer: &Peer,
    ) -> Result<Self, Refusal> {
        let target = Target::of(parts, peer)?;
        if target.path == "*" {
            return Err(Refusal::Options);
        }
        let Located {
            path: _,
            normal,
            index,
            mapping,
            to,
        } = Located::of(snapshot, target.host.text, target.path)?;
        Ok(Self {
            destination: Destination::of(snapshot, parts, &target, to, peer)?,
            target,
            normal,
            index,
            mapping,
            to,
        })
    }

    /// What the backend sees in place of the mapping's path: empty or `/app`.
    pub(crate) fn back<'m>(&'m self, member: &'m LiveMember) -> Cow<'m, str> {
        self.to.back(member)
    }

    /// The path that the backend gets.
    pub(crate) fn path_sent(&self, back: &str) -> Cow<'_, str> {
        rewrite(&self.mapping.front, back, self.target.path, &self.normal)
    }

    /// What the backend gets as `Destination` of COPY and MOVE.
    pub(crate) fn destination_sent(&self, member: &LiveMember) -> Option<HeaderValue> {
        let destination = self.destination.as_ref()?;
        destination.sent(member, self.host_sent(member))
    }

    /// What the backend gets as Host.
    pub(crate) fn host_sent<'h>(&'h self, member: &'h LiveMember) -> &'h str {
        if self.mapping.preserve_host {
            self.target.host.text
        } else {
            &member.authority
        }
    }

    /// Finds the session that the request names, and what it says: by `stickysession`, and where that names no
    /// member by the gateway's own cookie.
    pub(crate) fn session(&self, parts: &'a Parts) -> Wanted<'a> {
        let balancer = &self.to.balancer;
        let core = balancer.core();
        let known = |route: &str| core.knows_route(route);
        let cookies = || {
            let fields = parts.headers.get_all(COOKIE).iter();
            fields.map(HeaderValue::as_bytes)
        };
        let Target { path, query, .. } = self.target;
        let spec = balancer.config.sticky.as_ref();
        let theirs = spec.and_then(|spec| sticky::find(spec, path, query, cookies(), known));
        let own = balancer.config.sticky_cookie.as_ref().and_then(|cookie| {
            sticky::find(own_cookie::names(cookie), path, None, cookies(), known)
        });
        let names_a_member = |found: &Found<'_>| found.route.is_some_and(known);
        let found = theirs
            .filter(names_a_member)
            .or(own.filter(names_a_member))
            .or(theirs)
            .or(own);
        let session = match found.map(|found| found.route) {
            None => Session::None,
            Some(None | Some("")) => Session::NoRoute,
            Some(Some(route)) if known(route) => Session::Route,
            Some(Some(_)) => Session::UnknownRoute,
        };
        let id = match theirs {
            Some(theirs) => Some(balancer.session_id(theirs.session)),
            None => own.and_then(|own| own_cookie::id(own.session)),
        };
        Wanted {
            session,
            found,
            id,
            theirs,
            own,
        }
    }
}

/// The session of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) session: Session,
    /// What decides.
    pub(crate) found: Option<Found<'a>>,
    /// What the session is counted by.
    pub(crate) id: Option<&'a str>,
    /// What was found by `stickysession`.
    theirs: Option<Found<'a>>,
    /// The gateway's own cookie.
    pub(super) own: Option<Found<'a>>,
}

impl Wanted<'_> {
    /// Whether the session or the cookie asks for this route.
    pub(super) fn names(&self, route: &str) -> bool {
        [self.theirs, self.own]
            .into_iter()
            .flatten()
            .any(|found| found.route == Some(route))
    }
}

/// Chooses a member that has not been tried, and sets the variables as its choice has it.
pub(crate) fn choose(
    balancer: &Arc<LiveBalancer>,
    variables: &mut Variables,
    tried: &Tried,
    now: Instant,
) -> Result<Chosen, NoMember> {
    let route = variables.session_route.as_deref();
    let want = Want { route, tried };
    let chosen = balancer.pick(&mut balancer.core(), want, now)?;
    if balancer.variable.is_some() {
        variables.name.clone_from(&balancer.variable);
        variables.worker_name = Some(Arc::clone(&chosen.attempt.member.url));
        // Once changed it stays so for later attempts, as in httpd.
        variables.route_changed |= chosen.route_changed;
    }
    variables.worker_route = Some(Arc::clone(&chosen.route));
    Ok(chosen)
}

/// Sets the variables that a session brings.
pub(crate) fn name_session(variables: &mut Variables, found: &Found<'_>) {
    if let Some(route) = found.route {
        variables.session_sticky = Some(Arc::from(found.name));
        variables.session_route = Some(Box::from(route));
    }
}
