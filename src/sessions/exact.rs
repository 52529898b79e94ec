//! The exact table of live sessions.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The number of live sessions that are counted exactly.
pub const EXACT: usize = 1024;

/// Hashes of session ids, each with the time when the session was seen last, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Exact {
    seen: HashMap<u64, u64, BuildHasherDefault<Hashed>>,
    /// No entry ends before this time, so that a full table is not searched earlier.
    stale_after: u64,
}

impl Exact {
    /// Records a session. Returns whether there was room.
    ///
    /// Sessions that have ended are removed from a full table at most once a millisecond, however many sessions come.
    pub(super) fn insert(&mut self, hash: u64, now: u64, timeout: u64) -> bool {
        if let Some(seen) = self.seen.get_mut(&hash) {
            *seen = now.max(*seen);
            return true;
        }
        if self.seen.len() >= EXACT {
            if now <= self.stale_after {
                return false;
            }
            self.seen.retain(|_, seen| is_alive(*seen, now, timeout));
            let oldest = self.seen.values().min().copied().unwrap_or(now);
            self.stale_after = oldest.saturating_add(timeout);
            if self.seen.len() >= EXACT {
                return false;
            }
        }
        self.seen.insert(hash, now);
        true
    }

    pub(super) fn remove(&mut self, hash: u64) {
        self.seen.remove(&hash);
    }

    pub(super) fn count(&self, now: u64, timeout: u64) -> u64 {
        let alive = self.seen.values();
        alive.filter(|seen| is_alive(**seen, now, timeout)).count() as u64
    }

    /// The hashes of the live sessions.
    pub(super) fn alive(&self, now: u64, timeout: u64) -> impl Iterator<Item = u64> {
        let alive = self.seen.iter();
        let alive = alive.filter(move |(_, seen)| is_alive(**seen, now, timeout));
        alive.map(|(hash, _)| *hash)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        self.seen.iter().map(|(hash, seen)| (*hash, *seen))
    }
}

/// Whether a session is alive. It is still alive exactly `timeout` after it was seen.
pub(super) fn is_alive(seen: u64, now: u64, timeout: u64) -> bool {
    now.saturating_sub(seen) <= timeout
}

/// A hasher for keys that are hashes already.
#[derive(Debug, Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
