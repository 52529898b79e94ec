//! Log lines about members that go out and come back: at most one for each member and second.

use std::time::Instant;

use tracing::{debug, info, warn};

use super::live::LiveBalancer;
use super::member::LiveMember;
use crate::balancer::{Condition, Health, Transition};
use crate::telemetry::LeftOut;

impl LiveBalancer {
    /// Logs a transition of a member.
    pub(super) fn log(&self, transition: &Transition) {
        self.log_with(transition, None);
    }

    /// Logs a transition of a member, with the reason why a health check has failed. The first one of a second has its
    /// level, the others are logged at level `debug`.
    pub(super) fn log_with(&self, transition: &Transition, reason: Option<&str>) {
        let Some(member) = self.member(transition.member) else {
            return;
        };
        let Transition { from, to, .. } = *transition;
        // Whether a member is back is not known before its probe has ended.
        let is_decided = to.check_failed || matches!(to.health, Health::Ok | Health::Error);
        let due = is_decided.then(|| member.warnings.transitions.due(()));
        if let Some(left_out) = due.flatten() {
            if let Some(reason) = reason {
                let balancer = self.name();
                warn!(balancer, member = %member.url, reason, "health checks fail");
            }
            self.log_condition(member, Some(from), to, left_out);
        } else {
            let (balancer, from, to) = (self.name(), name(from), name(to));
            debug!(balancer, member = %member.url, from, to, reason, "member has changed");
        }
    }

    /// Logs the conditions of members whose last transitions were left out, so that the log ends with what they are. To be
    /// called every second or so.
    pub(crate) fn log_left_out(&self, now: Instant) {
        let view = self.core().view(now);
        for (member, view) in self.shown_in(&view) {
            if matches!(view.health, Health::Probing | Health::Forced) {
                continue;
            }
            if let Some(left_out) = member.warnings.transitions.overdue(&()) {
                let condition = Condition {
                    health: view.health,
                    check_failed: view.check_failed,
                };
                self.log_condition(member, None, condition, left_out);
            }
        }
    }

    /// Logs the condition of a member, and the one before if that is known.
    fn log_condition(
        &self,
        member: &LiveMember,
        from: Option<Condition>,
        to: Condition,
        left_out: LeftOut,
    ) {
        let is_out = is_out(to);
        let (balancer, from, to) = (self.name(), from.map(name), name(to));
        let left_out = left_out.field();
        if is_out {
            warn!(balancer, member = %member.url, from, to, left_out, "member is out");
        } else {
            info!(balancer, member = %member.url, from, to, left_out, "member is back");
        }
    }
}

/// Whether a member in this condition gets no requests. One that is recovering gets them only when its probe has passed.
const fn is_out(condition: Condition) -> bool {
    condition.check_failed || matches!(condition.health, Health::Error | Health::Recovering)
}

/// A condition for the log, in the words of `member_status` where that has one.
const fn name(condition: Condition) -> &'static str {
    match condition.health {
        _ if condition.check_failed => "health_check_failed",
        Health::Ok => "ok",
        Health::Error => "error",
        Health::Recovering => "recovering",
        Health::Probing => "probing",
        Health::Forced => "forced",
    }
}
