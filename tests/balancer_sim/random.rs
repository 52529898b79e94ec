//! Random members, changes and numbers.

use std::time::Duration;

use ajpgate::balancer::{Change, Checks, LBSET_MAX, MemberSpec, Settings, StatusChange};
use ajpgate_config::{LbMethod, LoadFactor, Status};

pub(crate) const ROUTES: [&str; 6] = ["", "n1", "n2", "n3", "n4", "east.n5"];
const DOMAINS: [&str; 3] = ["", "east", "west"];

/// splitmix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn chance(&mut self, of: u64, among: u64) -> bool {
        self.below(among) < of
    }

    pub(crate) fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    pub(crate) fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(1, 4).then(|| value(self))
    }

    pub(crate) fn factor(&mut self) -> LoadFactor {
        let hundredths = 100 + self.below(9_901);
        LoadFactor::from_hundredths(hundredths as u32).expect("in range")
    }

    pub(crate) fn status(&mut self) -> Status {
        let mut flag = || self.chance(1, 8);
        Status {
            disabled: flag(),
            stopped: flag(),
            drain: flag(),
            hot_standby: flag(),
            hot_spare: flag(),
            ignore_errors: flag(),
        }
    }

    pub(crate) fn settings(&mut self) -> Settings {
        Settings {
            method: *self.one_of(&LbMethod::ALL),
            sticky: self.chance(9, 10),
            nofailover: self.chance(1, 4),
            forcerecovery: self.chance(3, 4),
            slow_start: self.slow_start(),
            checks: self.checks(),
        }
    }

    /// Changes one of the settings, perhaps to what it is.
    pub(crate) fn change_one(&mut self, settings: &mut Settings) {
        let new = self.settings();
        match self.below(6) {
            0 => settings.method = new.method,
            1 => settings.sticky = new.sticky,
            2 => settings.nofailover = new.nofailover,
            3 => settings.forcerecovery = new.forcerecovery,
            4 => settings.slow_start = new.slow_start,
            _ => settings.checks = new.checks,
        }
    }

    pub(crate) fn slow_start(&mut self) -> Duration {
        Duration::from_secs(self.below(3) * 10)
    }

    pub(crate) fn checks(&mut self) -> Option<Checks> {
        self.chance(1, 2).then(|| Checks {
            passes: self.below(4) as u32,
            fails: self.below(4) as u32,
            mandatory: self.chance(1, 8),
        })
    }

    pub(crate) fn member(&mut self) -> MemberSpec {
        MemberSpec {
            route: (*self.one_of(&ROUTES)).to_owned(),
            redirect: (*self.one_of(&ROUTES)).to_owned(),
            domain: (*self.one_of(&DOMAINS)).to_owned(),
            factor: self.factor(),
            set: self.below(3) as u8,
            status: self.status(),
            retry: Duration::from_secs(self.below(60)),
        }
    }

    pub(crate) fn change(&mut self) -> Change {
        Change {
            route: self.maybe(|random| (*random.one_of(&ROUTES)).to_owned()),
            redirect: self.maybe(|random| (*random.one_of(&ROUTES)).to_owned()),
            domain: self.maybe(|random| (*random.one_of(&DOMAINS)).to_owned()),
            factor: self.maybe(Self::factor),
            set: self.maybe(|random| match random.below(10) {
                0 => LBSET_MAX + 1,
                set => set as u8 / 3,
            }),
            retry: self.maybe(|random| Duration::from_secs(random.below(60))),
            status: StatusChange {
                disabled: self.maybe(|random| random.chance(1, 8)),
                stopped: self.maybe(|random| random.chance(1, 8)),
                drain: self.maybe(|random| random.chance(1, 8)),
                hot_standby: self.maybe(|random| random.chance(1, 8)),
                hot_spare: self.maybe(|random| random.chance(1, 8)),
                ignore_errors: self.maybe(|random| random.chance(1, 8)),
            },
        }
    }
}
