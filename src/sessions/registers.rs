//! A HyperLogLog with a time limit.
//!
//! A register of a plain HyperLogLog stores the highest rank seen. Here it stores, for each rank, when the rank was seen
//! last. The highest rank that is recent enough is what a plain one would store for the live sessions alone.

/// Number of registers, a power of two. The standard error is 1.04 / √2048 = 2.3 %.
const REGISTERS: usize = 2048;

/// Bits of the hash that choose a register.
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// Number of ranks: enough for 2048 × 2¹⁹, about 10⁹ sessions.
const RANKS: usize = 20;

/// Number of ticks of a timeout. A tick is at least a millisecond. A session ends up to one tick late, never early.
const TICKS: u64 = 1024;

#[derive(Debug)]
pub(super) struct Registers {
    /// Length of a tick, in milliseconds.
    pub(super) tick: u64,
    /// The timeout, in ticks.
    pub(super) timeout: u32,
    /// The time of tick 1, in milliseconds.
    base: u64,
    /// For each register and rank, the tick when it was seen last; 0 means never.
    seen: Box<[[u32; RANKS]]>,
}

impl Registers {
    pub(super) fn new(timeout: u64, now: u64) -> Self {
        let tick = (timeout / TICKS).max(1);
        let ticks = timeout.div_ceil(tick).saturating_add(1);
        Self {
            tick,
            timeout: u32::try_from(ticks).unwrap_or(u32::MAX),
            base: now.saturating_sub(timeout),
            seen: vec![[0; RANKS]; REGISTERS].into_boxed_slice(),
        }
    }

    pub(super) fn insert(&mut self, hash: u64, now: u64) {
        let tick = match self.tick_of(now) {
            Some(tick) => tick,
            None => {
                self.rebase(now);
                self.tick_of(now).unwrap_or(1)
            }
        };
        let (index, rank) = place(hash);
        let seen = self
            .seen
            .get_mut(index)
            .and_then(|ranks| ranks.get_mut(rank));
        if let Some(seen) = seen {
            *seen = tick.max(*seen);
        }
    }

    pub(super) fn estimate(&self, now: u64) -> u64 {
        self.ranks(now).estimate()
    }

    /// The registers that a plain HyperLogLog of the live sessions would have.
    pub(super) fn ranks(&self, now: u64) -> Ranks {
        let oldest = self
            .tick_of(now)
            .unwrap_or(u32::MAX)
            .saturating_sub(self.timeout)
            .max(1);
        let mut all = Ranks::default();
        for (into, ranks) in all.0.iter_mut().zip(&*self.seen) {
            let rank = ranks.iter().rposition(|seen| *seen >= oldest);
            // There are 20 ranks.
            *into = rank.map_or(0, |rank| u8::try_from(rank + 1).unwrap_or(u8::MAX));
        }
        all
    }

    /// The tick of a time, from 1 on; `None` when the number is too large.
    fn tick_of(&self, now: u64) -> Option<u32> {
        u32::try_from(now.saturating_sub(self.base) / self.tick + 1).ok()
    }

    /// Starts the numbers of ticks again, which is needed after 49 days at the earliest. Live sessions are kept.
    fn rebase(&mut self, now: u64) {
        let alive = u64::from(self.timeout).saturating_mul(self.tick);
        let gone = now.saturating_sub(alive).saturating_sub(self.base) / self.tick;
        let ticks = u32::try_from(gone).unwrap_or(u32::MAX);
        for seen in self.seen.iter_mut().flatten() {
            *seen = seen.saturating_sub(ticks);
        }
        self.base = self.base.saturating_add(gone * self.tick);
    }
}

/// The register of a hash, and its rank there, both from 0 on. The rank uses the low bits, the index the high ones.
fn place(hash: u64) -> (usize, usize) {
    let index = usize::try_from(hash >> (u64::BITS - INDEX_BITS)).unwrap_or(0);
    (index, (hash.trailing_zeros() as usize).min(RANKS - 1))
}

/// The registers of a plain HyperLogLog: each has its highest rank, from 1 on, or 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranks(Box<[u8]>);

impl Default for Ranks {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into_boxed_slice())
    }
}

impl Ranks {
    /// From one byte for each register; `None` when these are something else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let fit = bytes.len() == REGISTERS && bytes.iter().all(|rank| usize::from(*rank) <= RANKS);
        fit.then(|| Self(bytes.into()))
    }

    pub(super) const fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn insert(&mut self, hash: u64) {
        let (index, rank) = place(hash);
        if let Some(highest) = self.0.get_mut(index) {
            *highest = u8::try_from(rank + 1).unwrap_or(u8::MAX).max(*highest);
        }
    }

    /// Adds the sessions of another one.
    pub(super) fn merge(&mut self, other: &Self) {
        for (rank, other) in self.0.iter_mut().zip(&*other.0) {
            *rank = (*rank).max(*other);
        }
    }

    pub(super) fn estimate(&self) -> u64 {
        // The number of registers whose highest rank is none, 1, 2 …
        let mut counts = [0_u32; RANKS + 1];
        for rank in &*self.0 {
            if let Some(count) = counts.get_mut(usize::from(*rank)) {
                *count += 1;
            }
        }
        cardinality(&counts)
    }
}

/// The improved raw estimator of Ertl (2017, arXiv:1702.01284, algorithm 6), from the number of registers at each rank.
fn cardinality(counts: &[u32; RANKS + 1]) -> u64 {
    let m = REGISTERS as f64;
    let [empty, ranks @ .., highest] = counts;
    let mut z = m * tau(1.0 - f64::from(*highest) / m);
    for count in ranks.iter().rev() {
        z = (z + f64::from(*count)) / 2.0;
    }
    z += m * sigma(f64::from(*empty) / m);
    let estimate = m * m / (2.0 * std::f64::consts::LN_2 * z);
    // Without any session σ is infinite and the estimate is 0; with one the estimate is at least 1.
    match *empty as usize {
        REGISTERS => 0,
        _ => (estimate.round() as u64).max(1),
    }
}

/// x + Σ x^(2^k) 2^(k−1) for k ≥ 1; infinite at 1.
fn sigma(x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut factor, mut sum) = (x, 1.0, x);
    loop {
        power *= power;
        let before = sum;
        sum += power * factor;
        factor += factor;
        if sum <= before {
            return sum;
        }
    }
}

/// (1 − x − Σ (1 − x^(2^−k))² 2^−k) / 3 for k ≥ 1; 0 at 0 and at 1.
fn tau(x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut root, mut factor, mut sum) = (x, 1.0, 1.0 - x);
    loop {
        root = root.sqrt();
        let before = sum;
        factor /= 2.0;
        sum -= (1.0 - root) * (1.0 - root) * factor;
        if sum >= before {
            return sum / 3.0;
        }
    }
}
