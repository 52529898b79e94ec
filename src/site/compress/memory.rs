//! Bounds the memory of all encoders together, also when clients ask for much and read nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Memory of all encoders of the process, in bytes.
const MOST: usize = 256 * 1024 * 1024;

/// Of [`MOST`], what is taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Memory of one encoder, so many bytes. Dropping it frees them.
#[derive(Debug)]
pub(super) struct Reserved(usize);

impl Reserved {
    /// `None` where there is no room.
    pub(super) fn take(bytes: usize) -> Option<Self> {
        let sum = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= MOST);
        let taken = TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
        taken.ok().map(|_| Self(bytes))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_while_there_is_room_and_come_back() {
        // Other tests of this process have small places.
        let half = MOST / 2 + 1;
        let reserved = Reserved::take(half);
        assert!(reserved.is_some());
        assert!(Reserved::take(half).is_none());
        drop(reserved);
        assert!(Reserved::take(half).is_some());
        assert!(Reserved::take(usize::MAX).is_none());
    }
}
