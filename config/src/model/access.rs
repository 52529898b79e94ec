//! Which clients may use a mapping, and how often.

use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

/// `allow`, `deny` and `rate` of a mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The networks that may come in; `None`: all. Never empty.
    pub allow: Option<Vec<IpNet>>,
    /// The networks that may not, whatever `allow` says.
    pub deny: Vec<IpNet>,
    /// How many requests are answered; `None`: no limit.
    pub rate: Option<Rate>,
}

/// `rate`: on average `requests` in each `period`, and `burst` of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Number of requests.
    pub requests: NonZeroU32,
    /// A second, a minute or an hour.
    pub period: Duration,
    /// Requests that may come at once.
    pub burst: NonZeroU32,
    /// Whose requests are counted together.
    pub per: RatePer,
}

/// `rate.per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RatePer {
    /// Those of a client's address; of IPv6 the first 64 bits count.
    Client,
    /// Those of a user; without a user those of the client's address.
    User,
    /// All of the mapping.
    Mapping,
}
