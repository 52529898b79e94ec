//! The end of a request, and what health checks find.
//!
//! Source: `mod_proxy_balancer.c: proxy_balancer_post_request()`, `mod_proxy.c: proxy_handler()`,
//! `mod_proxy_hcheck.c: hc_check()`.

use std::time::Instant;

use super::member::{Member, Sessions};
use super::{Balancer, Health, MemberId, Ticket};

/// What a request that is over says of its member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It answered.
    Served,
    /// Nothing: the client went away, the pool was full, the answer was broken (502), or it was silent for too long
    /// (504) and `failontimeout` is off.
    Neutral,
    /// It failed by its own fault: no connection, no CPONG, a connection lost before the answer; a status of
    /// `failonstatus`, also when the answer was delivered; silence, with `failontimeout`.
    Failed,
}

/// A change that somebody may want to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Whose.
    pub member: MemberId,
    /// What it was.
    pub from: Condition,
    /// What it is.
    pub to: Condition,
    /// Why.
    pub cause: Cause,
}

/// What was observed of a member, by requests and by health checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Condition {
    /// What traffic has shown.
    pub health: Health,
    /// Whether health checks keep it out (httpd's `HcFl`).
    pub check_failed: bool,
}

impl Condition {
    /// Whether nothing speaks against the member.
    #[must_use]
    pub fn is_good(self) -> bool {
        self.health == Health::Ok && !self.check_failed
    }
}

/// Why a member changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A request ended like this.
    Request(Outcome),
    /// A health check.
    HealthCheck,
    /// An operator.
    Operator,
}

impl Balancer {
    /// Takes back the ticket of a request that is over.
    ///
    /// Nothing comes of it when the member is gone. A member that ignores errors counts the failure and goes on.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is taken back once")]
    pub fn settle(&mut self, ticket: Ticket, outcome: Outcome, now: Instant) -> Option<Transition> {
        let Ticket {
            member: id,
            generation,
        } = ticket;
        let member = self.member_mut(id)?;
        member.busy = member.busy.saturating_sub(1);
        let (before, was_in_service) = (member.condition(), member.is_in_service());
        match outcome {
            Outcome::Served => member.recovery.served(generation),
            Outcome::Neutral => member.recovery.undecided(generation),
            Outcome::Failed => {
                member.errors = member.errors.saturating_add(1);
                if !member.status.ignore_errors {
                    member.recovery.failed(generation, now);
                }
            }
        }
        let came_back = !was_in_service && member.is_in_service();
        let transition = transition(member, before, Cause::Request(outcome));
        if came_back {
            self.come_back(id, now);
        }
        if transition.is_some() {
            self.changed();
        }
        transition
    }

    /// What the health checks of a member say as a whole: [`Balancer::checked`] counts them and comes here.
    ///
    /// A member that passes is also cleared of what traffic held against it, before its `retry` is over (PR 66302
    /// of httpd); `retry` on the other hand never brings back a member that failed its checks.
    pub fn health(&mut self, id: MemberId, failed: bool, now: Instant) -> Option<Transition> {
        let member = self.member_mut(id)?;
        let (before, was_in_service) = (member.condition(), member.is_in_service());
        member.check_failed = failed;
        if !failed {
            member.recovery.clear();
        }
        let came_back = !was_in_service && member.is_in_service();
        let transition = transition(member, before, Cause::HealthCheck);
        if came_back {
            self.come_back(id, now);
        }
        if transition.is_some() {
            self.changed();
        }
        transition
    }
}

impl Balancer {
    /// So many sessions of a member are alive: `lbmethod: sessions` decides on them.
    ///
    /// Between two counts each free choice is taken for a session that begins. A request that has no session and begins
    /// none (a picture, a robot) so counts until the next count and no longer; and a burst of new sessions is spread
    /// before anybody has counted it. Tell it often: every second or so. Nothing comes of it when the member is gone.
    pub fn live_sessions(&mut self, member: MemberId, count: u64) {
        if let Some(member) = self.member_mut(member) {
            member.sessions = Sessions {
                counted: count,
                promised: 0,
            };
        }
    }
}

pub(super) fn transition(member: &Member, from: Condition, cause: Cause) -> Option<Transition> {
    let to = member.condition();
    (from != to).then_some(Transition {
        member: member.id,
        from,
        to,
        cause,
    })
}
