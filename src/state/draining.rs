//! Drains that end by themselves: a draining member keeps its sessions and gets no others, until the last of them is gone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use tracing::warn;

use super::drain::Left;
use super::drain_log::DrainLog;
use super::live::LiveBalancer;
use super::member::LiveMember;
use crate::balancer::{Change, Command, MemberId, MemberView, Refused, StatusChange};

impl LiveBalancer {
    /// Counts sessions for the method, and follows the drains. To be called every second or so.
    pub(crate) fn look_after_sessions(&self, now: Instant) {
        let is_sticky = self.is_sticky();
        let mut log = DrainLog::default();
        let view = self.core().view(now);
        for (member, view) in self.shown_in(&view) {
            if !view.status.drain {
                self.end_drain(member, now);
            }
            let left = member.left(view, now);
            if is_sticky {
                self.core().live_sessions(member.id, left.sessions);
            }
            self.follow_drain(member, view, left, now, &mut log);
        }
        log.tell(self.name());
    }

    /// The members that nobody needs any more: their requests are done and their sessions have ended, or `drain_timeout` is
    /// over.
    pub(crate) fn unneeded(&self, now: Instant) -> HashSet<MemberId> {
        let view = self.core().view(now);
        let is_unneeded = |(member, view): &(&Arc<LiveMember>, &MemberView)| {
            let left = member.left(view, now);
            let is_done = match self.is_sticky() {
                true => left.has_drained(view.status),
                false => left.requests == 0,
            };
            is_done || member.drain().gave_up
        };
        let unneeded = self.shown_in(&view).filter(is_unneeded);
        unneeded.map(|(member, _)| member.id).collect()
    }

    fn follow_drain(
        &self,
        member: &LiveMember,
        view: &MemberView,
        left: Left,
        now: Instant,
        log: &mut DrainLog,
    ) {
        if !view.status.drain {
            return;
        }
        let mut drain = member.drain();
        let since = *drain.since.get_or_insert_with(|| {
            log.begins(&member.url, left.sessions);
            now
        });
        if left.is_nothing() {
            if !drain.told {
                log.ends(&member.url);
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
            log.gives_up(&member.url, left.sessions, left.requests);
            self.disable(member, true, now);
        }
    }

    /// Sets flags of a member by hand. A drain that is undone is over at once: one that begins in the same second is another one.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(super) fn set_flags(
        &self,
        member: &LiveMember,
        status: StatusChange,
        now: Instant,
    ) -> Result<(), Refused> {
        if status.drain == Some(false) {
            self.end_drain(member, now);
        }
        let change = Change {
            status,
            ..Change::default()
        };
        self.apply(Command::Change(member.id, change), now)
            .map(drop)
    }

    /// Takes back that a drain was given up, where the drain has ended in that moment.
    fn end_drain(&self, member: &LiveMember, now: Instant) {
        let drain = member.take_drain();
        if drain.gave_up {
            self.disable(member, false, now);
        }
    }

    /// Disables a member whose drain is given up, or takes that back: then it is disabled as its configuration says, which
    /// has what its source and operators say of it.
    fn disable(&self, member: &LiveMember, gives_up: bool, now: Instant) {
        let mut core = self.core();
        let newest = core.newest(member.id);
        let disabled = gives_up || newest.is_some_and(|it| it.config.status.disabled);
        let status = StatusChange {
            disabled: Some(disabled),
            ..StatusChange::default()
        };
        let change = Change {
            status,
            ..Change::default()
        };
        let applied = core.apply(Command::Change(member.id, change), now);
        drop(core);
        match applied {
            Ok(applied) => self.has_applied(&applied, now),
            Err(refused) => {
                let balancer = self.name();
                warn!(balancer, member = %member.url, disabled, reason = %refused, "member cannot be changed");
            }
        }
    }
}
