//! How choices are counted in lbstatus.
//!
//! A choice by a session's route is counted with every method: all usable members take part, including standbys, spares
//! and draining ones (`mod_proxy_balancer.c: proxy_balancer_pre_request()`). So free requests make up for sticky ones. In a
//! free choice, the eligible members take part, with the methods that count it.
//!
//! Each choice gives these members their weight. While they stay the same, it is only counted how often: the members are
//! visited when one of them changes. `turns` finds the next member of `byrequests` without a visit to all of them.

use std::time::Instant;

use ajpgate_config::LbMethod;

use super::member::Member;
use super::pending::{Eligible, Pending};
use super::recovery::Health;
use super::sets::{self, Scope};
use super::{Balancer, Tried, method};

impl Balancer {
    /// Counts a choice by a session's route.
    pub(super) fn count_sticky(&mut self, chosen: usize) {
        let handed_out = match self.pending.usable_weight {
            Some(weight) => {
                self.pending.sticky = self.pending.sticky.saturating_add(1);
                weight
            }
            None => {
                let weight = method::hand_out_to_usable(&mut self.members);
                self.pending.usable_weight = self.is_calm().then_some(weight);
                weight
            }
        };
        method::take(&mut self.members, chosen, handed_out);
    }

    /// Counts a free choice among the eligible members.
    pub(super) fn count_free(&mut self, chosen: usize) {
        let counts = method::counts_free(self.settings.method);
        let handed_out = match self.pending.eligible {
            Some(eligible) => {
                self.pending.free = self.pending.free.saturating_add(i64::from(counts));
                eligible.handed_out
            }
            None if counts => method::hand_out_to(&mut self.members, &self.scratch.eligible),
            None => 0,
        };
        method::take(&mut self.members, chosen, handed_out);
        if let Some(member) = self.members.get_mut(chosen) {
            member.sessions.promised = member.sessions.promised.saturating_add(1);
        }
    }

    /// Finds the eligible members for a free choice. Returns `None` if there is no member at all.
    pub(super) fn find_eligible(&mut self, tried: &Tried, now: Instant) -> Option<()> {
        let known = self.pending.eligible.filter(|known| !known.is_over(now));
        if known.is_some() && tried.is_empty() {
            return Some(());
        }
        self.add_pending();
        let scope = Scope::all(self.settings.method, tried, now);
        let last = sets::eligible(&self.members, &scope, &mut self.scratch.eligible)?;
        // As in httpd, waits that are over end for all members that were visited, not only for the chosen one.
        for index in 0..self.members.len() {
            if self
                .members
                .get(index)
                .is_some_and(|it| it.is_visited(last))
            {
                self.end_wait(index, now);
            }
        }
        if tried.is_empty() {
            self.remember_eligible(last, now);
        }
        Some(())
    }

    /// Keeps the eligible members for the next free choices, if nothing but an event or the end of a wait changes them.
    fn remember_eligible(&mut self, last: u8, now: Instant) {
        // Slots are free for a time only.
        if self.settings.method == LbMethod::Heartbeat || !self.is_calm() {
            return;
        }
        let mut weight = 0;
        for &index in &self.scratch.eligible {
            if let Some(member) = self.members.get_mut(index) {
                member.eligible = true;
                weight += i64::from(member.weight);
            }
        }
        let usable = self.members.iter().filter(|member| member.is_usable());
        self.pending.usable_weight = Some(usable.map(|member| i64::from(member.weight)).sum());
        let visited = self.members.iter().filter(|member| member.is_visited(last));
        self.pending.eligible = Some(Eligible {
            handed_out: if method::counts_free(self.settings.method) {
                weight
            } else {
                0
            },
            found: now,
            until: visited.filter_map(Member::waits_until).min(),
        });
    }

    /// Adds the pending weights to the members: before each change of a member's state, weight or settings, and before
    /// other members take part in a choice.
    pub(super) fn add_pending(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if pending == Pending::default() {
            return;
        }
        for member in &mut self.members {
            member.lbstatus = pending.lbstatus(member);
            member.eligible = false;
        }
        self.scratch.turns.clear();
    }

    /// The lbstatus of a member, with its pending weights.
    pub(super) fn lbstatus(&self, member: &Member) -> i64 {
        self.pending.lbstatus(member)
    }

    /// Whether no request that does not fail makes a member usable or unusable, and time changes no weight.
    fn is_calm(&self) -> bool {
        let stays = |member: &Member| {
            matches!(member.recovery.health(), Health::Ok | Health::Error)
                || !member.is_allowed()
                || member.check_failed
        };
        !self.ramping && self.members.iter().all(stays)
    }

    /// Checks that what is pending is what a visit to all members would say.
    ///
    /// # Panics
    /// It is not.
    pub(super) fn check_pending(&self) {
        let usable = self.members.iter().filter(|member| member.is_usable());
        let weights: i64 = usable.map(|member| i64::from(member.weight)).sum();
        let is_right = match self.pending.usable_weight {
            Some(weight) => self.is_calm() && weight == weights,
            None => self.pending.sticky == 0,
        };
        assert!(
            is_right && self.knows_eligible(),
            "a member has changed that has pending weights: {:?}",
            self.pending
        );
        let marked = self.members.iter().filter(|member| member.eligible).count();
        match self.pending.eligible {
            Some(_) => {
                assert_eq!(marked, self.scratch.eligible.len());
                assert!(
                    self.pending.usable_weight.is_some(),
                    "a choice by route would visit all members"
                );
            }
            None => assert_eq!((marked, self.pending.free), (0, 0)),
        }
    }

    /// Whether a look at all members finds the eligible ones that are kept, if any.
    fn knows_eligible(&self) -> bool {
        let Some(known) = self.pending.eligible else {
            return true;
        };
        let (tried, mut found) = (Tried::new(), Vec::new());
        let now = known.until.unwrap_or(known.found);
        let scope = Scope::all(self.settings.method, &tried, now);
        sets::eligible(&self.members, &scope, &mut found);
        self.is_calm() && found == self.scratch.eligible
    }
}
