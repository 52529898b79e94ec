//! Changes by an operator or by a new configuration while requests run.
//!
//! Source: `mod_proxy_balancer.c: balancer_process_balancer_worker(), recalc_factors()`. Unlike there, a value out of
//! range is refused, and a refused command changes nothing.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Instant;

use super::member::Member;
use super::settle::{Cause, Transition, transition};
use super::{Balancer, Change, Health, MemberId, MemberSpec, Settings, method};

/// The highest `lbset` (`mod_proxy.c: set_worker_param()`).
pub const LBSET_MAX: u8 = 99;

/// A command, which is carried out as a whole or refused.
#[derive(Debug, Clone)]
pub enum Command {
    /// Changes settings of a member.
    Change(MemberId, Change),
    /// Ends the error of a member, so that it gets its share at once. httpd cannot do this.
    ClearError(MemberId),
    /// Adds a member at the end. It gets requests at once unless its status prevents it (httpd adds members disabled).
    Add(MemberSpec),
    /// Removes members. Their open requests are completed; settling them changes nothing.
    Remove(Vec<MemberId>),
    /// Sets the order of the members, which breaks ties. All members must be named.
    Order(Vec<MemberId>),
    /// Replaces the settings of the balancer. A new method starts from zero. A new `slow_start` counts at once, also for
    /// members that it limits already. New `checks` start counting from zero; without checks no member is kept out
    /// by them any more.
    Settings(Settings),
}

/// The result of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// The member that was added.
    pub added: Option<MemberId>,
    /// The change of a member that is no longer in error because of the command.
    pub transition: Option<Transition>,
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// No member has this id.
    NoSuchMember,
    /// `lbset` is above [`LBSET_MAX`].
    SetOutOfRange,
    /// The order does not name each member once.
    NotAnOrder,
    /// All ids are used up.
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
    /// Carries out a command.
    ///
    /// A command that makes a member usable restarts the counters of all members, as in httpd's manager. Otherwise the member
    /// would get every request until it has caught up.
    ///
    /// # Errors
    ///
    /// The reason of the refusal; nothing has changed then.
    pub fn apply(&mut self, command: Command, now: Instant) -> Result<Applied, Refused> {
        self.add_pending();
        let applied = self.carry_out(command, now)?;
        self.changed();
        Ok(applied)
    }

    fn carry_out(&mut self, command: Command, now: Instant) -> Result<Applied, Refused> {
        match command {
            Command::Change(member, change) => self.change(member, change, now),
            Command::ClearError(member) => self.edit(member, now, |member| member.recovery.clear()),
            Command::Add(spec) => self.add(spec, now),
            Command::Remove(members) => self.remove(&members),
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
        let rerouted = change.route.is_some() || change.domain.is_some();
        let applied = self.edit(member, now, |member| {
            refactored = change.factor.is_some_and(|factor| factor != member.factor);
            change.make(member);
        })?;
        if rerouted {
            self.routes_changed();
        }
        if refactored {
            self.weigh(now);
            method::recalculate(&mut self.members);
        }
        Ok(applied)
    }

    /// Edits one member. If that makes it usable, the counters of all members restart.
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
        if let Some((member, before)) = self.members.split_last() {
            self.routes.add(member, before.len());
        }
        if self.members.last().is_some_and(Member::is_usable) {
            self.reset();
            self.come_back(added, now);
        }
        Ok(Applied {
            added: Some(added),
            transition: None,
        })
    }

    fn remove(&mut self, gone: &[MemberId]) -> Result<Applied, Refused> {
        let gone: HashSet<MemberId> = gone.iter().copied().collect();
        let is_gone = |member: &Member| gone.contains(&member.id);
        if self.members.iter().filter(|it| is_gone(it)).count() != gone.len() {
            return Err(Refused::NoSuchMember);
        }
        self.members.retain(|member| !is_gone(member));
        self.routes_changed();
        Ok(Applied::default())
    }

    fn order(&mut self, order: &[MemberId]) -> Result<Applied, Refused> {
        let places: HashMap<MemberId, usize> = order.iter().copied().zip(0..).collect();
        let place = |member: &Member| places.get(&member.id).copied();
        if order.len() != self.members.len()
            || self.members.iter().any(|member| place(member).is_none())
        {
            return Err(Refused::NotAnOrder);
        }
        self.members.sort_by_cached_key(place);
        self.routes_changed();
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
