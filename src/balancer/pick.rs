//! The input and the result of a choice.

use std::fmt;
use std::sync::Arc;

use super::{MemberId, Tried};

/// The input of a choice.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// The route of the request's session; `Some("")` when the session id has an empty route, which no member has.
    pub route: Option<&'a str>,
    /// The members on which the request was tried already. They count as unusable for this pick, in every step. httpd needs
    /// no such set, because a member that failed is in error there. Here a member with a full pool is not in error, and
    /// with `retry: 0s` an error ends at once.
    pub tried: &'a Tried,
    /// Whether the request has a body. Then it is no probe: its client decides how long it takes, and meanwhile the
    /// member's other sessions would lose it.
    pub has_body: bool,
}

/// The result of a choice.
#[derive(Debug)]
pub struct Pick {
    /// The member.
    pub member: MemberId,
    /// Its route (`BALANCER_WORKER_ROUTE`); may be empty.
    pub route: Arc<str>,
    /// Whether it is draining, which Tomcat may want to know (mod_jk's `JK_LB_ACTIVATION`).
    pub draining: bool,
    /// The reason of the choice.
    pub how: How,
    /// `BALANCER_ROUTE_CHANGED`: the session asked for another route, or for none although the balancer looks for sessions.
    pub route_changed: bool,
    /// Whether this request is the member's probe.
    pub probe: bool,
    /// Whether all members were in error and this pick forced their recovery.
    pub forced: bool,
    /// Must be settled when the request has ended.
    pub ticket: Ticket,
}

/// The reason why a member was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// It has the session's route.
    Sticky,
    /// The session's member is unusable, and this is its redirect.
    Redirect,
    /// The session's member is unusable, and this one has the same domain and so the same sessions.
    Domain,
    /// The method chose it.
    Free,
}

impl How {
    /// The reason in one word.
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

/// Why no member was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoMember {
    /// The balancer has no members.
    Empty,
    /// The session's member is unusable and the balancer may not leave its route (`nofailover`).
    RouteForced,
    /// The request was tried on every usable member.
    Tried,
    /// All members that the operator allows are in error or failed their health checks.
    InError,
    /// With `lbmethod: heartbeat`: no usable member has reported a free slot within ten seconds.
    NoSlots,
    /// All members are disabled, stopped or draining, or spares without a member to replace.
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
            Self::InError => "all members in service are in error or failed their health checks",
            Self::OutOfService => "all members are disabled, stopped or draining",
        })
    }
}

impl std::error::Error for NoMember {}

/// An open request on a member, which is busy until [`Balancer::settle`](super::Balancer::settle) takes the ticket back.
#[must_use = "the member stays busy until the ticket is settled"]
#[derive(Debug)]
pub struct Ticket {
    pub(super) member: MemberId,
    /// The member's number of failures at the pick.
    pub(super) generation: u32,
}

impl Ticket {
    /// The member of the request.
    #[must_use]
    pub const fn member(&self) -> MemberId {
        self.member
    }
}
