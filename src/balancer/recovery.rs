//! The health of a member as requests show it, and its recovery after a failure.
//!
//! httpd (`proxy_util.c: ap_proxy_retry_worker()`) ends an error when `retry` has passed, and then sends the full share at
//! once. Here one request probes the member first, as in mod_jk (`jk_lb_worker.c`, `ERR/REC` and `ERR/PRB`), and a failed
//! probe makes the wait longer.

use std::time::{Duration, Instant};

/// The longest wait, as a multiple of `retry`.
const LONGEST_WAIT: u32 = 10;

/// The health of a member, as requests have shown it.
///
/// ```text
///         Failed             the wait is over            picked
/// Ok ─────────────► Error ─────────────────► Recovering ─────────► Probing
/// ▲                 ▲ ▲ │                        ▲                 │ │ │ │
/// │                 │ │ │ everybody in error     └──── Neutral ────┘ │ │ │
/// │                 │ │ ▼                                            │ │ │
/// │          Failed │ │ Forced ◄──────── nobody else is left ────────┘ │ │
/// │                 └─│───┤                                            │ │
/// │                   └───│────────────────── Failed ──────────────────┘ │
/// │                       │ Served                                       │
/// └───────────────────────┴────────────────── Served ────────────────────┘
/// ```
///
/// Any state but `Ok` also leads to `Ok` when an operator clears it or a health check passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// No failure (mod_jk `OK`).
    Ok,
    /// It failed and gets no request until its wait is over (`ERR`; httpd's `Err`).
    Error,
    /// The wait is over; its next request is a probe (`ERR/REC`).
    Recovering,
    /// A probe is under way; other requests do not get it (`ERR/PRB`).
    Probing,
    /// It failed, as all other members did, and is tried without waiting (`ERR/FRC`).
    Forced,
}

/// A member's [`Health`] and the data for its transitions.
#[derive(Debug, Clone)]
pub(super) struct Recovery {
    health: Health,
    /// The time of the last failure; `None` while it is `Ok`.
    failed_at: Option<Instant>,
    /// Number of failures that count for the wait: the first one and each failed probe; 0 while it is `Ok`.
    strikes: u32,
    /// Number of failures. It tells whether a request was picked before the last failure.
    generation: u32,
}

impl Recovery {
    pub(super) const fn new() -> Self {
        Self {
            health: Health::Ok,
            failed_at: None,
            strikes: 0,
            generation: 0,
        }
    }

    pub(super) const fn health(&self) -> Health {
        self.health
    }

    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether httpd's error bit would be set.
    pub(super) fn in_error(&self) -> bool {
        self.health == Health::Error
    }

    /// Whether a pick at this time may use the member.
    pub(super) fn is_usable_at(&self, retry: Duration, now: Instant) -> bool {
        match self.health {
            Health::Ok | Health::Recovering | Health::Forced => true,
            Health::Error => self.is_over(retry, now),
            Health::Probing => false,
        }
    }

    /// The time until it may be tried; `None` unless it failed.
    pub(super) fn retry_in(&self, retry: Duration, now: Instant) -> Option<Duration> {
        match self.health {
            Health::Ok | Health::Forced => None,
            Health::Recovering | Health::Probing => Some(Duration::ZERO),
            Health::Error => {
                let waited = now.saturating_duration_since(self.failed_at?);
                Some(self.wait(retry).saturating_sub(waited))
            }
        }
    }

    /// Whether it is in error and the wait is over at this time.
    pub(super) fn has_waited(&self, retry: Duration, now: Instant) -> bool {
        self.in_error() && self.is_over(retry, now)
    }

    /// The time after which the wait is over; `None` if it is not in error, or if the wait does not end.
    pub(super) fn waits_until(&self, retry: Duration) -> Option<Instant> {
        let failed_at = self.failed_at.filter(|_| self.in_error())?;
        failed_at.checked_add(self.wait(retry))
    }

    /// Ends the wait.
    pub(super) fn end_wait(&mut self) {
        if self.in_error() {
            self.health = Health::Recovering;
        }
    }

    /// Records that it was picked. Returns whether the request is its probe.
    pub(super) fn picked(&mut self) -> bool {
        let probe = self.health == Health::Recovering;
        if probe {
            self.health = Health::Probing;
        }
        probe
    }

    /// Allows requests without waiting or probing. For a member in error, or one whose probe keeps away requests that no
    /// other member can serve.
    pub(super) fn force(&mut self) {
        if matches!(self.health, Health::Error | Health::Probing) {
            self.health = Health::Forced;
        }
    }

    /// Records that a request was served that was picked in `generation`.
    pub(super) fn served(&mut self, generation: u32) {
        // The answer to a request from before the last failure shows nothing. While probing, only the probe is newer.
        if generation == self.generation {
            self.clear();
        }
    }

    /// Whether a request that was picked in `generation` is the probe under way.
    pub(super) fn is_probed_by(&self, generation: u32) -> bool {
        self.health == Health::Probing && generation == self.generation
    }

    /// Records that a request that was picked in `generation` gave no evidence.
    pub(super) fn undecided(&mut self, generation: u32) {
        if self.is_probed_by(generation) {
            self.health = Health::Recovering;
        }
    }

    /// Records that a request that was picked in `generation` failed by the member's fault.
    ///
    /// As in httpd, every failure restarts the wait. The wait gets longer only by a failed probe: a dozen requests that were
    /// under way when the member stopped are one failure, and failures during forced recovery do not make it longer. A
    /// request with a body that the member got when its wait was over counts as a probe here.
    pub(super) fn failed(&mut self, generation: u32, now: Instant) {
        match self.health {
            Health::Ok => self.strikes = 1,
            Health::Probing | Health::Recovering if generation == self.generation => {
                self.strikes = self.strikes.saturating_add(1);
            }
            // The request is older than the last failure; the probe under way decides.
            Health::Probing => return,
            Health::Error | Health::Recovering | Health::Forced => {}
        }
        self.health = Health::Error;
        self.failed_at = Some(self.failed_at.map_or(now, |before| before.max(now)));
        self.generation = self.generation.wrapping_add(1);
    }

    /// Ends the error and forgets all failures.
    pub(super) fn clear(&mut self) {
        self.health = Health::Ok;
        self.failed_at = None;
        self.strikes = 0;
    }

    /// The wait: `retry` after the first failure, doubled by each failed probe, up to [`LONGEST_WAIT`] × `retry`.
    fn wait(&self, retry: Duration) -> Duration {
        let doublings = self.strikes.saturating_sub(1);
        let times = 1_u32
            .checked_shl(doublings)
            .unwrap_or(LONGEST_WAIT)
            .clamp(1, LONGEST_WAIT);
        retry.saturating_mul(times)
    }

    /// Whether the failure is strictly longer ago than the wait, as in httpd.
    fn is_over(&self, retry: Duration, now: Instant) -> bool {
        self.failed_at
            .and_then(|failed_at| now.checked_duration_since(failed_at))
            .is_some_and(|waited| waited > self.wait(retry))
    }

    pub(super) fn check_invariants(&self) {
        let ok = self.health == Health::Ok;
        assert_eq!(ok, self.failed_at.is_none(), "{self:?}");
        assert_eq!(ok, self.strikes == 0, "{self:?}");
    }
}
