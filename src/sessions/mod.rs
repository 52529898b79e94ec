//! The number of live sessions of a member, in bounded memory.
//!
//! A session is alive for `session_timeout` after its last request. An operator stops a node when its count is 0, so that
//! small counts must be correct:
//!
//! * Up to [`EXACT`] live sessions are counted one by one. The count is exact, and a session ends to the millisecond.
//! * More sessions are estimated by a HyperLogLog whose registers store the time at which each rank was seen last, so that
//!   sessions end here too. Its standard error is 2.3 % (1.04 / √2048), four of five counts are within 3 %, and it is 0
//!   only when no session is alive.
//! * The count is exact again one `session_timeout` after the last session for which the exact table had no room: by then
//!   every live session has been seen again.
//!
//! | | |
//! |---|---|
//! | memory | up to 35 KiB while exact, 195 KiB beyond, whatever clients send |
//! | time of an insertion | a hash of the id and one or two table look-ups; no allocation once the tables are there |
//! | time of an estimate | a pass over the ids, or over the registers: microseconds |
//!
//! A session that the application ended early is counted until `session_timeout` has passed, so that the count may be too
//! high but not too low.
//!
//! Ids are hashed with a secret seed, so that clients cannot choose ids with equal hashes.
//!
//! Sources: HyperLogLog by Flajolet, Fusy, Gandouet, Meunier 2007; registers with times by Chabchoub, Hébrail 2010,
//! simplified; the estimator by Ertl 2017, which is unbiased over the whole range.

mod elsewhere;
mod exact;
mod registers;

#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hasher as _};
use std::time::{Duration, Instant};

use exact::Exact;
use registers::Registers;

pub use elsewhere::{Elsewhere, Record};
pub use exact::EXACT;

/// The live sessions of one member.
#[derive(Debug)]
pub struct LiveSessions {
    seed: [u64; 2],
    start: Instant,
    /// `session_timeout` in milliseconds, at least 1.
    timeout: u64,
    exact: Exact,
    /// Present while live sessions may be missing in `exact`.
    registers: Option<Registers>,
    /// When `exact` last had no room for a session, in milliseconds since the start.
    crowded_at: u64,
    /// When any session was seen last, in milliseconds since the start.
    last_seen: Option<u64>,
    /// Whether several gateways have hashed ids alike since the start.
    shared: bool,
    /// Whether no session can be alive from before the start.
    none_before: bool,
}

/// A session that was recorded, to record it once more without its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

impl LiveSessions {
    /// No sessions. `seed` must be random and secret. `now` is the start; earlier times count as the start.
    #[must_use]
    pub fn new(session_timeout: Duration, seed: [u64; 2], now: Instant) -> Self {
        Self {
            seed,
            start: now,
            timeout: milliseconds(session_timeout).max(1),
            exact: Exact::default(),
            registers: None,
            crowded_at: 0,
            last_seen: None,
            shared: false,
            none_before: false,
        }
    }

    /// The sessions of a member that cannot have any, because its balancer looks for none.
    #[must_use]
    pub fn of_no_session(self) -> Self {
        Self {
            none_before: true,
            ..self
        }
    }

    /// Hashes ids with the seed that all gateways of a cluster have. What was counted with another seed is lost, so that
    /// the count is not [complete](Self::is_complete) for a while.
    pub fn share(&mut self, seed: [u64; 2], now: Instant) {
        if self.seed == seed {
            return;
        }
        let unused = self.last_seen.is_none();
        let timeout = Duration::from_millis(self.timeout);
        let start = if unused { self.start } else { now };
        *self = Self {
            shared: unused,
            none_before: self.none_before,
            ..Self::new(timeout, seed, start)
        };
    }

    /// Records a request or answer of a session. The id must always have its route, or never.
    pub fn insert(&mut self, session_id: &[u8], now: Instant) -> Key {
        let key = Key(self.hash(session_id));
        self.insert_again(key, now);
        key
    }

    /// Records that a session is still in use.
    pub fn insert_again(&mut self, Key(hash): Key, now: Instant) {
        let now = self.clock(now);
        self.last_seen = Some(self.last_seen.map_or(now, |seen| seen.max(now)));
        let timeout = self.timeout;
        if let Some(registers) = &mut self.registers {
            registers.insert(hash, now);
            if now.saturating_sub(self.crowded_at) > timeout {
                self.registers = None;
            }
        }
        if self.exact.insert(hash, now, timeout) {
            return;
        }
        self.crowded_at = now;
        if self.registers.is_none() {
            let mut registers = Registers::new(timeout, now);
            for (hash, seen) in self.exact.entries() {
                registers.insert(hash, seen);
            }
            registers.insert(hash, now);
            self.registers = Some(registers);
        }
    }

    /// Removes a session that moved to another member. While counts are estimated, it is counted until its time is over.
    pub fn forget(&mut self, session_id: &[u8]) {
        let hash = self.hash(session_id);
        self.exact.remove(hash);
    }

    /// The number of live sessions: exact, or with the error that the module states. It is 0 only when there is none.
    #[must_use]
    pub fn estimate(&self, now: Instant) -> u64 {
        let now = self.clock(now);
        let exact = self.exact.count(now, self.timeout);
        match &self.registers {
            // Live sessions in the table are certain.
            Some(registers) if !self.is_exact_at(now) => registers.estimate(now).max(exact),
            _ => exact,
        }
    }

    /// Whether [`estimate`](Self::estimate) returns the exact number.
    #[must_use]
    pub fn is_exact(&self, now: Instant) -> bool {
        self.is_exact_at(self.clock(now))
    }

    /// The time at which the last live session ends if none of them sends another request: from then on an operator can
    /// stop the member. `None` when no session is alive.
    #[must_use]
    pub fn over_at(&self, now: Instant) -> Option<Instant> {
        let over = self.last_seen?.saturating_add(self.timeout);
        let alive = over >= self.clock(now);
        alive
            .then(|| {
                let after = Duration::from_millis(over).checked_add(Duration::from_millis(1))?;
                self.start.checked_add(after)
            })
            .flatten()
    }

    /// Whether `session_timeout` has passed since the start, or there can be no session. Before that, there may be live sessions
    /// that were last seen before the start.
    #[must_use]
    pub fn is_complete(&self, now: Instant) -> bool {
        self.none_before || self.clock(now) >= self.timeout
    }

    fn is_exact_at(&self, now: u64) -> bool {
        self.registers.is_none() || now.saturating_sub(self.crowded_at) > self.timeout
    }

    /// Milliseconds since the start.
    fn clock(&self, now: Instant) -> u64 {
        milliseconds(now.saturating_duration_since(self.start))
    }

    fn hash(&self, session_id: &[u8]) -> u64 {
        // SipHash with the seed as a secret prefix.
        let mut hasher = DefaultHasher::new();
        let [one, two] = self.seed;
        hasher.write_u64(one);
        hasher.write_u64(two);
        hasher.write(session_id);
        hasher.finish()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
