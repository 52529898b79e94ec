//! Sessions of members over all gateways of a cluster: what this one tells, and what it hears.

use std::time::{Duration, Instant};

use super::drain::Drain;
use super::live::LiveBalancer;
use super::member::LiveMember;
use crate::cluster::{Heard, Other};
use crate::sessions::{Elsewhere, Record};

/// The shortest drain: by then each gateway has taken it up, and has told what it had counted.
const SETTLED: Duration = Duration::from_secs(3);

impl LiveBalancer {
    /// What other gateways are told of its members: a record for each place.
    pub(crate) fn tell_sessions(&self, ended: bool, now: Instant) -> Vec<(String, Vec<u8>)> {
        // Without sessions the requests under way are told, which a drain waits for too.
        if self.stands_alone() && !self.is_sticky() {
            return Vec::new();
        }
        let view = self.core().view(now);
        let records = self.shown_in(&view).map(|(member, view)| {
            let record = member.sessions().record(view.busy, ended, now);
            (member.config.url.place(), record.to_bytes())
        });
        records.collect()
    }

    /// Whether a member drains.
    pub(crate) fn is_draining(&self, now: Instant) -> bool {
        self.core()
            .view(now)
            .members
            .iter()
            .any(|it| it.status.drain)
    }

    /// Takes up what other gateways have told. `None`: they cannot be heard.
    pub(crate) fn hear_sessions(&self, heard: Option<&Heard>, now: Instant) {
        for member in &self.members {
            let Some(heard) = heard else {
                member.hear_nobody();
                continue;
            };
            let key = (self.name().to_owned(), member.config.url.place());
            let others = heard.others.get(&key);
            member.hear(
                self.config.session_timeout,
                heard,
                others.map_or(&[][..], Vec::as_slice),
                now,
            );
        }
    }

    /// Hashes the ids of sessions with the seed of the cluster.
    pub(crate) fn share_sessions(&self, seed: [u64; 2], now: Instant) {
        for member in &self.members {
            member.sessions().share(seed, now);
        }
    }
}

impl LiveMember {
    fn hear(&self, timeout: Duration, heard: &Heard, others: &[Other], now: Instant) {
        let since = self.drain().since;
        let lasts = since.map(|since| now.saturating_duration_since(since));
        // The engine has what all gateways have counted since then.
        let remembers = heard.since >= timeout;
        let mut all = Elsewhere::default();
        all.of_cluster = true;
        all.complete = lasts.is_some_and(|lasts| lasts >= SETTLED);
        // One that is silent for so long has no live session that was told.
        for other in others.iter().filter(|it| it.age <= timeout) {
            let Some(record) = Record::from_bytes(&other.record) else {
                all.complete = false;
                continue;
            };
            all.add(&record);
            let knows = record.complete || (record.shared && remembers);
            all.complete &= record.ended || (other.fresh && knows);
        }
        let mut sessions = self.sessions();
        sessions.share(heard.seed, now);
        all.remembered = remembers && sessions.is_shared();
        drop(sessions);
        // A drain that began meanwhile is another one, see `take_drain`.
        let drain = self.drain();
        all.complete &= drain.since == since;
        self.set_elsewhere(all);
    }

    /// What was heard last counts on, and no drain ends.
    fn hear_nobody(&self) {
        self.knows_not_all(true);
    }

    /// Takes the drain, which is over. What others have told while it lasted is not all that they know in another one: sessions
    /// may come to the member until that begins.
    pub(super) fn take_drain(&self) -> Drain {
        let mut drain = self.drain();
        let of_cluster = self.elsewhere().of_cluster;
        self.knows_not_all(of_cluster);
        std::mem::take(&mut *drain)
    }

    /// Where there are other gateways, they may know more than was heard of them.
    fn knows_not_all(&self, of_cluster: bool) {
        let last = self.elsewhere();
        if of_cluster && last.complete {
            let mut known = (*last).clone();
            (known.complete, known.of_cluster) = (false, true);
            self.set_elsewhere(known);
        }
    }
}
