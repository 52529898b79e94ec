//! What an operator, or a new configuration, may change while requests run.
//!
//! Source: `mod_proxy_balancer.c: balancer_process_balancer_worker(), recalc_factors()`. Unlike there, a value that
//! is out of range is refused, and a refused command does nothing at all.

use std::fmt;
use std::time::{Duration, Instant};

use ajpgate_config::{LoadFactor, Status};

use super::member::Member;
use super::settle::{Cause, Transition, transition};
use super::{Balancer, Health, MemberId, MemberSpec, Settings, method};

/// The highest `lbset` (`mod_proxy.c: set_worker_param()`).
pub const LBSET_MAX: u8 = 99;

/// One command: done as a whole, or refused.
#[derive(Debug, Clone)]
pub enum Command {
    /// Changes settings of a member.
    Change(MemberId, Change),
    /// Forgets the errors of a member, so that it gets its share at once. httpd has no such button.
    ClearError(MemberId),
    /// Adds a member behind the others. It takes requests at once unless its status says otherwise (httpd adds it
    /// disabled).
    Add(MemberSpec),
    /// Removes a member. Its open requests run on; settling them then changes nothing.
    Remove(MemberId),
    /// Puts the members in this order, which breaks ties; all of them must be named.
    Order(Vec<MemberId>),
    /// Replaces the settings of the balancer. A new method starts from zero. A new `slow_start` counts at once, also for
    /// members that are on their way back. New `checks` start counting from zero; without checks no member is kept out
    /// by them any more.
    Settings(Settings),
}

/// New settings of a member; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// `route`; empty: none.
    pub route: Option<String>,
    /// `redirect`; empty: none.
    pub redirect: Option<String>,
    /// `domain`; empty: none.
    pub domain: Option<String>,
    /// `loadfactor`. A new one restarts the shares of all members.
    pub factor: Option<LoadFactor>,
    /// `lbset`, 0 to [`LBSET_MAX`].
    pub set: Option<u8>,
    /// `retry`; a wait under way is measured by it at once.
    pub retry: Option<Duration>,
    /// `status`
    pub status: StatusChange,
}

/// New status flags; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusChange {
    /// `disabled` (httpd's `D`)
    pub disabled: Option<bool>,
    /// `stopped` (`S`)
    pub stopped: Option<bool>,
    /// `drain` (`N`)
    pub drain: Option<bool>,
    /// `hot_standby` (`H`)
    pub hot_standby: Option<bool>,
    /// `hot_spare` (`R`)
    pub hot_spare: Option<bool>,
    /// `ignore_errors` (`I`). Set on a member in error, it ends the error.
    pub ignore_errors: Option<bool>,
}

impl StatusChange {
    /// The flags once the change is made.
    #[must_use]
    pub fn over(self, status: Status) -> Status {
        Status {
            disabled: self.disabled.unwrap_or(status.disabled),
            stopped: self.stopped.unwrap_or(status.stopped),
            drain: self.drain.unwrap_or(status.drain),
            hot_standby: self.hot_standby.unwrap_or(status.hot_standby),
            hot_spare: self.hot_spare.unwrap_or(status.hot_spare),
            ignore_errors: self.ignore_errors.unwrap_or(status.ignore_errors),
        }
    }
}

impl From<Status> for StatusChange {
    /// Every flag as it is there.
    fn from(status: Status) -> Self {
        Self {
            disabled: Some(status.disabled),
            stopped: Some(status.stopped),
            drain: Some(status.drain),
            hot_standby: Some(status.hot_standby),
            hot_spare: Some(status.hot_spare),
            ignore_errors: Some(status.ignore_errors),
        }
    }
}

/// What came of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// The member that was added.
    pub added: Option<MemberId>,
    /// A member that is no longer in error because of it.
    pub transition: Option<Transition>,
}

/// Why a command was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// No member has this id, or no longer.
    NoSuchMember,
    /// `lbset` is above [`LBSET_MAX`].
    SetOutOfRange,
    /// The order does not name each member once.
    NotAnOrder,
    /// All ids have been given away.
    NoMoreIds,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchMember => f.write_str("there is no such member"),
            Self::SetOutOfRange => write!(f, "lbset must be from 0 to {LBSET_MAX}"),
            Self::NotAnOrder => f.write_str("an order names each member once"),
            Self::NoMoreIds => f.write_str("no member can be added any more"),
        }
    }
}

impl std::error::Error for Refused {}

impl Balancer {
    /// Does what an operator wants.
    ///
    /// Making a member usable that was not restarts the counters of all, as in httpd's manager: otherwise a member that slept would get everything until it has caught up.
    ///
    /// # Errors
    ///
    /// The reason; then nothing has changed.
    pub fn apply(&mut self, command: Command, now: Instant) -> Result<Applied, Refused> {
        let applied = self.carry_out(command, now)?;
        self.changed();
        Ok(applied)
    }

    fn carry_out(&mut self, command: Command, now: Instant) -> Result<Applied, Refused> {
        match command {
            Command::Change(member, change) => self.change(member, change, now),
            Command::ClearError(member) => self.edit(member, now, |member| member.recovery.clear()),
            Command::Add(spec) => self.add(spec, now),
            Command::Remove(member) => self.remove(member),
            Command::Order(order) => self.order(&order),
            Command::Settings(settings) => {
                self.set_settings(settings, now);
                Ok(Applied::default())
            }
        }
    }

    fn set_settings(&mut self, settings: Settings, now: Instant) {
        let before = std::mem::replace(&mut self.settings, settings);
        if self.settings.method != before.method {
            self.reset();
        }
        if self.settings.slow_start != before.slow_start {
            self.weigh(now);
        }
        if self.settings.checks != before.checks {
            self.checks_changed(now);
        }
    }

    fn change(
        &mut self,
        member: MemberId,
        change: Change,
        now: Instant,
    ) -> Result<Applied, Refused> {
        if change.set.is_some_and(|set| set > LBSET_MAX) {
            return Err(Refused::SetOutOfRange);
        }
        let mut refactored = false;
        let applied = self.edit(member, now, |member| {
            refactored = change.factor.is_some_and(|factor| factor != member.factor);
            change.make(member);
        })?;
        if refactored {
            self.weigh(now);
            method::recalculate(&mut self.members);
        }
        Ok(applied)
    }

    /// Edits one member; when that makes it usable, all start from zero.
    fn edit(
        &mut self,
        id: MemberId,
        now: Instant,
        edit: impl FnOnce(&mut Member),
    ) -> Result<Applied, Refused> {
        let member = self.member_mut(id).ok_or(Refused::NoSuchMember)?;
        let before = member.condition();
        let (was_usable, was_in_service) = (member.is_usable(), member.is_in_service());
        edit(member);
        let came_back = !was_in_service && member.is_in_service();
        let enabled = !was_usable && member.is_usable();
        let applied = Applied {
            added: None,
            transition: transition(member, before, Cause::Operator),
        };
        if enabled {
            self.reset();
        }
        if came_back {
            self.come_back(id, now);
        }
        Ok(applied)
    }

    fn add(&mut self, spec: MemberSpec, now: Instant) -> Result<Applied, Refused> {
        if spec.set > LBSET_MAX {
            return Err(Refused::SetOutOfRange);
        }
        if self.next_id == u32::MAX {
            return Err(Refused::NoMoreIds);
        }
        let added = self.push(spec);
        if self.members.last().is_some_and(Member::is_usable) {
            self.reset();
            self.come_back(added, now);
        }
        Ok(Applied {
            added: Some(added),
            transition: None,
        })
    }

    fn remove(&mut self, member: MemberId) -> Result<Applied, Refused> {
        let index = self
            .members
            .iter()
            .position(|other| other.id == member)
            .ok_or(Refused::NoSuchMember)?;
        self.members.remove(index);
        Ok(Applied::default())
    }

    fn order(&mut self, order: &[MemberId]) -> Result<Applied, Refused> {
        let place = |member: &Member| order.iter().position(|&id| id == member.id);
        if order.len() != self.members.len()
            || self.members.iter().any(|member| place(member).is_none())
        {
            return Err(Refused::NotAnOrder);
        }
        self.members.sort_by_cached_key(place);
        Ok(Applied::default())
    }
}

impl Change {
    fn make(self, member: &mut Member) {
        let Self {
            route,
            redirect,
            domain,
            factor,
            set,
            retry,
            status,
        } = self;
        if let Some(route) = route {
            member.route = route.into();
        }
        member.redirect = redirect.unwrap_or_else(|| std::mem::take(&mut member.redirect));
        member.domain = domain.unwrap_or_else(|| std::mem::take(&mut member.domain));
        member.factor = factor.unwrap_or(member.factor);
        member.set = set.unwrap_or(member.set);
        member.retry = retry.unwrap_or(member.retry);
        member.status = status.over(member.status);
        if member.status.ignore_errors && member.recovery.health() != Health::Ok {
            member.recovery.clear();
        }
    }
}
