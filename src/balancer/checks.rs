//! Health checks, counted in a row.
//!
//! Source: `mod_proxy_hcheck.c: hc_check()`. Two things differ. Checks are counted in a row; in httpd a good check
//! between two bad ones does not restart the count. And bad checks of a member in error count too, so that time alone
//! does not bring it back.

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
pub(super) enum Verdict {
    Nothing,
    In,
    Out,
}

impl Streak {
    /// Counts a check. `out` says whether the member is out for any reason, `kept_out` whether checks keep it out.
    pub(super) fn count(
        &mut self,
        checks: &Checks,
        passed: bool,
        out: bool,
        kept_out: bool,
    ) -> Verdict {
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
