//! What the checks of a member change in its balancer.

use std::time::Instant;

use super::checks::{Streak, Verdict};
use super::{Balancer, MemberId, Transition};

impl Balancer {
    /// Records the result of a check of a member. Returns the change, if any; without health checks there is none.
    ///
    /// Enough good checks in a row also end an error of the member, before its `retry` has passed (PR 66302 of httpd).
    pub fn checked(&mut self, id: MemberId, passed: bool, now: Instant) -> Option<Transition> {
        let checks = self.settings.checks?;
        let member = self.member_mut(id)?;
        let kept_out = member.check_failed;
        let out = kept_out || !member.condition().is_good();
        match member.streak.count(&checks, passed, out, kept_out) {
            Verdict::Nothing => None,
            Verdict::In => self.health(id, false, now),
            Verdict::Out => self.health(id, true, now),
        }
    }

    /// Whether a member is checked: it exists and is not stopped. A disabled member is checked.
    #[must_use]
    pub fn is_checked(&self, id: MemberId) -> bool {
        let member = self.members.iter().find(|member| member.id == id);
        self.settings.checks.is_some() && member.is_some_and(|member| !member.status.stopped)
    }

    /// Restarts the count of checks in a row, for checks that were changed.
    pub fn restart_checks(&mut self) {
        self.add_pending();
        for member in &mut self.members {
            member.streak = Streak::default();
        }
    }

    /// Takes over changed checks of the settings. Without checks no member is kept out by them any more. Errors of traffic
    /// stay.
    pub(super) fn checks_changed(&mut self, now: Instant) {
        self.restart_checks();
        let checked = self.settings.checks.is_some();
        let all: Vec<MemberId> = self.members.iter().map(|member| member.id).collect();
        for id in all {
            let Some(member) = self.member_mut(id) else {
                continue;
            };
            let was_in_service = member.is_in_service();
            member.check_failed &= checked;
            if !was_in_service && member.is_in_service() {
                self.come_back(id, now);
            }
        }
    }
}
