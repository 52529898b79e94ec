//! Health checks: how many in a row decide.
//!
//! Source: `mod_proxy_hcheck.c: hc_check()`. Two things differ: counts are of checks in a row (there a good check
//! between two bad ones does not start them anew), and bad checks of a member that traffic has put in error count as
//! well, so that time alone does not send it requests again.

use std::time::Instant;

use super::{Balancer, MemberId, Transition};

/// How checks decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Good checks in a row that bring a member back; 0 counts as 1.
    pub passes: u32,
    /// Bad checks in a row that take a member out; 0 counts as 1.
    pub fails: u32,
    /// Whether a member must pass before its first traffic. httpd takes each for good until a check says otherwise.
    pub mandatory: bool,
}

/// What counts towards the next decision.
///
/// At most one of the two is above 0: a check that turns out the other way starts both anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Streak {
    /// Good checks in a row, while the member is out.
    pub passes: u32,
    /// Bad checks in a row, while checks do not keep it out.
    pub fails: u32,
}

/// What a check decides.
enum Verdict {
    Nothing,
    In,
    Out,
}

impl Streak {
    /// Counts a check of a member that is `out` for whatever reason, or not, and kept out by checks, or not.
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
    /// A check of a member has passed or not. Returns what changed by it; without [`Checks`] nothing does.
    ///
    /// With enough good checks in a row the member is also cleared of what traffic held against it, before its `retry`
    /// is over (PR 66302 of httpd).
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

    /// Whether a member is to be checked: it exists and is not stopped. A disabled one is checked.
    #[must_use]
    pub fn is_checked(&self, id: MemberId) -> bool {
        let member = self.members.iter().find(|member| member.id == id);
        self.settings.checks.is_some() && member.is_some_and(|member| !member.status.stopped)
    }

    /// Forgets how many checks in a row have passed or failed. For checks that ask something else from now on.
    pub fn restart_checks(&mut self) {
        for member in &mut self.members {
            member.streak = Streak::default();
        }
    }

    /// The settings have other checks now, or none: without checks no member is kept out by them any more. The errors
    /// of a member's traffic stay.
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
