//! How much of a rate each key has used up, in bounded memory.
//!
//! The table has sets of [`WAYS`] places. A key belongs to one set; which one, nobody outside can guess. Where the set is
//! full, the key that has used up least gives way. So whoever wants to have its own budget forgotten has to use up more
//! with others, in the same set, whose number it does not know: thousands of addresses for one.

use std::sync::{Arc, Mutex, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;

/// Most keys of a rate.
pub(super) const MOST_KEYS: usize = 1 << 17;

/// Places of a set.
const WAYS: usize = 8;

/// Locks of a table, so that cores do not wait for each other.
const SHARDS: usize = 64;

/// A key and the time until which it has used up its budget, in nanoseconds since the start of the rate; 0 is a free place.
type Place = [u64; 2];

/// Places of one set.
type Set = [Place; WAYS];

/// Sets behind one lock.
type Shard = Mutex<Box<[Set]>>;

/// See the [module](self). Keys are numbers that were made with a secret.
/// Clones share their places.
#[derive(Debug, Clone)]
pub(super) struct Table {
    shards: Arc<[Shard]>,
}

impl Table {
    /// Room for so many keys, at least [`WAYS`]. Memory is taken from the system when a key is first seen.
    pub(super) fn new(keys: usize) -> Self {
        let sets = keys.div_ceil(WAYS).max(1);
        let shards = SHARDS.min(sets);
        let each = sets.div_ceil(shards);
        let shard = |_| Mutex::new(vec![[[0; 2]; WAYS]; each].into_boxed_slice());
        Self {
            shards: (0..shards).map(shard).collect(),
        }
    }

    /// The number of keys that are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let shards = self.shards.iter();
        let in_shard = |shard: &Shard| {
            let sets = shard.lock().unwrap();
            sets.iter().flatten().filter(|place| place[1] != 0).count()
        };
        shards.map(in_shard).sum()
    }
}

/// The place of a key in its set: its own, or the one that has used up least.
fn place(set: &mut Set, key: u64) -> Option<&mut Place> {
    let own = set
        .iter()
        .position(|[known, until]| *known == key && *until != 0);
    let least = || {
        let places = set.iter().enumerate();
        places
            .min_by_key(|(_, [_, until])| *until)
            .map(|(at, _)| at)
    };
    let at = own.or_else(least)?;
    set.get_mut(at)
}

impl StateStore for Table {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let shards = self.shards.len().max(1) as u64;
        let shard = usize::try_from(key % shards).unwrap_or_default();
        let Some(shard) = self.shards.get(shard) else {
            return measure(None).map(|(outcome, _)| outcome);
        };
        let mut sets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sets.len().max(1) as u64;
        let set = usize::try_from((key / shards) % count).unwrap_or_default();
        let place = sets.get_mut(set).and_then(|set| place(set, *key));
        let Some(place) = place else {
            return measure(None).map(|(outcome, _)| outcome);
        };
        let [known, until] = *place;
        let before = (known == *key && until != 0).then(|| Nanos::from(until));
        let (outcome, until) = measure(before)?;
        *place = [*key, until.as_u64().max(1)];
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state of a key before it becomes `until`.
    fn replace(table: &Table, key: u64, until: u64) -> Option<u64> {
        table
            .measure_and_replace(&key, |before| Ok::<_, ()>((before, Nanos::from(until))))
            .unwrap()
            .map(Nanos::as_u64)
    }

    #[test]
    fn a_key_finds_what_it_left() {
        let table = Table::new(64);
        assert_eq!(replace(&table, 7, 100), None);
        assert_eq!(replace(&table, 7, 200), Some(100));
        assert_eq!(replace(&table, 8, 300), None);
        assert_eq!(replace(&table, 7, 201), Some(200));
        // A refusal changes nothing.
        let refused = table.measure_and_replace(&7, |_| Err::<((), Nanos), _>(()));
        assert_eq!(refused, Err(()));
        assert_eq!(replace(&table, 7, 202), Some(201));
    }

    #[test]
    fn a_full_set_forgets_who_has_used_up_least() {
        let table = Table::new(1);
        for key in 1..=8 {
            assert_eq!(replace(&table, key, key * 10), None);
        }
        assert_eq!(replace(&table, 9, 45), None);
        assert_eq!(table.len(), 8);
        assert_eq!(replace(&table, 8, 80), Some(80));
        assert_eq!(replace(&table, 9, 45), Some(45));
        // 1 has made room for 9.
        assert_eq!(replace(&table, 1, 10), None);
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let table = Table::new(1 << 10);
        let mut key = 1_u64;
        for at in 0..100_000_u64 {
            // Numbers as a hash makes them.
            key = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) ^ at;
            replace(&table, key, at + 1);
        }
        assert!(table.len() <= 1 << 10);
        assert!(table.len() > 1 << 9);
    }

    /// An address that has used up its budget is remembered while thousands of others use up a little.
    #[test]
    fn an_exhausted_budget_outlives_a_crowd() {
        let table = Table::new(1 << 10);
        let mut key = 3_u64;
        let exhausted: Vec<u64> = (0..50)
            .map(|at| 0x5851_f42d_4c95_7f2d_u64.wrapping_mul(at + 1))
            .collect();
        for key in &exhausted {
            replace(&table, *key, 1_000_000);
        }
        for at in 0..20_000_u64 {
            key = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) ^ at;
            replace(&table, key, at + 1);
        }
        for key in &exhausted {
            assert_eq!(replace(&table, *key, 1_000_000), Some(1_000_000));
        }
    }
}
