//! Sessions one by one, while there are not too many.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Up to this many live sessions are counted exactly.
pub const EXACT: usize = 1024;

/// Hashes of session ids, each with the time when it was seen last, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Exact {
    seen: HashMap<u64, u64, BuildHasherDefault<Hashed>>,
    /// Nobody is out of date before this time: a full table need not be looked through earlier.
    stale_after: u64,
}

impl Exact {
    /// Whether there was room.
    ///
    /// A full table is cleared of the dead at most once per millisecond of theirs, however many come.
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

    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        self.seen.iter().map(|(hash, seen)| (*hash, *seen))
    }
}

/// A session is alive at the very end of its time.
pub(super) fn is_alive(seen: u64, now: u64, timeout: u64) -> bool {
    now.saturating_sub(seen) <= timeout
}

/// The hash of what is one already.
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
