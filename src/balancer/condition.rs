//! The condition of a member.

use super::recovery::Health;

/// The condition of a member, as observed by requests and health checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Its health, as requests have shown it.
    pub health: Health,
    /// Whether health checks keep it out (httpd's `HcFl`).
    pub check_failed: bool,
}

impl Condition {
    /// Whether the member is healthy and not kept out by checks.
    #[must_use]
    pub fn is_good(self) -> bool {
        self.health == Health::Ok && !self.check_failed
    }
}
