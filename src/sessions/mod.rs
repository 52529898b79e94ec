//! How many sessions of a member are alive, in bounded memory.
//!
//! A session is alive for `session_timeout` after its last request. An operator stops a node when its count says 0, so
//! small counts have to be right:
//!
//! * Up to [`EXACT`] live sessions are counted one by one: the count is exact, to the millisecond.
//! * Beyond that a HyperLogLog takes over, whose registers remember when each rank was seen last, so that it forgets
//!   like everything else does. Its standard error is 2.3 % (1.04 / √2048), four of five counts are within 3 %, and it
//!   says 0 only when there is nobody.
//! * The count is exact again one `session_timeout` after the last session that found no room: by then every session
//!   that is alive has been seen anew.
//!
//! | | |
//! |---|---|
//! | memory | up to 35 KiB while exact, 195 KiB beyond, whatever clients send |
//! | time of an insertion | a hash of the id and one or two table look-ups; no allocation once the tables are there |
//! | time of an estimate | a pass over the ids, or over the registers: microseconds |
//!
//! What is *not* seen: a session that the application ended early counts until its time is over. The count errs to the
//! side of waiting.
//!
//! Ids are hashed with a seed that no client knows: nobody can choose ids that hide each other.
//!
//! HyperLogLog: Flajolet, Fusy, Gandouet, Meunier 2007; registers with times: Chabchoub, Hébrail 2010 in a plainer form;
//! the estimate: Ertl 2017, which is unbiased over the whole range.

mod exact;
mod registers;

#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hasher as _};
use std::time::{Duration, Instant};

use exact::Exact;
use registers::Registers;

pub use exact::EXACT;

/// The live sessions of one member.
#[derive(Debug)]
pub struct LiveSessions {
    seed: [u64; 2],
    start: Instant,
    /// In milliseconds; at least 1.
    timeout: u64,
    exact: Exact,
    /// Only while not all live sessions have room in `exact`, or had not when they were seen last.
    registers: Option<Registers>,
    /// When a session found no room last.
    crowded_at: u64,
    /// When any session was seen last; `None`: never.
    last_seen: Option<u64>,
}

impl LiveSessions {
    /// Nobody yet. The seed is to be random and a secret of this process; `now` is the earliest time there is.
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
        }
    }

    /// A request or answer of a session came by: the id without its route, or with it, but always the same way.
    pub fn insert(&mut self, session_id: &[u8], now: Instant) {
        let now = self.clock(now);
        let hash = self.hash(session_id);
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

    /// A session has gone elsewhere. While sessions are counted exactly it no longer counts; beyond that it counts
    /// until its time is over.
    pub fn forget(&mut self, session_id: &[u8]) {
        let hash = self.hash(session_id);
        self.exact.remove(hash);
    }

    /// How many sessions are alive: exactly, or within the error that the module states. 0 only when there is none.
    #[must_use]
    pub fn estimate(&self, now: Instant) -> u64 {
        let now = self.clock(now);
        let exact = self.exact.count(now, self.timeout);
        match &self.registers {
            // Whoever is in the table is alive beyond doubt.
            Some(registers) if !self.is_exact_at(now) => registers.estimate(now).max(exact),
            _ => exact,
        }
    }

    /// Whether the estimate is the exact number.
    #[must_use]
    pub fn is_exact(&self, now: Instant) -> bool {
        self.is_exact_at(self.clock(now))
    }

    /// When the last session that is alive will no longer be, if none of them is heard of again: the latest time at
    /// which an operator may stop the member. `None` when nobody is alive.
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

    /// Whether a whole `session_timeout` has passed since the start: before that there may be sessions which are alive
    /// and were last heard of by whoever counted before.
    #[must_use]
    pub fn is_complete(&self, now: Instant) -> bool {
        self.clock(now) >= self.timeout
    }

    fn is_exact_at(&self, now: u64) -> bool {
        self.registers.is_none() || now.saturating_sub(self.crowded_at) > self.timeout
    }

    /// Milliseconds since the start.
    fn clock(&self, now: Instant) -> u64 {
        milliseconds(now.saturating_duration_since(self.start))
    }

    fn hash(&self, session_id: &[u8]) -> u64 {
        // SipHash behind a secret prefix of one key's length.
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
