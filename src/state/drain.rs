//! A drain that ends by itself: a draining member keeps its sessions and gets no others, and somebody says when the
//! last of them is gone.

use std::time::Instant;

use ajpgate_config::Status;
use tracing::{info, warn};

use super::live::{LiveBalancer, LiveMember};
use crate::balancer::{Change, Command, MemberView, StatusChange};

/// What a drain has come to.
#[derive(Debug, Default)]
pub(super) struct Drain {
    /// When it was seen to drain first; `None` while it does not.
    since: Option<Instant>,
    /// Whether its end has been told.
    told: bool,
    /// Whether the member was disabled because `drain_timeout` was over.
    gave_up: bool,
}

/// What still belongs to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// Live sessions.
    pub(crate) sessions: u64,
    /// Requests under way.
    pub(crate) requests: u64,
    /// Whether all of its sessions must have been heard of by now. A gateway that has just started does not know
    /// whose sessions are alive from before.
    pub(crate) complete: bool,
}

impl Left {
    /// Whether the member can be stopped without anybody noticing.
    pub(crate) const fn is_nothing(self) -> bool {
        self.complete && self.sessions == 0 && self.requests == 0
    }

    /// Whether a drain is over: nothing is left, or nothing is under way and the rest was given up when
    /// `drain_timeout` was over.
    pub(crate) const fn has_drained(self, status: Status) -> bool {
        status.drain && (self.is_nothing() || (status.disabled && self.requests == 0))
    }
}

impl LiveMember {
    /// What still belongs to it.
    pub(crate) fn left(&self, view: &MemberView, now: Instant) -> Left {
        let sessions = self.sessions();
        Left {
            sessions: sessions.estimate(now),
            requests: view.busy,
            complete: sessions.is_complete(now),
        }
    }
}

impl LiveBalancer {
    /// Counts sessions for the method, and follows the drains. To be called every second or so.
    pub(crate) fn look_after_sessions(&self, now: Instant) {
        if !self.is_sticky() {
            return;
        }
        let view = self.core().view(now);
        for (member, view) in self.members.iter().zip(&view.members) {
            let left = member.left(view, now);
            self.core().live_sessions(member.id, left.sessions);
            self.follow_drain(member, view, left, now);
        }
    }

    fn follow_drain(&self, member: &LiveMember, view: &MemberView, left: Left, now: Instant) {
        let (balancer, url) = (&self.name, &member.url);
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
        let over = !self.drain_timeout.is_zero() && lasted >= self.drain_timeout;
        if !over {
            // A session may come back as long as the member drains.
            drain.told = false;
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
            warn!(balancer = self.name, member = %member.url, disabled, reason = %refused, "member cannot be changed");
        }
    }
}
