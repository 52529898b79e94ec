//! `rate`: how many requests are let in, by the generic cell rate algorithm (crate `governor`).

use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ajpgate_config::{Rate, RatePer};
use governor::clock::Clock;
use governor::nanos::Nanos;
use governor::state::StateStore as _;
use governor::{Quota, RateLimiter};

use super::no_access::NoAccess;
use super::table::Table;
use crate::client::network;
use crate::clock;

/// A rate, and how much of it is used up.
#[derive(Debug)]
pub(crate) struct LiveRate {
    settings: Rate,
    limiter: RateLimiter<u64, Table, EventClock>,
    /// The table of the limiter, and when its times begin.
    table: Table,
    start: Instant,
    /// The time between two requests.
    apart: Duration,
    /// Makes numbers of keys that nobody outside can guess.
    hasher: RandomState,
}

/// Whose requests are counted together.
#[derive(Debug, Hash)]
enum Key<'a> {
    /// An IPv4 address, or the first 64 bits of an IPv6 address: a household has as many addresses as it likes.
    Network(IpAddr),
    /// Passwords that such a client has sent and that are not known to be right.
    Guesses(IpAddr),
    User(&'a str),
    Mapping,
}

impl LiveRate {
    pub(super) fn new(settings: &Rate) -> Self {
        let keys = match settings.per {
            RatePer::Mapping => 1,
            RatePer::Client | RatePer::User => super::table::MOST_KEYS,
        };
        // The time between two requests, at least a nanosecond.
        let apart = settings.period / settings.requests.get();
        let apart = apart.max(Duration::from_nanos(1));
        let table = Table::new(keys);
        let start = EventClock.now();
        let quota = Quota::with_period(apart).unwrap_or(Quota::per_second(settings.requests));
        Self {
            settings: *settings,
            limiter: RateLimiter::new(quota.allow_burst(settings.burst), table.clone(), EventClock),
            table,
            start,
            apart,
            hasher: RandomState::new(),
        }
    }

    pub(super) const fn settings(&self) -> &Rate {
        &self.settings
    }

    pub(super) fn count(&self, address: IpAddr) -> Result<(), NoAccess> {
        match self.settings.per {
            RatePer::Client => self.check(&Key::Network(network(address))),
            RatePer::Mapping => self.check(&Key::Mapping),
            RatePer::User => Ok(()),
        }
    }

    pub(super) fn count_user(&self, user: Option<&str>, address: IpAddr) -> Result<(), NoAccess> {
        match (self.settings.per, user) {
            (RatePer::User, Some(user)) => self.check(&Key::User(user)),
            (RatePer::User, None) => self.check(&Key::Network(network(address))),
            (RatePer::Client | RatePer::Mapping, _) => Ok(()),
        }
    }

    pub(super) fn may_guess(&self, address: IpAddr) -> Result<(), NoAccess> {
        let Some(key) = self.guesses(address) else {
            return Ok(());
        };
        let now = EventClock.now().saturating_duration_since(self.start);
        let burst = self.apart.saturating_mul(self.settings.burst.get() - 1);
        let wait = |until: Option<Nanos>| {
            let until = until.map_or(Duration::ZERO, Duration::from);
            until.saturating_sub(burst).saturating_sub(now)
        };
        let looked = self.table.measure_and_replace(&key, |until| {
            // An error changes nothing.
            Err::<((), Nanos), _>(wait(until))
        });
        match looked {
            Err(wait) if !wait.is_zero() => Err(NoAccess::TooMany(wait)),
            _ => Ok(()),
        }
    }

    pub(super) fn guess(&self, address: IpAddr) -> Result<(), NoAccess> {
        match self.guesses(address) {
            Some(key) => self.check_number(key),
            None => Ok(()),
        }
    }

    pub(super) fn take_back_guess(&self, address: IpAddr) {
        let Some(key) = self.guesses(address) else {
            return;
        };
        let taken_back = |until: Nanos| Duration::from(until).saturating_sub(self.apart).into();
        // Who is not in the table has used up nothing.
        let _ = self.table.measure_and_replace(&key, |until| {
            until.map(|until| ((), taken_back(until))).ok_or(())
        });
    }

    /// The number of the key of an address's guesses, where these are counted.
    fn guesses(&self, address: IpAddr) -> Option<u64> {
        let counts = self.settings.per == RatePer::User;
        counts.then(|| self.hasher.hash_one(Key::Guesses(network(address))))
    }

    fn check(&self, key: &Key<'_>) -> Result<(), NoAccess> {
        self.check_number(self.hasher.hash_one(key))
    }

    fn check_number(&self, key: u64) -> Result<(), NoAccess> {
        let checked = self.limiter.check_key(&key);
        checked.map_err(|until| NoAccess::TooMany(until.wait_time_from(EventClock.now())))
    }
}

/// The time of the event that is handled.
#[derive(Debug, Clone)]
struct EventClock;

impl Clock for EventClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        clock::now().into_std()
    }
}
