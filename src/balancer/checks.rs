//! Health checks, counted in a row.
//!
//! Source: `mod_proxy_hcheck.c: hc_check()`. Two things differ. Checks are counted in a row; in httpd a good check
//! between two bad ones does not restart the count. And bad checks of a member in error count too, so that time alone
//! does not bring it back.

use std::time::Instant;

use super::{Balancer, MemberId, Transition};

/// The number of checks that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Good checks in a row that bring a member back; 0 counts as 1.
    pub passes: u32,
    /// Bad checks in a row that take a member out; 0 counts as 1.
    pub fails: u32,
    /// Whether a member must pass before its first request. In httpd members are usable until checks fail.
    pub mandatory: bool,
}

/// Checks in a row that count for the next decision.
///
/// At most one of the two is above 0: a check with the other result resets both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Streak {
    /// Good checks in a row, while the member is out.
    pub passes: u32,
    /// Bad checks in a row, while checks do not keep it out.
    pub fails: u32,
}

/// The decision after a check.
enum Verdict {
    Nothing,
    In,
    Out,
}

impl Streak {
    /// Counts a check. `out` says whether the member is out for any reason, `kept_out` whether checks keep it out.
    fn count(&mut self, checks: &Checks, passed: bool, out: bool, kept_out: bool) -> Verdict {
        let streak = *self;
        *self = Self::default();
        match passed {
            true if out => self.passes = streak.passes.saturating_add(1),
            false if !kept_out => self.fails = streak.fails.saturating_add(1),
            _ => return Verdict::Nothing,
        }
        let verdict = match passed {
            true if self.passes >= checks.passes.max(1) => Verdict::In,
            false if self.fails >= checks.fails.max(1) => Verdict::Out,
            _ => return Verdict::Nothing,
        };
        *self = Self::default();
        verdict
    }
}

impl Balancer {
    /// Records the result of a check of a member. Returns the change, if any; without [`Checks`] there is none.
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
