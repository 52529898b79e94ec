//! Which clients may use a mapping, and how often: `allow`, `deny` and `rate`.
//!
//! The address is that of [`Client`](crate::client::Client), whatever the client itself says about it.

mod no_access;
mod rate;
mod table;

use std::net::IpAddr;
use std::sync::Arc;

use ajpgate_config as config;

pub(crate) use self::no_access::NoAccess;
use self::rate::LiveRate;
use crate::client::Trusted as Networks;

/// What a mapping says about access. `before` of [`of`](Self::of) hands on how many requests were counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    allow: Option<Networks>,
    deny: Networks,
    rate: Option<Arc<LiveRate>>,
}

impl Access {
    /// A rate that is the same as before goes on counting where it was.
    pub(crate) fn of(config: &config::Access, before: Option<&Self>) -> Self {
        let before = before.and_then(|before| before.rate.as_ref());
        let rate = config.rate.as_ref().map(|wanted| match before {
            Some(before) if before.settings() == wanted => Arc::clone(before),
            _ => Arc::new(LiveRate::new(wanted)),
        });
        Self {
            allow: config.allow.as_deref().map(Networks::new),
            deny: Networks::new(&config.deny),
            rate,
        }
    }

    /// Whether an address may come in: `deny` first, then `allow`.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) fn admits(&self, address: IpAddr) -> Result<(), NoAccess> {
        if self.deny.contains(address) {
            return Err(NoAccess::Denied);
        }
        match &self.allow {
            Some(allow) if !allow.contains(address) => Err(NoAccess::NotAllowed),
            _ => Ok(()),
        }
    }

    /// Counts a request before it is known who the user is, where `per` is `client` or `mapping`.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn count(&self, address: IpAddr) -> Result<(), NoAccess> {
        match &self.rate {
            Some(rate) => rate.count(address),
            None => Ok(()),
        }
    }

    /// Counts a request of a user, where `per` is `user`. Without a user its address counts.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn count_user(&self, user: Option<&str>, address: IpAddr) -> Result<(), NoAccess> {
        match &self.rate {
            Some(rate) => rate.count_user(user, address),
            None => Ok(()),
        }
    }

    /// Whether an address may send another password, where `per` is `user`. This counts nothing.
    ///
    /// # Errors
    /// It has sent too many that were wrong. The answer must not tell whether this one is right.
    pub(crate) fn may_guess(&self, address: IpAddr) -> Result<(), NoAccess> {
        match &self.rate {
            Some(rate) => rate.may_guess(address),
            None => Ok(()),
        }
    }

    /// Counts a password before it is checked, where `per` is `user`, so that many at once are as limited as one after the
    /// other. One that turns out to be right is [taken back](Self::take_back_guess).
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn guess(&self, address: IpAddr) -> Result<(), NoAccess> {
        match &self.rate {
            Some(rate) => rate.guess(address),
            None => Ok(()),
        }
    }

    /// A password that was counted is right, or could not be checked.
    pub(crate) fn take_back_guess(&self, address: IpAddr) {
        if let Some(rate) = &self.rate {
            rate.take_back_guess(address);
        }
    }

    /// Whether it depends on the client's address who may come in.
    pub(crate) const fn asks_for_addresses(&self) -> bool {
        self.allow.is_some() || !self.deny.is_empty()
    }

    /// The rate, for `explain`.
    pub(crate) fn rate(&self) -> Option<&config::Rate> {
        self.rate.as_ref().map(|rate| rate.settings())
    }
}

#[cfg(test)]
mod tests;
