//! The end of a request, the result of health checks, and their effect on the member.
//!
//! Source: `mod_proxy_balancer.c: proxy_balancer_post_request()`, `mod_proxy.c: proxy_handler()`,
//! `mod_proxy_hcheck.c: hc_check()`.

use std::time::Instant;

use super::condition::Condition;
use super::member::{Member, Sessions};
use super::recovery::Health;
use super::{Balancer, MemberId, Ticket};

/// The result of a request, as far as its member is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The member answered.
    Served,
    /// No evidence for or against the member: the client went away, the pool was full, the answer was broken (502), or the
    /// member was silent for too long (504) and `failontimeout` is off.
    Neutral,
    /// The member failed: no connection, no CPONG, a connection lost before the answer; a status of
    /// `failonstatus`, also when the answer was delivered; silence, with `failontimeout`.
    Failed,
}

/// A change of a member's condition, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The member.
    pub member: MemberId,
    /// Its condition before.
    pub from: Condition,
    /// Its condition after.
    pub to: Condition,
    /// The cause of the change.
    pub cause: Cause,
}

/// Why a member changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The end of a request with this outcome.
    Request(Outcome),
    /// A health check.
    HealthCheck,
    /// An operator.
    Operator,
}

impl Balancer {
    /// Takes back the ticket of a request that has ended. Returns the change of the member, if any.
    ///
    /// It is ignored for a removed member. A member with `ignore_errors` only counts the failure.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is taken back once")]
    pub fn settle(&mut self, ticket: Ticket, outcome: Outcome, now: Instant) -> Option<Transition> {
        let member = self.member_mut(ticket.member)?;
        member.busy = member.busy.saturating_sub(1);
        self.learn(&ticket, outcome, now)
    }

    /// Records that the head of an answer came which is no failure of the member. A probe has ended with it: the rest of the
    /// answer, an event stream or a large file, may take as long as it likes. Returns the change of the member, if any.
    pub fn answers(&mut self, ticket: &Ticket, now: Instant) -> Option<Transition> {
        let member = self.member_mut(ticket.member)?;
        match member.recovery.is_probed_by(ticket.generation) {
            true => self.learn(ticket, Outcome::Served, now),
            false => None,
        }
    }

    /// What a request shows of its member.
    fn learn(&mut self, ticket: &Ticket, outcome: Outcome, now: Instant) -> Option<Transition> {
        let Ticket {
            member: id,
            generation,
        } = *ticket;
        if outcome == Outcome::Failed || self.member_mut(id)?.recovery.health() != Health::Ok {
            self.add_pending();
        }
        let member = self.member_mut(id)?;
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

    /// Records the decision of health checks, which [`Balancer::checked`] counts. Returns the change of the member, if any.
    ///
    /// Passed checks also end an error, before `retry` has passed (PR 66302 of httpd). `retry` never brings back a member
    /// whose checks failed.
    pub fn health(&mut self, id: MemberId, failed: bool, now: Instant) -> Option<Transition> {
        self.add_pending();
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
    /// Records the number of live sessions of a member, for `lbmethod: sessions`.
    ///
    /// Between two counts each free choice counts as a new session, so that a burst of new sessions is spread at once. A
    /// request that begins no session (an image, a robot) is counted until the next count. Call it about once a second. It
    /// is ignored for a removed member.
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
