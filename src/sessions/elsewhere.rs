//! Sessions of a member that other gateways have seen.
//!
//! Each gateway makes a [`Record`] of what it counts, and gets those of the others. All hash ids with the same seed, so that
//! a session that several gateways have seen is counted once. Up to 256 sessions a gateway are told one by one, and the
//! union of such records is exact; more are told as registers of a HyperLogLog, whose union has the error of one gateway's
//! own registers, 2.3 %. Either way the union is 0 only when no gateway has a live session.

use std::collections::HashSet;
use std::time::Instant;

use super::LiveSessions;
use super::registers::Ranks;

/// The most sessions that a record has one by one.
const LISTED: usize = 256;

/// The first byte of a record. Records with another one are refused.
const FORM: u8 = 1;

/// Length of what stands before the sessions, in bytes: form, kind, flags, requests.
const HEAD: usize = 7;

/// What one gateway knows of a member's sessions, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    sessions: Sessions,
    /// Requests under way.
    pub requests: u32,
    /// Whether the gateway must have heard of all sessions that it has served.
    pub complete: bool,
    /// Whether all gateways could count its sessions since it began.
    pub shared: bool,
    /// Whether the gateway has ended in good order: it serves nobody any more.
    pub ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sessions {
    Listed(Vec<u64>),
    Ranks(Ranks),
}

impl Record {
    /// As bytes: at most 2,055.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let flags = [self.complete, self.shared, self.ended];
        let flags = flags
            .iter()
            .rev()
            .fold(0, |all, flag| all << 1 | u8::from(*flag));
        let kind = u8::from(matches!(self.sessions, Sessions::Ranks(_)));
        let mut bytes = vec![FORM, kind, flags];
        bytes.extend(self.requests.to_be_bytes());
        match &self.sessions {
            Sessions::Listed(hashes) => bytes.extend(hashes.iter().flat_map(|it| it.to_be_bytes())),
            Sessions::Ranks(ranks) => bytes.extend(ranks.bytes()),
        }
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) has written; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let [FORM, kind, flags, requests @ ..] = *head else {
            return None;
        };
        let sessions = match kind {
            0 if rest.len() <= LISTED * 8 => {
                let (hashes, odd) = rest.as_chunks::<8>();
                let hashes = hashes.iter().map(|it| u64::from_be_bytes(*it));
                odd.is_empty().then(|| Sessions::Listed(hashes.collect()))?
            }
            1 => Sessions::Ranks(Ranks::from_bytes(rest)?),
            _ => return None,
        };
        let flag = |bit: u8| flags >> bit & 1 == 1;
        Some(Self {
            sessions,
            requests: u32::from_be_bytes(requests),
            complete: flag(0),
            shared: flag(1),
            ended: flag(2),
        })
    }
}

/// What the other gateways know of a member's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    listed: HashSet<u64>,
    ranks: Option<Ranks>,
    /// Requests under way there.
    pub requests: u64,
    /// Whether all that others know is known here.
    pub complete: bool,
    /// Whether others have counted what this gateway cannot know because it began later.
    pub remembered: bool,
    /// Whether other gateways are asked at all: this one is part of a cluster.
    pub of_cluster: bool,
}

impl Default for Elsewhere {
    /// There is no other gateway.
    fn default() -> Self {
        Self {
            listed: HashSet::new(),
            ranks: None,
            requests: 0,
            complete: true,
            remembered: false,
            of_cluster: false,
        }
    }
}

impl Elsewhere {
    /// Adds the sessions and requests of a gateway.
    pub fn add(&mut self, record: &Record) {
        match &record.sessions {
            Sessions::Listed(hashes) => self.listed.extend(hashes),
            Sessions::Ranks(ranks) => self.ranks.get_or_insert_default().merge(ranks),
        }
        if !record.ended {
            self.requests = self.requests.saturating_add(record.requests.into());
        }
    }
}

impl LiveSessions {
    /// What other gateways are told. `requests` are under way.
    #[must_use]
    pub fn record(&self, requests: u64, ended: bool, now: Instant) -> Record {
        let at = self.clock(now);
        let mut listed: Vec<u64> = self.exact.alive(at, self.timeout).collect();
        let sessions = match &self.registers {
            None if listed.len() <= LISTED => {
                listed.sort_unstable();
                Sessions::Listed(listed)
            }
            _ => Sessions::Ranks(self.ranks(at)),
        };
        Record {
            sessions,
            requests: u32::try_from(requests).unwrap_or(u32::MAX),
            complete: self.is_complete(now),
            shared: self.shared,
            ended,
        }
    }

    /// The number of live sessions of this gateway and the others, each counted once.
    #[must_use]
    pub fn estimate_with(&self, elsewhere: &Elsewhere, now: Instant) -> u64 {
        let Elsewhere { listed, ranks, .. } = elsewhere;
        if listed.is_empty() && ranks.is_none() {
            return self.estimate(now);
        }
        let at = self.clock(now);
        if ranks.is_none() && self.is_exact_at(at) {
            let own = self.exact.alive(at, self.timeout);
            let more = own.filter(|hash| !listed.contains(hash)).count();
            return (listed.len() as u64).saturating_add(more as u64);
        }
        let mut all = self.ranks(at);
        for hash in listed {
            all.insert(*hash);
        }
        if let Some(ranks) = ranks {
            all.merge(ranks);
        }
        all.estimate()
    }

    /// Whether the ids are hashed as other gateways hash them, since before the first.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    fn ranks(&self, at: u64) -> Ranks {
        let mut ranks = match &self.registers {
            Some(registers) if !self.is_exact_at(at) => registers.ranks(at),
            _ => Ranks::default(),
        };
        for hash in self.exact.alive(at, self.timeout) {
            ranks.insert(hash);
        }
        ranks
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn gateway(start: Instant, ids: std::ops::Range<u32>) -> LiveSessions {
        let mut sessions = LiveSessions::new(TIMEOUT, [0, 1], start);
        sessions.share([7, 8], start);
        for id in ids {
            sessions.insert(format!("{id:032X}").as_bytes(), start);
        }
        sessions
    }

    fn elsewhere(gateways: &[LiveSessions], now: Instant) -> Elsewhere {
        let mut all = Elsewhere::default();
        for gateway in gateways {
            let bytes = gateway.record(1, false, now).to_bytes();
            assert!(bytes.len() <= 2_055);
            all.add(&Record::from_bytes(&bytes).unwrap());
        }
        all
    }

    #[test]
    fn few_sessions_are_counted_once_and_exactly_over_all_gateways() {
        let now = Instant::now();
        let others = elsewhere(&[gateway(now, 0..200), gateway(now, 100..300)], now);
        let own = gateway(now, 250..310);
        assert_eq!(own.estimate_with(&others, now), 310);
        assert_eq!(others.requests, 2);
    }

    #[test]
    fn many_sessions_are_estimated_and_none_is_none() {
        let now = Instant::now();
        let others = elsewhere(
            &[gateway(now, 0..30_000), gateway(now, 20_000..50_000)],
            now,
        );
        for (own, all) in [(0..0, 50_000), (40_000..60_000, 60_000), (0..10, 50_000)] {
            let found = gateway(now, own).estimate_with(&others, now);
            assert!(found.abs_diff(all) * 100 / all < 8, "{found} of {all}");
        }
        let later = now + TIMEOUT + Duration::from_secs(1);
        let over = elsewhere(&[gateway(now, 0..30_000), gateway(now, 0..3)], later);
        assert_eq!(gateway(now, 0..5).estimate_with(&over, later), 0);
    }

    #[test]
    fn another_seed_begins_the_count_anew() {
        let now = Instant::now();
        let later = now + TIMEOUT * 2;
        let mut used = LiveSessions::new(TIMEOUT, [0, 1], now);
        used.insert(b"1", later);
        assert!(used.is_complete(later));
        used.share([7, 8], later);
        assert!(!used.is_shared() && !used.is_complete(later));
        assert_eq!(used.estimate(later), 0);
        let mut unused = LiveSessions::new(TIMEOUT, [0, 1], now);
        unused.share([7, 8], later);
        assert!(unused.is_shared() && unused.is_complete(later));
        unused.insert(b"1", later);
        unused.share([7, 8], later);
        assert_eq!(unused.estimate(later), 1);
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(count in 0..600_u32, requests: u64, ended: bool) {
            let now = Instant::now();
            let record = gateway(now, 0..count).record(requests, ended, now);
            prop_assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
        }

        #[test]
        fn no_bytes_are_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
            if let Some(record) = Record::from_bytes(&bytes) {
                Elsewhere::default().add(&record);
            }
        }
    }
}
