//! What a request asks for and what it gets.

use std::fmt;
use std::sync::Arc;

use super::{MemberId, Tried};

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// The route of its session; `Some("")` when the session id has an empty one, which is nobody's.
    pub route: Option<&'a str>,
    /// Where it has been already. httpd has no such set: there a member that failed is in error, and so out. Here
    /// a full pool blames nobody, and `retry: 0s` ends the wait at once, so it is said. Members in it count as
    /// unusable for this pick, in every step.
    pub tried: &'a Tried,
}

/// Who gets the request.
#[derive(Debug)]
pub struct Pick {
    /// The member.
    pub member: MemberId,
    /// Its route (`BALANCER_WORKER_ROUTE`); may be empty.
    pub route: Arc<str>,
    /// Whether it is draining, which Tomcat may want to know (mod_jk's `JK_LB_ACTIVATION`).
    pub draining: bool,
    /// What led to it.
    pub how: How,
    /// `BALANCER_ROUTE_CHANGED`: the session asked for another route, or for none in a balancer that looks for
    /// sessions, so that the client has to be told where it is now.
    pub route_changed: bool,
    /// Whether this request finds out if the member has recovered.
    pub probe: bool,
    /// Whether all members were in error and this pick sent them all back to work.
    pub forced: bool,
    /// To be settled when the request is over.
    pub ticket: Ticket,
}

/// What led to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// It has the session's route.
    Sticky,
    /// The session's member is unusable and its redirect leads here.
    Redirect,
    /// The session's member is unusable; this one shares its domain, and so its sessions.
    Domain,
    /// The method chose among all.
    Free,
}

impl How {
    /// One word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Sticky => "sticky",
            Self::Redirect => "redirect",
            Self::Domain => "domain",
            Self::Free => "free",
        }
    }
}

/// Why there is no member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoMember {
    /// The balancer has no members.
    Empty,
    /// The session's member is unusable and the balancer may not leave its route (`nofailover`).
    RouteForced,
    /// The request has been sent to everybody who could be used.
    Tried,
    /// Whoever may be used failed, or failed its health check.
    InError,
    /// With `lbmethod: heartbeat`: whoever may be used has not said within ten seconds that it could take a request.
    NoSlots,
    /// Everybody is disabled, stopped or draining, or is a spare with nobody to replace.
    OutOfService,
}

impl fmt::Display for NoMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the balancer has no members",
            Self::RouteForced => {
                "the member of the session's route is not usable, and nofailover is set"
            }
            Self::Tried => "every usable member has been tried",
            Self::NoSlots => "no member has reported a free slot lately",
            Self::InError => "all members are in error",
            Self::OutOfService => "all members are disabled, stopped or draining",
        })
    }
}

impl std::error::Error for NoMember {}

/// An open request on a member: the member is busy with it until [`Balancer::settle`](super::Balancer::settle) takes it back.
#[must_use = "the member stays busy until the ticket is settled"]
#[derive(Debug)]
pub struct Ticket {
    pub(super) member: MemberId,
    /// The member's count of failures when it was picked.
    pub(super) generation: u32,
}

impl Ticket {
    /// Whom it belongs to.
    #[must_use]
    pub const fn member(&self) -> MemberId {
        self.member
    }
}
