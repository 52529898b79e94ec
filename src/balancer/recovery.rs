//! What traffic says about a member, and how it gets back after a failure.
//!
//! httpd (`proxy_util.c: ap_proxy_retry_worker()`) clears the error bit once `retry` has passed and then sends the
//! full share at once. Here one request probes first, as mod_jk does (`jk_lb_worker.c`, `ERR/REC` and `ERR/PRB`),
//! and a probe that fails makes the wait longer.

use std::time::{Duration, Instant};

/// A member is never left alone for longer than this many times its `retry`.
const LONGEST_WAIT: u32 = 10;

/// What traffic has shown of a member.
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
    /// Nothing speaks against it (mod_jk `OK`).
    Ok,
    /// It failed and is left alone for a while (`ERR`; httpd's `Err`).
    Error,
    /// The while has passed; the next request that gets it is its probe (`ERR/REC`).
    Recovering,
    /// One request is finding out; nobody else gets it meanwhile (`ERR/PRB`).
    Probing,
    /// It failed, but so did everybody else: it is tried without waiting (`ERR/FRC`).
    Forced,
}

/// A member's [`Health`] and what is needed to move on from it.
#[derive(Debug, Clone)]
pub(super) struct Recovery {
    health: Health,
    /// When it failed last; `None` while it is `Ok`.
    failed_at: Option<Instant>,
    /// The first failure and each probe that failed after it; 0 while it is `Ok`.
    strikes: u32,
    /// Counts failures, so that the end of a request that was picked before the last one is known to be old news.
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

    /// Whether the error bit of httpd would be set.
    pub(super) fn in_error(&self) -> bool {
        self.health == Health::Error
    }

    /// Whether a request may be sent, now that a pick has come by.
    pub(super) fn is_usable_at(&self, retry: Duration, now: Instant) -> bool {
        match self.health {
            Health::Ok | Health::Recovering | Health::Forced => true,
            Health::Error => self.is_over(retry, now),
            Health::Probing => false,
        }
    }

    /// How long until it may be tried; `None` unless it failed.
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

    /// A pick came by: a wait that is over ends.
    pub(super) fn retry(&mut self, retry: Duration, now: Instant) {
        if self.in_error() && self.is_over(retry, now) {
            self.health = Health::Recovering;
        }
    }

    /// It got a request. Returns whether that request is its probe.
    pub(super) fn picked(&mut self) -> bool {
        let probe = self.health == Health::Recovering;
        if probe {
            self.health = Health::Probing;
        }
        probe
    }

    /// Its requests no longer wait for anything. For a member in error, or one whose probe would keep out requests
    /// that nobody else can serve.
    pub(super) fn force(&mut self) {
        if matches!(self.health, Health::Error | Health::Probing) {
            self.health = Health::Forced;
        }
    }

    /// A request that was picked in `generation` was served.
    pub(super) fn served(&mut self, generation: u32) {
        // An answer to a request from before the failure shows nothing; while probing, only the probe is younger.
        if generation == self.generation {
            self.clear();
        }
    }

    /// A request that was picked in `generation` neither speaks for the member nor against it.
    pub(super) fn undecided(&mut self, generation: u32) {
        if self.health == Health::Probing && generation == self.generation {
            self.health = Health::Recovering;
        }
    }

    /// A request that was picked in `generation` failed by the member's fault.
    ///
    /// As in httpd, every failure starts the wait anew. It gets longer only when a probe failed: a dozen requests
    /// that were under way when the member died are one failure, and neither does forced recovery, which tries at
    /// every request, make the member wait for longer.
    pub(super) fn failed(&mut self, generation: u32, now: Instant) {
        match self.health {
            Health::Ok => self.strikes = 1,
            Health::Probing if generation == self.generation => {
                self.strikes = self.strikes.saturating_add(1);
            }
            // Old news: the probe that runs will tell.
            Health::Probing => return,
            Health::Error | Health::Recovering | Health::Forced => {}
        }
        self.health = Health::Error;
        self.failed_at = Some(self.failed_at.map_or(now, |before| before.max(now)));
        self.generation = self.generation.wrapping_add(1);
    }

    /// Everything is forgiven.
    pub(super) fn clear(&mut self) {
        self.health = Health::Ok;
        self.failed_at = None;
        self.strikes = 0;
    }

    /// `retry` after the first failure, then twice as long for each failed probe, up to [`LONGEST_WAIT`] times.
    fn wait(&self, retry: Duration) -> Duration {
        let doublings = self.strikes.saturating_sub(1);
        let times = 1_u32
            .checked_shl(doublings)
            .unwrap_or(LONGEST_WAIT)
            .clamp(1, LONGEST_WAIT);
        retry.saturating_mul(times)
    }

    /// Strictly longer ago than the wait, as in httpd.
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
