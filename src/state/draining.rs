//! Drains that end by themselves: a draining member keeps its sessions and gets no others, and the log says when the last
//! of them is gone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};

use super::drain::{Drain, Left};
use super::live::LiveBalancer;
use super::member::LiveMember;
use crate::balancer::{Change, Command, MemberId, MemberView, StatusChange};

impl LiveBalancer {
    /// Counts sessions for the method, and follows the drains. To be called every second or so.
    pub(crate) fn look_after_sessions(&self, now: Instant) {
        if !self.is_sticky() {
            return;
        }
        let view = self.core().view(now);
        for (member, view) in self.shown_in(&view) {
            let left = member.left(view, now);
            self.core().live_sessions(member.id, left.sessions);
            self.follow_drain(member, view, left, now);
        }
    }

    /// The members that nobody needs any more: their requests are done and their sessions have ended, or `drain_timeout` is
    /// over.
    pub(crate) fn unneeded(&self, now: Instant) -> HashSet<MemberId> {
        let view = self.core().view(now);
        let is_unneeded = |(member, view): &(&Arc<LiveMember>, &MemberView)| {
            let left = member.left(view, now);
            match self.is_sticky() {
                true => left.has_drained(view.status) || member.drain().gave_up,
                false => left.requests == 0,
            }
        };
        let unneeded = self.shown_in(&view).filter(is_unneeded);
        unneeded.map(|(member, _)| member.id).collect()
    }

    fn follow_drain(&self, member: &LiveMember, view: &MemberView, left: Left, now: Instant) {
        let (balancer, url) = (self.name(), &member.url);
        let mut drain = member.drain();
        if !view.status.drain {
            let Drain { gave_up, .. } = std::mem::take(&mut *drain);
            drop(drain);
            if gave_up && view.status.disabled {
                // Whoever ends a drain wants the member back.
                self.disable(member, false, now);
            }
            return;
        }
        let since = *drain.since.get_or_insert_with(|| {
            info!(balancer, member = %url, sessions = left.sessions, "member drains: no new session goes there");
            now
        });
        if left.is_nothing() {
            if !drain.told {
                info!(balancer, member = %url, "member has drained: no session is left, it can be stopped");
            }
            drain.told = true;
            return;
        }
        let lasted = now.saturating_duration_since(since);
        let limit = self.config.drain_timeout;
        let over = !limit.is_zero() && lasted >= limit;
        if !over {
            // A session may come back as long as the member drains. What is unknown for a moment is no session.
            drain.told &= left.sessions == 0 && left.requests == 0;
        } else if !drain.told {
            (drain.told, drain.gave_up) = (true, true);
            drop(drain);
            warn!(
                balancer, member = %url, sessions = left.sessions, requests = left.requests,
                "drain_timeout is over: the sessions that are left go to other members, it can be stopped once its \
                 requests are done"
            );
            self.disable(member, true, now);
        }
    }

    fn disable(&self, member: &LiveMember, disabled: bool, now: Instant) {
        let status = StatusChange {
            disabled: Some(disabled),
            ..StatusChange::default()
        };
        let change = Change {
            status,
            ..Change::default()
        };
        if let Err(refused) = self.apply(Command::Change(member.id, change), now) {
            let balancer = self.name();
            warn!(balancer, member = %member.url, disabled, reason = %refused, "member cannot be changed");
        }
    }
}
