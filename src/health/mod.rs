//! The result of a health check, and the time of the next one.
//!
//! The balancer decides how many checks take a member out or bring it back.
//!
//! Source: `mod_proxy_hcheck.c: hc_check_http(), hc_watchdog_callback()`. httpd evaluates an expression
//! (`hcexpr`); here a list of statuses and a text decide.

use std::fmt;
use std::time::{Duration, Instant};

use ajpgate_config::HealthCheck;

/// The part of an answer's body that is searched, in bytes. Reading may stop after it.
pub const LONGEST_BODY: usize = 64 * 1024;

/// Why the answer to a check does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unexpected {
    /// Its status is not in `expect.status` or, without that key, not from 200 to 399.
    Status(u16),
    /// The first [`LONGEST_BODY`] bytes of its body do not contain `expect.body`.
    Body,
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Body => f.write_str("the body does not contain the expected text"),
        }
    }
}

impl std::error::Error for Unexpected {}

/// Decides whether the answer to an `options`, `head` or `get` check passes.
///
/// # Errors
///
/// Why it does not pass; the status is checked first.
pub fn verdict(check: &HealthCheck, status: u16, body: &[u8]) -> Result<(), Unexpected> {
    let good = match check.expect_status.as_slice() {
        [] => (200..400).contains(&status),
        expected => expected.contains(&status),
    };
    if !good {
        return Err(Unexpected::Status(status));
    }
    let body = body.get(..LONGEST_BODY).unwrap_or(body);
    let expected = check.expect_body.as_deref().unwrap_or_default();
    match memchr::memmem::find(body, expected.as_bytes()) {
        Some(_) => Ok(()),
        None => Err(Unexpected::Body),
    }
}

/// The times of a member's checks: one in each interval, with the members of a balancer spread evenly over the interval.
///
/// The caller waits until [`Schedule::next`], checks, and asks for the next time when the check is over. So there is at
/// most one check of a member at a time (PR 63010 of httpd), and checks that were missed during a long check are not made
/// up for.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    first: Instant,
    interval: Duration,
}

impl Schedule {
    /// The schedule of the member at index `place` of `members`, from `now` on. The first check comes after the member's
    /// share of the interval, or at once if checks are `mandatory`.
    ///
    /// An interval of 0 counts as one millisecond.
    #[must_use]
    pub fn new(check: &HealthCheck, place: u32, members: u32, now: Instant) -> Self {
        let interval = check.interval.max(Duration::from_millis(1));
        let members = members.max(1);
        let phase = match check.mandatory {
            true => Duration::ZERO,
            false => interval / members * (place % members),
        };
        Self {
            first: now.checked_add(phase).unwrap_or(now),
            interval,
        }
    }

    /// The time of the first check.
    #[must_use]
    pub const fn first(&self) -> Instant {
        self.first
    }

    /// The time of the next check after `now`: a multiple of the interval after the first check.
    #[must_use]
    pub fn next(&self, now: Instant) -> Instant {
        let Some(since) = now.checked_duration_since(self.first) else {
            return self.first;
        };
        let into = since.as_nanos() % self.interval.as_nanos().max(1);
        let into = u64::try_from(into).map_or(Duration::ZERO, Duration::from_nanos);
        now.checked_add(self.interval.saturating_sub(into))
            .unwrap_or(now)
    }
}

#[cfg(test)]
mod tests;
