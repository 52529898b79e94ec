//! One try of a request on one member.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::live::LiveBalancer;
use super::member::LiveMember;
use super::seen::SeenSession;
use crate::backend::{Activation, Counts, Moved};
use crate::balancer::{How, NoMember, Outcome, Pick, Ticket, Want};
use crate::clock;
use crate::variables::MemberVariables;

impl LiveBalancer {
    /// Chooses a member for a request. The member is busy with it until the attempt is dropped.
    pub(crate) fn choose(
        self: &Arc<Self>,
        want: Want<'_>,
        now: Instant,
    ) -> Result<Chosen, NoMember> {
        let mut core = self.core();
        let Pick {
            member,
            route,
            how,
            route_changed,
            draining,
            ticket,
            ..
        } = core.pick(want, now)?;
        let own = self.member(member).cloned();
        let Some(member) = own.or_else(|| core.newest(member).cloned()) else {
            // The decisions and their members change together.
            core.settle(ticket, Outcome::Neutral, now);
            return Err(NoMember::Empty);
        };
        member.metrics.now().elected.increment(1);
        let attempt = Attempt {
            balancer: Arc::clone(self),
            member,
            draining,
            ticket: Some(ticket),
            outcome: Outcome::Neutral,
            told: Mutex::default(),
            session: None,
        };
        Ok(Chosen {
            attempt,
            route,
            how,
            route_changed,
        })
    }
}

/// A member that was chosen for a request.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) attempt: Attempt,
    /// Its route at that moment.
    pub(crate) route: Arc<str>,
    pub(crate) how: How,
    pub(crate) route_changed: bool,
}

impl Chosen {
    /// The balancer variables that this choice sets.
    pub(crate) fn variables<'c>(&'c self, balancer: &'c LiveBalancer) -> MemberVariables<'c> {
        MemberVariables {
            balancer: balancer.variable.as_ref(),
            worker: &self.attempt.member.url,
            route: &self.route,
            route_changed: self.route_changed,
        }
    }
}

/// One try of a request on one member. The member is busy with it until it goes, however it goes.
#[derive(Debug)]
pub(crate) struct Attempt {
    balancer: Arc<LiveBalancer>,
    pub(crate) member: Arc<LiveMember>,
    /// Whether it was draining when it was chosen.
    draining: bool,
    ticket: Option<Ticket>,
    /// What it says of the member.
    pub(crate) outcome: Outcome,
    /// What has been counted already.
    told: Mutex<Moved>,
    /// The session that the answer belongs to.
    session: Option<SeenSession>,
}

impl Attempt {
    /// The answer belongs to this session.
    pub(crate) fn is_of(&mut self, session: Option<SeenSession>) {
        self.session = session;
    }

    /// Something of the answer has come at this time. An event stream or a WebSocket may last longer than `session_timeout`,
    /// and its session is alive as long.
    pub(crate) fn goes_on(&mut self, now: Instant) {
        let session = self.session.as_mut();
        if let Some(key) = session.and_then(|session| session.due(now)) {
            self.member.sessions().insert_again(key, now);
        }
    }

    pub(crate) fn balancer(&self) -> &LiveBalancer {
        &self.balancer
    }

    /// What the member is told of what an operator wants of it.
    pub(crate) fn activation(&self) -> Activation<'_> {
        Activation {
            draining: self.draining,
            withdrawn: &self.member.withdrawn,
        }
    }

    /// Tells the decisions how long the member was waited for in vain.
    pub(crate) fn silent_for(&self, took: Duration, now: Instant) {
        self.balancer.core().answered(self.member.id, took, now);
    }

    /// Tells the decisions that the head of an answer came, and how long the member took to begin it. `outcome`: what the
    /// head alone says of the member.
    pub(crate) fn answered_after(&self, took: Duration, outcome: Outcome, now: Instant) {
        let mut core = self.balancer.core();
        core.answered(self.member.id, took, now);
        let ticket = self.ticket.as_ref().filter(|_| outcome != Outcome::Failed);
        let transition = ticket.and_then(|ticket| core.answers(ticket, now));
        drop(core);
        if let Some(transition) = transition {
            self.balancer.log(&transition);
        }
    }

    /// Counts how much has moved so far, and tells the decisions how much of it was bodies. Long transfers tell now
    /// and then, so that traffic counting sees them before they end.
    pub(crate) fn moved(&self, moved: Moved) {
        let told = std::mem::replace(&mut *self.told(), moved);
        let Moved { wire, bodies } = moved.since(told);
        self.member
            .metrics
            .now()
            .count_bytes(wire.to_backend, wire.from_backend);
        if bodies.to_backend > 0 || bodies.from_backend > 0 {
            self.balancer
                .core()
                .traffic(self.member.id, bodies.to_backend, bodies.from_backend);
        }
    }
}

impl Attempt {
    /// An exchange has ended that has moved so much in all. Another one may follow on another connection.
    pub(crate) fn has_moved(&self, moved: Moved) {
        self.moved(moved);
        *self.told() = Moved::default();
    }

    fn told(&self) -> MutexGuard<'_, Moved> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the attempt.
    pub(crate) fn settle(mut self, now: Instant) {
        self.settle_at(now);
    }

    fn settle_at(&mut self, now: Instant) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        // Before the member is busy no longer: a drain would be over in between.
        if let Some(key) = self.session.and_then(|session| session.due_at_end(now)) {
            self.member.sessions().insert_again(key, now);
        }
        let settled = self.balancer.core().settle(ticket, self.outcome, now);
        if let Some(transition) = settled {
            self.balancer.log(&transition);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.settle_at(clock::now().into_std());
        }
    }
}

impl Counts for Attempt {
    fn count(&self, moved: Moved) {
        self.moved(moved);
    }
}
