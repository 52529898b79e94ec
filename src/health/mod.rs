//! What a health check finds, and when the next one is due.
//!
//! How many of them decide is the balancer's business.
//!
//! Source: `mod_proxy_hcheck.c: hc_check_http(), hc_watchdog_callback()`. There an expression decides (`hcexpr`); here a
//! list of statuses and a text.

use std::fmt;
use std::time::{Duration, Instant};

use ajpgate_config::HealthCheck;

/// The most of an answer's body that is looked at, in bytes: reading may stop there.
pub const LONGEST_BODY: usize = 64 * 1024;

/// Why an answer is not what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unexpected {
    /// Its status: not one of `expect.status`, or without that not from 200 to 399.
    Status(u16),
    /// Its body does not contain `expect.body`, or not among its first [`LONGEST_BODY`] bytes.
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

/// Whether the answer to an `options`, `head` or `get` passes.
///
/// # Errors
///
/// What is wrong with it: the status first.
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

/// When a member is checked: once in each interval, the members of a balancer one after the other and evenly spread.
///
/// Whoever checks a member waits until [`Schedule::next`], checks, and asks again when the check is over: so there is
/// never more than one at once of the same member (PR 63010 of httpd), and a check that took longer than the interval
/// is followed by the next one that is due, not by all that were missed.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    first: Instant,
    interval: Duration,
}

impl Schedule {
    /// The schedule of the member at this place among so many, from now on. The first check comes after the member's
    /// part of the interval; at once when no traffic may come before it (`mandatory`).
    ///
    /// An interval of 0 counts as a millisecond.
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

    /// The time of the next check after now, on the grid that the first one began.
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
