//! What was changed by hand lately, for people who look at the balancer manager. The log has all of it, and for longer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// How many changes are remembered.
const MOST: usize = 20;

/// The last changes.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Changes>);

#[derive(Debug, Default)]
struct Changes {
    /// How many there have been.
    count: u64,
    last: VecDeque<Arc<MadeByHand>>,
}

/// A change that was made.
#[derive(Debug)]
pub(crate) struct MadeByHand {
    /// The how manieth it was since the start.
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) user: Arc<str>,
    pub(crate) client: SocketAddr,
    /// Of what, and from what to what.
    pub(crate) what: String,
}

impl Journal {
    /// Notes a change, and returns its number.
    pub(crate) fn note(&self, user: Arc<str>, client: SocketAddr, what: String) -> u64 {
        let mut changes = self.changes();
        changes.count += 1;
        let number = changes.count;
        changes.last.truncate(MOST - 1);
        changes.last.push_front(Arc::new(MadeByHand {
            number,
            at: Timestamp::now(),
            user,
            client,
            what,
        }));
        number
    }

    /// The last changes, newest first.
    pub(crate) fn last(&self) -> Vec<Arc<MadeByHand>> {
        self.changes().last.iter().cloned().collect()
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_changes_are_remembered_newest_first() {
        let journal = Journal::default();
        for number in 1..=30 {
            let noted = journal.note("-".into(), ([127, 0, 0, 1], 1).into(), number.to_string());
            assert_eq!(noted, number);
        }
        let last = journal.last();
        assert_eq!(last.len(), MOST);
        assert_eq!((last[0].number, last[0].what.as_str()), (30, "30"));
        assert_eq!(last[MOST - 1].number, 11);
    }
}
